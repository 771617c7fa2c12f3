"""How the dashboard feels, measured from outside: a pseudo-terminal of 120x40, and a real run that trains on all cores.

    python benchmarks/dashboard.py [--only NAME ...] [--rounds 5] [--seconds 10] [--keys 100] [--events 1000000]

Names: paint, live, long-run, steps. One table with the goals; latencies hold for a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent / "speed"))

from contenders import PRESETS, Run, course_preset
from dashboard import step_rates
from table import Row, at_least, machine, markdown, spread
from watching import Screen

from engine.runs import client
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.lock import Lock
from tests.spk_tui.run_directories import beginning, new_run, training

NAMES = ("paint", "live", "long-run", "steps")
CORPUS = Path("demo:40x20")
TITLES = ("Loss", "Accuracy", "Step rate", "Learning rate")
STEPS, PROGRESS_EVERY, VALIDATED_EVERY = 100_000_000, 10, 2000
MORE_EVENTS, AT_ONCE, PAUSE = 200_000, 5_000, 0.5
MEGABYTE = 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of a turn")
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--events", type=int, default=1_000_000)
    asked = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ.update(SPK_TUI_CACHE=str(root / "cache"), SPK_TUI_CONFIG=str(root / "config"))
        rows = list(_measured(asked, root))
    print(f"{before}; after it: {', '.join(f'{number:.1f}' for number in os.getloadavg())}\n")
    print(markdown(rows))
    return 0


def _measured(asked: argparse.Namespace, root: Path) -> Iterator[Row]:
    """All rows, in order, each told as it comes."""
    run = Run(course_preset(PRESETS[0]), CORPUS, root)  # it waits until it is told to go on
    runs = root / "runs"
    measurements: dict[str, Callable[[], Iterator[Row]]] = {
        "paint": lambda: first_paint(runs, asked.rounds),
        "live": lambda: live(run, runs, asked.seconds, asked.keys),
        "steps": lambda: step_rates(run, runs, asked.rounds, asked.seconds),
        "long-run": lambda: long_run(root / "long", asked.events),
    }
    try:
        for name, measure in measurements.items():
            for row in measure() if name in asked.only else ():
                print(f"{row.name}: {row.figure}", file=sys.stderr)
                yield row
    finally:
        run.close()


def at_most(name: str, figure: str, value: float, goal: float, unit: str) -> Row:
    """A row whose value shall not exceed the goal."""
    return Row(name, figure, f"at most {goal:g} {unit}", value <= goal)


def first_paint(runs: Path, rounds: int) -> Iterator[Row]:
    """From the start of the process to the presets' names; the first opening warms the disk's cache."""
    taken = []
    for _ in range(rounds + 1):
        screen = Screen(runs, follow=False)
        taken.append(screen.first_paint)
        screen.close()
    yield at_most("first paint", f"{spread(taken[1:])} s", statistics.median(taken[1:]), 0.5, "s")


def live(run: Run, runs: Path, seconds: float, keys: int) -> Iterator[Row]:
    """The training screen while the run trains: keys, frames, processor time."""
    client.ask(run.directory, "continue")
    screen = Screen(runs)
    try:
        time.sleep(5)
        shown, spent, began = len(screen.drawn), processor_time(screen), time.perf_counter()
        time.sleep(seconds)
        share = 100 * (processor_time(screen) - spent) / (time.perf_counter() - began)
        frames = len(re.findall(b"|".join(map(title_of, TITLES)), screen.drawn[shown:])) / seconds
        yield at_least("charts drawn a second, one a frame", [frames], 3.5, ".1f", "")
        yield at_most("processor time, live", f"{share:.1f} % of a core", share, 5, "% of a core")
        taken = [1000 * latency for latency in latencies(screen, keys)]
        worst = statistics.quantiles(taken, n=100)[-1]
        yield Row("from a key to its effect", f"{spread(taken, '.0f')} ms, {keys} keys")
        yield at_most("99th percentile of that", f"{worst:.0f} ms", worst, 50, "ms")
    finally:
        screen.close()
        client.ask(run.directory, "pause")
        time.sleep(2)


def title_of(title: str) -> bytes:
    """A chart's title as it is drawn: in bold, which nothing else of that name is."""
    return rb"\x1b\[1[\d;]*m" + title.encode()


def latencies(screen: Screen, keys: int) -> Iterator[float]:
    """Seconds from a number key to the mark at that chart's title, at moments that no frame knows of."""
    for _, place in zip(range(keys), itertools.cycle((1, 2, 3, 0)), strict=False):
        time.sleep(random.uniform(0.1, 0.5))
        marked = "▸ ".encode() + rb"(\x1b\[[\d;]*m)*" + TITLES[place].encode()
        yield screen.press(str(place + 1).encode(), marked)


def processor_time(screen: Screen) -> float:
    """Seconds that the dashboard's process has computed."""
    times = screen.process.cpu_times()
    return times.user + times.system


# ------------------------------------------------------------------------------------------------ a very long run


def long_run(root: Path, count: int) -> Iterator[Row]:
    """A run of very many events: opened, then followed while more are appended."""
    run = new_run(root, created=time.time())
    told = training(STEPS, steps=STEPS, every=VALIDATED_EVERY, progress_every=PROGRESS_EVERY)
    append(run, beginning(steps=STEPS))
    append(run, itertools.islice(told, count))
    lock = Lock(run.lock_path)  # for everybody who looks, its worker lives
    screen = Screen(root)
    try:
        opened = screen.seconds_to_open
        yield at_most(f"opening a run of {count:,} events", f"{opened:.2f} s", opened, 2, "s")
        time.sleep(5)
        before = screen.process.memory_info().rss / MEGABYTE
        yield Row("memory with it open", f"{before:.0f} MB")
        late = [follow(screen, run, told) for _ in range(MORE_EVENTS // AT_ONCE)]
        after = screen.process.memory_info().rss / MEGABYTE
        yield at_most(f"from {AT_ONCE:,} new events to their step on the screen", f"{spread(late)} s",
                      statistics.median(late), 1, "s")  # fmt: skip
        grown = after - before
        yield at_most(f"memory grown by {MORE_EVENTS:,} more events", f"{grown:.0f} MB", grown, 50, "MB")
    finally:
        screen.close()
        lock.release()


def follow(screen: Screen, run: RunDirectory, told: Iterator[e.Event]) -> float:
    """Appends events; returns the seconds until the screen shows the last one's step."""
    new = list(itertools.islice(told, AT_ONCE))
    since, began = len(screen.drawn), time.perf_counter()
    append(run, new)
    taken = screen.wait_for(rb"step (\x1b\[[\d;]*m)*" + f"{new[-1].step:,}".encode(), since) - began
    time.sleep(PAUSE)
    return taken


def append(run: RunDirectory, events: Iterator[e.Event] | Sequence[e.Event]) -> None:
    """Writes events as a worker does, but many at once."""
    with run.events_path.open("ab") as file:
        file.writelines(e.encode_event(event) + b"\n" for event in events)


if __name__ == "__main__":
    sys.exit(main())
