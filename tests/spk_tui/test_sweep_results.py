"""The table of a sweep: what tells its runs apart, the accuracies of the best step, and means over seeds."""

from __future__ import annotations

from pathlib import Path
from statistics import stdev

import pytest

from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from spk_tui.sweep_results import means_of, trials_of
from tests.spk_tui.run_directories import beginning, new_run, write


def trained(parent: Path, name: str, *overrides: str, accuracies: tuple[float, ...] = ()) -> RunDirectory:
    """A run with a validation every ten steps, by segment; by utterance it is a tenth better."""
    run = new_run(parent, name, preset=with_overrides(find_preset("quick-tour"), overrides))
    write(run, *beginning(steps=100, encoder_parameters=500))
    for place, accuracy in enumerate(accuracies, 1):
        write(
            run,
            e.Validated(step=10 * place, loss=1.0, segment_accuracy=accuracy, utterance_accuracy=accuracy + 0.1,
                        utterances_per_second=1.0, utterances=1),
        )  # fmt: skip
        if accuracy == max(accuracies[:place]):
            write(run, e.Checkpoint(step=10 * place, kind="best", path="", accuracy=accuracy))
    return run


def test_runs_are_told_apart_by_what_differs_and_judged_at_their_best_step(tmp_path: Path) -> None:
    one = trained(tmp_path, "one", "encoder.ffn=100", accuracies=(0.2, 0.5, 0.3))
    two = trained(tmp_path, "two", "encoder.ffn=200")
    first, second = trials_of([one, two])
    assert (first.values, second.values) == ({"encoder.ffn": "100"}, {"encoder.ffn": "200"})
    assert (first.segment_accuracy, first.utterance_accuracy) == (0.5, pytest.approx(0.6))
    assert (second.segment_accuracy, second.utterance_accuracy, second.parameters) == (None, None, 500)
    assert first.seed == ""


def test_runs_that_differ_in_their_seed_are_one_row_with_mean_and_deviation(tmp_path: Path) -> None:
    found = {("100", 1): 0.4, ("100", 2): 0.6, ("200", 1): 0.7, ("200", 2): None}
    runs = [
        trained(
            tmp_path, f"{ffn}-{seed}", f"encoder.ffn={ffn}", f"run.seed={seed}",
            accuracies=() if accuracy is None else (accuracy,),
        )
        for (ffn, seed), accuracy in found.items()
    ]  # fmt: skip
    trials = trials_of(runs)
    assert [trial.seed for trial in trials] == ["1", "2", "1", "2"]
    small, large = means_of(trials)
    assert (small.values, small.seeds) == ({"encoder.ffn": "100"}, 2)
    assert small.segment == (pytest.approx(0.5), pytest.approx(stdev([0.4, 0.6])))
    assert (large.seeds, large.segment) == (1, (pytest.approx(0.7), None))
