"""How fast a trained model goes through a corpus, against one utterance at a time in the same run.

    python benchmarks/use_speed.py best.safetensors CORPUS [--utterances 1000] [--rounds 3]

One at a time is a plain loop: read a file, compute its frames, call the model. Beside it stand the same files given all
at once (`SpeakerRecognizer.outputs`), and the same utterances of the corpus once it is packed, as every evaluation after
the first finds it. The ways take turns, so that a busy machine slows all of them alike; the ratios are medians of the
rounds' ratios. Every way's embeddings are compared with the plain loop's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import engine
from engine.corpus.features import extract
from engine.corpus.normalising import normalised
from engine.corpus.preparing import list_corpus, prepare_corpus
from engine.machine import usable_cores
from engine.use.recognizer import SpeakerRecognizer


@torch.inference_mode()
def one_at_a_time(model: SpeakerRecognizer, paths: Sequence[Path]) -> NDArray[np.float32]:
    """The loop that one would write first; PyTorch takes all its threads."""
    device, segments = model.forward.device, model.preset.segments
    vectors = []
    for path in paths:
        frames = torch.from_numpy(extract(path, model.preset.features)).to(device)
        pooled = model.model.pool(normalised(frames, segments)[None])
        model.model.head(pooled)
        vectors.append(model.model.head.embed(pooled)[0].cpu().numpy())
    return np.stack(vectors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("corpus")
    parser.add_argument("--utterances", type=int, default=1000, help="about how many, from all over the corpus")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    model = engine.load(arguments.checkpoint, arguments.device)
    packed = prepare_corpus(arguments.corpus, model.preset.features)
    path_of = {utterance.id: utterance.path for utterance in list_corpus(arguments.corpus).utterances}
    chosen = np.arange(0, len(packed.ids), max(1, len(packed.ids) // arguments.utterances))
    paths = [path_of[packed.ids[place]] for place in chosen]

    def from_packed() -> NDArray[np.float32]:
        vectors: dict[int, NDArray[np.float32]] = {}
        for output in model.forward.of_packed(packed, chosen):
            vectors.update(zip(output.places.tolist(), output.embeddings, strict=True))
        return np.stack([vectors[place] for place in range(len(chosen))])

    ways: dict[str, Callable[[], NDArray[np.float32]]] = {
        "one at a time": lambda: one_at_a_time(model, paths),
        "files, all at once": lambda: model.outputs(paths).embeddings,
        "packed corpus": from_packed,
    }
    expected = ways["one at a time"]()
    for name, way in ways.items():  # libraries warm, files in the page cache, and no score is another
        print(f"{name:20s} differs by at most {np.abs(way() - expected).max():.1e}")
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - began)
    print(f"{len(paths)} utterances, {usable_cores()} cores, {model.device.name}")
    plain = taken["one at a time"]
    for name, times in taken.items():
        ratio = statistics.median(slow / fast for slow, fast in zip(plain, times, strict=True))
        print(f"{name:20s} {len(paths) / statistics.median(times):7.0f} utterances a second {ratio:6.2f} x")


if __name__ == "__main__":
    main()
