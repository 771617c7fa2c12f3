"""The end of console.log on the screen: whatever bytes a worker prints, and however many."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from spk_tui.console_tail import KEPT_LINES, TAIL_BYTES, ConsoleTail, shown


def test_it_follows_what_is_appended_and_reads_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    tail = ConsoleTail(path)
    assert tail.read() is None
    path.write_bytes(b"one\ntw")
    assert tail.read() == ("one", "tw")
    assert tail.read() is None
    with path.open("ab") as file:
        file.write(b"o\n\xc3")
    assert tail.read() == ("one", "two", "�")
    with path.open("ab") as file:
        file.write(b"\xa9\n")  # a letter that came in two parts
    assert tail.read() == ("one", "two", "é")
    path.write_bytes(b"new\n")
    assert tail.read() == ("new",)


def test_of_a_large_file_only_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    with path.open("wb") as file:
        file.truncate(5 * 10**9)  # sparse: it takes no room
        file.seek(0, 2)
        file.write(b"\nthe last word\n")
    tail = ConsoleTail(path)
    lines = tail.read()
    assert lines is not None
    assert lines[-1] == "the last word"
    assert sum(map(len, lines)) <= TAIL_BYTES
    assert tail.skipped


def test_a_worker_that_prints_without_end_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    tail = ConsoleTail(path)
    for burst in range(5):
        with path.open("ab") as file:
            file.write(b"x\n" * 5_000 + b"burst %d\n" % burst)
        lines = tail.read()
        assert lines is not None
        assert len(lines) <= KEPT_LINES
        assert lines[-1] == f"burst {burst}"


def test_commands_to_a_terminal_are_not_shown() -> None:
    assert shown(b" 10%\r 50%\r100%\r") == "100%"
    assert shown(b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07text\x1b[2J") == "red text"


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_a_line_can_be_printed(line: bytes) -> None:
    assert shown(line).isprintable()
