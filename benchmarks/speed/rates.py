"""Step rate against the plain loop and Lightning, as share of what the machine multiplies, and validation's rate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from contenders import PRESETS, Child, Contender, Run, course_preset, in_turns, ratios
from made_corpus import LISTS
from products import Products
from table import Row, at_least, spread


def steps(corpus: Path, rounds: int, seconds: float) -> Iterator[Row]:
    """Both course presets: all contenders take turns, and so do the bare matrix products of a step."""
    lists = str(corpus.parent / LISTS)
    for name in PRESETS:
        preset = course_preset(name)
        products = {kind: Products(preset, kind) for kind in ("float32", "bfloat16")}
        contenders: dict[str, Contender] = {
            "engine": Run(preset, corpus, corpus.parent),
            "plain": Child("plain_loop.py", name, lists),
            "lightning": Child("lightning_loop.py", name, lists),
            "lightning in bfloat16": Child("lightning_loop.py", name, lists, "bf16-mixed"),
            **products,
        }
        rates = in_turns(contenders, rounds, seconds)
        engine = rates["engine"]
        yield Row(f"{name}: steps a second", spread(engine, ".1f"))
        for other in ("plain", "lightning", "lightning in bfloat16"):
            yield Row(f"{name}: steps a second, {other}", spread(rates[other], ".1f"))
        yield at_least(f"{name}: step rate against the plain loop", ratios(engine, rates["plain"]), 2.0)
        yield at_least(f"{name}: step rate against Lightning", ratios(engine, rates["lightning"]), 1.5)
        against = ratios(engine, rates["lightning in bfloat16"])
        yield Row(f"{name}: step rate against Lightning told to use bfloat16", spread(against) + " times")
        for kind, product in products.items():
            billions = [rate * product.operations / 1e9 for rate in rates[kind]]
            said = f"{spread(billions, '.0f')} GFLOP/s, {product.operations / 1e9:.1f} GFLOP a step"
            yield Row(f"{name}: bare products of its shapes in {kind}", said)
        share = [100 * ratio for ratio in ratios(engine, rates["bfloat16"])]
        yield Row(f"{name}: share of the bfloat16 rate that a step reaches", spread(share, ".0f") + " %")


def validation(corpus: Path, rounds: int, seconds: float) -> Iterator[Row]:
    """One segment and the whole of each held-out utterance, by both."""
    for name in PRESETS:
        contenders: dict[str, Contender] = {
            "engine": Child("engine_validation.py", name, str(corpus)),
            "plain": Child("plain_loop.py", name, str(corpus.parent / LISTS), task="validate"),
        }
        rates = in_turns(contenders, rounds, seconds)
        yield Row(f"{name}: utterances validated a second", spread(rates["engine"], ".0f"))
        yield at_least(f"{name}: validation against the plain loop", ratios(rates["engine"], rates["plain"]), 3.0)
