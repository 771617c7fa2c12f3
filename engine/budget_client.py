"""The budget meter from the outside: a child process that counts, so that its owner never loads torch.

Importing torch in a thread of the dashboard would stall it for a quarter of a second; the child costs nothing.
"""

from __future__ import annotations

import select
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

LIMIT_SECONDS = 60.0
"""A count takes a tenth of a second, a search for sizes a few; an encoder that takes longer than this hangs."""
START_SECONDS = 300.0
"""Loading torch takes seconds, and on a busy machine with a cold disk a minute or more."""


class BudgetMeter:
    """Counts presets in a child process, which starts at the first question. May be asked from any thread.

    A child that dies or doesn't answer in time is replaced at the next question.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()

    def count(self, preset: Preset, speakers: int | None = None) -> Cost:
        """The preset's cost; waits for the answer (seconds at first, while torch loads). Raises `InputError`."""
        answer = self._ask(preset, {"preset": to_toml(preset), "speakers": speakers})
        if "error" in answer:
            raise InputError(f"{preset.name} can't be counted: {answer['error']}")
        return msgspec.convert(answer, Cost)

    def fit(self, preset: Preset, budget: int, pinned: Collection[str] = ()) -> Preset:
        """The preset with the sizes that `engine.fit` finds for a budget; waits as `count`. Raises `InputError`."""
        answer = self._ask(preset, {"preset": to_toml(preset), "fit": budget, "pinned": list(pinned)})
        if "error" in answer:
            raise InputError(answer["error"])
        return parse_preset(answer["fitted"], preset.name)

    def close(self) -> None:
        """Ends the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()

    def _ask(self, preset: Preset, question: dict[str, Any]) -> dict[str, Any]:
        with self._one_at_a_time:
            child = self._living_child()
            assert child.stdin is not None
            try:
                child.stdin.write(msgspec.json.encode(question) + b"\n")
                child.stdin.flush()
                line = _line_from(child, LIMIT_SECONDS)
            except TimeoutError:
                self.close()
                raise InputError(
                    f"counting {preset.name} took more than {LIMIT_SECONDS:.0f} s and was ended; its encoder hangs (a"
                    " loop without an end, waiting for input or the network), or is far too large"
                ) from None
            except (OSError, ValueError):
                line = b""
            if not line.endswith(b"\n"):
                self.close()
                raise InputError(
                    f"counting {preset.name} ended the process that counts ({_how(child)}); its encoder ends it, or is"
                    " too large for this machine's memory"
                )
            answer: dict[str, Any] = msgspec.json.decode(line)
            return answer

    def _living_child(self) -> subprocess.Popen[bytes]:
        """The child, started if need be, once it is ready to count. Raises `InputError`."""
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.close()
        child = self._child = subprocess.Popen(
            [sys.executable, "-m", "engine.budget", "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            if _line_from(child, START_SECONDS):
                return child
        except (OSError, ValueError):
            pass
        self.close()
        raise InputError(f"the budget meter can't start: try '{sys.executable} -m engine.budget --serve' to see why")


def _line_from(child: subprocess.Popen[bytes], seconds: float) -> bytes:
    """The child's next line; empty when it has ended. Raises `TimeoutError`."""
    assert child.stdout is not None
    answers = select.poll()
    answers.register(child.stdout, select.POLLIN)
    if not answers.poll(1000 * seconds):
        raise TimeoutError
    return child.stdout.readline()


def _how(child: subprocess.Popen[bytes]) -> str:
    """How a dead child has ended."""
    code = child.wait()
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
