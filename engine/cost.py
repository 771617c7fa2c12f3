"""What a preset costs, in numbers: the answer of the budget meter. Loads no torch."""

from __future__ import annotations

from msgspec import Struct

UNKNOWN_SPEAKERS = 600
"""Speakers that the head is counted for while no corpus is chosen: those of the course assignment."""


class ModelSize(Struct, frozen=True, kw_only=True):
    """Bytes of a model's parameters and buffers (running statistics), without a file's description of them.

    float32 is what a checkpoint holds. float16 halves every real number. int8 takes a byte for each weight of a matrix
    or kernel and four for a scale of each of its rows or output channels; biases, norms and buffers stay float32.
    """

    float32: int
    float16: int
    int8: int


class StepMemory(Struct, frozen=True, kw_only=True):
    """Bytes that a training step takes at its peak, an estimate within a quarter.

    `weights` (with buffers) and the optimizer's `moments` are held in float32 all the time; `activations` are the
    batch, what the forward pass keeps for the backward pass, and gradients, all that is there at the peak. Left out:
    the corpus's frames, which lie on the device when they fit, and what PyTorch itself takes.
    """

    precision: str
    weights: int
    moments: int
    activations: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.moments + self.activations


class Cost(Struct, frozen=True, kw_only=True):
    """Parameters by part, arithmetic and bytes. The budget counts the encoder alone; a shared layer counts once.

    `encoder_layers` groups the encoder's parameters by kind of layer; `unused` of them never take part in the forward
    pass. `size` is that of everything that a checkpoint holds, `size_without_head` that of all but the head.
    `seconds_per_step` is a rough estimate for this machine's CPU.
    """

    preset: str
    budget: int
    parts: dict[str, int]
    encoder_layers: dict[str, int]
    unused: int
    total: int
    speakers: int
    multiply_adds_per_second_of_audio: int
    size: ModelSize
    size_without_head: ModelSize
    step_memory: StepMemory
    seconds_per_step: float | None = None

    @property
    def encoder(self) -> int:
        """Parameters of the encoder block, which the budget is for."""
        return self.parts["encoder"]
