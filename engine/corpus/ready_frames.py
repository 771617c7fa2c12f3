"""Ready-made log-mel frames: one tensor a file, as torch.save writes it. This file alone of the data path loads torch.

Nothing in a file is run: it is loaded with `weights_only=True`, which takes tensors and plain containers alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.corpus.decoding import UnusableAudio, reason_of


def load_frames(path: Path, mel_bands: int) -> NDArray[np.float16]:
    """The frames of one file, rounded to float16: (frames, mel). Raises `UnusableAudio`."""
    try:
        if path.stat().st_size == 0:
            raise UnusableAudio("empty", "is a file of 0 bytes")
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UnusableAudio("unreadable", reason_of(error)) from None
    except UnusableAudio:
        raise
    except Exception as error:
        raise UnusableAudio("unreadable", f"is no tensor that torch.save wrote ({type(error).__name__})") from None
    if not isinstance(loaded, torch.Tensor) or not loaded.is_floating_point() or loaded.ndim != 2:
        raise UnusableAudio("wrong shape", "holds no tensor of (frames, mel bands)")
    if loaded.shape[1] != mel_bands:
        raise UnusableAudio("wrong n_mels", f"has {loaded.shape[1]} mel bands, the corpus has {mel_bands}")
    if not len(loaded):
        raise UnusableAudio("empty", "has no frames")
    frames: NDArray[np.float16] = loaded.to(torch.float16).numpy()
    if not np.isfinite(frames).all():
        raise UnusableAudio("not finite", "contains values that are infinite or not a number")
    return frames
