"""How good answers are, from logits alone: accuracies with intervals, who is taken for whom, and calibration.

Pure functions of arrays. Where logits come from says `evaluating.py`; of each utterance only a few numbers are kept, so
that a hundred thousand utterances of seven thousand speakers fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.use.results import (
    Accuracies,
    Calibration,
    Confusion,
    ConfusionMatrix,
    Difference,
    Estimate,
    LengthBin,
    ReliabilityBin,
)

DRAWS = 2000  # of the bootstrap
DRAWN_TOGETHER = 100
TEMPERATURES = np.exp(np.linspace(np.log(0.1), np.log(10), 93))  # 5 % from one to the next
CONFIDENCE_BINS = 10
LENGTH_BINS = 6
MOST_PAIRS, MATRIX_SPEAKERS = 20, 8

Floats = NDArray[np.float64]
Indexes = NDArray[np.int64]


class Judged(NamedTuple):
    """What is kept of answers, a row an utterance.

    own: the right class; rank: how many classes are put before it; told: the class that is put first; confidence: its
    share; loss: cross-entropy in nats; scaled_losses: (utterances, temperatures), with logits divided by each.
    """

    own: Indexes
    rank: Indexes
    told: Indexes
    confidence: Floats
    loss: Floats
    scaled_losses: NDArray[np.float32]


def judge(logits: NDArray[np.float32], own: Indexes) -> Judged:
    """logits: (batch, speakers), own: (batch,). Of equal logits the first comes first, as argmax has it."""
    exact = logits.astype(np.float64)
    right = np.take_along_axis(exact, own[:, None], axis=1)  # (batch, 1)
    before = np.arange(exact.shape[1])[None, :] < own[:, None]
    rank = ((exact > right) | ((exact == right) & before)).sum(axis=1)
    told = exact.argmax(axis=1)
    top = exact.max(axis=1, keepdims=True)
    below = exact - top  # (batch, speakers), none above zero
    sums = np.exp(below).sum(axis=1)
    lead = (right - top)[:, 0]
    scaled = [np.log(np.exp(below / t).sum(axis=1)) - lead / t for t in TEMPERATURES]
    return Judged(own, rank, told, 1 / sums, np.log(sums) - lead, np.stack(scaled, axis=1, dtype=np.float32))


def accuracies(judged: Judged) -> Accuracies:
    """Accuracies with intervals by a bootstrap over the speakers."""
    top1, top5, balanced = _estimates(_totals(judged))
    return Accuracies(len(judged.own), float(judged.loss.mean()), top1, top5, balanced)


def difference(ours: Judged, theirs: Judged) -> Difference:
    """Ours less theirs on the same utterances; each draw of the bootstrap takes the same speakers for both.

    `own` may count classes differently in the two, as long as the same utterances are of one speaker.
    """
    theirs = theirs._replace(own=ours.own)
    totals = np.hstack([_totals(ours), _totals(theirs)])
    shift = totals.shape[1] // 2
    sums, drawn = totals.sum(axis=0), resampled(totals)
    estimates = []
    for top, bottom in _RATIOS:
        value = sums[top] / sums[bottom] - sums[top + shift] / sums[bottom + shift]
        values = drawn[:, top] / drawn[:, bottom] - drawn[:, top + shift] / drawn[:, bottom + shift]
        estimates.append(_with_interval(value, values))
    return Difference(len(ours.own), *estimates)


_RATIOS = ((0, 3), (1, 3), (2, 4))
"""Columns of the totals that make up top 1, top 5 and balanced accuracy: what is divided, and by what."""


def _totals(judged: Judged) -> Floats:
    """Of each speaker who has utterances: right ones, right among five, share of right ones, utterances, 1."""
    _, speaker = np.unique(judged.own, return_inverse=True)
    utterances = np.bincount(speaker).astype(np.float64)
    first = np.bincount(speaker, judged.rank < 1)
    return np.stack([first, np.bincount(speaker, judged.rank < 5), first / utterances, utterances,
                     np.ones_like(utterances)], axis=1)  # fmt: skip


def resampled(totals: Floats, seed: int = 0) -> Floats:
    """Sums over speakers drawn with replacement, as many as there are: (speakers, columns) -> (draws, columns).

    A function of the number of speakers and the seed, so that two models are judged by the same draws.
    """
    random = np.random.default_rng(seed)
    share = np.full(len(totals), 1 / len(totals))
    parts = [random.multinomial(len(totals), share, DRAWN_TOGETHER) @ totals for _ in range(DRAWS // DRAWN_TOGETHER)]
    return np.concatenate(parts)


def _estimates(totals: Floats) -> list[Estimate]:
    """Top 1, top 5 and balanced accuracy, all from the same draws."""
    sums, drawn = totals.sum(axis=0), resampled(totals)
    return [_with_interval(sums[top] / sums[bottom], drawn[:, top] / drawn[:, bottom]) for top, bottom in _RATIOS]


def _with_interval(value: float, values: Floats) -> Estimate:
    low, high = np.quantile(values, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))


def by_length(judged: Judged, seconds: Floats) -> list[LengthBin]:
    """Accuracy of short and long utterances: bins of about as many utterances each. seconds: (utterances,)."""
    edges = np.unique(np.quantile(seconds, np.linspace(0, 1, LENGTH_BINS + 1)))
    place = np.clip(np.searchsorted(edges, seconds, side="right") - 1, 0, max(0, len(edges) - 2))
    bins = []
    for number in np.unique(place):
        inside = np.flatnonzero(place == number)
        top1 = _estimates(_totals(taken(judged, inside)))[0]
        bins.append(LengthBin(float(seconds[inside].min()), float(seconds[inside].max()), len(inside), top1))
    return bins


def confusions(judged: Judged, names: list[str]) -> list[Confusion]:
    """Who is taken for whom most often, the most frequent first."""
    wrong = judged.told != judged.own
    pairs, times = np.unique(np.stack([judged.own[wrong], judged.told[wrong]], axis=1), axis=0, return_counts=True)
    of = np.bincount(judged.own, minlength=len(names))
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -times))[:MOST_PAIRS]
    return [
        Confusion(names[own], names[told], int(number), int(of[own]))
        for (own, told), number in zip(pairs[order].tolist(), times[order].tolist(), strict=True)
    ]


def worst_matrix(judged: Judged, names: list[str]) -> ConfusionMatrix:
    """The confusion matrix of those who are in most errors, on either side; empty when nobody is confused."""
    wrong = judged.told != judged.own
    errors = np.bincount(judged.own[wrong], minlength=len(names)) + np.bincount(
        judged.told[wrong], minlength=len(names)
    )
    worst = np.argsort(-errors, kind="stable")[:MATRIX_SPEAKERS]
    worst = np.sort(worst[errors[worst] > 0])
    counts, others = [], []
    for speaker in worst:
        told = np.bincount(judged.told[judged.own == speaker], minlength=len(names))
        counts.append(told[worst].tolist())
        others.append(int(told.sum() - told[worst].sum()))
    return ConfusionMatrix([names[speaker] for speaker in worst], counts, others)


def calibration(judged: Judged) -> Calibration:
    """Confidence against accuracy in ten bins of equal width, and the temperature of the lowest loss."""
    right = (judged.rank == 0).astype(np.float64)
    place = np.clip(np.ceil(judged.confidence * CONFIDENCE_BINS).astype(np.int64) - 1, 0, CONFIDENCE_BINS - 1)
    bins = []
    for number in np.unique(place).tolist():
        inside = place == number
        bins.append(
            ReliabilityBin(
                low=number / CONFIDENCE_BINS,
                high=(number + 1) / CONFIDENCE_BINS,
                utterances=int(inside.sum()),
                confidence=float(judged.confidence[inside].mean()),
                accuracy=float(right[inside].mean()),
            )
        )
    error = sum(one.utterances * abs(one.accuracy - one.confidence) for one in bins) / len(right)
    return Calibration(
        expected_error=float(error),
        mean_confidence=float(judged.confidence.mean()),
        accuracy=float(right.mean()),
        temperature=float(TEMPERATURES[judged.scaled_losses.mean(axis=0, dtype=np.float64).argmin()]),
        bins=bins,
    )


def joined(parts: list[Judged]) -> Judged:
    """The answers of several batches as one."""
    return Judged._make(np.concatenate(column) for column in zip(*parts, strict=True))


def taken(judged: Judged, places: Indexes) -> Judged:
    """The answers to these utterances."""
    return Judged._make(column[places] for column in judged)
