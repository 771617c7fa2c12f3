"""Embeddings compared by direction: unit vectors, and the one that stands for a speaker. Knows arrays alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]  # (any, width)


def unit(vectors: Vectors) -> Vectors:
    """The same directions at length 1, so that a product of matrices gives cosines; a vector of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def centroids(vectors: Vectors, owners: NDArray[np.int64], number: int) -> Vectors:
    """What stands for each of `number` owners: the direction of the mean of their unit vectors, (number, width).

    owners: (any,), whose each vector is. Every recording counts the same, however loud its embedding is.
    """
    sums = np.zeros((number, vectors.shape[1]))
    np.add.at(sums, owners, unit(vectors))
    return unit(sums.astype(np.float32))
