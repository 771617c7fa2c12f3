"""docs/encoders.md tells the truth: every kind stands there, and every figure in its marked tables is counted again.

A table is marked by the line above it: `<!-- counted: presets -->` has a column for each preset, and with the name of a
preset in place of "presets" a row for each change of that preset.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import torch

from engine.budget import count
from engine.cost import Cost
from engine.model_settings import kind_of
from engine.models.registry import ENCODERS
from engine.models.speaker_model import SpeakerModel
from engine.preset_file import kinds_of, load_preset
from engine.preset_library import built_in_folder

PAGE = Path(__file__).parent.parent / "docs" / "encoders.md"
NO_ENCODERS = {"How to read this page", "Another one"}
ARITHMETIC = "multiply-adds a second"
WIDEST_PICTURE = 100
BUILT_IN = sorted(path.stem for path in built_in_folder().glob("*.toml"))
Table = list[list[str]]


@cache
def sections() -> dict[str, str]:
    """The page's text by heading of the second level."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tables(text: str) -> list[tuple[str, Table]]:
    """The marked tables in a text: what the mark says, and the cells, the headings first, without the ruler."""
    found = []
    for mark, lines in re.findall(r"<!-- counted: (\S+) -->\n((?:\|.*\n)+)", text):
        rows = [[cell.strip(" *`") for cell in line.strip("|").split("|")] for line in lines.splitlines()]
        found.append((mark, [rows[0], *rows[2:]]))
    return found


@cache
def cost_of(name: str, change: str = "") -> Cost:
    """The built-in preset, counted with one key changed."""
    return count(load_preset(built_in_folder() / f"{name}.toml", [change] if change else []), precision="float32")


def counted_rows(cost: Cost) -> dict[str, int]:
    """What a column of a table of presets says, row by row."""
    rows = {part.replace("_", " "): number for part, number in cost.parts.items()}
    rows |= {f"– {kind}": number for kind, number in cost.encoder_layers.items()}
    if cost.unused:
        rows["– counted but unused"] = cost.unused
    return rows | {"total": cost.total, ARITHMETIC: cost.multiply_adds_per_second_of_audio}


def number(cell: str) -> int:
    return int(cell.replace(",", ""))


def test_every_registered_encoder_has_its_heading_and_its_picture() -> None:
    registered = {str(structure.__struct_config__.tag) for structure in ENCODERS}
    assert sections().keys() - NO_ENCODERS == registered
    for kind in registered:
        assert "```text\n" in sections()[kind], f"{kind} has no picture"
        assert "**When:**" in sections()[kind], f"{kind} doesn't say when to choose it"


@pytest.mark.parametrize("part", ["front_end", "pooling", "head"])
def test_every_other_kind_has_its_line(part: str) -> None:
    listed = re.findall(r"^\| `(\w+)` \|", sections()["How to read this page"], flags=re.MULTILINE)
    assert set(kinds_of(part)) <= set(listed)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_preset_stands_with_its_encoder_as_it_is_counted(name: str) -> None:
    preset = load_preset(built_in_folder() / f"{name}.toml")
    columns = []
    for mark, (heads, *rows) in tables(sections()[kind_of(preset.encoder)]):
        if mark == "presets" and name in heads:
            place = heads.index(name)
            columns.append({row[0]: number(row[place]) for row in rows if row[place] != "–"})
    assert columns == [counted_rows(cost_of(name))], f"{PAGE.name}: {name} is counted otherwise, or not in one table"


def test_no_table_knows_a_preset_that_is_gone() -> None:
    columns = [head for text in sections().values() for mark, table in tables(text) if mark == "presets"
               for head in table[0][1:]]  # fmt: skip
    assert sorted(columns) == BUILT_IN


def test_changed_keys_cost_what_their_tables_say() -> None:
    wrong, seen = [], set()
    for mark, (heads, *rows) in tables(sections()["How to read this page"]):
        for change, *cells in rows:
            cost = cost_of(mark, "" if change == "as it is" else change)
            counts = [counted_rows(cost)[head] for head in heads[1:]]
            if [number(cell) for cell in cells] != counts:
                wrong.append(f"{mark} with {change}: the page says {cells}, counted are {counts}")
            seen.add(change)
    assert not wrong, "\n".join(wrong)
    kinds = {f"{part}.kind={kind}" for part in ("pooling", "head") for kind in kinds_of(part)}
    assert kinds <= seen


@pytest.mark.parametrize("kind", sorted(kinds_of("encoder")))
def test_the_page_says_truly_whether_the_order_of_frames_matters(kind: str) -> None:
    said = re.search(rf"^\| \[{kind}\]\(#{kind}\) \|[^|]*\| (yes|no)\b", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert said is not None, f"{kind} isn't in the first table"
    torch.manual_seed(0)
    preset = load_preset(built_in_folder() / "quick-tour.toml", [f"encoder.kind={kind}"])
    model = SpeakerModel(preset, 7).double().eval()
    frames = torch.randn(3, 50, preset.features.mel_bands, dtype=torch.double)
    changed = (model(frames) - model(frames[:, torch.randperm(50)])).abs().max().item()
    assert (changed > 1e-9) == (said[1] == "yes")


def test_pictures_fit_a_terminal() -> None:
    text = PAGE.read_text(encoding="utf-8")
    pictures = re.findall(r"^```text\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert len(pictures) == len(ENCODERS)
    assert [line for picture in pictures for line in picture.splitlines() if len(line) > WIDEST_PICTURE] == []


def test_links_to_other_pages_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+\.md)(?:#[\w-]+)?\)", PAGE.read_text(encoding="utf-8"))
    assert {"own-encoder.md", "../ARCHITECTURE.md"} <= set(targets)
    assert [target for target in targets if not (PAGE.parent / target).is_file()] == []
