"""The engine: presets in, run directories out. It trains and knows nothing of any screen.

A trained model is used by other programs through `engine.load`, which alone loads PyTorch, when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from engine.use.recognizer import SpeakerRecognizer


def load(path: str | Path, device: str = "auto") -> SpeakerRecognizer:
    """The model in a best.safetensors, or the best of a run by its name: to identify, embed and evaluate with.

    device: auto, cpu, cuda, cuda:1 or mps. Raises `engine.errors.InputError`, whose text is for people.
    """
    from engine.use.recognizer import load_model

    return load_model(path, device)
