"""A disk that is really full: a small one of its own where that may be mounted, and a limit on files everywhere."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from engine.corpus.packed import PackedCorpus
from engine.corpus.splits import split
from engine.errors import InputError
from engine.preset import Preset
from engine.runs import client, full_disk
from engine.runs import events as e
from engine.runs.directory import RunDirectory, RunInfo, create_run
from engine.runs.event_log import EventReader, EventWriter
from engine.runs.full_disk import PatientWriter
from engine.runs.requests import Request, append_request
from engine.training.device import resolve
from engine.training.trainer import Trainer
from engine.use.loading import load_best
from tests.engine.runs.workers import wait_for, wait_for_end, wait_until, worker_of
from tests.engine.training.trainers import Asked, of_kind, same, small, weights
from tests.made_corpora import audio_folder, random_frames


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_disk, "RETRY_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(full_disk, "LOOK_EVERY_SECONDS", 0.01)


@pytest.fixture(scope="module")
def packed() -> PackedCorpus:
    return random_frames(speakers=4, each=10)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[Callable[[], None]]:
    """The operating system's own limit on files for this process, and what lifts it before the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def lift() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield lift
    finally:
        lift()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    asked = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Takes the rest of a disk."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert not shutil.disk_usage(folder).free
    return path


def trainer_in(folder: Path, preset: Preset, packed: PackedCorpus) -> tuple[Trainer, Asked]:
    run = RunDirectory(folder / "run")
    if not run.path.exists():
        create_run(folder, preset, RunInfo(id="run", preset="", corpus="", created=1.0, host="", command=[]))
    parts = split(packed.ids, packed.speakers_of, preset.validation.share, preset.validation.seed)
    asked = Asked()
    return Trainer(preset, packed, parts, run, resolve(preset.run), asked), asked


PRESET = small("quick-tour", "run.steps=30", "validation.every=10")


def undisturbed(tmp_path: Path, packed: PackedCorpus, preset: Preset = PRESET) -> Trainer:
    trainer, _ = trainer_in(tmp_path / "undisturbed", preset, packed)
    list(trainer)
    return trainer


def assert_waited(events: list[e.AnyEvent], named: Path) -> None:
    """It was said once, trained nothing while it waited, and went on by itself."""
    said = [event for event in of_kind(events, e.Diagnosis) if event.severity == "error"]
    assert len(said) == 1
    assert str(named) in said[0].finding
    paused, continued = (
        next(i for i, event in enumerate(events) if isinstance(event, k)) for k in (e.Paused, e.Continued)
    )
    assert not of_kind(events[paused:continued], e.Progress)
    assert isinstance(events[-1], e.Finished)
    assert events[-1].reason == "completed"


@pytest.mark.parametrize("kind", ["best", "last"])
def test_training_waits_for_room_on_a_full_disk_and_ends_with_the_same_weights(
    small_disk: Path, tmp_path: Path, packed: PackedCorpus, kind: str
) -> None:
    trainer, asked = trainer_in(small_disk, PRESET, packed)
    events, answered, filler = [], [], None
    for event in trainer:
        events.append(event)
        if filler is None and (
            isinstance(event, e.Validated)
            if kind == "best"
            else isinstance(event, e.Checkpoint) and event.kind == "best"
        ):
            filler = fill(small_disk)
        if isinstance(event, e.Paused):
            answered.append(asked.ask("continue"))
        if isinstance(event, e.Answered):
            assert not event.ok
            assert "the disk is full" in event.message
            filler.unlink()
    assert [event.request for event in of_kind(events, e.Answered)] == [request.id for request in answered]
    assert_waited(events, trainer.run.best_path if kind == "best" else trainer.run.last_path)
    whole = undisturbed(tmp_path, packed)
    assert same(weights(whole), weights(trainer))
    assert same(
        dict(load_best(whole.run.best_path)[0].state_dict()), dict(load_best(trainer.run.best_path)[0].state_dict())
    )
    assert sorted(path.name for path in trainer.run.last_path.parent.iterdir()) == ["best.safetensors", "last.pt"]


def test_training_waits_while_files_may_not_become_so_large_and_ends_with_the_same_weights(
    tmp_path: Path, packed: PackedCorpus
) -> None:
    trainer, _ = trainer_in(tmp_path, PRESET, packed)
    events = []
    with files_no_larger_than(4096) as lift:
        for event in trainer:
            events.append(event)
            if isinstance(event, e.Paused):
                lift()
    assert_waited(events, trainer.run.best_path)
    assert same(weights(undisturbed(tmp_path, packed)), weights(trainer))


def test_a_stop_while_nothing_can_be_saved_says_so_and_loses_nothing(tmp_path: Path, packed: PackedCorpus) -> None:
    preset = small("quick-tour", "run.steps=30", "validation.every=10", "run.save_every_seconds=1000")
    trainer, asked = trainer_in(tmp_path, preset, packed)
    events = iter(trainer)
    seen = [event := next(events)]
    while not (isinstance(event, e.Validated) and event.step == 20):
        seen.append(event := next(events))
    with files_no_larger_than(4096):
        for event in events:
            seen.append(event)
            if isinstance(event, e.Paused):
                stop = asked.ask("stop")
    answer = of_kind(seen, e.Answered)[-1]
    assert (answer.request, answer.ok) == (stop.id, True)
    assert answer.message.endswith("there is no room to save it; a resumed run goes on from step 10")
    assert seen[-1].reason == "stopped"
    resumed, _ = trainer_in(tmp_path, preset, packed)
    resumed.resume()
    assert resumed.step == 10
    assert list(resumed)[-1].reason == "completed"
    whole = undisturbed(tmp_path, packed, preset)
    assert same(weights(whole), weights(resumed))
    assert whole.keeper.best == resumed.keeper.best


def test_a_run_whose_last_state_could_not_be_saved_is_not_finished(tmp_path: Path, packed: PackedCorpus) -> None:
    trainer, asked = trainer_in(tmp_path, PRESET, packed)
    with files_no_larger_than(4096):
        for event in trainer:
            if isinstance(event, e.Paused):
                asked.ask("stop")
    assert isinstance(event, e.Finished)
    assert event.reason == "stopped"
    assert event.best_step is None


def test_a_line_that_a_full_disk_tears_is_made_whole_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    writer.write(e.Paused(step=1))
    with files_no_larger_than(path.stat().st_size + 10):
        writer.write(e.Paused(step=2))
        writer.write(e.Paused(step=3))
        assert writer.refused is not None
        reader = EventReader(path)
        assert [event.step for event in reader.read()] == [1]
        assert path.stat().st_size == reader.offset + 10  # a torn line
    writer.flush()
    assert writer.refused is None
    writer.close()
    assert [event.step for event in reader.read()] == [2, 3]
    assert reader.bad_lines == 0


def test_a_worker_that_begins_on_a_full_disk_after_a_torn_line_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(e.encode_event(e.Paused(step=1)) + b'\n{"event":"prog')
    with files_no_larger_than(path.stat().st_size):
        writer = EventWriter(path)
        writer.write(e.Paused(step=2))
    writer.close()
    reader = EventReader(path)
    assert [event.step for event in reader.read()] == [1, 2]
    assert reader.bad_lines == 1


def test_events_wait_for_room_and_tell_of_it(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    looks = 0

    def stop_waits() -> bool:
        nonlocal looks
        looks += 1
        if looks == 3:
            lift()
        return False

    writer = PatientWriter(path, stop_waits)
    with files_no_larger_than(0) as lift:
        writer.say(e.Stopping(step=5))
    assert [type(event) for event in EventReader(path).read()] == [e.Stopping, e.Diagnosis, e.Paused, e.Continued]
    writer.close()


def test_a_paused_run_is_still_paused_when_its_events_have_waited_for_room(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    writer = PatientWriter(path, lambda: bool(lift()))
    with files_no_larger_than(0) as lift:
        writer.say(e.Paused(step=5))
    assert [type(event) for event in EventReader(path).read()] == [e.Paused, e.Diagnosis]
    writer.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_stop_ends_the_waiting_for_room() -> None:
    writer = PatientWriter(Path("/dev/full"), lambda: True)
    writer.say(e.Stopping(step=5))
    writer.say(e.Stopping(step=6))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the files of a process that runs")
def test_a_worker_without_room_for_events_and_checkpoints_waits_and_ends_as_if_nothing_had_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPK_TUI_CACHE", str(tmp_path / "cache"))
    corpus = audio_folder(tmp_path / "corpus")
    preset = small("conformer-225k", "run.steps=240", "validation.every=40", "run.save_every_seconds=0.05")
    run = client.start_run(preset, str(corpus), tmp_path / "runs")
    wait_for(run, lambda event: isinstance(event, e.Checkpoint))
    limit = run.events_path.stat().st_size + 300
    _, hard = resource.prlimit(worker_of(run), resource.RLIMIT_FSIZE)
    resource.prlimit(worker_of(run), resource.RLIMIT_FSIZE, (limit, hard))
    wait_until(lambda: run.events_path.stat().st_size == limit)
    seen = run.state()
    assert run.alive
    assert seen.step < 240
    resource.prlimit(worker_of(run), resource.RLIMIT_FSIZE, (hard, hard))
    events = wait_for_end(run)
    assert isinstance(events[-1], e.Finished), run.console_path.read_text()
    findings = [event.finding for event in of_kind(events, e.Diagnosis) if event.severity == "error"]
    assert f"files may not become so large here: {run.events_path} can't be written" in findings
    reader = EventReader(run.events_path)
    assert len(reader.read()) == len(events)
    assert reader.bad_lines == 0
    state = run.state()
    assert (state.phase, state.last_saved_step) == ("finished", 240)
    assert list(state.validation_loss.steps) == list(range(40, 241, 40))


def test_a_request_that_finds_no_room_is_one_line_and_leaves_no_half(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    first = Request(request="pause")
    append_request(path, first)
    with files_no_larger_than(path.stat().st_size + 10), pytest.raises(OSError, match=r"No space left|too large"):
        append_request(path, Request(request="stop"))
    assert path.read_bytes().count(b"\n") == 1
    assert path.read_bytes().endswith(b"\n")


def test_a_run_that_finds_no_room_is_bad_input_and_leaves_nothing(tmp_path: Path) -> None:
    with files_no_larger_than(100), pytest.raises(InputError, match="can't make the run directory"):
        client.start_run(small("quick-tour"), "demo", tmp_path)
    assert list(tmp_path.iterdir()) == []
