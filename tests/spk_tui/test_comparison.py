"""Runs beside each other: the settings in which they differ and no others, and each one's own results."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import events as e
from spk_tui.compared_runs import CURVES, ComparedRuns
from spk_tui.comparison import Entry, differences, say, short_keys, sorted_places, table_of
from spk_tui.overlay import OVERLAYS, mark_of, overlaid, role_of
from tests.spk_tui.run_directories import BEGAN, RATE, finished_run, new_run, write


def entries_of(folder: Path, *overrides: list[str]) -> list[Entry]:
    runs = [
        finished_run(folder, until=2000 * (place + 1), name=f"run{place}",
                     preset=with_overrides(find_preset("conformer-225k"), changes))
        for place, changes in enumerate(overrides)
    ]  # fmt: skip
    return [run.entry for run in ComparedRuns(runs).read()]


def test_only_keys_that_differ_stand_in_the_table(tmp_path: Path) -> None:
    entries = entries_of(tmp_path, [], ["encoder.ffn=250", "preset.summary=another"], ["run.seed=3", "encoder.ffn=250"])
    assert differences([entry.row for entry in entries]) == {"encoder.ffn": (500, 250, 250), "run.seed": (0, 0, 3)}
    titles = [column.title for column in table_of(entries)]
    assert titles == ["run", "segment", "utterance", "ffn", "seed", "at step", "parameters", "trained", "rate"]


def test_runs_that_are_the_same_differ_in_nothing(tmp_path: Path) -> None:
    assert not differences([entry.row for entry in entries_of(tmp_path, [], [])])


def test_a_key_that_only_one_kind_of_encoder_has_is_a_dash_in_the_others(tmp_path: Path) -> None:
    one, other = finished_run(tmp_path, until=2000, name="a"), new_run(
        tmp_path, "b", preset=find_preset("best-300k"), corpus="/corpora/vox"
    )  # fmt: skip
    found = differences([run.entry.row for run in ComparedRuns([one, other]).read()])
    assert found["encoder.ffn"] == (800, None)
    assert found["corpus"] == ("speechocean762", "vox")
    assert say(found["encoder.ffn"][1]) == "–"


def test_a_short_key_never_stands_for_two() -> None:
    keys = ["encoder.layers", "encoder.dropout", "head.dropout", "encoder.kind"]
    assert short_keys(keys) == ["layers", "encoder.dropout", "head.dropout", "encoder.kind"]


def test_results_are_those_of_the_best_checkpoint_and_of_training_alone(tmp_path: Path) -> None:
    (entry,) = entries_of(tmp_path, ["encoder.ffn=250"])
    state = entry.row.run.state()
    place = list(state.segment_accuracy.steps).index(state.best_step)
    figures = entry.row.figures
    assert figures.segment_accuracy == state.segment_accuracy.values[place] == state.best_accuracy
    assert figures.utterance_accuracy == state.utterance_accuracy.values[place]
    assert entry.seconds == pytest.approx(2000 / RATE, rel=0.02)
    write(entry.row.run, e.Paused(step=2000, time=BEGAN + 9000), e.Continued(step=2000, time=BEGAN + 90_000))
    assert ComparedRuns([entry.row.run]).read()[0].entry.seconds == entry.seconds


def test_a_column_sorts_numbers_as_numbers_and_puts_what_is_missing_last(tmp_path: Path) -> None:
    entries = entries_of(tmp_path, ["encoder.ffn=1000"], ["encoder.ffn=250"], ["encoder.ffn=500"])
    ffn = next(column for column in table_of(entries) if column.title == "ffn")
    assert sorted_places(ffn) == [1, 2, 0]
    assert sorted_places(ffn, reverse=True) == [0, 2, 1]
    new = new_run(tmp_path, "new", preset=find_preset("conformer-225k"))
    rows = [*entries, ComparedRuns([new]).read()[0].entry]
    for reverse in (False, True):
        assert sorted_places(table_of(rows)[1], reverse=reverse)[-1] == 3


def test_a_run_keeps_its_letter_when_another_is_deleted(tmp_path: Path) -> None:
    runs = [finished_run(tmp_path, until=2000, name=name) for name in "abc"]
    reader = ComparedRuns(runs)
    before = reader.read()
    assert [run.entry.letter for run in before] == ["A", "B", "C"]
    runs[1].delete()
    after = reader.read()
    assert [run.entry.letter for run in after] == ["A", "C"]
    assert after == (before[0], before[2])
    write(runs[2], e.Resumed(step=2000, steps=70_000))
    assert reader.read()[1] != before[2]


def test_every_curve_is_laid_over_with_a_mark_of_its_own(tmp_path: Path) -> None:
    compared = ComparedRuns([finished_run(tmp_path, until=4000, name=name) for name in "abc"]).read()
    charts = overlaid(compared)
    assert list(charts) == list(OVERLAYS) == list(CURVES)
    for name, chart in charts.items():
        assert [line.label for line in chart.lines] == ["A", "B", "C"]
        assert len({line.marker for line in chart.lines}) == 3
        state = compared[0].entry.row.run.state()
        assert list(chart.lines[0].series.values) == list(getattr(state, name).values)


def test_letters_of_one_colour_have_different_marks() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWX"
    looks = [(role_of(letter), mark_of(letter)) for letter in letters]
    assert len(set(looks)) == len(letters)
