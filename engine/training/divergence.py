"""The doctor: tells from a run's windows, units and validations whether it has gone wrong, or is about to.

It is pure: fed with figures, it answers with findings, and all it remembers is one structure that `last` keeps, so that
a resumed run finds the same at the same steps. Where figures come from is left to `watching.py`, what becomes of a
finding to the trainer.
"""

from __future__ import annotations

import math
from collections.abc import Set
from statistics import median
from typing import get_args

from msgspec import Struct, field, structs

from engine.training.findings import Finding, Name, Wording
from engine.training.measures import Units
from engine.training.windows import Sums

WINDOWS = 5
"""Windows that are judged together: neither one odd batch nor two odd windows decide anything."""
FEWEST_WINDOWS = 3
LEAST_RISE = 1.0
"""Nats. Below, a loss is not far above its best, however low that is."""
LOST_SHARE = 0.5
"""Nor before so much of what was gained over guessing is lost."""
SIGMAS = 3.0
"""Deviations above a guesser's right answers up to which accuracy is at chance."""
PATIENCE, PATIENCE_SHARE = 1000, 0.05
"""Steps after the warm-up, or share of the run if that is more, in which accuracy may stay at chance."""
NORM_RISE, LOW_NORM = 10.0, 1.0
"""A gradient norm rises strongly at so many times its usual value; below the second it harms nobody."""
HUGE_NORM = 1e4
"""Where learning runs have norms of one to a hundred."""
NORM_WINDOWS = 50
"""Windows that the usual gradient norm is an average of."""
ALIKE_BELOW = 0.02
"""Share in which pooled vectors differ. Of eleven runs, those that learned had at least 0.034 at step 50, those that
failed at most 0.013 (docs/results.md, "Why the course's encoders need batch normalisation")."""
STUCK_AT_CHANCE, STUCK_ANYWAY = 0.6, 0.9
"""Share of units stuck. A run with 0.45 still learned; 0.6 and more belonged to runs at chance."""
COLLAPSED_BELOW = 1e-4
"""Share in which pooled vectors differ when nothing is left of it: a hundredth of what the failing runs above had."""
VALIDATION_SHARE = 0.5
"""Validation is far below training when its accuracy is less than this share of it."""
QUIET_WINDOWS = 10
"""A finding stands until it wasn't seen for so many windows, so that one on the edge isn't told again and again."""

OF_VALIDATIONS: frozenset[str] = frozenset({"validation not finite", "validation below training"})
OF_WINDOWS: frozenset[str] = frozenset(get_args(Name)) - OF_VALIDATIONS
NOT_FINITE = frozenset({"loss or gradient not finite", "validation not finite"})
NO_DIVERGENCE = frozenset({"validation below training"})
"""Findings that don't keep a state from being one to go back to: a run that learns its utterances by heart is not
about to fall."""


class Facts(Struct, frozen=True):
    """What a run is judged by. chance: accuracy of always naming the most frequent speaker; steps: of the whole run."""

    speakers: int
    chance: float
    warmup: int
    steps: int
    batch_size: int
    look_every: int

    @property
    def patience_ends(self) -> int:
        """The step by which accuracy should have left chance; in a short run the middle of it."""
        patience = max(PATIENCE, round(PATIENCE_SHARE * self.steps))
        return min(self.warmup + patience, max(self.warmup, self.steps // 2))


class Memory(Struct):
    """All that the doctor and its windows remember; every number in it is finite when it is saved."""

    recent: list[Sums] = field(default_factory=list)  # the last windows, all finite
    unfinished: Sums = Sums()
    best_loss: float | None = None
    best_loss_step: int = 0
    best_accuracy: float = 0.0  # zero until it was clearly above chance
    windows: int = 0
    suspect: bool = False  # whether the last window would be an error if it were not alone
    collapsed: int = 0  # looks at the units, one after the other, in which nothing was left to learn from
    usual_log_norm: float = 0.0
    standing: dict[str, int] = field(default_factory=dict)  # findings by name, and the step at which each was last seen
    rollbacks: int = 0
    left_out: list[int] = field(default_factory=list)  # utterances whose frames are no numbers

    def after_rollback(self, before: Memory, utterances: tuple[int, ...]) -> Memory:
        """This, a healthy state's, as it is when the run goes back to it; before: what was remembered until then.

        The windows up to the healthy state are forgotten: with another rate the run is judged by what is to come.
        """
        left_out = sorted({*before.left_out, *utterances})
        return structs.replace(self, recent=[], rollbacks=before.rollbacks + 1, left_out=left_out)


class Doctor:
    """Judges one run. Each method returns the findings that are news: those that didn't stand already."""

    def __init__(self, facts: Facts, wording: Wording) -> None:
        self.facts = facts
        self.wording = wording
        self.memory = Memory()

    @property
    def sound(self) -> bool:
        """Whether nothing stands that tells of divergence, nor is suspected: a state to go back to."""
        return not self.memory.suspect and not self.memory.standing.keys() - NO_DIVERGENCE

    def judge_window(self, step: int, sums: Sums, units: Units | None) -> list[Finding]:
        """A window that ended at `step`, all of whose steps were finite, and a look at the units there."""
        memory = self.memory
        memory.recent = [*memory.recent, sums][-WINDOWS:]
        memory.windows += 1
        memory.suspect = False
        found = [self._loss(step), self._accuracy(step), self._gradients(step)]
        if units is not None:
            found += self._units(units)
        return self.news(found, OF_WINDOWS, step)

    def judge_validation(self, step: int, loss: float, accuracy: float, utterances: int) -> list[Finding]:
        """A validation whose loss is finite: accuracy on the segments of so many utterances."""
        found = self._below(accuracy, utterances)
        return self.news([found], OF_VALIDATIONS, step)

    def news(self, found: list[Finding | None], judged: Set[str], step: int) -> list[Finding]:
        """Notes what stands now and returns what didn't. judged: names of all that could have been found."""
        standing, seen = self.memory.standing, [finding for finding in found if finding is not None]
        fresh = [finding for finding in seen if finding.name not in standing]
        quiet = step - QUIET_WINDOWS * self.facts.look_every
        for name in [name for name, last in standing.items() if name in judged and last <= quiet]:
            del standing[name]
        standing.update({finding.name: step for finding in seen})
        return fresh

    def expect_a_rise(self) -> None:
        """The rate is about to jump, as at a new cosine: the loss may rise from a best that belongs to a lower rate."""
        self.memory.best_loss = None
        self.memory.recent = []

    # ------------------------------------------------------------------------------------------------------- the rules

    def _loss(self, step: int) -> Finding | None:
        """Far above its best; or, when it should have learned something, far above that of a guesser."""
        memory, guess = self.memory, math.log(self.facts.speakers)
        loss = median(window.mean_loss for window in memory.recent)
        if memory.best_loss is None or loss < memory.best_loss:
            memory.best_loss, memory.best_loss_step = loss, step
        best, than_what = memory.best_loss, f"its best (step {memory.best_loss_step})"
        if step > self.facts.patience_ends and guess < best:
            best, than_what = guess, "that of guessing"
        limit = best + max(LEAST_RISE, LOST_SHARE * (guess - best))
        memory.suspect |= memory.recent[-1].mean_loss > limit
        if len(memory.recent) < FEWEST_WINDOWS or loss <= limit:
            return None
        return self.wording.loss_risen(loss, len(memory.recent), best, than_what)

    def _accuracy(self, step: int) -> Finding | None:
        """At chance: either it fell there, or it never left."""
        memory, (right, segments) = self.memory, self._answers()
        limit = chance_limit(segments, self.facts.chance)
        if right > min(2 * limit, (segments + limit) / 2):
            memory.best_accuracy = max(memory.best_accuracy, right / segments)
        memory.suspect |= right <= limit and memory.best_accuracy > 0
        if right > limit or len(memory.recent) < WINDOWS:
            return None
        expected = segments * self.facts.chance
        if memory.best_accuracy:
            return self.wording.accuracy_fallen(right, segments, expected, memory.best_accuracy)
        return self.wording.at_chance(right, segments, expected, step) if step > self.facts.patience_ends else None

    def _gradients(self, step: int) -> Finding | None:
        """Far above the average of the windows before, in logarithms."""
        memory = self.memory
        norm = median(window.mean_norm for window in memory.recent)
        memory.suspect |= memory.recent[-1].mean_norm > HUGE_NORM
        usual = math.exp(memory.usual_log_norm)
        latest = math.log(max(memory.recent[-1].mean_norm, 1e-12))
        memory.usual_log_norm += (latest - memory.usual_log_norm) / min(memory.windows, NORM_WINDOWS)
        if len(memory.recent) < WINDOWS:
            return None
        if norm > HUGE_NORM and self._at_chance():
            return self.wording.gradients_exploded(norm, WINDOWS)
        rising = step > self.facts.warmup and norm > max(LOW_NORM, NORM_RISE * usual)
        return self.wording.gradients_rising(norm, usual) if rising else None

    def _units(self, units: Units) -> list[Finding | None]:
        """The signs that a fall is near, or that it has become final: then no gradient gets through any more."""
        final = units.stuck_hidden == 1.0 or units.difference < COLLAPSED_BELOW
        self.memory.collapsed = self.memory.collapsed + 1 if final and self._at_chance() else 0
        self.memory.suspect |= self.memory.collapsed > 0
        if self.memory.collapsed >= WINDOWS:
            return [self.wording.collapsed(units.difference, units.stuck_hidden, self.memory.collapsed)]
        return [self._alike(units), self._stuck(units)]

    def _alike(self, units: Units) -> Finding | None:
        """Only while nothing is learned: vectors with a large common part can be told apart all the same."""
        if units.difference < ALIKE_BELOW and self._at_chance():
            return self.wording.utterances_alike(units.difference, units.segments)
        return None

    def _stuck(self, units: Units) -> Finding | None:
        most = STUCK_AT_CHANCE if self._at_chance() else STUCK_ANYWAY
        if units.stuck_hidden is not None and units.stuck_hidden > most:
            return self.wording.units_stuck(units.stuck_hidden, "the head's hidden units", units.segments)
        if units.stuck > most:
            return self.wording.units_stuck(units.stuck, "the pooled vector's units", units.segments)
        return None

    def _below(self, accuracy: float, utterances: int) -> Finding | None:
        """By more than the number of held-out segments explains."""
        right, segments = self._answers()
        trained = right / max(1, segments)
        noise = SIGMAS * math.sqrt(trained * (1 - trained) / max(1, utterances))
        if not self._at_chance() and accuracy < min(VALIDATION_SHARE * trained, trained - noise):
            return self.wording.validation_below(accuracy, utterances, trained)
        return None

    def _answers(self) -> tuple[int, int]:
        """Right answers of the recent windows, and the segments asked about."""
        recent = self.memory.recent
        return sum(one.right for one in recent), self.facts.batch_size * sum(one.steps for one in recent)

    def _at_chance(self) -> bool:
        right, segments = self._answers()
        return right <= chance_limit(segments, self.facts.chance)


def chance_limit(segments: int, chance: float) -> float:
    """The right answers out of so many segments up to which a guesser explains them: binomial, `SIGMAS` deviations."""
    return 1 + segments * chance + SIGMAS * math.sqrt(segments * chance * (1 - chance))
