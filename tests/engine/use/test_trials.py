"""Lists of trials are read as VoxCeleb writes them, bad lines are told by number, and drawn trials keep their word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.use import trials as module
from engine.use.trials import all_pairs, draw_trials, read_trials

speakers = st.lists(st.integers(0, 5), min_size=1, max_size=40).map(lambda found: np.array(sorted(found)))


def written(folder: Path, text: str) -> Path:
    (folder / "list.txt").write_bytes(text.encode())
    return folder / "list.txt"


def test_a_list_is_read_with_each_name_once(tmp_path: Path) -> None:
    found = read_trials(written(tmp_path, "\ufeff1 a/1.wav a/2.wav\r\n\n0  b/1.wav a/1.wav\n1\tmy a.wav\tmy b.wav"))
    assert found.names == ["a/1.wav", "a/2.wav", "b/1.wav", "my a.wav", "my b.wav"]
    assert found.lines == [1, 1, 3, 4, 4]
    assert found.trials.first.tolist() == [0, 2, 3]
    assert found.trials.second.tolist() == [1, 0, 4]
    assert found.trials.same.tolist() == [True, False, True]


def test_bad_lines_are_told_by_their_numbers(tmp_path: Path) -> None:
    text = "1 a b\n1 a\n0 c c\ntarget a b\n" + "0 a\n" * 4
    with pytest.raises(InputError) as refused:
        read_trials(written(tmp_path, text))
    lines = str(refused.value).splitlines()
    assert lines[0].endswith("list.txt: 7 lines are no trial:")
    assert lines[1] == "  line 2: needs 1 or 0 and two recordings: 1 a"
    assert lines[2] == "  line 3: names one recording twice: 0 c c"
    assert lines[3].startswith("  line 4: begins with neither 1 (one speaker) nor 0 (two)")
    assert lines[-1] == "  and 2 more"
    with pytest.raises(InputError, match="holds no trials"):
        read_trials(written(tmp_path, "\n"))
    (tmp_path / "list.txt").write_bytes(b"1 \xff a")
    with pytest.raises(InputError, match="no text in UTF-8"):
        read_trials(tmp_path / "list.txt")


@given(speakers, st.integers(1, 30), st.integers(0, 3))
def test_drawn_trials_are_pairs_that_come_once_and_say_who_is_who(of: np.ndarray, each: int, seed: int) -> None:
    found = draw_trials(of, each, seed)
    assert (found.first < found.second).all()
    assert len(np.unique(np.stack([found.first, found.second]), axis=1).T) == len(found.same)
    assert np.array_equal(of[found.first] == of[found.second], found.same)
    numbers = np.unique(of, return_counts=True)[1]
    assert found.same.sum() == sum(min(each, number * (number - 1) // 2) for number in numbers)
    assert (~found.same).sum() <= found.same.sum()
    again = draw_trials(of, each, seed)
    assert all(np.array_equal(*columns) for columns in zip(found, again, strict=True))


def test_both_kinds_are_about_as_many_and_another_seed_draws_others() -> None:
    of = np.repeat(np.arange(20), 10)
    found = draw_trials(of, 30, 0)
    assert found.same.sum() == 600
    assert 580 <= (~found.same).sum() <= 600
    assert not np.array_equal(found.first[:600], draw_trials(of, 30, 1).first[:600])


def test_all_pairs_are_all_and_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = all_pairs(np.array([0, 0, 1]))
    assert list(zip(found.first, found.second, found.same, strict=True)) == [(0, 1, True), (0, 2, False), (1, 2, False)]
    monkeypatch.setattr(module, "MOST_TRIALS", 2)
    with pytest.raises(
        InputError, match=r"3 recordings make 3 pairs, more than 2; draw some with --trials-per-speaker"
    ):
        all_pairs(np.array([0, 0, 1]))
