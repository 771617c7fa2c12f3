"""The face of a trained model for other programs: `engine.load("best.safetensors")` gives one of these.

It puts together what lies beside it: the file (`loading.py`), recordings (`recordings.py`) and batches
(`embedding.py`). The commands use the same object, in a child process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from engine.corpus.reporting import Report, silently
from engine.errors import InputError
from engine.files import user_path
from engine.preset import Preset
from engine.saved_model import SavedModel
from engine.training.device import resolve
from engine.use.cosines import unit
from engine.use.embedding import Forward, Frames, Output
from engine.use.finding import find_checkpoint
from engine.use.identification import Match
from engine.use.loading import Loaded, load_checkpoint
from engine.use.recordings import frames_of_all

PathLike: TypeAlias = str | Path


class Candidate(Struct, frozen=True):
    """Who may be speaking: one of the speakers that the model was trained on, and its share of all of them, 0 to 1."""

    speaker: str
    probability: float


@dataclass(frozen=True, eq=False)
class Outputs:
    """What recordings came to. Those that can't be used have no row, and a line in `problems` under their place."""

    places: NDArray[np.int64]  # (used,), ascending: which of the recordings each row is
    embeddings: NDArray[np.float32]  # (used, width)
    logits: NDArray[np.float32]  # (used, speakers)
    problems: dict[int, InputError]


class SpeakerRecognizer:
    """A trained model with its feature recipe and speakers. Made by `load_model`, or `engine.load`."""

    def __init__(self, path: Path, loaded: Loaded, device: str = "auto") -> None:
        """device: auto, cpu, cuda, cuda:1 or mps. Raises `InputError` for one that isn't there."""
        self.path = path
        self.sha256 = loaded.sha256
        self.saved: SavedModel = loaded.saved
        settings = structs.replace(loaded.saved.preset.run, device=device, devices=1, threads=0)
        self.device = resolve(settings)
        self.model = loaded.model
        self.forward = Forward(loaded.model, loaded.saved.preset, self.device)

    @property
    def preset(self) -> Preset:
        """What it was trained by."""
        return self.saved.preset

    @property
    def speakers(self) -> list[str]:
        """The speakers that it knows; a speaker's place is its class."""
        return self.saved.speakers

    def embed(self, recordings: PathLike | Sequence[PathLike]) -> NDArray[np.float32]:
        """The vector that stands for each recording: (recordings, width), or (width,) for a single path.

        Two recordings of one voice have a high cosine. Raises `InputError` for the first that can't be used.
        """
        if not isinstance(recordings, str | Path):
            return self._all_of(recordings).embeddings
        embedding: NDArray[np.float32] = self._all_of([recordings]).embeddings[0]
        return embedding

    def identify(self, recording: PathLike, most: int = 5) -> list[Candidate]:
        """Who of its speakers is speaking: the likeliest ones, first the likeliest.

        It knows nobody else: a stranger is taken for whoever is most alike. Raises `InputError`.
        """
        logits = self._all_of([recording]).logits[0].astype(np.float64)  # (speakers,)
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        best = np.argsort(-shares, kind="stable")[:most]
        return [Candidate(self.speakers[place], float(shares[place])) for place in best]

    def enroll(self, speaker: str, recordings: PathLike | Sequence[PathLike]) -> None:
        """Remembers a voice for this model, as `spk-tui enroll` does, so that `match` tells it.

        It is kept in the user's data folder; more recordings of a speaker are added to those that are there. Raises
        `InputError`, and then nothing is kept.
        """
        from engine.use.enrolling import keep

        paths = [user_path(one) for one in ([recordings] if isinstance(recordings, str | Path) else recordings)]
        keep(self, speaker, [str(path.absolute()) for path in paths], self._all_of(paths).embeddings)

    def match(self, recording: PathLike, most: int = 5) -> list[Match]:
        """Who of those enrolled is speaking: names with the cosine of the voices, -1 to 1, first the most alike.

        A stranger has low scores with everybody; from which on to believe one is the caller's to decide, and what
        `spk-tui identify` decides says its help. Empty when nobody is enrolled. Raises `InputError`.
        """
        from engine.use.enrolling import enrolled_voices

        heard = unit(self._all_of([recording]).embeddings)[0]  # (width,)
        names, voices = enrolled_voices(self, len(heard))
        scores = voices @ heard  # (speakers,)
        return [Match(names[place], float(scores[place])) for place in np.argsort(-scores, kind="stable")[:most]]

    def outputs(self, recordings: Sequence[PathLike], report: Report = silently) -> Outputs:
        """Embeddings and logits of any number of recordings, decoded on all cores and computed many at a time.

        Those of a recording that comes in stretches (see `recordings.py`) are averaged, weighted by their length.
        """
        paths = [user_path(recording) for recording in recordings]
        return self.outputs_of(frames_of_all(paths, self.preset.features), len(paths), report)

    def outputs_of(self, found: Iterable[list[Frames] | InputError], number: int, report: Report = silently) -> Outputs:
        """The same from frames: for each of `number` recordings its stretches, or why it can't be used."""
        problems: dict[int, InputError] = {}
        owners: list[int] = []  # the recording of each stretch
        lengths: list[int] = []  # its frames

        def stretches() -> Iterator[Frames]:
            for place, stretches_or_why in enumerate(found):
                if isinstance(stretches_or_why, InputError):
                    problems[place] = stretches_or_why
                    continue
                for stretch in stretches_or_why:
                    owners.append(place)
                    lengths.append(len(stretch))
                    yield stretch
                report("listening", place + 1, number, "recordings")

        sums = _Sums(number, len(self.speakers))
        for output in self.forward.of_utterances(stretches()):
            sums.add(np.array(owners)[output.places], np.array(lengths)[output.places], output)
        return sums.averaged(problems)

    def _all_of(self, recordings: Sequence[PathLike]) -> Outputs:
        """The same where every recording is needed. Raises `InputError`."""
        outputs = self.outputs(recordings)
        for problem in outputs.problems.values():
            raise problem
        return outputs


class _Sums:
    """Outputs of stretches added up by recording, each as often as it has frames."""

    def __init__(self, recordings: int, speakers: int) -> None:
        self.frames = np.zeros(recordings)
        self.embeddings = np.zeros((recordings, 0))
        self.logits = np.zeros((recordings, speakers))

    def add(self, owners: NDArray[np.int64], frames: NDArray[np.int64], output: Output) -> None:
        """owners, frames: (batch,), the recording that each stretch belongs to, and its length."""
        if not self.embeddings.size:
            self.embeddings = np.zeros((len(self.frames), output.embeddings.shape[1]))
        np.add.at(self.frames, owners, frames)
        np.add.at(self.embeddings, owners, frames[:, None] * output.embeddings)
        np.add.at(self.logits, owners, frames[:, None] * output.logits)

    def averaged(self, problems: dict[int, InputError]) -> Outputs:
        """The averages of the recordings that had any frames."""
        places = np.flatnonzero(self.frames)
        frames = self.frames[places, None]
        embeddings, logits = self.embeddings[places] / frames, self.logits[places] / frames
        return Outputs(places, embeddings.astype(np.float32), logits.astype(np.float32), problems)


def load_model(path: PathLike, device: str = "auto") -> SpeakerRecognizer:
    """A model from a checkpoint, a run's folder, or a run by its name. Raises `InputError`.

    device: auto, cpu, cuda, cuda:1 or mps.
    """
    found = find_checkpoint(path)
    return SpeakerRecognizer(found.path, load_checkpoint(found.path), device)
