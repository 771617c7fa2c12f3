"""The command `trial`: how long a run of a preset would take here, from two seconds of real training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spk_tui.commands.answers import say, say_json
from spk_tui.commands.options import AsJson, Overrides, PresetName, Trust
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from engine.preset import Preset
    from engine.trial_client import Trial


def trial(preset: PresetName, /, *, overrides: Overrides = None, trust: Trust = False, as_json: AsJson = False) -> int:
    """Trains a preset for two seconds on random frames, and says how long a run would take and what memory it needs.

    Model, optimizer, batches, precision, threads and device are those of a run; no corpus is read and nothing is kept.

    JSON: {"preset", "speakers", "steps", "seconds_per_step", "memory_bytes", "device_memory_bytes", "device",
    "device_name", "precision", "threads"}; "steps" is how many were measured, "memory_bytes" what the process grew by,
    null where the system doesn't say; "device_memory_bytes" is that of an accelerator, null on a CPU.
    """
    from engine.trial_client import try_preset
    from spk_tui.commands.training import prepare_preset
    from spk_tui.commands.trusting import settle_trust

    settings = prepare_preset(preset, overrides or [])
    settle_trust(settings, trust)
    found = try_preset(settings)
    if as_json:
        say_json(found)
    else:
        say(_report(settings, found))
    return WELL


def _report(preset: Preset, trial: Trial) -> str:
    """Rate, time of the whole run, memory, and where it was measured."""
    from spk_tui.wording import count, duration, rate, small_size

    threads = f", {trial.threads} thread{'s' * (trial.threads > 1)}" if trial.device == "cpu" else ""
    lines = [
        f"{trial.preset}: {rate(1 / trial.seconds_per_step)}, so {count(preset.run.steps)} steps take about "
        f"{duration(preset.run.steps * trial.seconds_per_step)}, and validations a little more",
    ]
    if trial.step_memory is not None:
        lines.append(f"training takes {small_size(trial.step_memory)} of memory beside PyTorch and the corpus")
    lines.append(
        f"measured over {count(trial.steps)} steps on {trial.device_name} ({trial.device}, {trial.precision}{threads}),"
        f" with a head for {count(trial.speakers)} speakers"
    )
    return "\n".join(lines)
