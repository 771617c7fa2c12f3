"""What a child process can be asked to do with a model, and what it says: the whole of its input and output.

A further use is one more order here, and one more line in `child.py`. Loads no torch.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct, field

from engine.preset import Data

Part: TypeAlias = Literal["validation", "train", "test", "all"]
TrialPart: TypeAlias = Literal["auto", "strangers", "validation", "train", "test", "all"]
"""Strangers are a corpus's speakers whom the model doesn't know; auto takes them where there are any."""


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


class Verify(Struct, frozen=True, tag="verify"):
    """How well a checkpoint tells whether one speaker is heard twice. Gives a `Verification`.

    trials: a list's path, its names relative to `corpus`; empty to draw them from a part of the corpus.
    each: trials of a kind that are drawn for each speaker; 0 takes all pairs. top: how large the cohort of AS-norm is;
    0 for plain cosines alone. trained_on: the corpus that the model was trained on, if known, which has the cohort.
    scores: a path for a line with each trial's scores, if any.
    """

    checkpoint: str
    corpus: str
    trials: str = ""
    part: TrialPart = "auto"
    data: Data = field(default_factory=Data)
    each: int = 100
    seed: int = 0
    top: int = 0
    trained_on: str = ""
    scores: str = ""
    device: str = "auto"


class Enroll(Struct, frozen=True, tag="enroll"):
    """A person's voice, kept for a checkpoint. Gives an `Enrolment`. names: what the recordings are called there."""

    checkpoint: str
    speaker: str
    recordings: list[str]
    names: list[str]
    device: str = "auto"


class Identify(Struct, frozen=True, tag="identify"):
    """Who speaks in recordings. Gives an `Identification`.

    names: what the recordings are called in the answer. trained: whether the model's own speakers are candidates, too.
    threshold: None chooses the one at which the share `false_accepts` of strangers is let in, by trials on the held-out
    part of `corpus`; "" where none is known. timeline: None makes one of long recordings only.
    """

    checkpoint: str
    recordings: list[str]
    names: list[str]
    corpus: str = ""
    data: Data = field(default_factory=Data)
    trained: bool = False
    false_accepts: float = 0.01
    threshold: float | None = None
    most: int = 5
    timeline: bool | None = None
    device: str = "auto"


class Predict(Struct, frozen=True, tag="predict"):
    """The speaker of each utterance of a folder, written as CSV. Gives a `Prediction`."""

    checkpoint: str
    folder: str
    out: str
    device: str = "auto"


class Embed(Struct, frozen=True, tag="embed"):
    """The embeddings of a part of a corpus, written as arrays of numpy's. Gives an `Embedded`."""

    checkpoint: str
    corpus: str
    out: str
    part: Part = "all"
    data: Data = field(default_factory=Data)
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


Order: TypeAlias = Evaluate | Verify | Enroll | Identify | Predict | Embed | Export | ExportCurves | Import


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
