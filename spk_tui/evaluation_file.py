"""An evaluation as a file for people or for programs: the path's ending says which."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.errors import InputError
from engine.files import write_atomically
from engine.use.evaluation_report import as_markdown
from engine.use.results import Evaluation

KINDS = {".md": "a report in Markdown, for people", ".json": "every number, for programs"}


def write_evaluation(out: Path, evaluation: Evaluation) -> None:
    """Writes Markdown or JSON. Raises `InputError`."""
    as_json = out.suffix.lower() == ".json"
    text = msgspec.json.format(msgspec.json.encode(evaluation)) if as_json else as_markdown(evaluation)
    try:
        write_atomically(out, text)
    except OSError as error:
        raise InputError(f"{out}: can't be written ({error.strerror})") from None
