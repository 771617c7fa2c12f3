"""Who speaks in each utterance of a folder, as a table to hand in: the course's test data, or any folder of audio."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from engine.corpus.decoding import UnusableAudio, is_audio, why_undecodable
from engine.corpus.readers import homework
from engine.corpus.readers.listing import Listing
from engine.corpus.readers.walking import files_below, folders_and_files
from engine.corpus.ready_frames import load_frames
from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.files import write_atomically
from engine.use.embedding import Frames
from engine.use.evaluating import facts_of
from engine.use.identification import Prediction, Unusable
from engine.use.orders import Predict
from engine.use.recognizer import SpeakerRecognizer, load_model
from engine.use.recordings import frames_of_all

HEADER = ("Id", "Category")
AT_ONCE = 2048  # utterances whose logits are in memory


class Listed(NamedTuple):
    """What is to be predicted: ids, in the order of the table; mel bands of ready-made frames, none for audio."""

    ids: list[str]
    mel_bands: int | None
    problems: list[Unusable]


def predict(order: Predict, report: Report) -> Prediction:
    """Does what the order says. An utterance that can't be used has no line. Raises `InputError` when none can."""
    report("loading the model", 0, 0, "")
    model = load_model(order.checkpoint, order.device)
    root = Path(order.folder)
    listed = utterances_of(root)
    if listed.mel_bands not in (None, model.preset.features.mel_bands):
        raise InputError(
            f"{root}: its test data has {listed.mel_bands} mel bands, and {model.path} was trained on"
            f" {model.preset.features.mel_bands}"
        )
    rows: list[tuple[str, str]] = []
    problems = list(listed.problems)
    for begin in range(0, len(listed.ids), AT_ONCE):
        ids = listed.ids[begin : begin + AT_ONCE]
        total = len(listed.ids)
        outputs = model.outputs_of(
            _frames(model, root, ids, listed.mel_bands), len(ids), partial(_report, report, begin, total)
        )
        told = outputs.logits.argmax(axis=1)
        rows += [(ids[place], model.speakers[one]) for place, one in zip(outputs.places, told, strict=True)]
        problems += [
            Unusable(ids[place], str(error).removeprefix(f"{root / ids[place]}: "))
            for place, error in sorted(outputs.problems.items())
        ]
    if not rows:
        raise InputError(f"{root}: no utterance can be used; the first: {problems[0].path}: {problems[0].reason}")
    _write(Path(order.out), rows)
    speakers = len({speaker for _, speaker in rows})
    return Prediction(facts_of(model), order.folder, order.out, len(rows), speakers, problems)


def utterances_of(root: Path) -> Listed:
    """The test data of a folder in the homework's layout, in its order; else all recordings below it, by their paths.

    Raises `InputError`.
    """
    if not root.is_dir():
        raise InputError(f"{root}: there is no such folder")
    if (root / homework.TEST).is_file():
        test = homework.read_test_data(root)
        return Listed(test.paths, test.mel_bands, [])
    if homework.recognises(root):
        raise InputError(f"{root}: has no {homework.TEST}, which lists what is to be predicted")
    listing = Listing("recordings", root)
    folders, files = folders_and_files(root, listing)
    found = [entry.name for entry in files] + [name for folder in folders for name, _ in files_below(folder, listing)]
    names = sorted(filter(is_audio, found))
    problems = [Unusable(name, why) for name in names if (why := why_undecodable(name))]
    problems += [Unusable(problem.where, problem.detail) for problem in listing.problems]
    unreadable = {problem.path for problem in problems}
    if not names:
        raise InputError(f"{root}: holds no recordings, and no {homework.TEST} of the homework's layout")
    return Listed([name for name in names if name not in unreadable], None, problems)


def _frames(
    model: SpeakerRecognizer, root: Path, ids: list[str], mel_bands: int | None
) -> Iterator[list[Frames] | InputError]:
    if mel_bands is None:
        yield from frames_of_all([root / name for name in ids], model.preset.features)
        return
    for name in ids:
        try:
            yield [load_frames(root / name, mel_bands)]
        except UnusableAudio as error:
            yield InputError(str(error))


def _report(report: Report, before: int, total: int, stage: str, done: int, _: int, unit: str) -> None:
    report("predicting", before + done, total, "utterances")


def _write(out: Path, rows: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *rows])
    try:
        write_atomically(out, text.getvalue())
    except OSError as error:
        raise InputError(f"{out}: can't be written ({error.strerror})") from None
