"""What exports and imports come to, as structures: JSON, model cards and tables are made of them. Loads no torch."""

from __future__ import annotations

from msgspec import Struct

from engine.use.results import ModelFacts


class Parameters(Struct, frozen=True):
    """Trainable parameters by part; the budget is for the encoder alone."""

    front_end: int
    encoder: int
    pooling: int
    head: int
    budget: int


class ExportCheck(Struct, frozen=True):
    """What the file gave against PyTorch: the greatest difference of any number, over these inputs.

    shapes: of each input, (batch, time) or (batch, samples). runtime: what ran the file.
    """

    runtime: str
    shapes: list[tuple[int, int]]
    largest_difference: float
    tolerance: float


class Exported(Struct, frozen=True):
    """A file for other programs. `opset` is 0 where there is none; `shape` names the axes of the input."""

    file: str
    card: str
    format: str
    opset: int
    features: str
    input: str
    shape: list[str]
    embedding_width: int
    bytes: int
    model: ModelFacts
    parameters: Parameters
    check: ExportCheck
    versions: dict[str, str]


class Placed(Struct, frozen=True):
    """Where a tensor of another program went; `ours` is empty for one that was left out. way: how it was found."""

    theirs: str
    ours: str
    shape: tuple[int, ...]
    way: str


class Imported(Struct, frozen=True):
    """A checkpoint made of another program's weights."""

    file: str
    preset: str
    speakers: int
    named: bool
    parameters: int
    placed: list[Placed]
