"""Voices are enrolled and told again, strangers are unknown, and predictions and embeddings are those of the model."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.corpus.reporting import silently
from engine.errors import InputError
from engine.preset import Data
from engine.use.embedding_file import embed
from engine.use.enrolling import enroll
from engine.use.identification import Identification
from engine.use.identifying import identify
from engine.use.orders import Embed, Enroll, Identify, Predict
from engine.use.predicting import predict, utterances_of
from engine.use.recognizer import SpeakerRecognizer, load_model
from engine.use.thresholds import FALLBACK
from tests.engine.use.trained import Trained, trained
from tests.made_corpora import RATE, homework_folder, voice


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _folders(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_CACHE", str(home / "cache"))
    monkeypatch.setenv("SPK_TUI_ENROLMENTS", str(tmp_path / "enrolments"))


@pytest.fixture(scope="module")
def run(home: Path) -> Trained:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPK_TUI_CACHE", str(home / "cache"))
        return trained(home)


@pytest.fixture(scope="module")
def model(run: Trained) -> SpeakerRecognizer:
    return load_model(run.run.best_path, "cpu")


def utterance(run: Trained, speaker: int, number: int) -> str:
    return str(run.root / f"speaker{speaker:02d}" / f"{number:02d}.wav")


def asked(run: Trained, recordings: list[str], **more: object) -> Identification:
    order = Identify(str(run.run.best_path), recordings, recordings, device="cpu", **more)  # type: ignore[arg-type]
    return identify(order, silently)


def test_an_enrolled_voice_is_told_and_a_stranger_is_unknown(run: Trained) -> None:
    for speaker, name in ((0, "Ann"), (4, "Bob")):
        recordings = [utterance(run, speaker, number) for number in (0, 1)]
        enrolment = enroll(Enroll(str(run.run.best_path), name, recordings, recordings, "cpu"), silently)
        assert (enrolment.speaker, enrolment.recordings_in_all) == (name, 2)
    recordings = [utterance(run, 0, 5), utterance(run, 4, 5)]
    found = asked(run, recordings, corpus=str(run.root))
    assert [one.matches[0].speaker for one in found.recordings] == ["Ann", "Bob"]
    assert found.candidates == 2
    assert found.threshold.false_accepts is not None
    assert found.threshold.false_accepts <= 0.01
    for one in found.recordings:
        assert one.speaker == (one.matches[0].speaker if one.matches[0].score >= found.threshold.value else None)
    between = sum(one.matches[0].score for one in found.recordings) / 2
    given = asked(run, recordings, threshold=between)
    assert sum(one.speaker is None for one in given.recordings) == 1
    assert given.threshold.basis == "as given"


def test_the_models_own_speakers_are_candidates_when_asked(run: Trained) -> None:
    found = asked(run, [utterance(run, 2, 5)], corpus=str(run.root), trained=True, most=3)
    assert found.candidates == 5
    assert [match.enrolled for match in found.recordings[0].matches] == [False] * 3
    assert found.recordings[0].matches[0].speaker == "speaker02"
    again = asked(run, [utterance(run, 2, 5)], corpus=str(run.root), trained=True, most=3)
    assert again == found  # the second time from the cache


def test_own_speakers_without_a_voice_in_the_corpus_are_said_to_be_no_candidates(run: Trained, tmp_path: Path) -> None:
    for name in ("speaker02", "speaker03"):
        shutil.copytree(run.root / name, tmp_path / "few" / name)
    found = asked(run, [utterance(run, 2, 5)], corpus=str(tmp_path / "few"), trained=True)
    assert found.candidates == 2
    assert any("few has 2 of the 5 speakers that the model was trained on" in note for note in found.notes)


def test_without_trials_the_threshold_is_the_stated_one(run: Trained, model: SpeakerRecognizer) -> None:
    model.enroll("Ann", utterance(run, 0, 0))
    nothing = asked(run, [utterance(run, 0, 0)])
    gone = asked(run, [utterance(run, 0, 0)], corpus="/no/such/folder")
    assert nothing.threshold.value == gone.threshold.value == FALLBACK
    assert "no such folder" in gone.notes[0]
    with pytest.raises(InputError, match="say which corpus with --data"):
        asked(run, [utterance(run, 0, 0)], trained=True)


def test_a_recording_that_cannot_be_used_gets_a_line_and_the_others_go_on(
    run: Trained, model: SpeakerRecognizer, tmp_path: Path
) -> None:
    model.enroll("Ann", [utterance(run, 0, 0)])
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    soundfile.write(tmp_path / "short.wav", np.full(50, 0.5), RATE)
    (tmp_path / "text.wav").write_text("nothing to hear")
    bad = [str(tmp_path / name) for name in ("silent.wav", "short.wav", "text.wav", "gone.wav")]
    found = asked(run, [*bad, utterance(run, 0, 1)], threshold=0.0)
    assert [one.path for one in found.recordings] == [utterance(run, 0, 1)]
    assert [problem.path for problem in found.problems] == bad
    assert "no sound" in found.problems[0].reason
    with pytest.raises(InputError, match=r"none of the recordings can be used\n.*silent.wav: contains no sound"):
        asked(run, bad, threshold=0.0)
    with pytest.raises(InputError, match=r"gone\.wav"):
        model.enroll("Bob", [utterance(run, 1, 0), bad[-1]])
    assert [match.speaker for match in model.match(utterance(run, 0, 1))] == ["Ann"]


def test_a_long_recording_has_a_timeline_of_its_seconds(
    run: Trained, model: SpeakerRecognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (voice(90 * 1.25**speaker, 4, seed=900 + speaker) for speaker in (0, 4))
    silence = np.zeros(4 * RATE, np.float32)
    soundfile.write(tmp_path / "long.flac", np.concatenate([first, silence, second, second[: RATE // 2]]), RATE)
    for speaker, name in ((0, "Ann"), (4, "Bob")):
        model.enroll(name, [utterance(run, speaker, number) for number in range(4)])
    found = asked(run, [str(tmp_path / "long.flac")], threshold=-1.0)
    timeline = found.recordings[0].timeline
    assert [window.start for window in timeline] == list(range(13))
    assert [window.speaker for window in timeline] == ["Ann"] * 4 + [None] * 4 + ["Bob"] * 5
    assert all(window.score is None for window in timeline[4:8])
    strangers = asked(run, [str(tmp_path / "long.flac")], threshold=1.0).recordings[0].timeline
    assert {window.speaker for window in strangers} == {None}
    monkeypatch.setattr("engine.use.timeline.STRETCH_SECONDS", 3.0)
    assert len(asked(run, [str(tmp_path / "long.flac")], threshold=-1.0).recordings[0].timeline) == 13
    assert asked(run, [utterance(run, 0, 0)], threshold=0.0).recordings[0].timeline == []
    assert len(asked(run, [utterance(run, 0, 0)], threshold=0.0, timeline=True).recordings[0].timeline) == 1


def test_nobody_enrolled_is_said_with_whom_other_models_know(run: Trained, home: Path) -> None:
    with pytest.raises(InputError, match="nobody is enrolled with this model; 'spk-tui enroll"):
        asked(run, [utterance(run, 0, 0)])


def test_predictions_are_the_likeliest_speakers_in_the_order_of_the_test_data(run: Trained, tmp_path: Path) -> None:
    root = homework_folder(tmp_path / "course")
    names = ["uttr-0203.pt", "uttr-0001.pt", "uttr-0203.pt", "uttr-gone.pt", "uttr-0108.pt"]
    listed = ", ".join(f'{{"feature_path": "{name}", "mel_len": 40}}' for name in names)
    (root / "testdata.json").write_text(f'{{"n_mels": 40, "utterances": [{listed}]}}')
    found = predict(Predict(str(run.run.best_path), str(root), str(tmp_path / "p.csv"), "cpu"), silently)
    header, *lines = (tmp_path / "p.csv").read_text().splitlines()
    assert header == "Id,Category"
    assert [line.split(",")[0] for line in lines] == [name for name in names if "gone" not in name]
    assert {line.split(",")[1] for line in lines} <= set(run.packed.speakers)
    assert lines[0] == lines[2]
    assert [(problem.path, problem.reason) for problem in found.problems] == [
        ("uttr-gone.pt", "No such file or directory")
    ]


def test_any_folder_of_recordings_is_predicted_by_paths(
    run: Trained, model: SpeakerRecognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.use.predicting.AT_ONCE", 3)
    (run.root / "speaker00" / "note.txt").write_text("no recording")
    found = predict(Predict(str(run.run.best_path), str(run.root), str(tmp_path / "p.csv"), "cpu"), silently)
    lines = (tmp_path / "p.csv").read_text().splitlines()[1:]
    assert found.utterances == len(lines) == 50
    assert lines == sorted(lines)
    for line in lines[::13]:
        name, _, speaker = line.partition(",")
        assert speaker == model.identify(run.root / name)[0].speaker


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"n_mels": 80, "utterances": [{"feature_path": "uttr-0001.pt", "mel_len": 4}]}', "has 80 mel bands"),
        ('{"n_mels": 40, "utterances": [{"feature_path": "../x.pt", "mel_len": 4}]}', "leads out of the folder"),
        ('{"n_mels": 40, "utterances": []}', "lists no utterances"),
        ('{"n_mels": 40}', "utterances"),
        ('{"n_mels": 40, "utterances": [{"feature_path": "x.pt", "mel_len": 4}]}', "no utterance can be used"),
    ],
)
def test_test_data_that_cannot_be_told_leaves_no_file(run: Trained, tmp_path: Path, content: str, message: str) -> None:
    root = homework_folder(tmp_path / "course")
    (root / "testdata.json").write_text(content)
    with pytest.raises(InputError, match=message):
        predict(Predict(str(run.run.best_path), str(root), str(tmp_path / "p.csv"), "cpu"), silently)
    assert not (tmp_path / "p.csv").exists()


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no recordings"):
        utterances_of(tmp_path)
    root = homework_folder(tmp_path / "course")
    (root / "testdata.json").unlink()
    with pytest.raises(InputError, match=r"has no testdata\.json"):
        utterances_of(root)


def test_embeddings_are_read_without_pickle_and_are_those_of_each_utterance(
    run: Trained, model: SpeakerRecognizer, tmp_path: Path
) -> None:
    out = tmp_path / "e.npz"
    found = embed(Embed(str(run.run.best_path), str(run.root), str(out), "all", Data(), "cpu"), silently)
    with np.load(out, allow_pickle=False) as arrays:
        embeddings, ids, speakers = arrays["embeddings"], arrays["ids"], arrays["speakers"]
    assert embeddings.dtype == np.float32
    assert (found.utterances, found.width) == embeddings.shape
    assert list(ids) == run.packed.ids
    assert all(name.startswith(speaker) for name, speaker in zip(ids, speakers, strict=True))
    np.testing.assert_allclose(embeddings[17], model.embed(run.root / str(ids[17])), atol=1e-4)
    assert [len(one.x) for one in found.picture.speakers] == [10] * 5
    assert 1 >= sum(found.picture.shares) > 0
    assert found.picture.shares[0] >= found.picture.shares[1]
    # Distances in the picture are those of unit vectors, seen from where most of them shows.
    points = np.array([[x, y] for one in found.picture.speakers for x, y in zip(one.x, one.y, strict=True)])
    directions = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    spread = np.square(directions - directions.mean(axis=0)).sum()
    assert np.square(points).sum() / spread == pytest.approx(sum(found.picture.shares), rel=1e-4)
