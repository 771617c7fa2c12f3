"""Where the time of a step goes, by kind of operator, as a table: with one thread and with two.

Shapes are not recorded: that keeps small blocks of memory alive between the large ones, which the allocator must then
ask the kernel for anew, and a step takes three times as long.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from contenders import PRESETS, course_preset
from torch.profiler import ProfilerActivity, profile

from engine.corpus.packed import PackedCorpus
from engine.corpus.splits import split_of
from engine.runs.directory import RunDirectory
from engine.training.device import resolve
from engine.training.trainer import Trainer

WARM_UP, STEPS = 10, 20
KINDS = {
    "matrix products and convolutions": ("mm", "addmm", "bmm", "baddbmm", "convolution", "conv"),
    "random numbers": ("bernoulli", "random_", "rand"),
    "activations and their gradients": ("threshold", "clamp_min", "relu", "silu", "gelu", "glu", "sigmoid"),
    "layer and batch norms": ("layer_norm", "batch_norm"),
    "softmax": ("softmax",),
    "copies, casts and joins": ("copy_", "cat", "stack"),
    "gathering frames": ("index_select", "index"),
    "optimizer and clipping": ("adamw", "Optimizer", "foreach", "vector_norm"),
    "sums": ("sum", "mean"),
    "other arithmetic on tensors": ("add", "mul", "div", "sub", "ge_", "eq", "where", "nll_loss", "neg"),
}
REST = "views, allocation, autograd and Python"


def profiles(packed: PackedCorpus) -> str:
    """A Markdown table of milliseconds a step."""
    columns = {}
    for name in PRESETS:
        for threads in (1, 2):
            columns[f"{name}, {threads} thread{'s' if threads > 1 else ''}"] = milliseconds(packed, name, threads)
    lines = ["| ms a step | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for kind in (*KINDS, REST):
        lines.append(f"| {kind} | " + " | ".join(f"{spent[kind]:.1f}" for spent in columns.values()) + " |")
    lines.append("| all | " + " | ".join(f"{sum(spent.values()):.1f}" for spent in columns.values()) + " |")
    return "\n".join(lines)


def milliseconds(packed: PackedCorpus, name: str, threads: int) -> Counter[str]:
    """Of a step, by kind."""
    preset = course_preset(name, f"run.threads={threads}")
    trainer = Trainer(
        preset, packed, split_of(packed, preset.validation), RunDirectory(Path(os.devnull)), resolve(preset.run)
    )

    def step() -> None:
        trainer._take_step(trainer.batches.at(trainer.step), 1e-4, 0.0)

    for _ in range(WARM_UP):
        step()
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        for _ in range(STEPS):
            step()
    spent: Counter[str] = Counter()
    for event in recorded.key_averages():
        spent[kind_of(event.key)] += event.self_cpu_time_total / 1000 / STEPS
    return spent


def kind_of(operator: str) -> str:
    """The kind that an operator's name tells, the first that fits."""
    for kind, names in KINDS.items():
        if operator.startswith(("aten::", "Optimizer")) and any(part in operator for part in names):
            return kind
    return REST
