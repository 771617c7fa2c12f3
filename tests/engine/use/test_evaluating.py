"""An evaluation says of a run what its own validation said, knows whom it can judge, and compares like with like."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.corpus.packed import pack
from engine.corpus.preparing import list_corpus
from engine.corpus.reporting import silently
from engine.errors import InputError
from engine.preset import Data
from engine.use import embedding_cache
from engine.use.embedding_cache import cached_path, embeddings_of
from engine.use.evaluating import evaluate
from engine.use.evaluation_report import as_markdown
from engine.use.orders import Evaluate, Part
from engine.use.recognizer import load_model
from engine.use.results import Estimate
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
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPK_TUI_CACHE", str(cache))
        return trained(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def other(one: Trained, cache: Path) -> Trained:
    """A run on the same corpus with another seed, other segments and another feature recipe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPK_TUI_CACHE", str(cache))
        changes = ["run.seed=5", "segments.frames=24", "features.mel_bands=32", "validation.seed=3"]
        return trained(one.root.parent, "other", *changes)


def order(of: Trained, part: Part = "validation", corpus: str = "", against: str = "") -> Evaluate:
    return Evaluate(str(of.run.best_path), corpus or str(of.root), part, against=against, device="cpu")


def test_it_says_what_the_runs_validation_said(one: Trained) -> None:
    found = evaluate(order(one), silently)
    assert found.segments.top1.value == one.validated.segment_accuracy
    assert found.whole.top1.value == one.validated.utterance_accuracy
    assert found.segments.loss == pytest.approx(one.validated.loss, rel=1e-5)
    assert found.whole.utterances == one.validated.utterances == 20
    assert found.corpus_utterances == 50
    assert found.segment_seconds == pytest.approx(0.32)
    assert found.model.sha256 == load_model(one.run.best_path).sha256
    assert sum(row.utterances for row in found.by_length) == 20


def test_the_parts_are_those_of_the_corpus(one: Trained) -> None:
    numbers = {part: evaluate(order(one, part), silently).whole.utterances for part in ("train", "validation", "all")}
    assert numbers == {"train": 30, "validation": 20, "all": 50}
    with pytest.raises(InputError, match="has no test part of its own"):
        evaluate(order(one, "test"), silently)


def test_speakers_it_does_not_know_are_left_out_and_named_by_number(one: Trained, tmp_path: Path) -> None:
    for name, new in {"speaker00": "speaker00", "speaker03": "speaker03", "speaker01": "stranger"}.items():
        shutil.copytree(one.root / name, tmp_path / "mixed" / new)
    found = evaluate(order(one, "all", str(tmp_path / "mixed")), silently)
    assert found.whole.utterances == 20
    assert "left out: 10 utterances of speakers that the model doesn't know (1)" in found.notes
    everything = evaluate(order(one, "all"), silently)
    assert found.whole.loss != everything.whole.loss
    for name in ("speaker00", "speaker03"):
        (tmp_path / "mixed" / name).rename(tmp_path / "mixed" / f"no\x1b{name}")  # begins a terminal's command
    with pytest.raises(InputError, match=r"none of the speakers of mixed; .* 'speaker00' \(here: 'no·speaker00'"):
        evaluate(order(one, "all", str(tmp_path / "mixed")), silently)


def test_ready_made_frames_of_other_bands_are_refused(one: Trained, tmp_path: Path) -> None:
    root = homework_folder(tmp_path / "Dataset", mel_bands=8)
    with pytest.raises(InputError, match=r"holds frames of 8 mel bands, and .* was trained on 40"):
        evaluate(order(one, "all", str(root)), silently)


def test_another_model_is_judged_on_the_same_utterances(one: Trained, other: Trained) -> None:
    """Each in its own features and segments; the utterances are those that the first holds out."""
    found = evaluate(order(one, against=str(other.run.best_path)), silently)
    back = evaluate(order(other, "all", against=str(one.run.best_path)), silently)
    assert found.against is not None
    assert back.against is not None
    gap = found.whole.top1.value - found.against.other_whole.top1.value
    assert found.against.whole.top1.value == pytest.approx(gap)
    assert found.against.whole.utterances == 20
    assert back.against.whole.top1.value == pytest.approx(
        back.whole.top1.value - evaluate(order(one, "all"), silently).whole.top1.value
    )
    itself = evaluate(order(one, against=str(one.run.best_path)), silently).against
    assert itself is not None
    assert itself.segments.top1 == itself.whole.balanced == Estimate(0.0, 0.0, 0.0)


def test_markdown_has_every_table_and_survives_any_name(one: Trained, other: Trained, tmp_path: Path) -> None:
    shutil.copytree(one.root, tmp_path / "a|b\x1b[31m")
    text = as_markdown(evaluate(order(one, "all", str(tmp_path / "a|b\x1b[31m"), str(other.run.best_path)), silently))
    assert "\x1b" not in text
    assert r"a\|b·\[31m" in text.splitlines()[0]
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings[:3] == ["Accuracy", "Against the other model", "Accuracy by length"]
    assert "Calibration" in headings
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)


def test_a_changed_corpus_is_said(one: Trained) -> None:
    asked = Evaluate(str(one.run.best_path), str(one.root), "validation", fingerprint="another", device="cpu")
    assert any("the corpus has changed" in note for note in evaluate(asked, silently).notes)


def test_embeddings_are_computed_once_for_a_model_and_a_corpus(
    one: Trained, other: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(one.run.best_path, "cpu")
    first = embeddings_of(model, one.packed)
    expected = np.stack(
        [next(model.forward.of_packed(one.packed, np.array([place]))).embeddings[0] for place in (0, 7)]
    )
    np.testing.assert_allclose(first[[0, 7]], expected, atol=1e-5)
    part = pack(list_corpus(str(one.root), data=Data(speakers=3)), model.preset.features)
    paths = {
        cached_path(model, one.packed),
        cached_path(model, part),
        cached_path(load_model(other.run.best_path), part),
    }
    assert len(paths) == 3
    with monkeypatch.context() as patch:
        patch.setattr(embedding_cache, "_embedded", None)
        assert np.array_equal(embeddings_of(model, one.packed), first)
    cached_path(model, one.packed).write_bytes(b"damaged")
    np.testing.assert_allclose(embeddings_of(model, one.packed), first, atol=1e-6)
