"""How well encoders tell strangers apart: equal error rates on speakers that nobody was trained on.

    SPK_TUI_CORPORA=... python benchmarks/verification.py PRESET [PRESET ...] [--utterances 48000] [--set KEY=VALUE]

A model is trained on 200 of the 250 speakers of speechocean762, chosen at random, with 10 % of their utterances held
out for validation; every preset sees the same number of utterances. Trials are all pairs of whole utterances of the
other 50: the score is the cosine between their embeddings, and the error rate that where as many strangers are let in
as speakers are turned away. The interval is a bootstrap over the 50 speakers; a speaker drawn twice makes no trials
with itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import torch
from cyclopts import App, Parameter
from numpy.typing import NDArray
from torch.nn import functional

from engine.corpus.batches import ValidationBatches
from engine.corpus.frame_store import FrameStore
from engine.corpus.packed import PackedCorpus
from engine.corpus.preparing import prepare_corpus
from engine.corpus.splits import split_of
from engine.models.speaker_model import SpeakerModel
from engine.preset import Data, Preset
from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.training.device import resolve
from engine.training.trainer import Trainer
from engine.use.detection import resampled
from engine.use.equal_error_rate import equal_error_rate
from engine.use.error_curve import SortedTrials
from engine.use.loading import load_best

TRAINED_ON = Data(speakers=200, choose="random", seed=0)
app = App(help=__doc__)


@app.default
def main(
    *presets: str,
    corpora_root: Annotated[Path, Parameter(env_var="SPK_TUI_CORPORA")],
    utterances: int = 48_000,
    overrides: Annotated[tuple[str, ...], Parameter(name="--set")] = (),
) -> None:
    """Trains each preset and prints one line of the table for it."""
    print("| preset | encoder parameters | embedding | trials | equal error rate |\n|---|---|---|---|---|", flush=True)
    for name in presets:
        preset = find_preset(name, overrides)
        steps = round(utterances / preset.segments.batch_size)
        preset = with_overrides(preset, [f"run.steps={steps}", f"validation.every={max(1, steps // 5)}"])
        print(row(preset, corpora_root / "speechocean762"), flush=True)


def row(preset: Preset, corpus: Path) -> str:
    """Trains, embeds the strangers, and says how often they are confused."""
    model = trained(preset, prepare_corpus(str(corpus), preset.features, data=TRAINED_ON))
    everyone = prepare_corpus(str(corpus), preset.features)
    known = set(prepare_corpus(str(corpus), preset.features, data=TRAINED_ON).speakers)
    strangers = [place for place, speaker in enumerate(everyone.speakers) if speaker not in known]
    utterances = np.flatnonzero(np.isin(everyone.speakers_of, strangers))
    embeddings, speakers = embed(model, everyone, utterances, preset)
    scores = (embeddings @ embeddings.T).numpy().astype(np.float64)
    rate, low, high, trials = rates(scores, speakers)
    parameters = sum(parameter.numel() for parameter in model.encoder.parameters())
    interval = f"{100 * rate:.2f} % ({100 * low:.2f}–{100 * high:.2f})"
    return f"| {preset.name} | {parameters:,} | {embeddings.shape[1]} | {trials:,} | {interval} |"


def trained(preset: Preset, packed: PackedCorpus) -> SpeakerModel:
    """The best checkpoint of a run, in evaluation mode."""
    with TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        run.best_path.parent.mkdir()
        parts = split_of(packed, preset.validation)
        for event in Trainer(preset, packed, parts, run, resolve(preset.run)):
            if isinstance(event, e.Validated):
                accuracies = f"{event.segment_accuracy:.4f} / {event.utterance_accuracy:.4f}"
                print(f"{preset.name} at step {event.step}: {accuracies}", file=sys.stderr, flush=True)
        return load_best(run.best_path)[0]


@torch.inference_mode()
def embed(
    model: SpeakerModel, packed: PackedCorpus, utterances: NDArray[np.int64], preset: Preset
) -> tuple[torch.Tensor, NDArray[np.int64]]:
    """Embeddings of whole utterances, of length one: (utterances, width), and the speaker of each: (utterances,)."""
    store = FrameStore(packed, torch.device("cpu"), preset.segments)
    batches = list(ValidationBatches(store, packed, utterances, preset.segments, 0).utterance_batches())
    embeddings = torch.cat([functional.normalize(model.embed(batch.frames, batch.mask)) for batch in batches])
    return embeddings, torch.cat([batch.speakers for batch in batches]).numpy()


def rates(scores: NDArray[np.float64], speakers: NDArray[np.int64]) -> tuple[float, float, float, int]:
    """Equal error rate, both ends of its 95 % interval, and the number of trials.

    scores: (utterances, utterances), speakers: (utterances,).
    """
    first, second = np.triu_indices(len(speakers), k=1)
    all_scores, same = scores[first, second], speakers[first] == speakers[second]
    rate, _ = equal_error_rate(all_scores, same)
    drawn = resampled(SortedTrials(all_scores, same), (speakers[first], speakers[second]))
    low, high = np.quantile(drawn[:, 0], [0.025, 0.975])
    return rate, float(low), float(high), len(same)


if __name__ == "__main__":
    app()
