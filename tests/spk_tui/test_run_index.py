"""All runs for lists: in order, up to date, without what can't be read, and what earlier runs teach the next one."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.files import cache_folder
from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.directory import Labels, RunDirectory
from engine.runs.event_log import EventReader
from spk_tui import row_cache
from spk_tui.follower import Follower
from spk_tui.run_index import RunIndex, RunRow, measured_rate, recent_corpora
from tests.spk_tui.dashboards import Life
from tests.spk_tui.run_directories import BEGAN, RATE, finished_run, new_run, training, training_run, write


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_CACHE", str(tmp_path_factory.mktemp("cache")))


def told(rows: Sequence[RunRow]) -> list[object]:
    """All that rows say."""
    return [(row.run.id, row.info, row.preset, row.labels, row.figures, row.condition) for row in rows]


def aged(run: RunDirectory) -> RunDirectory:
    """The run as if nothing in it had changed for an hour."""
    for path in (run.path, *run.path.iterdir()):
        os.utime(path, (time.time() - 3600,) * 2)
    return run


def test_runs_stand_the_newest_first_whatever_their_names(tmp_path: Path) -> None:
    for name, born in (("b", 2), ("c", 1), ("a", 3)):
        new_run(tmp_path, name, created=BEGAN + born)
    assert [row.run.id for row in RunIndex(tmp_path).read()] == ["a", "b", "c"]


def test_no_folder_and_no_run_are_an_empty_list(tmp_path: Path) -> None:
    assert RunIndex(tmp_path / "none").read() == ()
    (tmp_path / "not a run").mkdir()
    assert RunIndex(tmp_path).read() == ()


def test_only_what_was_appended_is_read_again(tmp_path: Path, life: Life) -> None:
    run = life.give(training_run(tmp_path, until=2000))
    index = RunIndex(tmp_path)
    (row,) = index.read()
    assert (row.condition, row.step, row.steps) == ("training", 2000, 70_000)
    reader = index._known[run.id].reader
    assert reader is not None
    offset = reader.offset
    write(run, *training(4000, start=2000))
    (row,) = index.read()
    assert row.step == 4000
    assert index._known[run.id].reader is reader
    assert offset < reader.offset == run.events_path.stat().st_size


def test_what_is_over_is_read_once_in_all_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = aged(finished_run(tmp_path, until=4000))
    fresh = finished_run(tmp_path, until=4000, name="20251009-100000-fresh", created=BEGAN + 1)
    rows = RunIndex(tmp_path).read()
    assert set(row_cache.load(tmp_path)) == {kept.id}, "what has changed just now may change once more"
    monkeypatch.setattr(EventReader, "read", lambda reader: pytest.fail(f"{reader.path} is read again"))
    aged(fresh)
    fresh.delete()
    again = RunIndex(tmp_path).read()
    assert told(again) == told(rows[1:])
    assert again[0].figures.accuracies
    assert again[0].preset == kept.preset()


def test_a_run_that_goes_on_or_is_labelled_after_all_is_read_again(tmp_path: Path) -> None:
    run = aged(finished_run(tmp_path, "stopped", until=4000))
    RunIndex(tmp_path).read()
    write(run, e.Resumed(step=4000, steps=70_000), *training(6000, start=4000))
    run.write_labels(Labels(name="second wind"))
    (row,) = RunIndex(tmp_path).read()
    assert (row.step, row.condition, row.title) == (6000, "interrupted", "second wind")


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1}', b"\xff"])
def test_a_garbled_memory_costs_nothing_but_time(tmp_path: Path, content: bytes) -> None:
    aged(finished_run(tmp_path, until=4000))
    rows = RunIndex(tmp_path).read()
    (file,) = (cache_folder() / "lists").iterdir()
    file.write_bytes(content)
    assert told(RunIndex(tmp_path).read()) == told(rows)
    assert len(row_cache.load(tmp_path)) == 1


def test_where_nothing_can_be_remembered_runs_are_listed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("no folder")
    monkeypatch.setenv("SPK_TUI_CACHE", str(tmp_path / "a file"))
    aged(finished_run(tmp_path / "runs", until=2000))
    assert len(RunIndex(tmp_path / "runs").read()) == 1


def test_of_a_run_that_is_over_only_numbers_are_kept(tmp_path: Path) -> None:
    run = finished_run(tmp_path, until=4000)
    index = RunIndex(tmp_path)
    first, again = index.read(), index.read()
    assert again[0] is first[0]
    assert index._known[run.id].reader is None
    assert len(index._known[run.id].state.train_loss) == 0
    assert first[0].figures.segment_accuracy == run.state().segment_accuracy.last


def test_list_and_screen_agree(tmp_path: Path) -> None:
    for run in (finished_run(tmp_path, until=6000), training_run(tmp_path, until=4000, name="20251009-100000-other")):
        snapshot = Follower(run).read()
        row = next(row for row in RunIndex(tmp_path).read() if row.run.id == run.id)
        assert (row.condition, row.step, row.steps) == (snapshot.condition, snapshot.step, snapshot.steps)
        assert (row.best_accuracy, row.best_step) == (snapshot.best_accuracy, snapshot.best_step)
        assert (row.is_over, row.is_resumable) == (snapshot.is_over, snapshot.is_resumable)


def test_one_run_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    good = finished_run(tmp_path, until=2000)
    new_run(tmp_path, "20251009-100000-bad").info_path.write_text("{")
    strange = finished_run(tmp_path, until=2000, name="20251009-110000-strange", created=BEGAN - 1)
    strange.preset_path.write_text("not TOML =")
    rows = RunIndex(tmp_path).read()
    assert [row.run.id for row in rows] == [good.id, strange.id]
    assert rows[1].preset is None
    assert rows[1].step == 2000


def test_a_deleted_run_is_forgotten(tmp_path: Path) -> None:
    run = finished_run(tmp_path, until=2000)
    index = RunIndex(tmp_path)
    assert len(index.read()) == 1
    run.delete()
    assert index.read() == ()
    finished_run(tmp_path, until=4000)  # another one of the same name starts anew
    assert index.read()[0].step == 4000


def test_recent_corpora_stand_once_each_without_the_demo(tmp_path: Path) -> None:
    for number, corpus in enumerate(("/a", "demo", "/b", "/a")):
        new_run(tmp_path, f"run{number}", corpus=corpus, created=BEGAN + number)
    assert recent_corpora(RunIndex(tmp_path).read()) == ("/a", "/b")


def test_the_rate_of_an_earlier_run_serves_only_the_same_training_step(tmp_path: Path) -> None:
    training_run(tmp_path, until=4000)
    rows = RunIndex(tmp_path).read()
    preset = find_preset("transformer-154k")
    measured = measured_rate(rows, with_overrides(preset, ["run.steps=500", "optimizer.learning_rate=1e-4"]))
    assert measured is not None
    assert measured.steps_per_second == pytest.approx(RATE, abs=0.3)
    for change in ("segments.batch_size=64", "encoder.ffn=400", "run.device=cpu"):
        assert measured_rate(rows, with_overrides(preset, [change])) is None, change


def test_a_run_that_failed_before_its_first_step_measures_nothing(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    write(run, e.Queued(process=1, time=BEGAN), e.Failed(time=BEGAN + 1, cause="input", message="no such corpus"))
    (row,) = RunIndex(tmp_path).read()
    assert (row.condition, row.steps_per_second, row.steps) == ("failed", None, 70_000)
    assert measured_rate((row,), find_preset("transformer-154k")) is None
