"""Finds the sizes of an encoder that use up a budget of parameters: near a given shape, and never more than is allowed.

Depth and proportions are kept, so that the result is the same encoder, larger or smaller; what rounding leaves over
goes into the hidden widths. Only where that can't use 97 % does the depth change. Which keys are sizes stands in
`engine.model_settings`, by their types `Width` and `Depth`; which values go together is asked of
`engine.contradictions`, and what they cost is counted on the meta device. So a new kind of encoder needs nothing here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from engine.contradictions import contradictions
from engine.dry_run import DryRun
from engine.errors import InputError
from engine.model_settings import Encoder, FrontEnd, kind_of, width_before
from engine.models.registry import ENCODERS, FRONT_ENDS
from engine.preset import Budget, Preset
from engine.section import sizes_of

SHARE_TO_USE = 0.97
NO_MATTER = math.log(1.1)
"""Proportions that are off by a tenth are as good as kept."""


class _Found(NamedTuple):
    """An encoder within the budget, what it has, and how far its widths are from the wished proportions."""

    encoder: Encoder
    parameters: int
    distortion: float


def fit(preset: Preset, budget: int, pinned: Collection[str] = ()) -> Preset:
    """The preset with other sizes of its encoder, which has 97 % to 100 % of `budget` parameters.

    pinned: keys of [encoder] that stay as they are. The same question always has the same answer. Raises `InputError`
    where there is none, with the nearest that there is.
    """
    fitting = _Fitting(preset, pinned)
    best: _Found | None = None
    for wished in fitting.depths(budget):
        for found in fitting.at(wished, budget):
            best = found if best is None else _better(best, found, SHARE_TO_USE * budget)
            if best.parameters >= SHARE_TO_USE * budget and best.distortion <= NO_MATTER:
                break
        if best is not None and best.parameters >= SHARE_TO_USE * budget:
            return _with_encoder(preset, best, budget)
    if best is None:
        smallest = fitting.smallest(preset.encoder)
        raise InputError(
            f"a {fitting.words} has {fitting.parameters(smallest):,} parameters at least ({_in_words(smallest)}), more "
            f"than {budget:,}"
        )
    raise InputError(
        f"no {fitting.words} has {100 * SHARE_TO_USE:.0f} % to 100 % of {budget:,} parameters; the nearest below has "
        f"{best.parameters:,} ({_in_words(best.encoder)})"
    )


class _Fitting:
    """The shapes that one search may look at: what is wished, what may be varied, and what was counted already."""

    def __init__(self, preset: Preset, pinned: Collection[str]) -> None:
        self.preset, self.near = preset, preset.encoder
        kind, sizes = kind_of(preset.encoder), sizes_of(type(preset.encoder))
        if not sizes:
            raise InputError(f"{kind} can't be fitted: only its file knows its sizes; change its options by hand")
        given = [f"{size.key} = {getattr(self.near, size.key)}" for size in sizes if size.key in pinned]
        if len(given) == len(sizes):
            raise InputError(f"nothing is left to vary: {', '.join(given)}; give fewer of them")
        self.words = f"{kind} encoder{' with ' * bool(given)}{', '.join(given)}"
        self.sizes = {size.key: size for size in sizes}
        widths = [size.key for size in sizes if size.role == "width"]
        self.depth = next((size.key for size in sizes if size.role == "depth" and size.key not in pinned), None)
        self.main = next((key for key in widths[:1] if key not in pinned), None)
        if self.main is not None:
            narrowest, widest = (
                self._with(self.near, self.main, limit) for limit in (1, self.sizes[self.main].highest)
            )
            if narrowest == widest:
                self.main = None  # the rest of the preset leaves it one value, as frames without a front end do
        self.hidden = [key for key in widths[1:] if key not in pinned]

    def parameters(self, encoder: Encoder) -> int:
        """What the budget counts: the trainable parameters of the encoder block."""
        return _count(encoder, self.preset.front_end, self.preset.features.mel_bands)

    def depths(self, budget: int) -> Iterator[Encoder]:
        """The wished shape at every depth at which the budget suffices for something, nearest depths first."""
        yield self.near
        if self.depth is None:
            return
        size, wished = self.sizes[self.depth], getattr(self.near, self.depth)

        def smallest(depth: int) -> int:
            return self.parameters(self.smallest(self._with(self.near, size.key, depth)))

        deepest = _largest(size.lowest, size.highest, wished, smallest, budget)
        if deepest is None:
            return
        if deepest > size.lowest and smallest(deepest) == smallest(size.lowest):
            return  # positions that share a layer cost nothing, so another number of them doesn't help
        others = [depth for depth in range(size.lowest, deepest + 1) if depth != wished]
        for depth in sorted(others, key=lambda depth: (abs(math.log(depth / wished)), depth)):
            yield self._with(self.near, size.key, depth)

    def at(self, wished: Encoder, budget: int) -> Iterator[_Found]:
        """What fits at a depth: with the main width that keeps all proportions, and with its two neighbours."""
        for encoder in self._scaled(wished, budget):
            filled = self._filled(encoder, wished, budget)
            if not self._contradicts_itself(filled) and self.parameters(filled) <= budget:
                yield _Found(filled, self.parameters(filled), self._distortion(filled, wished))

    def smallest(self, encoder: Encoder) -> Encoder:
        """The encoder with all free widths as narrow as they can be; with a free depth, of one layer when near."""
        if encoder is self.near and self.depth is not None:
            encoder = self._with(encoder, self.depth, self.sizes[self.depth].lowest)
        for key in filter(None, [self.main, *self.hidden]):
            encoder = self._with(encoder, key, self.sizes[key].lowest)
        return encoder

    def _scaled(self, wished: Encoder, budget: int) -> Iterator[Encoder]:
        """The wished shape with all free widths scaled alike to the budget, then with a narrower and a wider one."""
        key = self.main
        if key is None:
            yield wished
            return

        def scaled(width: int) -> Encoder:
            made = self._with(wished, key, width)
            return self._scale_hidden(made, wished, getattr(made, key) / getattr(wished, key))

        size = self.sizes[key]
        guess = round(getattr(wished, key) * math.sqrt(budget / self.parameters(wished)))  # most weights are in squares
        widest = _largest(size.lowest, size.highest, guess, lambda width: self.parameters(scaled(width)), budget)
        middle = scaled(widest or size.lowest)
        yield middle
        width = getattr(middle, key)
        yield scaled(width - 1)
        wider = (getattr(self._with(wished, key, more), key) for more in range(width + 1, size.highest + 1))
        yield scaled(next((other for other in wider if other > width), width))

    def _filled(self, encoder: Encoder, wished: Encoder, budget: int) -> Encoder:
        """The hidden widths scaled alike as far as the budget goes, then one after the other for what is left."""
        if not self.hidden:
            return encoder
        leader = self.sizes[max(self.hidden, key=lambda key: int(getattr(wished, key)))]

        def alike(width: int) -> Encoder:
            return self._scale_hidden(encoder, wished, width / getattr(wished, leader.key))

        guess = getattr(encoder, leader.key)
        widest = _largest(leader.lowest, leader.highest, guess, lambda width: self.parameters(alike(width)), budget)
        filled = alike(widest or leader.lowest)
        for key in self.hidden:
            filled = self._widened(filled, key, budget)
        return filled

    def _widened(self, encoder: Encoder, key: str, budget: int) -> Encoder:
        """The encoder with one width as wide as the budget allows."""
        now, highest = getattr(encoder, key), self.sizes[key].highest

        def cost(width: int) -> int:
            return self.parameters(self._with(encoder, key, width))

        return self._with(encoder, key, _largest(now, highest, now, cost, budget) or now)

    def _scale_hidden(self, encoder: Encoder, wished: Encoder, scale: float) -> Encoder:
        for key in self.hidden:
            encoder = self._with(encoder, key, round(scale * getattr(wished, key)))
        return encoder

    def _with(self, encoder: Encoder, key: str, value: int) -> Encoder:
        """The encoder with the value, or the nearest one below it, else above, that goes together with the rest."""
        size = self.sizes[key]
        value = min(max(value, size.lowest), size.highest)
        if size.role == "width":  # what doesn't go together with a depth is put right by the widths
            for allowed in [*range(value, size.lowest - 1, -1), *range(value + 1, size.highest + 1)]:
                made = replace(encoder, **{key: allowed})
                if not self._contradicts_itself(made):
                    return made
        return replace(encoder, **{key: value})

    def _contradicts_itself(self, encoder: Encoder) -> bool:
        return bool(contradictions(replace(self.preset, encoder=encoder)))

    def _distortion(self, encoder: Encoder, wished: Encoder) -> float:
        """The greatest change of a hidden width relative to the main one, as a logarithm; 0 keeps all proportions."""
        scale = getattr(encoder, self.main) / getattr(wished, self.main) if self.main else 1.0
        changes = [getattr(encoder, key) / getattr(wished, key) / scale for key in self.hidden]
        return max((abs(math.log(change)) for change in changes), default=0.0)


def _better(one: _Found, other: _Found, enough: float) -> _Found:
    """Of two that use enough of the budget the one with truer proportions, else the larger one; at a draw the first."""
    if one.parameters >= enough and other.parameters >= enough:
        return other if other.distortion < one.distortion else one
    return other if other.parameters > one.parameters else one


def _largest(lowest: int, highest: int, guess: int, cost: Callable[[int], int], budget: int) -> int | None:
    """The largest number of the range whose cost is within the budget, if any is. The cost never falls.

    Goes from the guess in growing strides until the budget lies between two numbers; then closes in, by turns along a
    straight line and by halves.
    """
    fits: int | None = None
    over: int | None = None
    number, stride, along_a_line = max(lowest, min(guess, highest)), 1, True
    while fits is None or over is None or over - fits > 1:
        if cost(number) > budget:
            over = number
        else:
            fits = number
        if over == lowest or fits == highest:
            break
        if fits is None:
            number, stride = max(lowest, number - stride), 2 * stride
        elif over is None:
            number, stride = min(highest, number + stride), 2 * stride
        else:
            share = (budget - cost(fits)) / (cost(over) - cost(fits)) if along_a_line else 0.5
            number = max(fits + 1, min(over - 1, fits + int(share * (over - fits))))
            along_a_line = not along_a_line
    return fits


@lru_cache(maxsize=10_000)
def _count(encoder: Encoder, front_end: FrontEnd, bands: int) -> int:
    """What the budget counts: the trainable parameters of the encoder block."""
    with DryRun():
        before = FRONT_ENDS[type(front_end)](front_end, bands, width_before(encoder))
        block = ENCODERS[type(encoder)](encoder, before.output_width)
    return sum(parameter.numel() for parameter in block.parameters() if parameter.requires_grad)


def _with_encoder(preset: Preset, found: _Found, budget: int) -> Preset:
    """The preset with the encoder found; what was reported of another encoder is left out."""
    identity = replace(
        preset.preset,
        summary=f"{kind_of(found.encoder)} fitted to {budget:,} parameters: {_in_words(found.encoder)}",
        encoder_parameters=found.parameters,
        reference_accuracy=None,
        reference_source="",
    )
    return replace(preset, preset=identity, encoder=found.encoder, budget=Budget(encoder_parameters=budget))


def _in_words(encoder: Encoder) -> str:
    return ", ".join(f"{size.key} = {getattr(encoder, size.key)}" for size in sizes_of(type(encoder)))
