"""The command `download`: the catalogue of public corpora as a table, and one of them by name.

What it says before it starts is what a person needs to agree: size, licence, where it goes. The work is done by
`engine.corpus.download`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from engine.errors import InputError
from spk_tui.commands.answers import say, say_json, table
from spk_tui.commands.options import AsJson
from spk_tui.exit_codes import LEFT, WELL

if TYPE_CHECKING:
    from engine.corpus.catalogue import PublicCorpus

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]


def download(
    name: str | None = None,
    /,
    *,
    to: Path | None = None,
    yes: Flag = False,
    keep_archive: Flag = False,
    as_json: AsJson = False,
) -> int:
    """Gets a public corpus by name; without a NAME it lists them.

    A download that was cut off goes on where it stopped. Archives are checked, unpacked and deleted.

    JSON without a NAME: a list of {"name", "summary", "speakers", "hours", "bytes", "licence", "page", "account",
    "downloaded", "folder"}; "account" is true where one is needed to get the corpus, "bytes" is what is downloaded, and
    what isn't known is null. With a NAME: {"name", "folder", "outcome", "licence", "kept"}; "outcome" is "downloaded",
    "present" (it was there already) or "declined" (the question was answered with no; "folder" is null), "kept" the
    archives that were kept.

    Parameters
    ----------
    name
        the corpus, as the list names it
    to
        folder that gets a folder of the corpus's name (default: SPK_TUI_DOWNLOADS, or the user's data directory)
    yes
        download without asking
    keep_archive
        keep the archives in the cache after unpacking
    """
    from engine.files import user_path

    to = user_path(to).absolute() if to is not None else None
    if name is None:
        return _list(to, as_json)
    return _get(name, to, yes, keep_archive, as_json)


def _list(to: Path | None, as_json: bool) -> int:
    from engine.corpus.download import catalogue, corpus_folder, is_downloaded
    from spk_tui.wording import count, size

    if as_json:
        say_json([_entry(entry, to) for entry in catalogue()])
        return WELL
    rows = [
        [
            entry.name,
            count(entry.speakers) if entry.speakers is not None else "–",
            f"{entry.hours:,.1f}" if entry.hours is not None else "–",
            size(entry.size) if entry.archives else "account",
            "yes" if is_downloaded(entry.name, to) else "",
            entry.licence,
            entry.summary,
        ]
        for entry in catalogue()
    ]
    heads = ["CORPUS", "SPEAKERS", "HOURS", "SIZE", "THERE", "LICENCE", "WHAT IT IS"]
    say(table(heads, rows, numbers=(1, 2, 3)))
    say(
        "\n'spk-tui download CORPUS' gets one. Those marked 'account' are given out by their owners alone; the command"
        f"\ntells where. They go to {corpus_folder(catalogue()[0].name, to).parent}"
    )
    return WELL


def _get(name: str, to: Path | None, yes: bool, keep_archive: bool, as_json: bool) -> int:
    from engine.corpus.download import archives_folder, corpus_folder, find_entry, is_downloaded
    from engine.corpus.download import download as get
    from spk_tui.commands.corpus_report import progress

    entry, folder = find_entry(name), corpus_folder(name, to)
    talk = sys.stderr if as_json else sys.stdout
    if is_downloaded(name, to):
        if as_json:
            return _answer(entry, folder, "present")
        say(f"{name} is there already: {folder}\n{_next(folder)}")
        return WELL
    if entry.archives:
        if not yes and not sys.stdin.isatty():
            raise InputError("there is no terminal to ask on; add --yes to download without a question")
        talk.write(f"{_terms(entry, folder)}\n")
        if not yes and not _agreed():
            if as_json:
                return _answer(entry, None, "declined")
            say("nothing was downloaded")
            return WELL
    try:
        with progress() as show:
            get(name, to, show, keep_archive)
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; what has come so far is kept, and the same command goes on from there\n")
        return LEFT
    kept = [str(archives_folder(name) / archive.name) for archive in entry.archives] if keep_archive else []
    if as_json:
        return _answer(entry, folder, "downloaded", kept)
    archives = "archive" if len(entry.archives) == 1 else "archives"
    say(f"{name} is in {folder}")
    say(f"kept: {', '.join(kept)}" if kept else f"the {archives} {'is' if archives == 'archive' else 'are'} deleted")
    say(_next(folder))
    return WELL


def _terms(entry: PublicCorpus, folder: Path) -> str:
    """What a person agrees to."""
    from engine.corpus.download import archives_folder
    from spk_tui.wording import size

    rows = [
        ["licence", f"{entry.licence} ({entry.page})"],
        ["download", f"{size(entry.size)}, {', '.join(archive.url for archive in entry.archives)}"],
        ["checked by", "; ".join(dict.fromkeys(_check(archive.checksum) for archive in entry.archives))],
        ["archives", f"{archives_folder(entry.name)}, until they are unpacked"],
        ["goes to", str(folder)],
    ]
    return f"{table([entry.name, entry.summary], rows)}\n"


def _check(checksum: str) -> str:
    if checksum:
        return "the published MD5"
    return "none is published: the SHA-256 of the first download is remembered, and later ones have to agree"


def _agreed() -> bool:
    """Asks on the terminal; anything but a yes is a no."""
    sys.stderr.write("download? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _next(folder: Path) -> str:
    import shlex

    return f"train on it: spk-tui train quick-tour --data {shlex.quote(str(folder))}"


def _answer(entry: PublicCorpus, folder: Path | None, outcome: str, kept: list[str] | None = None) -> int:
    say_json(
        {
            "name": entry.name,
            "folder": str(folder) if folder else None,
            "outcome": outcome,
            "licence": entry.licence,
            "kept": kept or [],
        }
    )
    return WELL


def _entry(entry: PublicCorpus, to: Path | None) -> dict[str, Any]:
    from engine.corpus.download import corpus_folder, is_downloaded

    return {
        "name": entry.name,
        "summary": entry.summary,
        "speakers": entry.speakers,
        "hours": entry.hours,
        "bytes": entry.size or None,
        "licence": entry.licence,
        "page": entry.page,
        "account": not entry.archives,
        "downloaded": is_downloaded(entry.name, to),
        "folder": str(corpus_folder(entry.name, to)),
    }
