"""Ready-made log-mel frames: one tensor a file, as torch.save writes it. This file alone of the data path loads torch.

Nothing in a file is run: it is read as text and numbers (`saved_matrix.py`), or where it has an unusual form loaded
with `weights_only=True`, which takes tensors and plain containers alone.
"""

from __future__ import annotations

import io
import math
import os
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.corpus.decoding import UnusableAudio, reason_of
from engine.corpus.saved_matrix import PackedRecords, read_matrix

LARGEST_FILE = 256 << 20  # bytes: two hours' frames of 40 bands in float64
DAMAGED = "is damaged, or holds more than a tensor"


def load_frames(path: Path, mel_bands: int) -> NDArray[np.float16]:
    """The frames of one file, rounded to float16: (frames, mel). Raises `UnusableAudio`."""
    content = _read(path)
    try:
        matrix = read_matrix(content)
        tensor = _load(content) if matrix is None else torch.from_numpy(matrix)
        _check(tensor, len(content), mel_bands)
        return _to_half(tensor)
    except UnusableAudio:
        raise
    except PackedRecords:
        raise UnusableAudio("unreadable", "is compressed inside, as torch.save never writes it") from None
    except zipfile.BadZipFile:
        raise UnusableAudio("unreadable", "is damaged or cut short") from None
    except Exception as error:  # torch raises whatever comes to hand
        raise UnusableAudio("unreadable", f"{DAMAGED} ({type(error).__name__})") from None


def _read(path: Path) -> bytearray:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise UnusableAudio("empty", "is a file of 0 bytes")
            if size > LARGEST_FILE:
                raise UnusableAudio(
                    "too large",
                    f"is a file of {size >> 20} MB, and one utterance's frames take less than {LARGEST_FILE >> 20} MB;"
                    " if it was cut from a larger tensor, save tensor.clone()",
                )
            content = bytearray(size)
            del content[file.readinto(content) :]
    except OSError as error:
        raise UnusableAudio("unreadable", reason_of(error)) from None
    return content


def _load(content: bytearray) -> Tensor:
    """The tensor of a file that torch.save wrote in any of its forms."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of kinds of tensors that are refused anyway
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    if not isinstance(loaded, Tensor):
        raise UnusableAudio("wrong type", f"holds a {type(loaded).__name__}, not a tensor of (frames, mel bands)")
    return loaded.detach()


def _check(tensor: Tensor, size: int, mel_bands: int) -> None:
    """Whether the tensor can be frames, and holds no more numbers than fit into its file of `size` bytes.

    A few bytes can describe a tensor of any size: steps of zero repeat one number, and a storage grows as asked.
    """
    if tensor.layout != torch.strided or tensor.is_quantized or not tensor.is_floating_point():
        kind = str(tensor.dtype if tensor.layout == torch.strided else tensor.layout).removeprefix("torch.")
        raise UnusableAudio("wrong type", f"holds a tensor of {kind}; frames are dense floating-point numbers")
    if tensor.ndim != 2:
        raise UnusableAudio("wrong shape", f"has shape {tuple(tensor.shape)}; frames are (frames, mel bands)")
    if tensor.shape[1] != mel_bands:
        raise UnusableAudio("wrong n_mels", f"has {tensor.shape[1]} mel bands, the corpus has {mel_bands}")
    if not len(tensor):
        raise UnusableAudio("empty", "has no frames")
    if tensor.device.type != "cpu" or max(tensor.nbytes, tensor.untyped_storage().nbytes()) > size:
        raise UnusableAudio("unreadable", "describes more numbers than it holds")


def _to_half(tensor: Tensor) -> NDArray[np.float16]:
    """Rounded to float16, whose range must suffice."""
    with _one_thread():
        half = tensor.to(torch.float16).contiguous()
        extremes = torch.stack(torch.aminmax(half)).tolist()  # both are not a number when one value is
    if not all(map(math.isfinite, extremes)):
        if bool(torch.isfinite(tensor).all()):
            raise UnusableAudio("out of range", "has values beyond ±65,504, which no log-mel frame has")
        raise UnusableAudio("not finite", "contains values that are infinite or not a number")
    frames: NDArray[np.float16] = half.numpy()
    return frames


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps torch from waking its threads for so little work: on a busy machine that took several times as long."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
