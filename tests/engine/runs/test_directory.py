"""The run directory, its lock and its requests, with real processes where a process matters."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.files import write_atomically
from engine.preset_library import find_preset
from engine.runs import client
from engine.runs.directory import Labels, RunDirectory, RunInfo, create_run, find_run, list_runs
from engine.runs.lock import AlreadyHeld, Lock, is_held
from engine.runs.requests import Inbox, Request, append_request
from engine.runs.state import RunState


def make_run(parent: Path, name: str = "20260101-000000-quick-tour") -> RunDirectory:
    info = RunInfo(id=name, preset="quick-tour", corpus="demo", created=1.0, host="here", command=["spk-tui"])
    return create_run(parent, find_preset("quick-tour"), info)


def test_only_the_owner_may_read_a_run(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
    assert run.preset() == find_preset("quick-tour")
    assert run.info().corpus == "demo"


def test_labels_are_empty_until_written(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert run.labels() == Labels()
    run.write_labels(Labels(name="mine", tags=["a"]))
    assert run.labels() == Labels(name="mine", tags=["a"])


def test_a_broken_description_is_one_line(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.info_path.write_text("{")
    with pytest.raises(InputError, match=r"run\.json: can't be read"):
        run.info()


def test_a_run_is_found_by_id_beginning_path_and_last(tmp_path: Path) -> None:
    first = make_run(tmp_path, "20260101-000000-quick-tour")
    second = make_run(tmp_path, "20260102-000000-quick-tour")
    assert [run.id for run in list_runs(tmp_path)] == [second.id, first.id]
    assert find_run("20260101", tmp_path).path == first.path
    assert find_run(str(first.path), Path("elsewhere")).path == first.path
    assert find_run("last", tmp_path).path == second.path
    with pytest.raises(InputError, match="beginning of 2 runs"):
        find_run("2026", tmp_path)
    with pytest.raises(InputError, match="no run is called 'nothing'"):
        find_run("nothing", tmp_path)


HOLD = "import sys, time; from pathlib import Path; from engine.runs.lock import Lock; "
HOLD += "lock = Lock(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"


def test_the_lock_is_free_again_the_moment_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "worker.lock"
    assert not is_held(path)
    assert not path.exists()
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    assert is_held(path)
    with pytest.raises(AlreadyHeld):
        Lock(path)
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert not is_held(path)
    Lock(path).release()


def test_without_flock_a_heartbeat_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import fcntl

    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    path = tmp_path / "worker.lock"
    lock = Lock(path)
    assert lock.by_heartbeat
    assert is_held(path)
    with pytest.raises(AlreadyHeld):
        Lock(path)
    long_ago = time.time() - 60
    os.utime(path.with_suffix(".heartbeat"), (long_ago, long_ago))
    assert not is_held(path)
    lock.release()


def test_an_inbox_sees_only_what_comes_after_it(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    append_request(path, Request(request="stop"))
    inbox = Inbox(path)
    assert inbox.read() == []
    request = Request(request="pause")
    append_request(path, request)
    with path.open("ab") as file:
        file.write(b'nonsense\n{"request":"explode","id":"x"}\n{"request":"sto')
    assert inbox.read() == [request]
    assert inbox.read() == []


def test_nobody_is_asked_when_no_worker_lives(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with pytest.raises(InputError, match="not running"):
        client.ask(run, "stop")
    assert not run.requests_path.exists()


def test_a_live_run_cannot_be_deleted_and_a_dead_one_can(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    lock = Lock(run.lock_path)
    with pytest.raises(InputError, match="still training"):
        run.delete()
    lock.release()
    run.delete()
    assert not run.path.exists()


def test_a_run_without_a_last_word_and_without_a_worker_is_interrupted(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert run.condition(RunState()) == "starting"
    os.utime(run.path, (1.0, 1.0))
    assert run.condition(RunState()) == "interrupted"
    lock = Lock(run.lock_path)
    assert run.condition(RunState()) == "starting"
    lock.release()


def test_a_file_is_old_or_new_but_never_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_best_is_saved_as_a_file_or_into_a_folder_or_where_a_link_leads(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs")
    run.best_path.write_bytes(b"weights")
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder / "linked")
    assert client.save_best(run, tmp_path / "new" / "mine").read_bytes() == b"weights"
    assert client.save_best(run, folder).name == f"{run.id}.safetensors"
    assert client.save_best(run, tmp_path / "link") == folder / "linked"
    assert (tmp_path / "link").is_symlink()


def test_the_best_is_never_saved_over_a_device_or_into_the_runs_own_folder(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.best_path.write_bytes(b"weights")
    run.last_path.write_bytes(b"state")
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", run.last_path, run.path, tmp_path / ("a" * 300), Path("~nobody-here/x")):
        with pytest.raises(InputError):
            client.save_best(run, place)
    assert run.last_path.read_bytes() == b"state"
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_run_that_may_not_be_read_hides_no_other(tmp_path: Path) -> None:
    make_run(tmp_path, "20260101-000000-quick-tour")
    other = make_run(tmp_path, "20260102-000000-quick-tour")
    other.path.chmod(0)
    assert [run.id for run in list_runs(tmp_path)] == ["20260101-000000-quick-tour"]
    other.path.chmod(0o700)


def test_a_folder_of_runs_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="can't read the folder of runs"):
        list_runs(tmp_path / "file")


def test_saving_the_best_of_a_run_that_has_none_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="before its first validation"):
        client.save_best(make_run(tmp_path), tmp_path / "out.safetensors")
