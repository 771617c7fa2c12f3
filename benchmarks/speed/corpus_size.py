"""Whether a step takes longer on a larger corpus, and what memory it takes: both must not follow the corpus."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
from contenders import PRESETS, Child, in_turns, ratios
from sized_run import BYTES
from table import GIGABYTE, Row, spread

SMALL, COURSE = 500, 56_666  # utterances; the second is the course corpus
BEYOND_MEMORY = 1.25
PRESET = PRESETS[0]  # the quicker step, of which reading is the larger share


class Watched(Child):
    """A child whose own memory is looked at while it works: what is mapped from files doesn't count."""

    def __init__(self, script: str, *arguments: str) -> None:
        super().__init__(script, *arguments)
        self.peak = 0

    def rate(self, seconds: float) -> float:
        """Asks the child, and looks at it fifty times a second until it has answered."""
        over = threading.Event()
        watching = threading.Thread(target=self._watch, args=(over,))
        watching.start()
        try:
            return super().rate(seconds)
        finally:
            over.set()
            watching.join()

    def _watch(self, over: threading.Event) -> None:
        status = Path(f"/proc/{self._process.pid}/status")
        while not over.wait(0.02):
            lines = status.read_text().splitlines()
            self.peak = max(self.peak, next(1024 * int(line.split()[1]) for line in lines if "RssAnon" in line))


def corpus_size(root: Path, rounds: int, seconds: float) -> Iterator[Row]:
    """500 utterances against 56,666, then a corpus larger than the machine's memory."""
    large = Watched("sized_run.py", PRESET, str(root / "large.f16"), str(COURSE))
    small = Watched("sized_run.py", PRESET, str(root / "small.f16"), str(SMALL))
    rates = in_turns({"small": small, "large": large}, rounds, seconds)
    slower = [100 * (ratio - 1) for ratio in ratios(rates["small"], rates["large"])]
    yield Row(
        f"step time with {COURSE:,} utterances against {SMALL}",
        f"{spread(slower, '+.1f')} %",
        "within 5 %",
        statistics.median(slower) <= 5,
    )
    yield _memory(f"peak memory of its own, {COURSE:,} utterances mapped", large.peak, COURSE * BYTES)
    utterances = int(BEYOND_MEMORY * psutil.virtual_memory().total / BYTES)
    huge = Watched("sized_run.py", PRESET, str(root / "huge.f16"), str(utterances), "--sparse")
    trained = in_turns({"huge": huge}, 1, seconds)["huge"]
    size = utterances * BYTES / GIGABYTE
    yield Row(f"a corpus larger than memory trains ({size:.0f} GB)", f"{spread(trained, '.1f')} step/s", "trains", True)
    yield _memory("peak memory of its own there", huge.peak, utterances * BYTES)


def _memory(name: str, peak: int, packed: int) -> Row:
    said = f"below the packed corpus, {packed / GIGABYTE:.2f} GB"
    return Row(name, f"{peak / GIGABYTE:.2f} GB", said, peak < packed)
