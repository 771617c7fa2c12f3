"""Enrolled voices on disk: nothing is lost to two processes at once, and a damaged file is never written over."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.use.enrolments import all_enrolments, changing, enrolments_path, read_enrolments, speaker_name

SHA = "ab" * 32


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_ENROLMENTS", str(tmp_path / "enrolments"))


def enroll(name: str, *recordings: str) -> None:
    with changing(SHA, "quick-tour") as enrolments:
        enrolments.add(name, recordings, [[1.0, 0.1]] * len(recordings))


def test_a_voice_is_kept_for_its_model_alone_and_readable_for_its_owner_alone() -> None:
    enroll("Ann", "a.wav", "b.wav")
    enroll("Ann", "b.wav", "c.wav")
    enroll("Bob", "d.wav")
    found = read_enrolments(SHA)
    assert {name: [voice.recording for voice in voices] for name, voices in found.speakers.items()} == {
        "Ann": ["a.wav", "b.wav", "c.wav"],
        "Bob": ["d.wav"],
    }
    assert found.speakers["Bob"][0].embedding == [1.0, 0.1]
    assert read_enrolments("cd" * 32).speakers == {}
    assert stat.S_IMODE(enrolments_path(SHA).stat().st_mode) == 0o600


def test_processes_that_enroll_at_once_lose_nobody() -> None:
    program = (
        "import sys\nfrom engine.use.enrolments import changing\n"
        f"for number in range(10):\n with changing('{SHA}', 'x') as e: e.add(sys.argv[1] + str(number), ['a'], [[1.0]])"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, name]) for name in ("a", "b", "c")]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len(read_enrolments(SHA).speakers) == 30


def test_who_is_forgotten_is_gone_and_the_last_one_takes_the_file_along() -> None:
    enroll("Ann", "a.wav")
    missing = "'Anne' is not enrolled with this model, did you mean 'Ann'"
    with pytest.raises(InputError, match=missing), changing(SHA, "x") as enrolments:
        enrolments.remove("Anne")
    with changing(SHA, "x") as enrolments:
        enrolments.remove("Ann")
    assert not enrolments_path(SHA).exists()
    assert all_enrolments() == []


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[" * 5000,
        json.dumps({"sha256": SHA, "preset": "x"} | {"speakers": {"Ann": [{"recording": "a", "embedding": []}]}}),
        json.dumps({"sha256": SHA, "preset": "x"} | {"speakers": {"Ann": [{"recording": "a", "embedding": ["1"]}]}}),
        json.dumps({"sha256": SHA, "preset": "x", "more": 1}),
        json.dumps({"sha256": "cd" * 32, "preset": "x"}),
        json.dumps({"sha256": SHA, "preset": "x", "format": "spk-tui-enrolments-9"}),
    ],
)
def test_a_damaged_file_is_named_and_stays_as_it_is(content: str) -> None:
    path = enrolments_path(SHA)
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(InputError, match="is damaged"):
        enroll("Ann", "a.wav")
    assert path.read_text() == content


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[2J", "x" * 61, "Unknown"])
def test_a_name_that_could_not_be_shown_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"name|called"):
        speaker_name(name)
