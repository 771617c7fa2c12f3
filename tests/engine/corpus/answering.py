"""How bad input has to be answered, whatever it is: problems and a sound corpus, or one error and nothing written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings

from engine.corpus.packed import PackedCorpus
from engine.corpus.preparing import prepare_corpus
from engine.errors import InputError
from engine.preset import Features

FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LISTS_OF_HOMEWORK = ("metadata.json", "mapping.json", "testdata.json")


@contextmanager
def unchanged(root: Path) -> Iterator[None]:
    """Nothing in the folder is added, removed or written to."""
    before = contents(root)
    yield
    assert contents(root) == before


def contents(root: Path) -> dict[bytes, bytes | None]:
    files = {path: os.lstat(path) for path in map(os.fsencode, root.rglob("*"))}
    return {path: b"%d %d" % (status.st_size, status.st_mtime_ns) for path, status in files.items()}


def answered(root: Path, cache: Path) -> PackedCorpus | None:
    """The packed corpus, or none where an error told why; whatever else is raised fails the test."""
    shutil.rmtree(cache, ignore_errors=True)
    with unchanged(root):
        try:
            packed = prepare_corpus(str(root), Features())
        except InputError as error:
            str(error).encode()
            left = cache.rglob("*") if cache.exists() else []
            assert [path for path in left if path.suffix != ".lock" and path.name != "packed"] == []
            return None
    for problem in packed.problems:
        f"{problem.kind}{problem.where}{problem.detail}".encode()  # it goes into events and onto screens
    assert np.isfinite(packed.frames).all()
    assert len(packed.frames) == packed.lengths.sum()
    assert len(packed.speakers) >= 2
    return packed


class CreatesAFile:
    """Would create a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)
