"""Two seconds of real training in a child process, for who wants to know how long a run would take and what it needs.

The child is `engine/trial.py`. It loads torch and may run a user's own encoder, so whoever asks does neither.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct

from engine.asked_child import ask_child
from engine.errors import InputError
from engine.preset import Preset
from engine.preset_file import to_toml
from engine.runs.client import process_policies

LIMIT_SECONDS = 300.0
"""A trial takes seconds, most of them for loading torch, which on a busy machine takes a minute and more by itself."""
KILLED = -9
"""How Linux ends a process when no memory is left."""


class Trial(Struct, frozen=True, kw_only=True):
    """What a short training on random frames came to.

    `seconds_per_step` and `memory_bytes` are medians over the steps after the first ones. Memory is what the process
    grew by, from before the model was made: weights, moments, and what a step keeps; None where the system doesn't say.
    `device_memory_bytes` is what torch took of an accelerator, at most; None on a CPU.
    """

    preset: str
    speakers: int
    steps: int
    seconds_per_step: float
    memory_bytes: int | None
    device_memory_bytes: int | None
    device: str
    device_name: str
    precision: str
    threads: int

    @property
    def step_memory(self) -> int | None:
        """Bytes that training takes where it happens: on the accelerator, else in the process."""
        return self.memory_bytes if self.device_memory_bytes is None else self.device_memory_bytes


def try_preset(
    preset: Preset, speakers: int | None = None, *, while_waiting: Callable[[], None] = lambda: None
) -> Trial:
    """Trains the preset for two seconds on random frames; waits some seconds for it. Raises `InputError`.

    speakers: those that the head is for; by default as many as the budget meter assumes. while_waiting: called several
    times a second; what it raises ends the trial.
    """
    if preset.run.devices > 1:
        raise InputError(
            f"{preset.name} can't be tried: run.devices = {preset.run.devices}, and a trial is of one device; set"
            " run.devices=1 for it"
        )
    question = msgspec.json.encode({"preset": to_toml(preset), "speakers": speakers})
    try:
        answered = ask_child(
            ["engine.trial"], question, LIMIT_SECONDS, environment=process_policies(), while_waiting=while_waiting
        )
    except TimeoutError:
        raise InputError(
            f"{preset.name}: the trial didn't end in {LIMIT_SECONDS:.0f} s; the encoder hangs (a loop without an end,"
            " waiting for input or the network), or a step takes far too long here"
        ) from None
    try:
        answer = msgspec.json.decode(answered.answer)
    except msgspec.DecodeError:
        how = _how_it_ended(answered.exit_code, answered.last_words)
        raise InputError(f"{preset.name} can't be tried: {how}") from None
    if "error" in answer:
        raise InputError(f"{preset.name} can't be tried: {answer['error']}")
    return msgspec.convert(answer, Trial)


def _how_it_ended(exit_code: int, last_words: str) -> str:
    """Why a child ended without an answer, as far as one can tell."""
    if exit_code == KILLED:
        return "its process was killed, as happens when memory runs out; take a smaller segments.batch_size"
    last = f"; its last words: {last_words}" if last_words else ""
    return f"its process ended with {exit_code}{last}"
