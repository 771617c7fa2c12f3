"""Many utterances at a time give what each gives alone, recordings give what a corpus gives, however long they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine.corpus.normalising import normalised
from engine.corpus.preparing import prepare_corpus
from engine.errors import InputError
from engine.models.registry import ENCODERS, POOLINGS
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset, RunSettings
from engine.preset_file import kinds_of
from engine.training.checkpoint import save_best
from engine.training.device import resolve
from engine.use import embedding, recordings
from engine.use.embedding import Forward, windows
from engine.use.recognizer import SpeakerRecognizer, load_model
from tests.engine.models.test_encoders import small_preset
from tests.engine.use.test_loading import SPEAKERS, small
from tests.made_corpora import RATE, audio_folder, recorded, voice


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> SpeakerRecognizer:
    path = tmp_path_factory.mktemp("model") / "best.safetensors"
    torch.manual_seed(0)
    save_best(path, SpeakerModel(small(), len(SPEAKERS)), small(), SPEAKERS, {}, 7)
    return engine.load(path)


def forward(preset: Preset) -> Forward:
    torch.manual_seed(0)
    model = SpeakerModel(preset, 5).train()
    with torch.no_grad():  # running means and deviations that do something
        model(torch.randn(8, 50, preset.features.mel_bands))
    return Forward(model, preset, resolve(RunSettings(device="cpu", threads=2)))


@pytest.mark.parametrize(
    ("part", "kind"),
    [("encoder", kind) for kind in kinds_of("encoder")] + [("pooling", kind) for kind in kinds_of("pooling")],
)
def test_a_batch_changes_no_score(part: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind that is registered, lengths at random, in batches of several: the same to 1e-5 as one at a time."""
    assert len(kinds_of("encoder")) == len(ENCODERS)
    assert len(kinds_of("pooling")) == len(POOLINGS)
    monkeypatch.setattr(embedding, "SORTED_TOGETHER", 1500)  # several windows
    preset = small_preset(part, kind)
    made = forward(preset)
    made.most_frames = 600
    random = np.random.default_rng(3)
    lengths = [*random.integers(1, 300, 20).tolist(), 900]  # one longer than a batch
    utterances = [random.normal(size=(length, preset.features.mel_bands)).astype(np.float16) for length in lengths]
    seen = []
    for output in made.of_utterances(utterances):
        seen += output.places.tolist()
        for place, vector, logits in zip(*output, strict=True):
            frames = normalised(torch.from_numpy(utterances[place]), preset.segments)[None]
            with torch.inference_mode():
                alone = made.model.embed(frames)[0].numpy(), made.model(frames)[0].numpy()
            for found, expected in zip((vector, logits), alone, strict=True):
                np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1.0, np.abs(expected).max()))
    assert sorted(seen) == list(range(len(lengths)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 400), max_size=40), st.integers(1, 1000))
def test_a_window_holds_no_more_than_it_must(lengths: list[int], together: int) -> None:
    """All utterances in their order, and never more frames than are looked through, but for the last one's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "SORTED_TOGETHER", together)
        found = list(windows(np.zeros((length, 1), np.float16) for length in lengths))
    assert [len(frames) for _, window in found for frames in window] == lengths
    assert [first for first, _ in found] == np.cumsum([0, *(len(window) for _, window in found)])[:-1].tolist()
    assert all(sum(map(len, window[:-1])) < together for _, window in found)


def test_utterances_are_asked_for_as_they_are_needed(
    recognizer: SpeakerRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "SORTED_TOGETHER", 400)
    asked = []

    def endless() -> Iterator[np.ndarray]:
        while True:
            asked.append(1)
            yield np.zeros((200, 40), np.float16)

    next(recognizer.forward.of_utterances(endless()))
    assert len(asked) < 50


def test_recordings_are_what_their_corpus_is(
    recognizer: SpeakerRecognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file by its path, and the same utterance in a packed corpus, have one embedding."""
    monkeypatch.setenv("SPK_TUI_CACHE", str(tmp_path / "cache"))
    root = audio_folder(tmp_path / "speech", speakers=3, each=4)
    packed = prepare_corpus(str(root), recognizer.preset.features)
    from_files = recognizer.embed([root / name for name in packed.ids])
    from_corpus = np.zeros_like(from_files)
    for output in recognizer.forward.of_packed(packed, np.arange(len(packed.ids))):
        from_corpus[output.places] = output.embeddings
    np.testing.assert_allclose(from_files, from_corpus, atol=1e-5)
    assert len(np.unique(from_files.round(4), axis=0)) == len(packed.ids)
    assert recognizer.embed(root / packed.ids[0]).shape == from_files[0].shape


def test_a_long_recording_is_heard_to_its_end_in_stretches(
    recognizer: SpeakerRecognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "STRETCH_SECONDS", 1.0)
    silence = np.zeros(RATE, np.float32)
    first, second = voice(120, 1.0, 1), voice(200, 1.0, 2)
    third = voice(300, 0.5, 3)
    for name, sound in {"long": [first, silence, second, third], "a": [first], "b": [second], "c": [third]}.items():
        soundfile.write(tmp_path / f"{name}.wav", np.concatenate(sound), RATE)
    paths = {name: tmp_path / f"{name}.wav" for name in ("long", "a", "b", "c")}
    stretches = recordings.frames_of(paths["long"], recognizer.preset.features)
    alone = [recordings.frames_of(paths[name], recognizer.preset.features)[0] for name in "abc"]
    assert [len(stretch) for stretch in stretches] == [len(frames) for frames in alone]
    vectors = recognizer.embed([paths[name] for name in "abc"])
    averaged = np.average(vectors, axis=0, weights=[len(frames) for frames in alone])
    np.testing.assert_allclose(recognizer.embed(paths["long"]), averaged, atol=1e-5)


def test_a_recording_that_ends_with_a_stretch_has_no_empty_one(
    recognizer: SpeakerRecognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "STRETCH_SECONDS", 0.5)
    soundfile.write(tmp_path / "two.wav", voice(120, 1.0, 1), RATE)
    assert len(recordings.frames_of(tmp_path / "two.wav", recognizer.preset.features)) == 2


def test_what_cannot_be_heard_gets_one_line(recognizer: SpeakerRecognizer, tmp_path: Path) -> None:
    recorded(tmp_path, "good.wav")
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE, np.float32), RATE)
    soundfile.write(tmp_path / "short.wav", voice(100, 0.01, 1), RATE)
    soundfile.write(tmp_path / "click.wav", voice(100, 0.08, 1), RATE)
    (tmp_path / "text.wav").write_text("no audio")
    names = ["silent.wav", "good.wav", "short.wav", "text.wav", "nothing.wav", "click.wav"]
    outputs = recognizer.outputs([tmp_path / name for name in names])
    assert outputs.places.tolist() == [1]
    assert sorted(outputs.problems) == [0, 2, 3, 4, 5]
    assert "s of sound, too short for a voice: 0.1 s are needed" in str(outputs.problems[5])
    for place, problem in outputs.problems.items():
        assert str(problem).startswith(str(tmp_path / names[place]))
        assert "\n" not in str(problem)
    np.testing.assert_allclose(outputs.embeddings[0], recognizer.embed(tmp_path / "good.wav"), atol=1e-6)
    with pytest.raises(InputError, match=r"silent\.wav: contains no sound"):
        recognizer.identify(tmp_path / "silent.wav")


def test_the_likeliest_speakers_come_first(recognizer: SpeakerRecognizer, tmp_path: Path) -> None:
    recorded(tmp_path, "one.wav")
    found = recognizer.identify(tmp_path / "one.wav", most=3)
    assert sorted(one.speaker for one in found) == SPEAKERS
    logits = torch.from_numpy(recognizer.outputs([tmp_path / "one.wav"]).logits[0])
    shares, places = logits.softmax(0).sort(descending=True)
    assert [one.speaker for one in found] == [SPEAKERS[place] for place in places]
    assert [one.probability for one in found] == pytest.approx(shares.tolist(), abs=1e-6)
    assert len(recognizer.identify(tmp_path / "one.wav", most=1)) == 1


def test_a_model_is_found_by_file_and_by_run(recognizer: SpeakerRecognizer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        load_model(tmp_path / "none.safetensors")
    with pytest.raises(InputError, match="no run is called"):
        load_model("nobody-called-a-run-this")
    assert load_model(recognizer.path, "cpu").speakers == SPEAKERS
    with pytest.raises(InputError, match="cuda:7"):
        engine.load(recognizer.path, device="cuda:7")
