"""What a reader offers: how to recognise its layout, how to read it, and a picture of it for error messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from engine.corpus.corpus import Corpus


class Layout(Struct, frozen=True):
    """A way in which corpora lie on disk.

    `recognises` looks at a folder without walking through it. `read` walks and returns a `Corpus`; it raises nothing
    for what is wrong inside but lists it as problems. `picture` is a small tree, shown when a folder isn't what it
    seems.
    """

    name: str
    picture: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path], Corpus]
