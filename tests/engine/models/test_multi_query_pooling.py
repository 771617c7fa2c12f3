"""Multi-query multi-head attention pooling against a slow reference, and against the poolings that it contains."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.errors import InputError
from engine.model_settings import MultiQueryAttentivePooling as MultiQuerySettings
from engine.model_settings import SelfAttentivePooling as SelfAttentiveSettings
from engine.models.layers import length_mask
from engine.models.pooling import MultiQueryAttentivePooling, SelfAttentivePooling
from engine.preset_file import PresetError, with_overrides
from engine.preset_library import find_preset

CHOICES = st.builds(
    MultiQuerySettings,
    heads=st.integers(1, 4),
    queries=st.integers(1, 3),
    attention=st.integers(0, 5),
    channel_weights=st.booleans(),
)


def slow(pooling: MultiQueryAttentivePooling, chosen: MultiQuerySettings, frames: Tensor) -> Tensor:
    """One utterance (time, width), head by head, query by query, frame by frame."""
    slice_width, hidden = frames.shape[1] // chosen.heads, chosen.attention
    each = slice_width if chosen.channel_weights else 1
    averages, deviations = [], []
    for head in range(chosen.heads):
        own = frames[:, head * slice_width : (head + 1) * slice_width]
        for query in range(chosen.queries):
            network = head * chosen.queries + query
            value = pooling.score.weight[network * each : (network + 1) * each, :, 0]  # (each, hidden or slice)
            scores = []
            for frame in own:
                seen = frame
                if pooling.hidden is not None:
                    rows = slice(network * hidden, (network + 1) * hidden)
                    seen = torch.tanh(pooling.hidden.weight[rows, :, 0] @ frame + pooling.hidden.bias[rows])
                scores.append(value @ seen)
            weights = torch.exp(torch.stack(scores))
            weights = weights / weights.sum(0)
            average = sum(weight * frame for weight, frame in zip(weights, own, strict=True))
            square = sum(weight * frame**2 for weight, frame in zip(weights, own, strict=True))
            averages.append(average)
            deviations.append((square - average**2).clamp(min=1e-6).sqrt())
    return torch.cat([*averages, *deviations])


@settings(deadline=None, max_examples=60)
@given(CHOICES, st.integers(1, 3), st.lists(st.integers(1, 9), min_size=1, max_size=3), st.integers(0, 99))
def test_it_follows_its_formula_over_the_real_frames(
    chosen: MultiQuerySettings, slice_width: int, lengths: list[int], seed: int
) -> None:
    torch.manual_seed(seed)
    width = chosen.heads * slice_width
    pooling = MultiQueryAttentivePooling(chosen, width).double()
    frames = torch.randn(len(lengths), max(lengths), width, dtype=torch.float64)
    pooled = pooling(frames, length_mask(torch.tensor(lengths), max(lengths)))
    assert pooled.shape == (len(lengths), pooling.output_width) == (len(lengths), 2 * chosen.queries * width)
    expected = torch.stack([slow(pooling, chosen, one[:n]) for one, n in zip(frames, lengths, strict=True)])
    torch.testing.assert_close(pooled, expected, rtol=1e-7, atol=1e-7)


def test_one_head_with_one_query_is_self_attentive_pooling_and_the_deviation() -> None:
    torch.manual_seed(0)
    simple = SelfAttentivePooling(SelfAttentiveSettings(attention=5), 6)
    pooling = MultiQueryAttentivePooling(MultiQuerySettings(heads=1, queries=1, attention=5), 6)
    pooling.load_state_dict(
        {
            "hidden.weight": simple.hidden.weight[:, :, None],
            "hidden.bias": simple.hidden.bias,
            "score.weight": simple.score.weight[:, :, None],
        }
    )
    frames = torch.randn(3, 9, 6)
    torch.testing.assert_close(pooling(frames, None)[:, :6], simple(frames, None))


def test_heads_that_do_not_divide_the_width_are_answered_with_those_that_do() -> None:
    small = find_preset("conformer-small-98k")
    chosen = ["pooling.kind=multi_query_attentive", "encoder.d_model=40", "encoder.layers=2"]
    with pytest.raises(
        PresetError, match=r"pooling.heads = 3 .* width, 40 \(allowed heads: 1, 2, 4, 5, 8, 10, 20, 40\)"
    ):
        with_overrides(small, [*chosen, "pooling.heads=3"])
    assert with_overrides(small, [*chosen, "encoder.aggregate=true", "pooling.heads=16"])  # 80 wide
    with pytest.raises(InputError, match=r"pooling.heads = 3 .* output width, 40"):
        MultiQueryAttentivePooling(MultiQuerySettings(heads=3), 40)
