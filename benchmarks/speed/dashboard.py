"""What a dashboard that shows a run costs the run, when training has both cores for itself otherwise."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from contenders import PRESETS, Run, course_preset, ratios
from table import Row, at_least, spread

COLUMNS, ROWS = 120, 40
RUNS, ENTER, SHOWN = b"\x1bOR", b"\r", "step/s"
"""F3 opens the list of runs, Enter the run that it begins with; the training screen shows its step rate."""


class Screen:
    """The dashboard on a run's training screen, in a pseudo-terminal that takes in what is drawn."""

    def __init__(self, runs: Path) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._drawn = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "spk_tui"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "SPK_TUI_RUNS": str(runs), "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        self._over = threading.Event()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        self._wait_for("Presets")
        time.sleep(2)
        os.write(self._master, RUNS)
        time.sleep(2)
        os.write(self._master, ENTER)
        self._wait_for(SHOWN)

    def close(self) -> None:
        """Kills it, as closing a terminal's window may."""
        self._process.kill()
        self._process.wait()
        self._over.set()
        self._reading.join()
        os.close(self._master)

    def _read(self) -> None:
        while not self._over.is_set():
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    self._drawn += os.read(self._master, 65536)
                except OSError:  # nobody holds the other end any more
                    return

    def _wait_for(self, text: str) -> None:
        deadline = time.monotonic() + 60
        while text.encode() not in self._drawn:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the dashboard didn't show {text!r}")
            time.sleep(0.05)


def dashboard(corpus: Path, rounds: int, seconds: float) -> Iterator[Row]:
    """The same run with the dashboard open and without it, in turns."""
    root = corpus.parent / "watched"
    root.mkdir()
    run = Run(course_preset(PRESETS[0]), corpus, root)
    alone: list[float] = []
    watched: list[float] = []
    try:
        for _ in range(rounds):
            alone.append(run.rate(seconds))
            watched.append(_watched_rate(run, root, seconds))
    finally:
        run.close()
    yield Row("steps a second without a dashboard", spread(alone, ".1f"))
    share = [100 * ratio for ratio in ratios(watched, alone)]
    yield at_least("step rate with the dashboard attached", share, 95, ".1f", " %")


def _watched_rate(run: Run, root: Path, seconds: float) -> float:
    screen = Screen(root / "runs")
    try:
        return run.rate(seconds)
    finally:
        screen.close()
