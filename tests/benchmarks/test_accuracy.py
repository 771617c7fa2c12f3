"""What the benchmark of accuracies rests on: its split, its counts of parameters, its intervals, its store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import (
    Cell,
    Plan,
    Row,
    Store,
    cells,
    classifier_parameters,
    interval,
    parameters,
    parts_of,
    preset_of,
    read_plan,
    score,
    train_cell,
)
from engine.models.speaker_model import SpeakerModel
from engine.preset_file import kinds_of
from engine.preset_library import find_preset
from tests.made_corpora import random_frames

SMALL = ("encoder.d_model=8", "encoder.ffn=16", "segments.batch_size=8", "segments.frames=16")


def test_the_parts_are_70_15_15_of_each_speaker_and_share_nothing() -> None:
    packed = random_frames(speakers=5, each=20)
    parts, test = parts_of(packed)
    everything = np.concatenate([parts.train, parts.validation, test])
    assert np.array_equal(np.sort(everything), np.arange(100))
    for utterances, each in ((parts.train, 14), (parts.validation, 3), (test, 3)):
        assert np.bincount(packed.speakers_of[utterances]).tolist() == [each] * 5


@pytest.mark.parametrize("head", kinds_of("head"))
def test_what_grows_with_speakers_is_the_classifier(head: str) -> None:
    preset = find_preset("quick-tour", [*SMALL, f"head.kind={head}"])
    few, many = SpeakerModel(preset, 4), SpeakerModel(preset, 40)
    rest = parameters(few) - classifier_parameters(preset, few)
    assert rest == parameters(many) - classifier_parameters(preset, many)
    assert 0 < classifier_parameters(preset, few) < parameters(few.head) + 1


def test_the_interval_holds_the_mean_and_narrows_with_speakers() -> None:
    random = np.random.default_rng(1)
    widths = []
    for speakers in (20, 500):
        of = np.full(speakers, 10)
        right = random.binomial(10, 0.8, size=speakers).astype(np.float64)
        low, high = interval(right, of)
        assert low < right.sum() / of.sum() < high
        widths.append(high - low)
    # by the central limit theorem: 2 * 1.96 * deviation of a speaker's share / sqrt(speakers)
    assert widths[1] == pytest.approx(3.92 * np.std(right / 10) / np.sqrt(500), rel=0.1)
    assert widths[0] > 3 * widths[1]
    assert interval(np.full(7, 3.0), np.full(7, 3)) == (1, 1)


def test_every_row_of_a_run_sees_the_same_number_of_utterances() -> None:
    plan = Plan(960, [Row(name="a", preset="quick-tour"), Row(name="b", preset="quick-tour", seeds=2)])
    sizes = [("segments.batch_size=16", 60), ("segments.batch_size=64", 15)]
    for setting, steps in sizes:
        assert preset_of(Row(name="c", preset="quick-tour", set=(setting,)), plan, 0, 1).run.steps == steps
    order = [(cell.row.name, cell.corpus, cell.preset.run.seed) for cell in cells(plan, (), (), 1)]
    assert order[:2] == [("a", "speechocean762", 0), ("a", "speechcommands4", 0)]
    assert order[-1] == ("b", "speechcommands4", 1)
    assert len(order) == 6
    assert len({cell.key for cell in cells(plan, (), (), 1)}) == 4  # a and b are the same run but for b's second seed


def test_the_plan_in_the_repository_names_presets_and_settings_that_exist() -> None:
    found = cells(read_plan(Path(__file__).parents[2] / "benchmarks" / "accuracy.toml"), (), (), 1)
    assert len({(cell.row.name, cell.corpus, cell.preset.run.seed) for cell in found}) == len(found)


def test_a_run_is_trained_scored_and_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = random_frames(speakers=5, each=20)
    monkeypatch.setattr("benchmarks.accuracy.prepared", lambda *_: (packed, []))
    row = Row(name="small", preset="quick-tour", set=SMALL, corpora=("any",))
    cell = Cell(row, "any", preset_of(row, Plan(800, [row], validations=2), 0, 1))
    store = Store(tmp_path)
    assert store.result(cell) is None
    result = train_cell(cell, tmp_path, store)
    store.keep(cell, result)
    assert store.result(cell) == result
    assert [step for step, _, _ in result.curve] == [50, 100]
    assert result.validation is not None
    assert sum(result.validation.of) == 15
    best = next(point for point in result.curve if point[0] == result.best_step)
    assert sum(result.validation.segment) / 15 == pytest.approx(best[1])
    assert sum(result.validation.utterance) / 15 == pytest.approx(best[2])
    test = score(store.run(cell), packed, parts_of(packed)[1], cell.preset)
    assert all(right <= of for right, of in zip(test.utterance, test.of, strict=True))
