"""The picture of a model is that of its preset: sizes are those of the real parts, and lines meet where they should."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from engine.dry_run import DryRun
from engine.models.speaker_model import SpeakerModel
from engine.preset_file import with_overrides
from engine.preset_library import find_preset, list_presets
from spk_tui.report.diagram import diagram
from spk_tui.report.words import Words, wide

TRANSFORMER = """\
log-mel frames    (T, 40)
  │
  ▼
front end         Linear 40 → 80
  │               (T, 80)
  ▼
encoder           3 × this layer, the same weights at each
  │   x ─┬─> attention ─> + ─> LayerNorm ─> Dropout 0.1 ─> feed-forward ─> Dropout 0.1 ─> x
  │      └────────────────┘
  │               (T, 80)
  ▼
pooling           mean over T
  │               (80)
  ▼
head              Linear 80 → 80 ─> ReLU ─> Linear 80 → 600
  │
  ▼
scores            (600)

attention     Linear 80 → 240 (Q, K, V; no bias) ─> 1 × softmax(Q·Kᵀ / √80)·V ─> Linear 80 → 80
feed-forward  Linear 80 → 800 ─> ReLU ─> Linear 800 → 80"""

CASES = [(found.name, ()) for found in list_presets() if found.preset is not None] + [
    ("conformer-4x80-297k", (f"pooling.kind={kind}",))
    for kind in ("mean", "statistics", "self_attentive", "attentive_statistics", "multi_query_attentive")
] + [
    ("conformer-4x80-297k", ("encoder.aggregate=true", "front_end.kind=convolution", "encoder.positions=relative")),
    ("x-vector-155k", ("front_end.kind=linear",)),
]  # fmt: skip


def test_the_courses_transformer_is_drawn_as_it_was_handed_in() -> None:
    assert diagram(find_preset("transformer-154k"), 600, Words("en")) == TRANSFORMER


@pytest.mark.parametrize(("name", "overrides"), CASES)
def test_the_sizes_are_those_of_the_real_parts(name: str, overrides: tuple[str, ...]) -> None:
    preset = with_overrides(find_preset(name), overrides)
    with DryRun():
        model = SpeakerModel(preset, 321)
    drawn = diagram(preset, 321, Words("en"))
    frames, encoded, pooled = re.findall(r"^  │ {10,}(\(.*\))$", drawn, re.MULTILINE)
    assert frames.endswith(f", {model.front_end.output_width})")
    assert encoded.endswith(f", {model.encoder.output_width})")
    assert pooled == f"({model.pooling.output_width})"


@pytest.mark.parametrize("language", ["en", "zh-TW"])
def test_what_goes_around_comes_back_under_its_plus(language: str) -> None:
    for found in list_presets():
        assert found.preset is not None
        lines = diagram(found.preset, 600, Words(language)).splitlines()  # type: ignore[arg-type]
        ends = [(above, line.index("┘")) for above, line in pairwise(lines) if "┘" in line]
        assert ends or "x-vector" in found.name
        assert all(above[end] == "+" for above, end in ends)
        assert max(map(wide, lines)) <= 130
