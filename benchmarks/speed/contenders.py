"""Contenders that take turns: each trains for some seconds when told to, then waits while the others do.

A child process speaks on a pipe: it says "ready", and answers each line "NAME SECONDS" with "COUNT SECONDS". A real run
is told to continue and to pause, as any user could.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from engine.preset import Preset
from engine.preset_file import load_preset
from engine.runs import client
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.event_log import EventReader
from engine.training.life import NICE_ON_A_CPU

HERE = Path(__file__).parent
PRESETS = ("transformer-154k", "conformer-225k")
ENDLESS = ("run.steps=1000000000", "validation.every=1000000000", "schedule.warmup_steps=1000", "run.device=cpu")
PATIENCE = 300.0


class Contender(Protocol):
    """Whoever can be asked how fast it is, again and again."""

    def rate(self, seconds: float) -> float:
        """Steps (or utterances) a second over about so many seconds."""

    def close(self) -> None:
        """Ends what runs for it."""


class Child:
    """A contender in a Python process of its own, at the priority and with the thread policy that workers have.

    Left to GNU's default the plain loops would wait for their threads by spinning, which their loader's processes, and
    anything else on the machine, make many times slower.
    """

    def __init__(self, script: str, *arguments: str, task: str = "train") -> None:
        self.task = task
        self._process = subprocess.Popen(
            ["nice", "-n", str(NICE_ON_A_CPU), sys.executable, str(HERE / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if "SPEED_VERBOSE" not in os.environ else None,
            text=True,
            env={**os.environ, **client.THREAD_POLICY},
        )
        self._answer("ready")

    def rate(self, seconds: float) -> float:
        """Asks the child."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{self.task} {seconds}\n")
        self._process.stdin.flush()
        count, taken = map(float, self._answer("").split())
        return count / taken

    def close(self) -> None:
        """The child ends when its pipe does."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self, wanted: str) -> str:
        """Its next line; libraries print lines of their own before "ready"."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not wanted or line.strip() == wanted:
                return line
        raise RuntimeError(f"{self._process.args} ended; SPEED_VERBOSE=1 shows what it said")


class Run:
    """A run as `spk-tui train` starts it: the worker, its events and its checkpoints; it waits while it is paused."""

    def __init__(self, preset: Preset, corpus: Path, root: Path) -> None:
        self.directory = client.start_run(preset, str(corpus), root / "runs")
        self._reader = EventReader(self.directory.events_path)
        self._wait_for(e.Progress)
        self._ask("pause", e.Paused)

    def rate(self, seconds: float) -> float:
        """By the run's own events: from the moment it went on to the moment it paused."""
        begin = self._ask("continue", e.Continued)
        time.sleep(seconds)
        end = self._ask("pause", e.Paused)
        return (end.step - begin.step) / (end.time - begin.time)

    def close(self) -> None:
        """Stops it and waits for its end."""
        client.ask(self.directory, "stop")
        self._wait_for(e.Finished)

    def _ask(self, what: client.Ask, answer: type[e.Event]) -> e.Event:
        client.ask(self.directory, what)
        return self._wait_for(answer)

    def _wait_for(self, kind: type[e.Event]) -> e.Event:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for event in self._reader.read():
                if isinstance(event, e.Failed):
                    raise RuntimeError(event.message)
                if isinstance(event, kind):
                    return event
            time.sleep(0.02)
        raise RuntimeError(f"{self.directory.path}: no {kind.__name__} in {PATIENCE:.0f} s")


def course_preset(name: str, *overrides: str) -> Preset:
    """A seed preset that trains for as long as it is let."""
    return load_preset(HERE.parent.parent / "presets" / f"{name}.toml", [*ENDLESS, *overrides])


def run_of(preset: Preset, corpus: Path, root: Path) -> RunDirectory:
    """A run that has just been launched."""
    return client.start_run(preset, str(corpus), root / "runs")


def in_turns(contenders: Mapping[str, Contender], rounds: int, seconds: float) -> dict[str, list[float]]:
    """The rates of each, of rounds in which they take turns after one that warms them up; closes them."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    try:
        for number in range(rounds + 1):
            for name, contender in contenders.items():
                rate = contender.rate(seconds)
                if number > 0:
                    rates[name].append(rate)
    finally:
        for contender in contenders.values():
            contender.close()
    return rates


def ratios(rates: Sequence[float], others: Sequence[float]) -> list[float]:
    """Round by round."""
    return [rate / other for rate, other in zip(rates, others, strict=True)]
