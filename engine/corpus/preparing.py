"""The calls that a run makes: from what a person typed to packed frames, whatever has to be made on the way."""

from __future__ import annotations

from engine.corpus.corpus import Corpus
from engine.corpus.demo import make_demo, parse_demo
from engine.corpus.opening import open_corpus
from engine.corpus.packed import PackedCorpus, pack
from engine.corpus.reporting import Report, silently
from engine.preset import Data, Features


def list_corpus(spec: str, report: Report = silently, data: Data | None = None) -> Corpus:
    """Makes the demo corpus if it is asked for and not there yet, and lists the corpus.

    `spec` is a path, "demo" or "demo:20x10"; `data` says how it is read and which part of it is wanted. If `report`
    raises, the work stops and leaves nothing half-made. Raises `InputError` as `open_corpus` does.
    """
    size = parse_demo(spec)
    if size is not None:
        make_demo(size, report)
    return open_corpus(spec, data)


def prepare_corpus(spec: str, features: Features, report: Report = silently, data: Data | None = None) -> PackedCorpus:
    """Lists a corpus, and packs it unless it is packed. Raises `InputError` when nothing usable is left."""
    return pack(list_corpus(spec, report, data), features, report)
