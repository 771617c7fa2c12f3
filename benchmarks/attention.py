"""Attention on a CPU, forward and backward: PyTorch's fused kernel in bfloat16, in float32, and plain products.

    python benchmarks/attention.py [--rounds 9]

Milliseconds of one call on bfloat16 tensors, a batch of 32 segments of 128 frames, one thread; medians of rounds in
which the ways take turns.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

BATCH, FRAMES = 32, 128
SHAPES = ((4, 20), (1, 80), (4, 17))  # heads and width of each: the presets of width 80, the course's, and width 68


def fused(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """PyTorch's kernel."""
    return functional.scaled_dot_product_attention(query, key, value)


def widened(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """PyTorch's kernel in float32, with the way there and back."""
    return fused(query.float(), key.float(), value.float()).to(query.dtype)


def plain(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The same as products and a softmax."""
    return torch.softmax((query / math.sqrt(query.shape[-1])) @ key.transpose(-1, -2), dim=-1) @ value


WAYS = (fused, widened, plain)


def milliseconds(way: Callable[[Tensor, Tensor, Tensor], Tensor], tensors: list[Tensor]) -> float:
    """One call, forward and backward."""
    began = time.perf_counter()
    way(*tensors).sum().backward()
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print("| heads x width | " + " | ".join(f"{way.__name__}, ms" for way in WAYS) + " |")
    print("|---" * (1 + len(WAYS)) + "|")
    for heads, width in SHAPES:
        shape = (BATCH, heads, FRAMES, width)
        tensors = [torch.randn(shape, dtype=torch.bfloat16, requires_grad=True) for _ in range(3)]
        taken: dict[str, list[float]] = {way.__name__: [] for way in WAYS}
        for turn in range(rounds + 2):
            for way in WAYS:
                spent = milliseconds(way, tensors)
                if turn >= 2:  # the first calls choose kernels
                    taken[way.__name__].append(spent)
        medians = [f"{statistics.median(times):.1f}" for times in taken.values()]
        print(f"| {heads} x {width} | " + " | ".join(medians) + " |")


if __name__ == "__main__":
    main()
