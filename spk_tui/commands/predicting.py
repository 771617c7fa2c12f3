"""The command `predict`: who speaks in each utterance of a folder, as a CSV file to hand in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from spk_tui.commands.evaluating import Device, ModelName
from spk_tui.commands.options import AsJson, Runs, Trust
from spk_tui.exit_codes import WELL


def predict(
    model: ModelName,
    /,
    *,
    data: Annotated[str, Parameter(help="a folder with the course's testdata.json, or any folder of recordings")],
    out: Annotated[Path, Parameter(help="the file that is written, ending in .csv")],
    device: Device = "auto",
    runs: Runs = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> int:
    """Tells the speaker of each utterance of a folder, among those that the model was trained on, and writes a table.

    Its header is Id,Category, its lines are the utterances of testdata.json in their order, each looked at as a whole.
    In a folder without that file every recording below it is told, by its path. An utterance that can't be used is
    named and has no line; when none can be used, the exit code is 2 and nothing is written.

    JSON: {"model", "folder", "out", "utterances", "speakers", "problems": [{"path", "reason"}]}; "speakers" counts the
    different ones that were told.
    """
    from engine.files import user_path
    from engine.saved_model import read_saved
    from engine.use.client import ask
    from engine.use.finding import find_checkpoint
    from engine.use.identification import Prediction
    from engine.use.orders import Predict
    from spk_tui.commands.answers import say, say_json
    from spk_tui.commands.corpus_report import progress
    from spk_tui.commands.identifying import warn
    from spk_tui.commands.outputs import place_for
    from spk_tui.commands.trusting import settle_trust
    from spk_tui.wording import count

    place = place_for(out, ".csv")
    found = find_checkpoint(model, runs)
    settle_trust(read_saved(found.path).preset, trust)
    with progress() as report:
        order = Predict(str(found.path.absolute()), str(user_path(data)), str(place), device)
        answer = ask(order, Prediction, report)
    if as_json:
        say_json(answer)
    else:
        utterances = f"{count(answer.utterances)} utterance{'' if answer.utterances == 1 else 's'}"
        speakers = f"{count(answer.speakers)} different speaker{'' if answer.speakers == 1 else 's'}"
        say(f"{utterances}, {speakers} told; written to {out}")
    warn(answer.problems)
    return WELL
