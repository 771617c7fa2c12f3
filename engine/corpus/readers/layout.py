"""What a reader offers: how to recognise its layout, how to read it, and a picture of it for error messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from engine.corpus.corpus import Corpus
from engine.preset import Data


class Layout(Struct, frozen=True):
    """A way in which corpora lie on disk.

    `recognises` looks at a path, a folder or a file, without walking through it. `read` walks and returns a `Corpus`;
    it lists what is wrong inside as problems, and raises `InputError` only when the file that describes the corpus
    can't be understood at all. `picture` is a small tree, shown when a path isn't what it seems.
    """

    name: str
    picture: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Data], Corpus]
