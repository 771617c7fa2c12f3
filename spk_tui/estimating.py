"""How long a run would take, and how that is known: measured in a run or in a trial, or guessed from its arithmetic.

Pure functions over what was measured; who measures is `run_index.py` and `trials.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from engine.cost import Cost
from engine.preset import Preset
from spk_tui.run_index import RunRow, measured_rate
from spk_tui.trials import Tried
from spk_tui.wording import age, corpus_words, count, duration, rate, small_size


@dataclass(frozen=True)
class Estimate:
    """Seconds of a whole run on a device, and in words how they are known."""

    seconds: float
    known: str
    device: str


def estimate(
    preset: Preset, rows: tuple[RunRow, ...], tried: Tried | None, cost: Cost | None, now: float
) -> Estimate | None:
    """The newest measurement, else a guess for the CPU, which alone can be guessed; None when nothing is known."""
    run = measured_rate(rows, preset)
    if run is not None and run.steps_per_second and (tried is None or run.updated > tried.time):
        known = f"at {rate(run.steps_per_second)}, measured in your run of {age(now - run.updated)}"
        return Estimate(preset.run.steps / run.steps_per_second, known, run.info.device or preset.run.device)
    if tried is not None:
        trial = tried.trial
        known = f"at {rate(1 / trial.seconds_per_step)}, measured in a trial {_when(now - tried.time)}"
        if trial.step_memory is not None:
            known += f"; it took {small_size(trial.step_memory)}"
        return Estimate(preset.run.steps * trial.seconds_per_step, known, trial.device)
    if cost is not None and cost.seconds_per_step and preset.run.device in ("auto", "cpu"):
        known = "guessed from its arithmetic alone, may be far off; t tries it"
        return Estimate(preset.run.steps * cost.seconds_per_step, known, "cpu")
    return None


def _when(seconds: float) -> str:
    said = age(seconds)
    return said if said == "just now" else f"of {said}"


def in_words(estimate: Estimate | None) -> Content:
    """The estimate as a line or two."""
    if estimate is None:
        return Content.styled("time: not known yet; t tries it for two seconds", "$foreground-muted")
    return Content.assemble(
        ("about ", "$foreground-muted"),
        (duration(estimate.seconds), "bold"),
        (f", {estimate.known}", "$foreground-muted"),
    )


def plans(preset: Preset, corpus: str, estimate: Estimate | None) -> tuple[str, ...]:
    """What starting would do, in sentences from the longest to the shortest."""
    steps, where = count(preset.run.steps), _device_words(estimate.device if estimate else preset.run.device)
    time = f", about {duration(estimate.seconds)}" if estimate else ""
    whole = f"Train {preset.name} for {steps} steps on {corpus_in_a_sentence(corpus)}{time}"
    return (f"{whole}{where}", whole, f"Train {preset.name}: {steps} steps{time}", f"Train {preset.name}", "Train")


def best_plan(preset: Preset, corpus: str, estimate: Estimate | None, width: int) -> str:
    """The longest of the sentences that fits into `width` columns."""
    sentences = plans(preset, corpus, estimate)
    return next((sentence for sentence in sentences if len(sentence) <= width), sentences[-1])


def corpus_in_a_sentence(corpus: str) -> str:
    """A corpus after "on"."""
    if corpus.startswith("demo"):
        return "the demo corpus"
    return corpus_words(corpus) if corpus else "a corpus yet to be chosen"


def _device_words(device: str) -> str:
    if device == "auto":
        return ""
    return f" on {'the CPU' if device == 'cpu' else 'the Apple GPU' if device == 'mps' else device}"
