"""Files that are replaced whole: what a kill, a full disk or a broken one leaves, who may read them, and what stays."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from engine.files import remove_leftovers, replacing, write_atomically


def test_what_a_killed_process_left_beside_a_file_is_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = ["last.pt", "last.pt.tmp", ".last.pt.tmp", ".other.pt.ab12.tmp", "[last].pt"]
    for name in [*kept, ".last.pt.ab12.tmp", ".last.pt.zz.tmp", ".[last].pt.ab12.tmp"]:
        (tmp_path / name).write_text(name)
    remove_leftovers(tmp_path / "last.pt")
    remove_leftovers(tmp_path / "[last].pt")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_the_leftovers_are_those_that_replacing_makes(tmp_path: Path) -> None:
    with replacing(tmp_path / "last.pt") as temporary:
        temporary.write_text("whole")
        remove_leftovers(tmp_path / "last.pt")
        assert not temporary.exists()
        temporary.write_text("again")
    assert (tmp_path / "last.pt").read_text() == "again"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_finds_out_late_that_it_is_full_or_broken_keeps_the_file_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "last.pt"
    write_atomically(path, "before")

    def late(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", late)
    with pytest.raises(OSError, match=os.strerror(number)):
        write_atomically(path, "after")
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.pt"]


def test_a_file_system_that_syncs_no_folders_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(descriptor: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", refuses)
    write_atomically(tmp_path / "last.pt", "whole")
    assert (tmp_path / "last.pt").read_text() == "whole"


def test_others_may_read_a_file_as_the_umask_or_the_file_before_has_it(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "predict.csv", "Id,Category")
        write_atomically(tmp_path / "voices.json", "{}", private=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "predict.csv").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "voices.json").stat().st_mode) == 0o600
    (tmp_path / "predict.csv").chmod(0o604)
    write_atomically(tmp_path / "predict.csv", "again")
    assert stat.S_IMODE((tmp_path / "predict.csv").stat().st_mode) == 0o604


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="ordinary file"):
        write_atomically(tmp_path / "pipe", "lost")
    assert (tmp_path / "pipe").is_fifo()
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipe"]


def test_what_a_link_leads_to_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "settings.toml").write_text("before")
    (tmp_path / "settings.toml").symlink_to(tmp_path / "kept" / "settings.toml")
    write_atomically(tmp_path / "settings.toml", "after")
    assert (tmp_path / "settings.toml").is_symlink()
    assert (tmp_path / "kept" / "settings.toml").read_text() == "after"
    assert [entry.name for entry in (tmp_path / "kept").iterdir()] == ["settings.toml"]
