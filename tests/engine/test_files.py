"""Files that are replaced whole: what a kill, a full disk or a broken one leaves."""

from __future__ import annotations

import errno
import os
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
