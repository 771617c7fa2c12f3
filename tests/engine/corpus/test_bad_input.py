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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.corpus.opening import LAYOUTS, open_corpus
from engine.corpus.packed import PackedCorpus
from engine.corpus.preparing import prepare_corpus
from engine.errors import InputError
from engine.preset import Data, Features
from tests.made_corpora import RATE, homework_folder, voice

FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NAMES = ("metadata.json", "mapping.json", "testdata.json")
pytestmark = pytest.mark.timeout(60)  # waiting for a pipe, say


@contextmanager
def unchanged(root: Path) -> Iterator[None]:
    """Nothing in the folder is added, removed or written to."""
    before = contents(root)
    yield
    assert contents(root) == before


def contents(root: Path) -> dict[bytes, bytes | None]:
    files = {path: os.lstat(path) for path in map(os.fsencode, root.rglob("*"))}
    return {path: b"%d %d" % (status.st_size, status.st_mtime_ns) for path, status in files.items()}


def answered(root: Path, cache: Path) -> PackedCorpus | None:
    """The packed corpus, or none where an error told why; whatever else is raised fails the test."""
    shutil.rmtree(cache, ignore_errors=True)
    with unchanged(root):
        try:
            packed = prepare_corpus(str(root), Features())
        except InputError as error:
            str(error).encode()
            left = cache.rglob("*") if cache.exists() else []
            assert [path for path in left if path.suffix != ".lock" and path.name != "packed"] == []
            return None
    for problem in packed.problems:
        f"{problem.kind}{problem.where}{problem.detail}".encode()  # it goes into events and onto screens
    assert np.isfinite(packed.frames).all()
    assert len(packed.frames) == packed.lengths.sum()
    assert len(packed.speakers) >= 2
    return packed


# Lists.

SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["../up.pt", "/etc/passwd", ".", "", "a\0b", "uttr-0000.pt", "\u202e", "x" * 5000])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, below in inner for place in places(below, (*path, key))]


def with_change(data: st.DataObject, value: Any) -> Any:
    """The value with something inside replaced, removed or added; when nothing is left inside, another value."""
    if not places(value):
        return data.draw(VALUES)
    *way, last = data.draw(st.sampled_from(places(value)))
    holder = value
    for key in way:
        holder = holder[key]
    action = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if action == "remove":
        del holder[last]
    elif action == "replace":
        holder[last] = data.draw(VALUES)
    elif isinstance(holder, list):
        holder.append(data.draw(VALUES))
    else:
        holder[data.draw(st.text(max_size=5))] = data.draw(VALUES)
    return value


@pytest.fixture(scope="module")
def homework(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return homework_folder(tmp_path_factory.mktemp("few") / "Dataset", speakers=3, each=3, mel_bands=8)


@pytest.fixture
def dataset(homework: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(homework, tmp_path / "Dataset"))


@FEW
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_lists_of_another_form(homework: Path, dataset: Path, cache: Path, data: st.DataObject, name: str) -> None:
    shutil.copytree(homework, dataset, dirs_exist_ok=True)
    value = json.loads((homework / name).read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        value = with_change(data, value)
    (dataset / name).write_text(json.dumps(value))  # NaN and infinity as Python writes them
    packed = answered(dataset, cache)
    if name != "metadata.json":
        assert packed is not None
        assert len(packed.ids) == 9


@FEW
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_lists_with_other_bytes(homework: Path, dataset: Path, cache: Path, data: st.DataObject, name: str) -> None:
    content = bytearray((homework / name).read_bytes())
    shutil.copytree(homework, dataset, dirs_exist_ok=True)
    begin = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(begin, len(content)) | st.just(begin + 1))
    awkward = st.sampled_from([b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\0", b"NaN", b"1e999"])
    content[begin:end] = data.draw(st.binary(max_size=4) | awkward)
    (dataset / name).write_bytes(content)
    packed = answered(dataset, cache)
    if name != "metadata.json":
        assert packed is not None


@pytest.mark.parametrize(
    "value",
    ["[" * 200_000, '{"n_mels": 8, "speakers": ' * 20_000, '{"n_mels": 8, "speakers": {"a": [' + "{}," * 5000, "null"],
    ids=["arrays", "objects", "cut", "null"],
)
@pytest.mark.parametrize("name", NAMES)
def test_lists_that_are_deep_or_cut(dataset: Path, cache: Path, name: str, value: str) -> None:
    (dataset / name).write_text(value)
    assert (answered(dataset, cache) is None) == (name == "metadata.json")


def test_a_speaker_who_is_listed_twice_does_not_lose_files_unnoticed(dataset: Path, cache: Path) -> None:
    """A JSON object can hold a key twice, and the last one wins."""
    text = (dataset / "metadata.json").read_text().replace('"id00001"', '"id00000"')
    (dataset / "metadata.json").write_text(text)
    packed = answered(dataset, cache)
    assert packed is not None
    assert len(packed.ids) == 6
    assert "not listed" in {problem.kind for problem in packed.problems}


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


class CreatesAFile:
    """Would create a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


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
    *NAMES, "manifest.csv", "train.csv", "train.json", "manifest.jsonl", "wav.scp", "utt2spk", "segments",
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
