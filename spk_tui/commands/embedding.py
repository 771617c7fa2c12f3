"""The command `embed`: a corpus's embeddings as arrays for other programs, and some of its speakers as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from spk_tui.commands.evaluating import CorpusPath, Device, ModelName
from spk_tui.commands.options import AsJson, LayoutName, Runs, Trust
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from engine.use.embedded import Embedded, Picture

WIDEST, ROWS = 100, 22
AIR = 0.05  # around the points of the picture, as a share of their range


def embed(
    model: ModelName,
    /,
    *,
    out: Annotated[Path, Parameter(help="the file that is written, ending in .npz")],
    data: CorpusPath = None,
    layout: LayoutName = None,
    split: Literal["validation", "train", "test", "all"] = "all",
    device: Device = "auto",
    runs: Runs = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> int:
    """Writes the embedding of each utterance of a corpus, and shows the speakers with most utterances as a picture.

    numpy.load(out) gives "embeddings", (utterances, width) of float32, and for each row its "ids" and "speakers". The
    picture has a letter for each utterance, on the two axes along which they differ most.

    JSON: {"model", "corpus", "part", "out", "utterances", "width", "speakers", "notes", "picture": {"shares",
    "speakers": [{"speaker", "x", "y"}]}}.

    Parameters
    ----------
    split
        which part of the corpus: what the run held out, what it was trained on, the corpus's own test part, or all
    """
    from engine.saved_model import read_saved
    from engine.use.client import ask
    from engine.use.embedded import Embedded
    from engine.use.finding import find_checkpoint
    from engine.use.orders import Embed
    from spk_tui.commands.answers import say, say_json
    from spk_tui.commands.corpus_report import progress
    from spk_tui.commands.model_corpus import corpus_of, demanded
    from spk_tui.commands.outputs import place_for
    from spk_tui.commands.trusting import settle_trust

    place = place_for(out, ".npz")
    found = find_checkpoint(model, runs)
    saved = read_saved(found.path)
    settle_trust(saved.preset, trust)
    corpus = demanded(found, corpus_of(found, saved, data, layout, whole=split in ("test", "all")))
    with progress() as report:
        order = Embed(str(found.path.absolute()), corpus.path, str(place), split, corpus.data, device)
        answer = ask(order, Embedded, report)
    if as_json:
        say_json(answer)
    else:
        say(_report(answer, out))
    return WELL


def _report(answer: Embedded, out: Path) -> str:
    from spk_tui.commands.corpus_report import wrapped
    from spk_tui.plots import colours_wanted
    from spk_tui.wording import count

    facts = [
        f"{count(answer.utterances)} embeddings of width {answer.width}, {count(answer.speakers)} speakers",
        *(line for note in answer.notes for line in wrapped(note)),
    ]
    drawn = draw(answer.picture, colours=colours_wanted())
    return "\n".join([*facts, "", drawn, "", f"written to {out}"])


def draw(picture: Picture, *, colours: bool) -> str:
    """The picture and its legend, as wide as the terminal."""
    from shutil import get_terminal_size
    from string import ascii_uppercase

    from engine.errors import shown
    from spk_tui.plots import Axis, Group
    from spk_tui.plots import picture as plot

    width = min(WIDEST, get_terminal_size().columns)
    letters = dict(zip((one.speaker for one in picture.speakers), ascii_uppercase, strict=False))
    groups = [Group("", one.x, one.y, letters[one.speaker]) for one in picture.speakers]
    words = [f"{number} component, {share:.0%} of the variance" for number, share in zip(
        ("first", "second"), picture.shares, strict=True)]  # fmt: skip
    across, upward = (
        Axis(label, *_range([value for one in picture.speakers for value in getattr(one, side)]))
        for label, side in zip(words, "xy", strict=True)
    )
    legend = in_columns([f"{letter}  {shown(name, 24)}" for name, letter in letters.items()], width)
    return "\n".join([plot(groups, across, upward, width, ROWS, colours=colours), *legend])


def in_columns(entries: list[str], width: int) -> list[str]:
    """Rows of entries below each other, as many in a row as there is room for."""
    widest = max(map(len, entries))
    a_row = max(1, (width - 2) // (widest + 3))
    rows = [entries[begin : begin + a_row] for begin in range(0, len(entries), a_row)]
    return [("  " + "   ".join(entry.ljust(widest) for entry in row)).rstrip() for row in rows]


def _range(values: list[float]) -> tuple[float, float]:
    """All values with a little air; a single one gets room on both sides."""
    low, high = min(values), max(values)
    air = AIR * (high - low) or 1.0
    return low - air, high + air
