"""What the doctor can find, in words for people: the figures seen, and what to try in the preset at hand.

When each of these is the case is left to `divergence.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from engine.model_settings import BatchNormLinearHead, CosineHead
from engine.preset import Preset
from engine.training.windows import Sums

Name: TypeAlias = Literal[
    "loss or gradient not finite", "loss far above its best", "accuracy fallen to chance", "nothing left to learn from",
    "gradients exploded", "validation not finite", "accuracy still at chance", "gradients rising", "utterances alike",
    "units stuck", "validation below training",
]  # fmt: skip


class Finding(Struct, frozen=True):
    """Something that was seen. An error means that the run has gone wrong; a warning is only told."""

    name: Name
    severity: Literal["warning", "error"]
    text: str
    advice: str
    utterances: tuple[int, ...] = ()  # those whose frames are to blame
    stays: bool = False  # whether it will be found again, however the run goes on


class Wording:
    """Findings about one preset's run."""

    def __init__(self, preset: Preset) -> None:
        self._steps = preset.divergence.look_every
        self._loss = "training loss without its margin" if _has_margin(preset) else "training loss"
        self._cure = cure(preset)

    def not_finite(self, sums: Sums, step: int, blamed: Sequence[tuple[int, str]]) -> Finding:
        """blamed: the utterances whose frames hold the numbers, each with its name."""
        broken = sums.steps - sums.finite
        text = (
            f"the training loss or its gradient was not a finite number in {broken} of the {sums.steps} steps up to"
            f" {step} (mean loss {sums.mean_loss:.3g}, gradient norm {sums.mean_norm:.3g})"
        )
        if blamed:
            text += f": {_frames(blamed)}"
            return Finding("loss or gradient not finite", "error", text, CLEAN, tuple(number for number, _ in blamed))
        return Finding("loss or gradient not finite", "error", text, self._cure)

    def validation_not_finite(self, loss: float, blamed: Sequence[tuple[int, str]]) -> Finding:
        """loss: that of the validation; blamed as in `not_finite`."""
        text = f"the validation loss is {loss}, though training's was finite"
        if blamed:
            return Finding("validation not finite", "error", f"{text}: {_frames(blamed)}", CLEAN, stays=True)
        advice = f"the weights, or statistics kept for validation (BatchNorm), may be broken; {self._cure}"
        return Finding("validation not finite", "error", text, advice)

    def loss_risen(self, loss: float, windows: int, than: float, than_what: str) -> Finding:
        """loss: the median of so many windows; than: what it is far above, in nats, and what that is."""
        text = (
            f"the {self._loss} stays far above {than_what}: {loss:.3g} against {than:.3g} nats"
            f" (median of the last {windows} windows of {self._steps} steps)"
        )
        return Finding("loss far above its best", "error", text, self._cure)

    def accuracy_fallen(self, right: int, segments: int, expected: float, before: float) -> Finding:
        """expected: right answers of a guesser; before: the best accuracy that there was."""
        text = (
            f"the training accuracy fell to chance: {right} of the last {segments} segments right, where guessing gets"
            f" {expected:.0f}; it had been {before:.3g}"
        )
        return Finding("accuracy fallen to chance", "error", text, self._cure)

    def at_chance(self, right: int, segments: int, expected: float, step: int) -> Finding:
        """expected: right answers of a guesser."""
        text = (
            f"the training accuracy has not left chance in {step} steps: {right} of the last {segments} segments right,"
            f" where guessing gets {expected:.0f}"
        )
        return Finding("accuracy still at chance", "warning", text, self._cure)

    def gradients_rising(self, norm: float, usual: float) -> Finding:
        """Both before clipping."""
        text = f"the gradient norm rises: {norm:.3g} in the last windows, {usual:.3g} before that"
        return Finding("gradients rising", "warning", text, self._cure)

    def gradients_exploded(self, norm: float, windows: int) -> Finding:
        """norm: before clipping, the median of so many windows."""
        text = (
            f"the gradient norm is {norm:.3g} (median of the last {windows} windows of {self._steps} steps) and the"
            " training accuracy at chance: steps in such directions teach nothing"
        )
        return Finding("gradients exploded", "error", text, self._cure)

    def utterances_alike(self, difference: float, segments: int) -> Finding:
        """difference: share of the squared length."""
        text = (
            f"the pooled vectors of {segments} utterances have become alike: {difference:.2g} of their squared"
            " length differs; no run measured that learned had so little early on (docs/results.md)"
        )
        return Finding("utterances alike", "warning", text, self._cure)

    def collapsed(self, difference: float, stuck_hidden: float | None, looks: int) -> Finding:
        """difference, stuck_hidden: shares of the squared length and of the hidden units; looks: one a window."""
        units = "" if stuck_hidden is None else f", {stuck_hidden:.0%} of the head's hidden units are dead"
        text = (
            f"the model gives all utterances the same, and no gradient is left to mend that: {difference:.2g} of the"
            f" pooled vectors' squared length differs{units}, for {looks} windows of {self._steps} steps"
        )
        return Finding("nothing left to learn from", "error", text, self._cure)

    def units_stuck(self, share: float, where: str, segments: int) -> Finding:
        """share: of the units there."""
        text = f"{share:.0%} of {where} give all of {segments} utterances the same: dead or saturated"
        return Finding("units stuck", "warning", text, self._cure)

    def validation_below(self, validated: float, utterances: int, trained: float) -> Finding:
        """Accuracies as shares."""
        text = f"validation is far below training: {validated:.3g} of {utterances} segments right, {trained:.3g} there"
        return Finding("validation below training", "warning", text, OVERFITTING)


CLEAN = (
    "find out what wrote them ('spk-tui data --full' checks recordings; delete a packed corpus in the cache to make it"
    " anew)"
)
OVERFITTING = (
    "try [augment], more encoder.dropout or optimizer.weight_decay; where validation is at chance, 'spk-tui check'"
    " tells whether the encoder behaves in evaluation as in training"
)


def cure(preset: Preset) -> str:
    """What to try against divergence, the most helpful first, as far as the preset hasn't got it already."""
    head, clip = preset.head, preset.optimizer.clip_norm
    if isinstance(head, BatchNormLinearHead) or (isinstance(head, CosineHead) and head.batch_norm):
        first = f"BatchNorm before the classifier is there already (head.kind = {_kind(preset)}); try "
    elif isinstance(head, CosineHead):
        first = "try BatchNorm before the classifier (head.batch_norm = true, or head.kind = batchnorm_linear), "
    else:
        first = "try BatchNorm before the classifier (head.kind = batchnorm_linear), "
    clipping = "optimizer.clip_norm = 1" if not 0 < clip <= 1 else f"a smaller optimizer.clip_norm (now {clip:g})"
    return (
        f"{first}a longer schedule.warmup_steps (now {preset.warmup_steps}), a smaller optimizer.learning_rate (now"
        f" {preset.optimizer.learning_rate:g}), or {clipping}"
    )


def _kind(preset: Preset) -> str:
    return "cosine" if isinstance(preset.head, CosineHead) else "batchnorm_linear"


def _has_margin(preset: Preset) -> bool:
    head = preset.head
    return isinstance(head, CosineHead) and head.margin_kind != "none" and head.margin > 0


def _frames(blamed: Sequence[tuple[int, str]]) -> str:
    more = f" and {len(blamed) - 1} more" if len(blamed) > 1 else ""
    return f"the frames of '{blamed[0][1]}'{more} hold values that are no numbers"
