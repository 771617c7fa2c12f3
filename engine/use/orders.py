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


Order: TypeAlias = Evaluate


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
