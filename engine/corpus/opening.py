"""From what a person types to a `Corpus`: a path, whose layout is recognised, or the name of the demo corpus.

A new layout is one file under readers/ and one line in `LAYOUTS`. No audio is decoded here.
"""

from __future__ import annotations

from pathlib import Path

from engine.corpus.corpus import Corpus
from engine.corpus.demo import open_demo, parse_demo
from engine.corpus.readers import (
    audio_folder,
    csv_manifest,
    homework,
    kaldi,
    librispeech,
    nemo,
    speechbrain,
    vctk,
    voxceleb,
)
from engine.corpus.readers.layout import Layout
from engine.corpus.selecting import select
from engine.errors import InputError, nearest_spelling
from engine.files import user_path
from engine.preset import Data

LAYOUTS: dict[str, Layout] = {
    # The first that recognises a folder reads it, so the one that takes any folder is the last.
    homework.LAYOUT.name: homework.LAYOUT,
    voxceleb.LAYOUT.name: voxceleb.LAYOUT,
    librispeech.LAYOUT.name: librispeech.LAYOUT,
    vctk.LAYOUT.name: vctk.LAYOUT,
    kaldi.LAYOUT.name: kaldi.LAYOUT,
    speechbrain.LAYOUT.name: speechbrain.LAYOUT,  # before csv, which would take its samples for seconds
    csv_manifest.LAYOUT.name: csv_manifest.LAYOUT,
    nemo.LAYOUT.name: nemo.LAYOUT,
    audio_folder.LAYOUT.name: audio_folder.LAYOUT,
}


def open_corpus(spec: str, data: Data | None = None) -> Corpus:
    """The corpus at a path, or the built-in one: "demo", or "demo:20x10" for 20 voices with 10 sentences each.

    `data` says how it is read and which part of it is wanted. Nothing is synthesised here: a demo corpus that isn't in
    the cache yet is listed as it is going to lie there (see `engine.corpus.preparing`). Raises `InputError` when there
    is nothing that a speaker encoder could be trained on.
    """
    data = data or Data()
    size = parse_demo(spec)
    if size is not None:
        return select(open_demo(spec, size), data)
    if not spec.strip():
        raise InputError("no corpus is named; give a folder of recordings, or 'demo'")
    root = user_path(spec)
    try:
        is_there = root.exists()
    except OSError as error:
        raise InputError(f"{spec}: can't be looked at ({error.strerror})") from None
    if not is_there:
        raise InputError(f"{spec}: there is no such folder{_similar(root)}; give a folder of recordings, or 'demo'")
    resolved = root.resolve()
    layout = _layout(spec, resolved, data.layout)
    corpus = layout.read(resolved, data)
    speakers = corpus.speakers
    if not speakers:
        raise InputError(f"{spec}: no recordings found{_first_problem(corpus)}; {_picture(layout)}")
    if len(speakers) < 2:
        raise InputError(
            f"{spec}: only one speaker found ('{speakers[0]}'), at least 2 are needed{_deeper(corpus)};"
            f" {_picture(layout)}"
        )
    return select(corpus, data)


def _layout(spec: str, root: Path, name: str) -> Layout:
    """The layout of that name, or for "auto" the first one that recognises the path."""
    if name != "auto":
        if name not in LAYOUTS:
            names = ["auto", *LAYOUTS]
            raise InputError(f"'{name}' is no layout{nearest_spelling(name, names)} (known: {', '.join(names)})")
        return LAYOUTS[name]
    for layout in LAYOUTS.values():
        if layout.recognises(root):
            return layout
    raise InputError(
        f"{spec} is a file, and none that lists a corpus; give the folder with the speakers' folders, or 'demo';"
        f" {_picture(audio_folder.LAYOUT)}"
    )


def _picture(layout: Layout) -> str:
    """What the path was taken for, and what else there is."""
    others = ", ".join(name for name in LAYOUTS if name != layout.name)
    return f"as '{layout.name}' a corpus lies like this\n{layout.picture}\nother layouts: {others} (docs/corpora.md)"


def _similar(root: Path) -> str:
    try:
        neighbours = [entry.name for entry in root.parent.iterdir() if entry.is_dir()]
    except OSError:
        return ""
    return nearest_spelling(root.name, neighbours)


def _first_problem(corpus: Corpus) -> str:
    if not corpus.problems:
        return ""
    first = corpus.problems[0]
    return f" ({first.where}: {first.detail})"


def _deeper(corpus: Corpus) -> str:
    """A hint for the commonest slip: naming the folder above the speakers' folders."""
    below = {utterance.id.split("/")[1] for utterance in corpus.utterances if utterance.id.count("/") > 1}
    likely = corpus.root / corpus.speakers[0]
    return f", did you mean '{likely}'?" if len(below) > 1 and likely.is_dir() else ""
