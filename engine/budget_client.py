"""The budget meter from the outside: a child process that counts, so that its owner never loads torch.

Importing torch in a thread of the dashboard would stall it for a quarter of a second; the child costs nothing.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Collection
from typing import Any

import msgspec

from engine.cost import Cost
from engine.errors import InputError
from engine.preset import Preset
from engine.preset_file import parse_preset, to_toml


class BudgetMeter:
    """Counts presets in a child process, which starts at the first question. May be asked from any thread."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()

    def count(self, preset: Preset, speakers: int | None = None) -> Cost:
        """The preset's cost; waits for the answer (seconds at first, while torch loads). Raises `InputError`."""
        answer = self._ask({"preset": to_toml(preset), "speakers": speakers})
        if "error" in answer:
            raise InputError(f"{preset.name} can't be counted: {answer['error']}")
        return msgspec.convert(answer, Cost)

    def fit(self, preset: Preset, budget: int, pinned: Collection[str] = ()) -> Preset:
        """The preset with the sizes that `engine.fit` finds for a budget; waits as `count`. Raises `InputError`."""
        answer = self._ask({"preset": to_toml(preset), "fit": budget, "pinned": list(pinned)})
        if "error" in answer:
            raise InputError(answer["error"])
        return parse_preset(answer["fitted"], preset.name)

    def close(self) -> None:
        """Ends the child."""
        child, self._child = self._child, None
        if child is not None:
            child.terminate()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        with self._one_at_a_time:
            return self._exchange(msgspec.json.encode(question))

    def _exchange(self, question: bytes) -> dict[str, Any]:
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "engine.budget", "--serve"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            self._child.stdin.write(question + b"\n")
            self._child.stdin.flush()
            line = self._child.stdout.readline()
        except (OSError, ValueError):
            line = b""
        if not line:
            raise InputError(
                f"the budget meter can't start: try '{sys.executable} -m engine.budget --serve' to see why"
            )
        answer: dict[str, Any] = msgspec.json.decode(line)
        return answer
