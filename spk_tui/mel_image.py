"""Log-mel frames as pixels: scaled to a size by averaging, and coloured evenly from quiet to loud.

Arrays in, arrays out; how pixels become characters is `widgets/mel_picture.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAGMA = np.array(
    [
        (0, 0, 4), (28, 16, 68), (79, 18, 123), (129, 37, 129), (181, 54, 122),
        (229, 80, 100), (251, 135, 97), (254, 194, 135), (252, 253, 191),
    ],
    np.float64,
)  # fmt: skip
"""Red, green, blue at equal distances from quiet to loud: the colour map "magma" of Stéfan van der Walt and Nathaniel
Smith (matplotlib, CC0), whose lightness rises evenly."""

QUIETEST, LOUDEST = 2.0, 99.5  # percentiles of the values: single extremes don't decide the colours of the rest


def pixels(frames: NDArray[np.floating], width: int, height: int) -> NDArray[np.uint8]:
    """A picture of log-mel frames, low bands at the bottom: (frames, mel) to (height, width, 3).

    Values that aren't finite count as the quietest. Needs at least one frame and one band, and a size of at least 1.
    """
    values = np.asarray(frames, np.float64)
    finite = np.isfinite(values)
    values = np.where(finite, values, values[finite].min() if finite.any() else 0.0)
    low, high = np.percentile(values, (QUIETEST, LOUDEST))
    scaled = resized(resized(values, width).T, height)[::-1]  # (height, width)
    loudness = np.clip((scaled - low) / (high - low), 0.0, 1.0) if high > low else np.zeros_like(scaled)
    place = loudness * (len(MAGMA) - 1)
    channels = [np.interp(place, np.arange(len(MAGMA)), MAGMA[:, channel]) for channel in range(3)]
    coloured: NDArray[np.uint8] = np.stack(channels, axis=-1).round().astype(np.uint8)
    return coloured


def resized(rows: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    """Each new row is the mean of the old ones that it covers, parts of rows included: (n, width) to (number, width).

    With more rows than before, old ones are repeated, and mixed where a new one lies over two of them.
    """
    sums = np.vstack([np.zeros_like(rows[:1]), np.cumsum(rows, axis=0)])  # (n + 1, ·)
    edges = np.linspace(0, len(rows), number + 1)
    whole = np.minimum(edges.astype(np.int64), len(rows) - 1)
    at_edges = sums[whole] + (edges - whole)[:, None] * rows[whole]
    means: NDArray[np.float64] = np.diff(at_edges, axis=0) * (number / len(rows))
    return means
