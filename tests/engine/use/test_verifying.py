"""A verification tries whom it says it tries, scores by cosine, and tells what flatters the model."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from msgspec import structs

from engine.corpus.reporting import silently
from engine.errors import InputError
from engine.preset import Data
from engine.use import embedding_cache
from engine.use.det_curve import det_svg, span, ticks
from engine.use.orders import TrialPart, Verify
from engine.use.recognizer import load_model
from engine.use.results import Estimate
from engine.use.verification_report import as_markdown
from engine.use.verification_results import DetectionCurve, Scoring, Verification
from engine.use.verifying import verify
from tests.engine.use.trained import Trained, trained
from tests.made_corpora import homework_folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_CACHE", str(cache))


@pytest.fixture(scope="module")
def one(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run on three of five voices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPK_TUI_CACHE", str(cache))
        return trained(tmp_path_factory.mktemp("home"), "run", "data.speakers=3")


def order(of: Trained, part: TrialPart = "auto", *, own: bool = True, **more: object) -> Verify:
    known = {"trained_on": str(of.root)} if own else {}
    given = {"data": Data(speakers=3), "each": 0, "device": "cpu", **known, **more}
    return Verify(str(of.run.best_path), str(given.pop("corpus", of.root)), part=part, **given)  # type: ignore[arg-type]


def listed(folder: Path, *lines: str) -> str:
    (folder / "list.txt").write_text("\n".join(lines))
    return str(folder / "list.txt")


def strangers(of: Trained) -> list[Path]:
    return [path for path in sorted(of.root.iterdir()) if path.is_dir() and path.name not in of.packed.speakers]


def test_strangers_are_tried_where_there_are_any(one: Trained, tmp_path: Path) -> None:
    found = verify(order(one, scores=str(tmp_path / "scores.txt")), silently)
    tried = found.trials
    assert (tried.trials, tried.same, tried.recordings) == (190, 90, 20)
    assert (tried.speakers, tried.new_speakers, tried.trained_trials) == (2, 2, 0)
    assert found.trials == verify(order(one, "strangers"), silently).trials
    assert found.notes == ["there are only 2 speakers, so the intervals say little"]
    lines = [line.split("\t") for line in (tmp_path / "scores.txt").read_text().splitlines()]
    assert len(lines) == 190
    model = load_model(one.run.best_path, "cpu")
    for same, first, second, score in (lines[0], lines[-1], lines[100]):
        a, b = model.embed([one.root / first, one.root / second])
        assert float(score) == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-4)
        assert (same == "1") == (Path(first).parent == Path(second).parent)


def test_a_list_of_the_same_trials_comes_to_the_same(one: Trained, tmp_path: Path) -> None:
    drawn, asked = tmp_path / "drawn.txt", tmp_path / "asked.txt"
    verify(order(one, scores=str(drawn)), silently)
    lines = [" ".join(line.split("\t")[:3]) for line in drawn.read_text().splitlines()]
    found = verify(order(one, trials=listed(tmp_path, *lines), scores=str(asked)), silently)
    assert (found.trials.trials, found.trials.new_speakers, found.trials.trained_trials) == (190, 2, 0)
    scores = [[float(line.split("\t")[3]) for line in path.read_text().splitlines()] for path in (drawn, asked)]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)


@pytest.mark.parametrize(("part", "trained_trials", "trials"), [("validation", 0, 66), ("train", 153, 153)])
def test_what_was_trained_on_is_said(one: Trained, part: TrialPart, trained_trials: int, trials: int) -> None:
    found = verify(order(one, part), silently)
    assert (found.trials.trials, found.trials.trained_trials, found.trials.new_speakers) == (trials, trained_trials, 0)
    flattered = f"trials with a recording that was trained on: {trained_trials} of {trials}; they flatter the model"
    assert (flattered in found.notes) == bool(trained_trials)
    elsewhere = verify(order(one, part, own=False), silently)
    assert elsewhere.trials.trained_trials is None


def test_a_corpus_without_strangers_is_refused_or_its_validation_part_taken(one: Trained, tmp_path: Path) -> None:
    for speaker in one.packed.speakers:
        shutil.copytree(one.root / speaker, tmp_path / "known" / speaker)
    with pytest.raises(InputError, match=r"trained on 3 of its 3 speakers, so there are no two strangers"):
        verify(order(one, "strangers", own=False, corpus=tmp_path / "known"), silently)
    found = verify(order(one, own=False, corpus=tmp_path / "known", each=3), silently)
    assert found.trials.source == "3 of either kind for each speaker, drawn by seed 0, of the validation part"
    assert found.trials.same == 9


def test_scores_are_adapted_by_the_training_speakers(one: Trained, tmp_path: Path) -> None:
    found = verify(order(one, top=100, scores=str(tmp_path / "scores.txt")), silently)
    assert [scoring.name for scoring in found.scorings] == ["cosine", "AS-norm, top 3"]
    assert any("mean embeddings of 3 training speakers, of which the 3 most alike" in note for note in found.notes)
    cosine, adapted = np.array(
        [line.split("\t")[3:] for line in (tmp_path / "scores.txt").read_text().splitlines()], float
    ).T
    assert 0.1 < np.corrcoef(cosine, adapted)[0, 1] < 1
    known = verify(order(one, "validation", top=100), silently)
    assert known.scorings[1].name == "AS-norm, top 2"
    assert any("its own speaker left out" in note for note in known.notes)
    with pytest.raises(InputError, match="nobody knows whom it was trained on; say which corpus with --cohort PATH"):
        verify(order(one, own=False, top=100), silently)


def test_a_list_may_name_any_files_and_what_it_says_wrong_is_told(one: Trained, tmp_path: Path) -> None:
    a, b = strangers(one)
    folder = tmp_path / "flat"
    folder.mkdir()
    for name, source in {"a1": a, "a2": a, "b1": b}.items():
        shutil.copy(sorted(source.glob("*"))[int(name[1])], folder / f"{name}.wav")
    soundfile.write(folder / "silent.wav", np.zeros(16_000), 16_000)
    lines = ["1 a1.wav a2.wav", "0 a1.wav b1.wav", "0 a2.wav b1.wav", "0 a1.wav silent.wav"]
    found = verify(order(one, own=False, corpus=folder, trials=listed(tmp_path, *lines)), silently)
    assert (found.trials.trials, found.trials.recordings) == (3, 3)
    assert any(
        note.startswith("trials left out: 1; recordings that can't be used: 1, such as silent.wav")
        for note in found.notes
    )
    assert any("intervals are over recordings" in note for note in found.notes)
    with pytest.raises(InputError, match=r"too few trials are left .* left out: 1; .* such as silent.wav"):
        verify(order(one, own=False, corpus=folder, trials=listed(tmp_path, lines[0], lines[3])), silently)
    with pytest.raises(InputError, match=r"1 of its 2 recordings are not below .*\n  line 1: gone.wav"):
        verify(order(one, corpus=folder, trials=listed(tmp_path, "1 a1.wav gone.wav")), silently)
    first, second = (f"{a.name}/{path.name}" for path in sorted(a.glob("*.*"))[:2])
    lines = [f"0 {first} {second}", f"1 {first} {b.name}/{sorted(b.glob('*.*'))[0].name}"]
    found = verify(order(one, trials=listed(tmp_path, *lines)), silently)
    assert "trials that contradict the corpus or the folders about who speaks: 2" in found.notes


def test_one_kind_of_trials_and_frames_of_other_bands_are_refused(one: Trained, tmp_path: Path) -> None:
    first, second = (f"{strangers(one)[0].name}/{path.name}" for path in sorted(strangers(one)[0].glob("*.*"))[:2])
    with pytest.raises(InputError, match="one kind is missing"):
        verify(order(one, trials=listed(tmp_path, f"1 {first} {second}")), silently)
    root = homework_folder(tmp_path / "Dataset", mel_bands=8)
    with pytest.raises(InputError, match=r"holds frames of 8 mel bands, and .* was trained on 40"):
        verify(order(one, own=False, corpus=root), silently)


def test_embeddings_are_computed_once(one: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = strangers(one)
    names = [f"{folder.name}/{path.name}" for folder in (a, b) for path in sorted(folder.glob("*.*"))[:2]]
    lines = [f"1 {names[0]} {names[1]}", f"0 {names[0]} {names[2]}", f"0 {names[1]} {names[3]}"]
    asked = [order(one), order(one, trials=listed(tmp_path, *lines))]
    before = [verify(one_order, silently) for one_order in asked]
    monkeypatch.setattr(embedding_cache, "_embedded", None)
    monkeypatch.setattr("engine.use.trial_recordings.extract_utterance", None)
    assert [verify(one_order, silently) for one_order in asked] == before


def test_the_report_has_its_tables_and_a_picture(one: Trained) -> None:
    found = verify(order(one, top=2), silently)
    text = as_markdown(found, "report.svg")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [
        "Errors", "Other thresholds", "DET curve"
    ]  # fmt: skip
    assert "| minDCF, p = 0.01 |" in text
    assert text.endswith("![Misses against false alarms](<report.svg>)\n")
    image = det_svg(found)
    assert image.count('stroke-width="2.2"') >= 2
    assert "AS-norm, top 2, equal error rate" in image


def test_a_curve_without_points_is_drawn_empty(one: Trained) -> None:
    """Scores that tell everybody right make no errors at any threshold."""
    found = verify(order(one), silently)
    perfect = Verification(found.model, found.corpus, "", [], found.trials, [emptied(found)])
    low, high = span(perfect)
    assert 0 < low < high < 1
    assert ticks(low, high)
    assert det_svg(perfect).startswith("<svg")


def test_the_axes_show_what_the_curve_has_where_neither_error_is_above_60_percent(one: Trained) -> None:
    found = verify(order(one), silently)
    curve = DetectionCurve([0.9, 0.5, 0.1, 0.02, 0.001], [0.001, 0.03, 0.2, 0.5, 0.8])
    scoring = structs.replace(found.scorings[0], curve=curve)
    low, high = span(structs.replace(found, scorings=[scoring]))
    assert 0.01 < low < 0.02
    assert high == 0.5
    places, words = zip(*ticks(low, high), strict=True)
    assert words == ("2", "5", "10", "20", "40")
    assert list(places) == sorted(places)


def emptied(found: Verification) -> Scoring:
    curve = structs.replace(found.scorings[0].curve, false_alarms=[], misses=[])
    return structs.replace(found.scorings[0], curve=curve, equal_error_rate=Estimate(0, 0, 0))
