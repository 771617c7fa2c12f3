"""What a child process can be asked to do with a model, and what it says: the whole of its input and output.

A further use is one more order here, and one more line in `child.py`. Loads no torch.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct, field

from engine.preset import Data

Part: TypeAlias = Literal["validation", "train", "test", "all"]


class Evaluate(Struct, frozen=True, tag="evaluate"):
    """How good a checkpoint is on a part of a corpus. Gives an `Evaluation`.

    against: another checkpoint's path, if any. fingerprint: that of the corpus when the model was trained, if known.
    """

    checkpoint: str
    corpus: str
    part: Part
    data: Data = field(default_factory=Data)
    against: str = ""
    fingerprint: str = ""
    device: str = "auto"


class Export(Struct, frozen=True, tag="export"):
    """A checkpoint as a file for other programs, and a card beside it. Gives an `Exported`.

    features: whether log-mel frames are computed in the file or come in. corpus: what it was trained on, if known.
    """

    checkpoint: str
    to: Literal["onnx", "pt2"]
    out: str
    features: Literal["inside", "outside"] = "outside"
    opset: int = 18
    corpus: str = ""


class ExportCurves(Struct, frozen=True, tag="export_curves"):
    """A run's curves as TensorBoard's event file in the folder `out`. Gives the file's path."""

    run: str
    out: str


class Import(Struct, frozen=True, tag="import"):
    """A checkpoint out of another program's state dict. Gives an `Imported`.

    preset: as TOML. speakers: in the order of the classes; without any they are numbered. moves: "theirs=ours" each.
    """

    weights: str
    preset: str
    out: str
    speakers: list[str] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)


Order: TypeAlias = Evaluate | Export | ExportCurves | Import


class Progress(Struct, frozen=True, tag="progress"):
    """How far it is, as `engine.corpus.reporting.Report` takes it."""

    stage: str
    done: int
    total: int
    unit: str


class Refused(Struct, frozen=True, tag="refused"):
    """The last word about input that can't be used."""

    message: str


class Answered(Struct, frozen=True, tag="answered"):
    """The last word otherwise: a structure of `results.py`."""

    answer: msgspec.Raw


Message: TypeAlias = Progress | Refused | Answered
