"""Whatever a user's folder holds: problems that are named while the rest goes on, or one error and nothing written.

And always: an end in reasonable time, nothing run, nothing changed in the folder.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus.opening import LAYOUTS, open_corpus
from engine.errors import InputError
from engine.preset import Data
from tests.engine.corpus.answering import FEW, LISTS_OF_HOMEWORK, CreatesAFile, answered, unchanged
from tests.made_corpora import RATE, voice

pytestmark = pytest.mark.timeout(60)  # waiting for a pipe, say


# Files.


@FEW
@given(data=st.data())
def test_frames_that_are_cut_or_of_another_kind(
    homework: Path, dataset: Path, cache: Path, data: st.DataObject
) -> None:
    shutil.copytree(homework, dataset, dirs_exist_ok=True)
    victim = dataset / "uttr-0101.pt"
    content = victim.read_bytes()
    kind = data.draw(st.sampled_from(["cut", "dtype", "shape", "value"]))
    if kind == "cut":
        victim.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    elif kind == "dtype":
        dtype = data.draw(st.sampled_from([torch.int8, torch.int64, torch.bool, torch.complex64]))
        torch.save(torch.zeros(33, 8).to(dtype), victim)
    elif kind == "shape":
        shapes = st.lists(st.integers(0, 7), max_size=4) | st.sampled_from([[0, 8], [33, 9], [1, 33, 8]])
        shape = data.draw(shapes)
        torch.save(torch.zeros(shape), victim)
    else:
        frames = torch.zeros(33, 8)
        place = data.draw(st.tuples(st.integers(0, 32), st.integers(0, 7)))
        frames[place] = data.draw(st.sampled_from([float("nan"), float("inf"), float("-inf"), 1e6, -3e38]))
        torch.save(frames, victim)
    packed = answered(dataset, cache)
    assert packed is not None
    assert len(packed.ids) == 8
    assert [problem.where for problem in packed.problems] == ["uttr-0101.pt"]


def test_a_pickle_that_would_run_code_is_named_and_not_run(dataset: Path, cache: Path, tmp_path: Path) -> None:
    trap = tmp_path / "created"
    torch.save(CreatesAFile(trap), dataset / "uttr-0000.pt")
    (dataset / "uttr-0100.pt").write_bytes(pickle.dumps(CreatesAFile(trap)))
    packed = answered(dataset, cache)
    assert packed is not None
    assert [(problem.kind, problem.where) for problem in packed.problems] == [
        ("unreadable", "uttr-0000.pt"),
        ("unreadable", "uttr-0100.pt"),
    ]
    assert not trap.exists()


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers with two recordings each, and one more in each format."""
    root = tmp_path_factory.mktemp("few") / "speech"
    sound = [f"{speaker}/{number}.wav" for speaker in "ab" for number in (1, 2)]
    for number, name in enumerate([*sound, "b/3.wav", "b/3.flac", "b/3.ogg", "b/3.mp3"]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, voice(100 + 20 * number, 0.3, seed=number), RATE)
    return root


@pytest.mark.parametrize("name", ["b/3.wav", "b/3.flac", "b/3.ogg", "b/3.mp3"])
@settings(FEW, max_examples=15)
@given(data=st.data())
def test_recordings_that_are_cut_or_damaged(
    recordings: Path, tmp_path: Path, cache: Path, name: str, data: st.DataObject
) -> None:
    root = tmp_path / "speech"
    shutil.copytree(recordings, root, dirs_exist_ok=True)
    content = bytearray((root / name).read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for place in data.draw(st.lists(st.integers(0, max(0, len(content) - 1)), max_size=5)) if content else ():
        content[place] = data.draw(st.integers(0, 255))
    (root / name).write_bytes(content)
    packed = answered(root, cache)
    assert packed is not None
    assert {"a/1.wav", "a/2.wav", "b/1.wav", "b/2.wav"} <= set(packed.ids)
    assert name in packed.ids or name in {problem.where for problem in packed.problems}


# Names and what is no file.

STRANGE = [
    "a\u0301e\u0301", "\u202eright to left", "line\nbreak", "tab\tand space ", "emoji 🦆", "--help", "*?[x]", "$HOME",
    "nul", "日本語", "[red]markup", "\x1b[31mcolour", "a" * 200,
]  # fmt: skip


def test_strange_names_are_names(recordings: Path, tmp_path: Path, cache: Path) -> None:
    root = tmp_path / "speech"
    for speaker in STRANGE:
        shutil.copytree(recordings / "a", root / speaker)
    if sys.platform != "darwin":  # macOS accepts UTF-8 names only
        shutil.copytree(recordings / "a", root / os.fsdecode(b"\xff\xfe speaker"))
        shutil.copy(recordings / "a/1.wav", root / "nul" / os.fsdecode(b"\xe4.wav"))
    packed = answered(root, cache)
    assert packed is not None
    assert packed.speakers == sorted(STRANGE)
    named = [problem for problem in packed.problems if "not UTF-8" in problem.detail]
    assert len(named) == (0 if sys.platform == "darwin" else 2)


def test_strange_names_in_lists(dataset: Path, cache: Path) -> None:
    metadata = json.loads((dataset / "metadata.json").read_text())
    for number, name in enumerate(STRANGE):
        files = []
        for repeat in range(2):
            shutil.copy(dataset / "uttr-0000.pt", dataset / f"{name}{repeat}.pt")
            files.append({"feature_path": f"{name}{repeat}.pt", "mel_len": 30})
        metadata["speakers"][f"{name}{number}"] = files
    (dataset / "metadata.json").write_text(json.dumps(metadata))
    packed = answered(dataset, cache)
    assert packed is not None
    assert len(packed.speakers) == 3 + len(STRANGE)


def test_links_in_circles_and_to_nowhere(recordings: Path, tmp_path: Path, cache: Path) -> None:
    root = Path(shutil.copytree(recordings, tmp_path / "speech"))
    (root / "a" / "up").symlink_to("..")
    (root / "a" / "loop.wav").symlink_to("loop.wav")
    (root / "a" / "gone.wav").symlink_to("nowhere.wav")
    (root / "ring").symlink_to("ring")
    (root / "a" / "one").symlink_to(root / "a" / "two")
    (root / "a" / "two").symlink_to(root / "a" / "one")
    packed = answered(root, cache)
    assert packed is not None
    assert set(packed.speakers) == {"a", "b"}
    assert {"a/loop.wav", "a/gone.wav"} <= {problem.where for problem in packed.problems}
    with pytest.raises(InputError):
        open_corpus(str(root / "ring"))


def no_files(folder: Path, ending: str) -> list[str]:
    """A pipe, a socket, a link to a device and a folder, each named as a file is; returns their names."""
    os.mkfifo(folder / f"pipe{ending}")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path may have a hundred characters
        try:
            server.bind(f"socket{ending}")
        finally:
            os.chdir(here)
    (folder / f"device{ending}").symlink_to("/dev/zero")
    return [f"pipe{ending}", f"socket{ending}", f"device{ending}"]


def test_pipes_sockets_and_devices_are_not_opened(recordings: Path, tmp_path: Path, cache: Path) -> None:
    root = Path(shutil.copytree(recordings, tmp_path / "speech"))
    names = no_files(root / "a", ".wav") + no_files(root / "b", ".m4a")
    packed = answered(root, cache)
    assert packed is not None
    assert {problem.where.partition("/")[2] for problem in packed.problems} == set(names)


def test_pipes_sockets_and_devices_in_lists_are_not_opened(dataset: Path, cache: Path) -> None:
    names = no_files(dataset, ".pt")
    for name in ("mapping.json", "testdata.json"):
        (dataset / name).unlink()
        os.mkfifo(dataset / name)
    metadata = json.loads((dataset / "metadata.json").read_text())
    metadata["speakers"]["id00000"] += [{"feature_path": name, "mel_len": 30} for name in names]
    (dataset / "metadata.json").write_text(json.dumps(metadata))
    packed = answered(dataset, cache)
    assert packed is not None
    assert len(packed.ids) == 9
    expected = {*names, "mapping.json", "testdata.json"}
    assert expected <= {problem.where for problem in packed.problems}


LISTS = [
    *LISTS_OF_HOMEWORK, "manifest.csv", "train.csv", "train.json", "manifest.jsonl", "wav.scp", "utt2spk", "segments",
    "iden_split.txt", "speaker-info.txt", "SPEAKERS.TXT",
]  # fmt: skip


@pytest.mark.parametrize("layout", ["auto", *LAYOUTS])
def test_pipes_in_place_of_lists_are_not_opened(tmp_path: Path, cache: Path, layout: str) -> None:
    root = tmp_path / "corpus"
    (root / "id10001" / "video").mkdir(parents=True)
    for name in LISTS:
        os.mkfifo(root / name)
    with unchanged(root), pytest.raises(InputError):
        open_corpus(str(root), Data(layout=layout))
    for name in LISTS:
        with pytest.raises(InputError):
            open_corpus(str(root / name), Data(layout=layout))
    with pytest.raises(InputError):
        open_corpus("/dev/zero", Data(layout=layout))
    assert not cache.exists()


OPEN = """
import os, sys
from engine.corpus.opening import open_corpus
from engine.errors import InputError
if os.geteuid() == 0:  # root may read everything, so be nobody
    os.setegid(65534)
    os.seteuid(65534)
for spec in sys.argv[1:]:
    try:
        corpus = open_corpus(spec)
        print(corpus.layout, [u.id for u in corpus.utterances], [(p.where, p.detail) for p in corpus.problems])
    except InputError as error:
        print("InputError", "ermission" in str(error))
"""


def test_what_may_not_be_read_is_named(homework: Path, recordings: Path, tmp_path: Path) -> None:
    speech = Path(shutil.copytree(recordings, tmp_path / "speech"))
    locked = Path(shutil.copytree(homework, tmp_path / "locked"))
    closed = Path(shutil.copytree(homework, tmp_path / "closed"))
    (speech / "c").mkdir()
    (speech / "c").chmod(0)
    (locked / "metadata.json").chmod(0)
    closed.chmod(0)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp") and "pytest-of" in str(folder):
            folder.chmod(folder.stat().st_mode | 0o055)
    try:
        printed = subprocess.run(
            [sys.executable, "-c", OPEN, str(speech), str(locked), str(closed), str(closed / "metadata.json")],
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
    finally:
        for path in (speech / "c", closed):
            path.chmod(0o755)
    assert printed[0].startswith("audio_folder ['a/1.wav', 'a/2.wav', 'b/1.wav'")
    assert printed[0].endswith("[('c', 'Permission denied')]")
    assert printed[1:] == ["InputError True", "InputError True", "InputError True"]


def test_one_corpus_with_everything_wrong_still_packs(dataset: Path, cache: Path) -> None:
    """The sum of it: each thing wrong is named once, and what is left is what was right."""
    (dataset / "uttr-0000.pt").write_bytes(b"")
    (dataset / "uttr-0001.pt").unlink()
    torch.save(torch.zeros(30, 9), dataset / "uttr-0100.pt")
    torch.save(torch.zeros(30, 8), dataset / "stray.pt")
    (dataset / "mapping.json").write_text("{}")
    packed = answered(dataset, cache)
    assert packed is not None
    assert packed.speakers == ["id00001", "id00002"]
    assert packed.ids == ["uttr-0101.pt", "uttr-0102.pt", "uttr-0200.pt", "uttr-0201.pt", "uttr-0202.pt"]
    assert {(problem.kind, problem.where) for problem in packed.problems} == {
        ("empty", "uttr-0000.pt"),
        ("missing", "uttr-0001.pt"),
        ("too few utterances", "id00000"),
        ("wrong n_mels", "uttr-0100.pt"),
        ("not listed", "metadata.json"),
        ("mapping differs", "mapping.json"),
    }
