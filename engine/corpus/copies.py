"""Changed copies of a corpus, packed beside it: which ones a preset's [augment] asks for, and what they need.

Only training utterances are copied: what is held out is always looked at as it is. What is done to a waveform says
`waveforms.py`; a batch chooses between the copies in `batches.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.corpus.corpus import Corpus
from engine.corpus.packed import PackedCorpus, pack
from engine.corpus.readers.listing import Listing
from engine.corpus.readers.walking import files_below, folders_and_files
from engine.corpus.reporting import Report, silently
from engine.corpus.waveforms import WaveformRecipe
from engine.errors import InputError
from engine.files import user_path
from engine.preset import Augment


class Copy(NamedTuple):
    """One packed copy.

    speakers_as: 0 when its speakers are those of the corpus; n when they are the n-th further classes, so that the
    class of a speaker is n * speakers + its own.
    """

    packed: PackedCorpus
    words: str
    speakers_as: int = 0


def check_augmentation(corpus: Corpus, augment: Augment) -> None:
    """Raises `InputError` when the copies that are asked for can't be made of this corpus, or a folder is missing."""
    keys = [key for key in ("speeds", "noise", "reverberation") if getattr(augment, key)]
    if keys and corpus.mel_bands is not None:
        raise InputError(
            f"augment.{keys[0]} works on audio, and {corpus.name} holds ready-made frames; leave it out, and use masks"
            " (augment.time_masks, augment.frequency_masks)"
        )
    recipes_of(augment)


def recipes_of(augment: Augment) -> list[WaveformRecipe]:
    """The copies that are asked for: one at each speed, then the noisy ones. Raises `InputError` for missing sounds."""
    recipes = [WaveformRecipe(speed=speed) for speed in augment.speeds]
    if not (augment.noise or augment.reverberation):
        return recipes
    noise = _sounds("augment.noise", augment.noise, lambda _: True) if augment.noise else None
    rooms = _sounds("augment.reverberation", augment.reverberation, _is_response) if augment.reverberation else None
    snr_db = (0.0, 0.0) if noise is None else augment.noise_snr_db
    return recipes + [
        WaveformRecipe(number, noise=noise, noise_snr_db=snr_db, reverberation=rooms, seed=augment.seed)
        for number in range(augment.copies)
    ]


def pack_copies(
    corpus: Corpus, packed: PackedCorpus, train: NDArray[np.int64], augment: Augment, report: Report = silently
) -> list[Copy]:
    """Packs the copies that are asked for, each from the cache when it is there (see `check_augmentation`).

    packed: the packed form of the corpus; train: (training utterances,), indexes in it. An utterance that a copy can't
    hold (too short at a higher speed) is listed in that copy's problems. Raises `InputError` as `pack` does.
    """
    recipes = recipes_of(augment)
    if not recipes:
        return []
    part = _part(corpus, {packed.ids[index] for index in train})
    copies = []
    for number, recipe in enumerate(recipes, start=1):
        stage = f"packing copy {number} of {len(recipes)} ({recipe.words})"
        sounds = [listed for listed in (recipe.noise, recipe.reverberation) if listed is not None]
        unusable = [problem for listed in sounds for problem in listed.problems]
        frames = pack(replace(part, problems=unusable), packed.features, report, recipe, stage)
        speakers_as = number if augment.speeds_are_speakers and recipe.speed != 1 else 0
        copies.append(Copy(frames, recipe.words, speakers_as))
    return copies


def _part(corpus: Corpus, ids: set[str]) -> Corpus:
    """The corpus with these utterances only."""
    utterances = [utterance for utterance in corpus.utterances if utterance.id in ids]
    digest = hashlib.blake2b(corpus.fingerprint.encode(), digest_size=16)
    for utterance in utterances:
        digest.update(utterance.id.encode() + b"\0")
    return replace(corpus, utterances=utterances, fingerprint=digest.hexdigest())


def _sounds(key: str, folder: str, is_wanted: Callable[[str], bool]) -> Corpus:
    """The audio files at any depth of a folder, with the fingerprint of their names, sizes and times."""
    root = user_path(folder)
    if not root.is_dir():
        raise InputError(f"{key} = '{folder}': there is no such folder")
    listing = Listing("sounds", root)
    folders, files = folders_and_files(root, listing)
    found = [(entry.name, entry) for entry in files]
    found += [below for folder_entry in folders for below in files_below(folder_entry, listing)]
    for identifier, entry in found:
        if is_wanted(identifier):
            listing.add_audio(identifier, key, entry)
    sounds = listing.corpus()
    if not sounds.utterances:
        raise InputError(f"{key} = '{folder}': no audio files are in this folder or below")
    return sounds


def _is_response(identifier: str) -> bool:
    """Whether a file is an impulse response: in the layout of RIRS_NOISES (openslr.org/28) noises lie among them."""
    path = Path(identifier)
    return "pointsource_noises" not in path.parts and "_noise_" not in path.name
