"""Which device trains, in which arithmetic, with how many threads: "auto" resolved, and said in words."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch
from msgspec import Struct

from engine.errors import InputError
from engine.machine import training_threads
from engine.preset import RunSettings


class Resolved(Struct, frozen=True):
    """What "auto" came to on this machine."""

    device: str
    name: str
    precision: str
    threads: int

    @property
    def torch_device(self) -> torch.device:
        """The device as torch calls it."""
        return torch.device(self.device)


def resolve(settings: RunSettings) -> Resolved:
    """The device, precision and threads for these settings. Raises `InputError` for a device that isn't there."""
    device = settings.device
    if device == "auto":
        metal = torch.backends.mps.is_available() and settings.devices == 1
        device = "cuda" if torch.cuda.is_available() else "mps" if metal else "cpu"
    kind, _, number = device.partition(":")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        there = f"{torch.cuda.device_count()} CUDA devices are" if torch.cuda.is_available() else "no CUDA device is"
        raise InputError(f"run.device = '{device}': {there} there (allowed here: auto, cpu)")
    if kind == "mps" and settings.devices > 1:
        raise InputError(
            f"run.device = 'mps': run.devices = {settings.devices} can't share it (allowed here: auto, cpu)"
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("run.device = 'mps': this machine has no Metal device (allowed here: auto, cpu)")
    precision = settings.precision
    if precision == "auto":
        precision = "bfloat16" if _fast_at_bfloat16(kind) else "float32"
    threads = settings.threads or training_threads()
    return Resolved(device=device, name=_name(device), precision=precision, threads=threads)


def compute_repeatably() -> None:
    """From now on this process takes only algorithms that give the same bits every time; before CUDA's first product.

    An operation of a user's own encoder that has no such algorithm on a GPU then raises what torch says of it.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, torch refuses products on CUDA
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # slow, and nobody reads it


def _fast_at_bfloat16(kind: str) -> bool:
    """Whether the device multiplies bfloat16 in hardware; emulated, it is many times slower than float32."""
    if kind == "cuda":
        return torch.cuda.get_device_capability()[0] >= 8
    if kind == "cpu":
        # torch says it in one place since 2.10, and in private functions before
        if hasattr(torch.cpu, "get_capabilities"):
            capabilities = torch.cpu.get_capabilities()
            return any(capabilities.get(flag, False) for flag in ("avx512_bf16", "amx_bf16", "bf16"))
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def _name(device: str) -> str:
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    if device == "mps":
        return "Apple GPU"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
