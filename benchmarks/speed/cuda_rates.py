"""Step rates on a CUDA device, where there is one: at the presets' own batch and at a large one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from contenders import PRESETS, Run, course_preset, in_turns, ratios
from products import Products
from table import Row, spread

LARGE = 1024


def cuda(corpus: Path, rounds: int, seconds: float) -> Iterator[Row]:
    """Step/s at the presets' own batch, and at 1,024 segments its share of what the device multiplies."""
    if not torch.cuda.is_available():
        yield Row("CUDA", "not measured: no CUDA device is here")
        return
    name = torch.cuda.get_device_name()
    for preset_name in PRESETS:
        preset = course_preset(preset_name, "run.device=cuda")
        rates = in_turns({"engine": Run(preset, corpus, corpus.parent)}, rounds, seconds)["engine"]
        yield Row(
            f"{preset_name} on {name}: steps a second at {preset.segments.batch_size} segments", spread(rates, ".0f")
        )
        large = course_preset(preset_name, "run.device=cuda", f"segments.batch_size={LARGE}")
        products = Products(large, "bfloat16", "cuda")
        both = in_turns({"engine": Run(large, corpus, corpus.parent), "products": products}, rounds, seconds)
        yield Row(f"{preset_name} on {name}: steps a second at {LARGE} segments", spread(both["engine"], ".1f"))
        share = [100 * ratio for ratio in ratios(both["engine"], both["products"])]
        yield Row(f"{preset_name} on {name}: share of its bfloat16 products at {LARGE}", spread(share, ".0f") + " %")
