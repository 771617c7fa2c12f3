"""What a preset costs, in numbers: the answer of the budget meter. Loads no torch."""

from __future__ import annotations

from msgspec import Struct

UNKNOWN_SPEAKERS = 600
"""Speakers that the head is counted for while no corpus is chosen: those of the course assignment."""


class Cost(Struct, frozen=True, kw_only=True):
    """Parameters by part, and arithmetic. The budget counts the encoder alone; a shared layer counts once.

    `encoder_layers` groups the encoder's parameters by kind of layer; `unused` of them never take part in the forward
    pass. `seconds_per_step` is a rough estimate for this machine's CPU.
    """

    preset: str
    budget: int
    parts: dict[str, int]
    encoder_layers: dict[str, int]
    unused: int
    total: int
    speakers: int
    multiply_adds_per_second_of_audio: int
    seconds_per_step: float | None = None

    @property
    def encoder(self) -> int:
        """Parameters of the encoder block, which the budget is for."""
        return self.parts["encoder"]
