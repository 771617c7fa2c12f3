"""The table of public corpora: what each is, who speaks, under which licence, and where its archives lie.

Data only, so that a list of corpora loads nothing else. Getting them is the work of `download.py`. Where a figure could
not be found in a publication it is None; none is a guess.
"""

from __future__ import annotations

from msgspec import Struct

from engine.errors import InputError, nearest_spelling

CC_BY = "CC BY 4.0"


class Archive(Struct, frozen=True):
    """One file to fetch.

    `checksum` is "md5:..." as published, or empty where none is published. An archive is unpacked as it is, for the
    readers to recognise; where no reader knows its layout, `speakers` names the folder inside, at whatever depth, whose
    subfolders are the speakers, and these become the corpus's own folders.
    """

    name: str
    url: str
    size: int
    """Bytes."""
    checksum: str = ""
    speakers: str = ""


class PublicCorpus(Struct, frozen=True):
    """One entry. It has archives, or, where an account is needed, words on how to get it by hand (`by_hand`)."""

    name: str
    summary: str
    speakers: int | None
    hours: float | None
    licence: str
    page: str
    archives: tuple[Archive, ...] = ()
    by_hand: str = ""

    @property
    def size(self) -> int:
        """Bytes to download; 0 where there is nothing to download."""
        return sum(archive.size for archive in self.archives)


_ENTRIES = (
    # Speakers and hours: Zhang et al., "speechocean762: An Open-Source Non-native English Speech Corpus For
    # Pronunciation Assessment", Interspeech 2021 (5,000 utterances), counted in the corpus itself: 5.57 h. Size: Kaldi,
    # egs/gop_speechocean762/s5/local/download_and_untar.sh. Neither OpenSLR nor Kaldi has a checksum.
    PublicCorpus(
        name="speechocean762",
        summary="read English of speakers of Mandarin, children and adults, 16 kHz",
        speakers=250,
        hours=5.6,
        licence=CC_BY,
        page="https://www.openslr.org/101/",
        archives=(
            Archive(
                name="speechocean762.tar.gz",
                url="https://www.openslr.org/resources/101/speechocean762.tar.gz",
                size=520_810_923,
                speakers="WAVE",
            ),
        ),
    ),
    # Checksums: https://www.openslr.org/resources/31/md5sum.txt. Hours: what the names of the two parts say. OpenSLR
    # does not tell the number of speakers.
    PublicCorpus(
        name="mini-librispeech",
        summary="a small part of LibriSpeech, read audio books, 16 kHz",
        speakers=None,
        hours=7.0,
        licence=CC_BY,
        page="https://www.openslr.org/31/",
        archives=(
            Archive(
                name="train-clean-5.tar.gz",
                url="https://www.openslr.org/resources/31/train-clean-5.tar.gz",
                size=332_954_390,
                checksum="md5:5df7d4e78065366204ca6845bb08f490",
            ),
            Archive(
                name="dev-clean-2.tar.gz",
                url="https://www.openslr.org/resources/31/dev-clean-2.tar.gz",
                size=126_046_265,
                checksum="md5:6d7ab67ac6a1d2c993d050e16d61080d",
            ),
        ),
    ),
    # Speakers and hours: Panayotov et al., "LibriSpeech: an ASR corpus based on public domain audio books", ICASSP
    # 2015, table 1. Checksums: https://www.openslr.org/resources/12/md5sum.txt.
    PublicCorpus(
        name="librispeech-dev-clean",
        summary="read audio books, 16 kHz",
        speakers=40,
        hours=5.4,
        licence=CC_BY,
        page="https://www.openslr.org/12/",
        archives=(
            Archive(
                name="dev-clean.tar.gz",
                url="https://www.openslr.org/resources/12/dev-clean.tar.gz",
                size=337_926_286,
                checksum="md5:42e2234ba48799c1f50f24a7926300a1",
            ),
        ),
    ),
    PublicCorpus(
        name="librispeech-train-clean-100",
        summary="read audio books, 16 kHz",
        speakers=251,
        hours=100.6,
        licence=CC_BY,
        page="https://www.openslr.org/12/",
        archives=(
            Archive(
                name="train-clean-100.tar.gz",
                url="https://www.openslr.org/resources/12/train-clean-100.tar.gz",
                size=6_387_309_499,
                checksum="md5:2a93770f6d5c6c964bc36631d331a522",
            ),
        ),
    ),
    # Speakers, licence, size and checksum: the record at the DOI, Edinburgh DataShare; torchaudio (datasets/vctk.py)
    # has the same checksum. The address is the record's file itself; the older one under /bitstream/ answers with a web
    # page. Hours are not told.
    PublicCorpus(
        name="vctk",
        summary="VCTK 0.92, read newspaper English with many accents, 48 kHz",
        speakers=110,
        hours=None,
        licence=CC_BY,
        page="https://doi.org/10.7488/ds/2645",
        archives=(
            Archive(
                name="VCTK-Corpus-0.92.zip",
                url="https://datashare.ed.ac.uk/server/api/core/bitstreams/535f4286-e54c-4038-838c-a02285e32cb2/content",
                size=11_747_302_977,
                checksum="md5:8a6ba2946b36fcbef0212cad601f4bfa",
            ),
        ),
    ),
    # Speakers and hours: Nagrani et al., "VoxCeleb: a large-scale speaker identification dataset", Interspeech 2017,
    # and Chung et al., "VoxCeleb2: Deep Speaker Recognition", Interspeech 2018. Licence and access: the page named
    # here; the first page, at Oxford, gives out no audio any more.
    PublicCorpus(
        name="voxceleb1",
        summary="celebrities in interviews on YouTube, 16 kHz",
        speakers=1251,
        hours=352.0,
        licence=f"{CC_BY}, for research",
        page="https://mm.kaist.ac.kr/datasets/voxceleb/",
        by_hand=(
            "Ask for access at https://mm.kaist.ac.kr/datasets/voxceleb/, and unpack what you are given into one"
            " folder:\n  spk-tui train quick-tour --data PATH"
        ),
    ),
    PublicCorpus(
        name="voxceleb2",
        summary="more celebrities in interviews on YouTube, AAC at 16 kHz",
        speakers=6112,
        hours=2442.0,
        licence=f"{CC_BY}, for research",
        page="https://mm.kaist.ac.kr/datasets/voxceleb/",
        by_hand=(
            "Ask for access at https://mm.kaist.ac.kr/datasets/voxceleb/, and unpack what you are given into one"
            " folder. Its recordings are .m4a, which takes one more library (pip install 'spk-tui[m4a]'):\n"
            "  spk-tui train quick-tour --data PATH"
        ),
    ),
    # Speakers: the slides of homework 4, "Machine Learning", National Taiwan University, 2022 (56,666 utterances of
    # VoxCeleb2). They tell neither hours nor a licence.
    PublicCorpus(
        name="homework",
        summary="the course's homework 4: log-mel frames of a part of VoxCeleb2",
        speakers=600,
        hours=None,
        licence="rules of the Kaggle competition",
        page="https://www.kaggle.com/competitions/ml2022spring-hw4/data",
        by_hand=(
            "Sign in at Kaggle, join the competition, and download the data from"
            " https://www.kaggle.com/competitions/ml2022spring-hw4/data. Unpacked it is one folder with metadata.json,"
            " mapping.json, testdata.json and the uttr-*.pt:\n"
            "  spk-tui train quick-tour --data PATH"
        ),
    ),
)

CATALOGUE: dict[str, PublicCorpus] = {entry.name: entry for entry in _ENTRIES}


def catalogue() -> list[PublicCorpus]:
    """All entries, those that can be downloaded first."""
    return list(CATALOGUE.values())


def find_entry(name: str) -> PublicCorpus:
    """The entry of that name. Raises `InputError` with the nearest spelling."""
    if name not in CATALOGUE:
        hint = nearest_spelling(name, CATALOGUE)
        raise InputError(f"no public corpus is called '{name}'{hint} ('spk-tui download' lists them)")
    return CATALOGUE[name]
