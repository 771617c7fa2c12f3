"""Load and memory of the worker and of the device it trains on, a few times a minute."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import psutil

from engine.runs.events import Resources

INTERVAL_SECONDS = 2.0


class ResourceMeter:
    """Measures this process, and one NVIDIA device when there is one. No reading is ever worth failing for."""

    def __init__(self, device: str) -> None:
        self._process = psutil.Process()
        self._cores = psutil.cpu_count() or 1
        self._memory = psutil.virtual_memory().total
        self._process.cpu_percent()
        self._measured = time.monotonic()
        self._handle = _nvidia_handle(int(device.partition(":")[2] or 0)) if device.startswith("cuda") else None

    def due(self) -> bool:
        """Whether the last reading is old."""
        return time.monotonic() - self._measured >= INTERVAL_SECONDS

    def read(self, step: int) -> Resources:
        """The load since the last reading and the memory now."""
        self._measured = time.monotonic()
        load, used, total = _read_nvidia(self._handle)
        return Resources(
            step=step,
            processor_load=min(1.0, self._process.cpu_percent() / 100 / self._cores),
            memory_bytes=self._process.memory_info().rss,
            device_load=load,
            device_memory_bytes=used,
            device_memory_total=total,
            memory_total=self._memory,
        )


def _nvidia_handle(index: int) -> Any:
    with contextlib.suppress(Exception):  # a missing driver shows itself in many ways, and none matters here
        import pynvml

        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetHandleByIndex(index)
    return None


def _read_nvidia(handle: Any) -> tuple[float | None, int | None, int | None]:
    if handle is not None:
        with contextlib.suppress(Exception):
            import pynvml

            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            load = pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
            return load, int(memory.used), int(memory.total)
    return None, None, None
