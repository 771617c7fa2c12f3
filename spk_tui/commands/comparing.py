"""The command `compare`: several runs as a table of the settings in which they differ and of what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from spk_tui.commands.options import AsJson, Runs
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from spk_tui.comparison import Entry

RunNames = Annotated[str, Parameter(help="runs: each a name, the beginning of one, its folder, or 'last'")]


def compare(*run: RunNames, runs: Runs = None, as_json: AsJson = False) -> int:
    """Sets runs beside each other: the settings in which they differ, and what came of them.

    Both accuracies are those of the best checkpoint's validation; the time trained counts neither pauses nor
    validations. JSON: {"differing": [key], "runs": [{"id", "run", "name", "preset", "corpus", "state", "settings":
    {key: value} of the differing ones, "results": {"segment_accuracy", "utterance_accuracy", "best_step",
    "encoder_parameters", "seconds", "steps_per_second"}}]}; what a run doesn't have is null.
    """
    from engine.errors import InputError
    from engine.runs.directory import find_run
    from spk_tui.commands.answers import say, say_json, table
    from spk_tui.compared_runs import ComparedRuns
    from spk_tui.comparison import LETTERS, differences, table_of

    found = list({each.path: each for each in (find_run(name, runs) for name in run)}.values())
    if len(found) < 2:
        raise InputError("name two or more different runs; 'spk-tui runs' lists them")
    if len(found) > len(LETTERS):
        raise InputError(f"{len(found)} runs are more than can be told apart; name at most {len(LETTERS)}")
    entries = [each.entry for each in ComparedRuns(found).read()]
    if len(entries) < len(found):
        readable = {entry.row.run.id for entry in entries}
        raise InputError(f"{next(each for each in found if each.id not in readable).path}: can't be read as a run")
    if as_json:
        settings = differences([entry.row for entry in entries])
        rows = [_entry(entry, {key: settings[key][place] for key in settings}) for place, entry in enumerate(entries)]
        say_json({"differing": list(settings), "runs": rows})
        return WELL
    columns = table_of(entries)
    numbers = tuple(place for place, column in enumerate(columns) if column.is_number)
    rows_of_text = list(zip(*(column.texts for column in columns), strict=True))
    say(table([column.title.upper() for column in columns], rows_of_text, numbers))
    say("\n" + "\n".join(f"{entry.letter}  {entry.row.run.id}" for entry in entries))
    if not any(column.is_setting for column in columns):
        say("\nThe runs differ in no setting.")
    return WELL


def _entry(entry: Entry, settings: dict[str, Any]) -> dict[str, Any]:
    from spk_tui.comparison import ACCURACIES, OTHER_RESULTS

    row = entry.row
    return {
        "id": row.run.id,
        "run": str(row.run.path),
        "name": row.labels.name or None,
        "preset": row.info.preset,
        "corpus": row.info.corpus,
        "state": row.condition,
        "settings": settings,
        "results": {result.key: result.of(entry) for result in (*ACCURACIES, *OTHER_RESULTS)},
    }
