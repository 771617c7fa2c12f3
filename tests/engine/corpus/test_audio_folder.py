"""Audio folders: what is found, what is named as a problem, and when the fingerprint changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.corpus.opening import LAYOUTS, open_corpus
from engine.errors import InputError


def fill(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content of " + name.encode())
    return root


def test_recordings_are_found_at_any_depth_with_any_known_ending_in_any_case(tmp_path: Path) -> None:
    root = fill(
        tmp_path, "b/1.WAV", "b/session 1/x/2.flac", "a/3.Ogg", "a/4.opus", "a/deep/5.mp3", "a/notes.txt", "README.txt"
    )
    corpus = open_corpus(str(root))
    assert [utterance.id for utterance in corpus.utterances] == [
        "a/3.Ogg", "a/4.opus", "a/deep/5.mp3", "b/1.WAV", "b/session 1/x/2.flac",
    ]  # fmt: skip
    assert [utterance.speaker for utterance in corpus.utterances] == ["a", "a", "a", "b", "b"]
    assert all(utterance.path.is_file() for utterance in corpus.utterances)
    assert corpus.problems == []
    assert corpus.speakers == ["a", "b"]


def test_hidden_files_and_folders_are_ignored(tmp_path: Path) -> None:
    root = fill(tmp_path, "a/1.wav", "b/1.wav", "a/._1.wav", ".trash/1.wav", "b/.old/2.wav")
    assert [utterance.id for utterance in open_corpus(str(root)).utterances] == ["a/1.wav", "b/1.wav"]


def test_what_lies_wrong_is_named(tmp_path: Path) -> None:
    root = fill(tmp_path, "a/1.wav", "b/1.wav", "stray.wav", "a/2.wma")
    (root / "b" / "gone.wav").symlink_to(root / "nowhere.wav")
    problems = {(problem.kind, problem.where) for problem in open_corpus(str(root)).problems}
    assert problems == {("misplaced", "stray.wav"), ("unsupported", "a/2.wma"), ("unreadable", "b/gone.wav")}


def test_links_that_lead_back_up_end_there(tmp_path: Path) -> None:
    root = fill(tmp_path, "a/1.wav", "b/1.wav")
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "self").symlink_to(root / "a")
    (root / "b" / "itself").symlink_to("itself")
    assert [utterance.id for utterance in open_corpus(str(root)).utterances] == ["a/1.wav", "b/1.wav"]


def test_speakers_may_be_links_to_folders_elsewhere(tmp_path: Path) -> None:
    fill(tmp_path, "elsewhere/1.wav", "corpus/a/1.wav")
    (tmp_path / "corpus" / "b").symlink_to(tmp_path / "elsewhere")
    assert open_corpus(str(tmp_path / "corpus")).speakers == ["a", "b"]


def test_a_folder_that_may_not_be_read_becomes_a_problem(tmp_path: Path) -> None:
    root = fill(tmp_path, "a/1.wav", "b/1.wav", "c/1.wav")
    (root / "c").chmod(0)
    read = (
        "import sys, os; sys.path.insert(0, '.')\n"
        "from pathlib import Path; from engine.corpus.readers import audio_folder; from engine.preset import Data\n"
        "if os.geteuid() == 0: os.setegid(65534); os.seteuid(65534)\n"  # root may read everything, so be nobody
        "corpus = audio_folder.read(Path(sys.argv[1]), Data())\n"
        "print([u.id for u in corpus.utterances], [(p.kind, p.where, p.detail) for p in corpus.problems])"
    )
    for folder in (root, *root.parents):
        if folder.owner() == Path(root).owner() and folder != Path("/tmp") and folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o055)
        if folder.name.startswith("pytest-of"):
            break
    try:
        found = subprocess.run(
            [sys.executable, "-c", read, str(root)], capture_output=True, text=True, check=True
        ).stdout
    finally:
        (root / "c").chmod(0o755)
    assert found.strip() == "['a/1.wav', 'b/1.wav'] [('unreadable', 'c', 'Permission denied')]"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS accepts UTF-8 names only")
def test_a_name_that_is_not_text_becomes_a_problem(tmp_path: Path) -> None:
    root = fill(tmp_path, "a/1.wav", "b/1.wav")
    Path(os.fsdecode(os.fsencode(root / "a") + b"/\xff.wav")).write_bytes(b"")
    corpus = open_corpus(str(root))
    assert [problem.detail for problem in corpus.problems] == ["has a name that is not UTF-8"]
    corpus.problems[0].where.encode()


def test_the_fingerprint_changes_with_every_file_and_with_nothing_else(tmp_path: Path) -> None:
    root = fill(tmp_path, "a/1.wav", "b/1.wav")
    before = open_corpus(str(root)).fingerprint
    fill(root, "a/notes.txt")
    assert open_corpus(str(root)).fingerprint == before
    seen = {before}
    fill(root, "a/2.wav")
    seen.add(open_corpus(str(root)).fingerprint)
    os.utime(root / "a" / "2.wav", ns=(1, 1))
    seen.add(open_corpus(str(root)).fingerprint)
    (root / "a" / "2.wav").write_bytes(b"longer content than before")
    os.utime(root / "a" / "2.wav", ns=(1, 1))
    seen.add(open_corpus(str(root)).fingerprint)
    (root / "a" / "2.wav").rename(root / "a" / "3.wav")
    seen.add(open_corpus(str(root)).fingerprint)
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "no recordings found"),
        (("a/readme.txt",), "no recordings found"),
        (("1.wav", "2.wav"), "lies outside every speaker's folder"),
        (("a/1.wav", "a/2.wav"), "only one speaker found ('a'), at least 2 are needed"),
        (("wav/a/1.wav", "wav/b/1.wav"), "/wav'?"),
    ],
)
def test_a_folder_without_two_speakers_says_what_was_expected(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    root = fill(tmp_path / "corpus", *names)
    root.mkdir(exist_ok=True)
    with pytest.raises(InputError) as error:
        open_corpus(str(root))
    assert message in str(error.value)
    assert "<speaker>/\n" in str(error.value)


def test_a_path_that_is_no_folder_says_so(tmp_path: Path) -> None:
    fill(tmp_path, "speech/a/1.wav")
    with pytest.raises(InputError, match="no such folder, did you mean 'speech'"):
        open_corpus(str(tmp_path / "speach"))
    with pytest.raises(InputError, match="is a file"):
        open_corpus(str(tmp_path / "speech" / "a" / "1.wav"))


def test_each_layout_is_registered_under_its_own_name() -> None:
    assert all(layout.name == name and layout.picture for name, layout in LAYOUTS.items())
    assert list(LAYOUTS)[-1] == "audio_folder"  # it takes any folder, so nothing after it would ever be asked
