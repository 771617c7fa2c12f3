"""Packing in a child process: what it packs is there for the next training, and it ends when nobody waits for it."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from engine.corpus import packing_client
from engine.corpus.opening import open_corpus
from engine.corpus.packed import packed_folder, problems_of_packing
from engine.corpus.packing_client import PackingFailed, pack_in_child
from engine.corpus.reporting import silently
from engine.errors import InputError
from engine.preset import Data, Features
from tests.made_corpora import audio_folder


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "engine.corpus.packing_child" in child.cmdline()]


def test_what_the_child_packs_is_packed_for_everyone(tmp_path: Path, cache: Path) -> None:
    root = audio_folder(tmp_path / "speech")
    part = Data(speakers=3)
    heard = []
    pack_in_child(str(root), part, Features(), lambda *said: heard.append(said))
    assert problems_of_packing(open_corpus(str(root), part), Features()) == []
    assert problems_of_packing(open_corpus(str(root)), Features()) is None  # another part is another corpus
    assert heard[-1] == ("packing the corpus", 30, 30, "utterances")
    assert children() == []


def test_a_corpus_that_cannot_be_packed_is_refused_in_the_childs_words(tmp_path: Path, cache: Path) -> None:
    for speaker in "ab":
        (tmp_path / "bad" / speaker).mkdir(parents=True)
        (tmp_path / "bad" / speaker / "1.wav").write_bytes(b"no audio")
    with pytest.raises(InputError, match="no speaker is left to train on"):
        pack_in_child(str(tmp_path / "bad"), Data(), Features(), silently)
    with pytest.raises(InputError, match="there is no such folder"):
        pack_in_child(str(tmp_path / "nothing"), Data(), Features(), silently)


def test_a_report_that_raises_ends_the_child_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=6, each=30)
    processes = []

    def stop(stage: str, done: int, total: int, unit: str) -> None:
        if done:
            processes.extend(children())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack_in_child(str(root), Data(), Features(), stop)
    assert len(processes) == 1
    assert not processes[0].is_running()
    folder = packed_folder(open_corpus(str(root)), Features())
    assert not folder.exists()
    assert not folder.with_name(f"{folder.name}.partial").exists()


def test_a_file_that_crashes_the_decoder_is_no_crash_of_ours(tmp_path: Path, cache: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=6, each=30)

    crashed = []

    def crash(stage: str, done: int, total: int, unit: str) -> None:
        if done and not crashed:  # words that the child has said before are still on their way afterwards
            crashed.append(stage)
            children()[0].send_signal(signal.SIGSEGV)

    with pytest.raises(InputError, match=r"was ended by SIGSEGV after [\d,]+ of 180 utterances"):
        pack_in_child(str(root), Data(), Features(), crash)


def test_a_fault_of_ours_in_the_child_comes_back_with_its_traceback(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing_client, "CHILD", "engine.corpus.no_such_module")
    with pytest.raises(PackingFailed, match="no_such_module"):
        pack_in_child(str(tmp_path), Data(), Features(), silently)
