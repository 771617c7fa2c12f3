"""AS-norm against its definition, written trial by trial; a recording's own speaker is no stranger to it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.use import score_normalisation
from engine.use.cohort import unit
from engine.use.score_normalisation import adapted
from engine.use.trials import Trials
from engine.use.verifying import cosines


def test_it_is_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    vectors, cohort = (unit(random.normal(size=(rows, 8)).astype(np.float32)) for rows in (9, 6))
    trials = Trials(random.integers(0, 9, 30), random.integers(0, 9, 30), random.integers(0, 2, 30) > 0)
    own = np.array([2, 2, 0, 5, -1, -1, 1, 1, 3])
    scores = cosines(vectors, trials)
    monkeypatch.setattr(score_normalisation, "ROWS_TOGETHER", 4)
    found = adapted(scores, trials, vectors, cohort, own, 3)
    for place, (first, second, _) in enumerate(zip(*trials, strict=True)):
        parts = []
        for recording in (first, second):
            strangers = np.delete(cohort, own[recording], axis=0) if own[recording] >= 0 else cohort
            highest = np.sort(strangers @ vectors[recording])[-3:]
            parts.append((scores[place] - highest.mean()) / highest.std())
        assert found[place] == pytest.approx(sum(parts) / 2, rel=1e-4)


def test_a_recording_that_sounds_like_many_is_trusted_less() -> None:
    """Two trials of one cosine: the one whose recordings are near the cohort comes out lower."""
    plain, crowded = np.eye(6, dtype=np.float32)[:2], np.eye(6, dtype=np.float32)[2:4]
    cohort = unit(np.array([[0.1, 0.1, 1, 1, 1, 0], [0.1, 0, 1, 1, 0, 1], [0, 0.1, 1, 1, 0.5, 0.5]], np.float32))
    vectors = np.concatenate([plain, crowded])
    trials = Trials(np.array([0, 2]), np.array([1, 3]), np.array([True, True]))
    apart, near = adapted(cosines(vectors, trials), trials, vectors, cohort, np.full(4, -1), 3)
    assert near < apart
