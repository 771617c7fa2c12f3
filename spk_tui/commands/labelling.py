"""The command `label`: what people write on a run."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from spk_tui.commands.options import AsJson, RunName, Runs
from spk_tui.exit_codes import WELL

Name = Annotated[str | None, Parameter(show_default=False, help="what it is called in lists; '' takes the name away")]
Note = Annotated[str | None, Parameter(show_default=False, help="a note that replaces the one there is; '': none")]
Tags = Annotated[list[str] | None, Parameter(negative=(), help="a tag to add; may be given again")]
Untags = Annotated[list[str] | None, Parameter(negative=(), help="a tag to take away; may be given again")]


def label(
    run: RunName, /, *, name: Name = None, note: Note = None, tag: Tags = None, untag: Untags = None,
    runs: Runs = None, as_json: AsJson = False,
) -> int:  # fmt: skip
    """Writes a name, a note or tags on a run; without any of them it says what is written there.

    The run's folder keeps its own name. JSON: {"id", "run", "name", "note", "tags"}, as they are now.
    """
    from engine.runs.directory import find_run
    from spk_tui import labelling
    from spk_tui.commands.answers import say, say_json

    found = find_run(run, runs)
    changes = []
    if name is not None:
        changes.append(labelling.renamed(name))
    if note is not None:
        changes.append(labelling.noted(note))
    if tag or untag:
        add, remove = (labelling.tags_in(" ".join(given or ())) for given in (tag, untag))
        changes.append(labelling.tagged(add, remove))
    labels = labelling.label(found, *changes) if changes else found.labels()
    if as_json:
        named = {"name": labels.name or None, "note": labels.notes or None, "tags": labels.tags}
        say_json({"id": found.id, "run": str(found.path), **named})
        return WELL
    say(found.id + (f": {labels.name}" if labels.name else ""))
    if labels.tags:
        say(" ".join(f"#{each}" for each in labels.tags))
    if labels.notes:
        say(labels.notes)
    if not (labels.name or labels.tags or labels.notes):
        say("nothing is written on it; --name, --note and --tag write something")
    return WELL
