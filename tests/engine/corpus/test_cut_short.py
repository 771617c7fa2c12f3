"""WAV files whose header promises more than they hold: named once, by headers and by packing alike, and used."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.corpus.corpus import Corpus, Problem, Utterance
from engine.corpus.decoding import cut_short, read_header
from engine.corpus.extracting import extract_utterance
from engine.corpus.lengths import read_lengths
from engine.corpus.opening import open_corpus
from engine.corpus.packed import pack
from engine.corpus.reporting import silently
from engine.corpus.summary import KindOfProblem, summarize
from engine.preset import Features
from tests.made_corpora import RATE, audio_folder, voice

DETAIL = "holds 16,000 of the 32,000 bytes of audio that its header promises"


def wav(seconds: float, subtype: str = "PCM_16", **options: str) -> bytearray:
    """A voice as a WAV file of 44 bytes of header, where it is of 16 bits, and its samples."""
    file = io.BytesIO()
    soundfile.write(file, voice(120, seconds, seed=1), RATE, subtype=subtype, format="WAV", **options)
    return bytearray(file.getvalue())


def test_a_file_that_is_cut_is_named_once_and_used(tmp_path: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=2, each=3)
    (root / "speaker00" / "cut.WAV").write_bytes(wav(1.0)[: 44 + RATE])
    told = [Problem("cut short", "speaker00/cut.WAV", DETAIL)]
    summary = summarize(str(root))
    assert (summary.problems, summary.utterances) == (told, 7)
    assert summary.problem_kinds == [KindOfProblem("cut short", 1, leaves_out=False)]
    packed = pack(open_corpus(str(root)), Features())
    assert packed.problems == told
    assert "speaker00/cut.WAV" in packed.ids
    assert summarize(str(root)).problems == told


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "IMA_ADPCM"])
def test_every_byte_counts(tmp_path: Path, subtype: str) -> None:
    path, content = tmp_path / "1.wav", wav(0.5, subtype)
    path.write_bytes(content)
    assert cut_short(path) == read_header(path).cut_short == ""
    path.write_bytes(content + b"LIST\x04\0\0\0INFO")  # what follows the audio isn't audio
    assert cut_short(path) == ""
    path.write_bytes(content[:-1])
    assert cut_short(path).startswith("holds ")


@pytest.mark.parametrize("size", [0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_a_length_that_was_never_filled_in_promises_nothing(tmp_path: Path, size: int) -> None:
    path, content = tmp_path / "piped.wav", wav(0.5)
    place = content.index(b"data") + 4
    content[place : place + 4] = size.to_bytes(4, "little")
    path.write_bytes(content)
    assert read_header(path).cut_short == ""


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff", b"fLaC" * 9])
def test_what_has_no_data_promises_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1.wav").write_bytes(content)
    assert cut_short(tmp_path / "1.wav") == ""


def test_only_stretches_that_reach_the_cut_are_named(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(1.0)[: 44 + RATE])  # half a second is left
    stretches = [(0.0, 0.25), (0.1, 0.5), (0.2, 0.6), (0.0, None), (0.3, None)]
    utterances = [Utterance(f"{start:g}-{end}", "anna", path, start=start, end=end) for start, end in stretches]
    corpus = Corpus("made", "made", tmp_path, utterances, [], "made")
    told = [Problem("cut short", name, DETAIL) for name in ("0.2-0.6", "0-None", "0.3-None")]
    assert read_lengths(corpus, Features(), silently).problems == told
    extracted = [extract_utterance(utterance, corpus, Features()) for utterance in utterances]
    assert [problem for found in extracted for problem in found.problems] == told
    assert all(found.frames is not None and np.isfinite(found.frames).all() for found in extracted)
