"""A model from one best.safetensors: a stranger's file can neither run code nor take more memory than its own size.

What the file says of itself is read and bounded by `saved_model.py`; here the model that its preset describes is first
made without numbers, and the tensors are read when they are known to be that model's.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.model_settings import OwnEncoder
from engine.models.speaker_model import SpeakerModel
from engine.models.weights import put_in
from engine.saved_model import LARGEST_FILE, Header, SavedModel, open_checkpoint, read_header

FORMATS = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64",
           torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
           torch.bool: "BOOL"}  # fmt: skip


class Loaded(NamedTuple):
    """The model in evaluation mode on the CPU, what is known of it, and the hash of the file's content."""

    model: SpeakerModel
    saved: SavedModel
    sha256: str


def load_best(path: Path | str) -> tuple[SpeakerModel, SavedModel]:
    """The model in evaluation mode on the CPU, and what is known of it. Raises `InputError`.

    A user's own encoder is made of the file that lies beside the checkpoint or beside its folder, if that is the one
    that it was trained with and somebody has allowed it to run.
    """
    loaded = load_checkpoint(path)
    return loaded.model, loaded.saved


def load_checkpoint(path: Path | str) -> Loaded:
    """As `load_best`, with the content's hash. Raises `InputError`.

    Nothing is unpickled. The file is opened once, so that what was judged is what is read, and read when the sizes of
    all its tensors are those of the model that its preset describes.
    """
    path = Path(path)
    try:
        with open_checkpoint(path) as file:
            header = read_header(file, path)
            _compare(header)
            file.seek(0)
            content = file.read(LARGEST_FILE)
        tensors = safetensors.torch.load(content)
        model = SpeakerModel(header.saved.preset, len(header.saved.speakers))
        put_in(model, tensors)
        _check_numbers(model)
    except (OSError, safetensors.SafetensorError, RuntimeError, ValueError) as error:
        first_line = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: its description and its weights don't fit ({first_line})") from None
    return Loaded(model.eval(), header.saved, hashlib.sha256(content).hexdigest())


def _compare(header: Header) -> None:
    """Refuses a file whose tensors aren't those of its preset's model. Allocates nothing. Raises `ValueError`.

    A user's own encoder can't always be made without numbers; its tensors are compared when it has been made, which
    takes as much as somebody who has read it allows it to.
    """
    saved = header.saved
    if isinstance(saved.preset.encoder, OwnEncoder):
        return
    with torch.device("meta"):
        wanted = SpeakerModel(saved.preset, len(saved.speakers)).state_dict()
    described = sum(tensor.nbytes for tensor in wanted.values())
    if described > LARGEST_FILE:
        raise ValueError(f"its preset describes a model of {described:,} bytes, more than any model of this program")
    _same(wanted, header)


def _same(wanted: dict[str, Tensor], header: Header) -> None:
    if wanted.keys() != header.tensors.keys():
        odd = sorted(wanted.keys() ^ header.tensors.keys())[0]
        raise ValueError(f"{odd!a} is {'missing' if odd in wanted else 'unknown'}")
    for name, tensor in wanted.items():
        stored = header.tensors[name]
        if stored.shape != tensor.shape or stored.dtype != FORMATS.get(tensor.dtype):
            raise ValueError(f"{name} is {list(stored.shape)} of {stored.dtype[:20]}, not {list(tensor.shape)}")


def _check_numbers(model: nn.Module) -> None:
    """Refuses weights that aren't finite. Raises `ValueError`. Buffers of an own encoder may be infinite, as masks."""
    for name, weight in model.named_parameters():
        if not bool(torch.isfinite(weight).all()):
            raise ValueError(f"{name} has a number that is not finite")
    for name, buffer in model.named_buffers():
        if bool(torch.isnan(buffer).any()):
            raise ValueError(f"{name} has a number that is not finite")
