"""What the tests of manifests share: short recordings, packed corpora by name, and manifests of arbitrary bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from hypothesis import strategies

from engine.corpus.corpus import Corpus
from engine.corpus.opening import open_corpus
from engine.corpus.packed import PackedCorpus
from engine.corpus.preparing import prepare_corpus
from engine.corpus.splits import Split, split_of
from engine.errors import InputError
from engine.preset import Data, Features, Validation
from tests.made_corpora import RATE, voice

PITCHES = {"alice": 220.0, "bob": 120.0, "carol": 180.0}


def record(folder: Path, *names: str, seconds: float = 0.4) -> Path:
    """Writes a recording under each name; a speaker's pitch is that of the name's first folder."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pitch = PITCHES.get(name.split("/")[0], 150.0)
        soundfile.write(path, voice(pitch, seconds, seed=sum(name.encode())), RATE)
    return folder


def write(path: Path, *lines: str) -> Path:
    """Writes a text file of these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def opened(path: Path, layout: str = "auto") -> Corpus:
    """The corpus at the path, read as the layout."""
    return open_corpus(str(path), Data(layout=layout))


def ids(corpus: Corpus) -> list[str]:
    return [utterance.id for utterance in corpus.utterances]


def problems(corpus: Corpus) -> list[tuple[str, str, str]]:
    return [(problem.kind, problem.where, problem.detail) for problem in corpus.problems]


def held_out(path: Path, share: float = 0.25) -> tuple[PackedCorpus, Split, set[str]]:
    """The packed corpus, its split, and the ids that are held out."""
    packed = prepare_corpus(str(path), Features())
    split = split_of(packed, Validation(share=share, every=1))
    return packed, split, {packed.ids[index] for index in split.validation}


def refusal(path: Path, layout: str = "auto") -> str:
    """What is said when the path can't be read as a corpus of the layout."""
    with pytest.raises(InputError) as error:
        opened(path, layout)
    return str(error.value)


def arbitrary_manifests(*pieces: str) -> strategies.SearchStrategy[bytes]:
    """Any bytes, any text, and lines put together from pieces that mean something in the format."""
    lines = strategies.lists(strategies.lists(strategies.sampled_from(pieces), max_size=8).map("".join), max_size=8)
    return strategies.one_of(
        strategies.binary(max_size=200),
        strategies.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
        lines.map(lambda found: "\n".join(found).encode("utf-8", "surrogatepass")),
    )


def reads_or_refuses(read: Callable[[], Corpus]) -> None:
    """Only a corpus or an `InputError` comes out, and all that it says can be written as UTF-8."""
    try:
        corpus = read()
    except InputError as error:
        str(error).encode()
        return
    for problem in corpus.problems:
        (problem.where + problem.detail).encode()
    for utterance in corpus.utterances:
        (utterance.id + utterance.speaker + str(utterance.path)).encode()
