"""Small corpora made on the spot: harmonic voices as audio files, and random frames already packed."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import soundfile

from engine.corpus.packed import PackedCorpus
from engine.preset import Features

RATE = 16_000


def voice(pitch: float, seconds: float, seed: int) -> np.ndarray:
    """A harmonic sound with a slow tremor and a little noise: enough of a voice to be told from another pitch."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.02 * np.sin(2 * np.pi * 5 * time + random.uniform(0, 6)))) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 12))
    return (0.2 * sound + 0.005 * random.normal(size=len(time))).astype(np.float32)


def audio_folder(root: Path, speakers: int = 4, each: int = 10, seconds: float = 0.8) -> Path:
    """`root/<speaker>/<utterance>.wav`, one pitch a speaker; lengths differ from utterance to utterance."""
    for speaker in range(speakers):
        folder = root / f"speaker{speaker:02d}"
        folder.mkdir(parents=True)
        for number in range(each):
            sound = voice(90 * 1.25**speaker, seconds * (1 + 0.05 * number), seed=100 * speaker + number)
            soundfile.write(folder / f"{number:02d}.wav", sound, RATE)
    return root


def recorded(root: Path, *names: str, seconds: float = 0.4) -> Path:
    """A recording in each of these files below `root`, no two of them alike; returns the root."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = zlib.crc32(name.encode())
        soundfile.write(path, voice(90 + seed % 200, seconds, seed), RATE)
    return root


def random_frames(speakers: int, each: int, shortest: int = 20, longest: int = 80, mel: int = 40) -> PackedCorpus:
    """A packed corpus whose frames scatter around a mean of their speaker's own."""
    random = np.random.default_rng(7)
    lengths = random.integers(shortest, longest + 1, speakers * each)
    speakers_of = np.repeat(np.arange(speakers), each)
    means = 2 * random.normal(size=(speakers, mel))
    frames = np.concatenate(
        [means[s] + random.normal(size=(n, mel)) for s, n in zip(speakers_of, lengths, strict=True)]
    )
    return PackedCorpus(
        name="random frames",
        frames=frames.astype(np.float16),
        offsets=np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64),
        lengths=lengths.astype(np.int64),
        ids=[f"speaker{s}/{i}" for i, s in enumerate(speakers_of)],
        speakers_of=speakers_of.astype(np.int64),
        speakers=[f"speaker{s}" for s in range(speakers)],
        problems=[],
        fingerprint="random",
        features=Features(mel_bands=mel),
    )


def homework_folder(root: Path, speakers: int = 4, each: int = 10, mel_bands: int = 40) -> Path:
    """The homework's layout: metadata.json, mapping.json, testdata.json, and frames around each speaker's mean."""
    import torch

    random = np.random.default_rng(7)
    root.mkdir(parents=True)
    listed: dict[str, list[dict[str, object]]] = {}
    for speaker in range(speakers):
        mean = 2 * random.normal(size=mel_bands) - 8
        for number in range(each):
            frames = mean + random.normal(size=(30 + 3 * number, mel_bands))
            name = f"uttr-{speaker:02d}{number:02d}.pt"
            torch.save(torch.from_numpy(frames.astype(np.float32)), root / name)
            listed.setdefault(f"id{speaker:05d}", []).append({"feature_path": name, "mel_len": len(frames)})
    torch.save(torch.zeros(40, mel_bands), root / "uttr-test.pt")
    mapping = {
        "speaker2id": {speaker: number for number, speaker in enumerate(listed)},
        "id2speaker": {str(number): speaker for number, speaker in enumerate(listed)},
    }
    test = {"n_mels": mel_bands, "utterances": [{"feature_path": "uttr-test.pt", "mel_len": 40}]}
    (root / "metadata.json").write_text(json.dumps({"n_mels": mel_bands, "speakers": listed}, indent=2))
    (root / "mapping.json").write_text(json.dumps(mapping))
    (root / "testdata.json").write_text(json.dumps(test))
    return root
