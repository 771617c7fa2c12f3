"""Our Conformer block against transformers' Wav2Vec2ConformerEncoderLayer: same weights in, same numbers out.

What maps onto what is `same_weights`; nothing of ours is left out. Theirs differs in one thing: it doesn't hide padding
from its convolution and its batch norm, so where a batch is padded the two are compared as far as padding can't leak.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers.models.wav2vec2_conformer.configuration_wav2vec2_conformer import Wav2Vec2ConformerConfig
from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import (
    Wav2Vec2ConformerEncoderLayer,
    Wav2Vec2ConformerRelPositionalEmbedding,
)

from engine.model_settings import Conformer
from engine.models.conformer import ConformerBlock
from engine.models.layers import length_mask
from engine.models.relative_attention import QUERIES_AT_ONCE

KINDS = ("weight", "bias")
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
CLOSE = {"rtol": 1e-5, "atol": 1e-5}  # of float64: both compute the encodings of distances in float32


class Sizes(NamedTuple):
    """Of one block; the width is `heads * head_width`."""

    heads: int = 3
    head_width: int = 4
    ffn: int = 20
    kernel: int = 5
    positions: str = "none"

    @property
    def width(self) -> int:
        return self.heads * self.head_width


SIZES = st.builds(
    Sizes,
    heads=st.integers(1, 4),
    head_width=st.sampled_from([2, 4, 8]),
    ffn=st.integers(1, 40),
    kernel=st.integers(0, 16).map(lambda half: 2 * half + 1),
    positions=st.sampled_from(["none", "relative"]),
)


class Pair(NamedTuple):
    """Our block and theirs with the same random weights, in float64; `named` leads from our parameters to theirs."""

    ours: ConformerBlock
    theirs: nn.Module
    named: dict[str, list[str]]
    distances: nn.Module | None

    def their_output(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """frames: (batch, time, width), mask: (batch, time) -> (batch, time, width)."""
        hidden = None if mask is None else frames.new_zeros(mask.shape).masked_fill(~mask, float("-inf"))
        encodings = None if self.distances is None else self.distances(frames)
        output: Tensor = self.theirs(
            frames,
            attention_mask=None if hidden is None else hidden[:, None, None, :],
            relative_position_embeddings=encodings,
        )
        return output


def same_weights(sizes: Sizes) -> dict[str, list[str]]:
    """For each parameter and buffer of ours, those of theirs that it holds, one below the other."""
    layers = {
        "first_norm": ["ffn1_layer_norm"],
        "first.expand": ["ffn1.intermediate_dense"],
        "first.contract": ["ffn1.output_dense"],
        "attention_norm": ["self_attn_layer_norm"],
        "attention.query_key_value": ["self_attn.linear_q", "self_attn.linear_k", "self_attn.linear_v"],
        "attention.output": ["self_attn.linear_out"],
        "convolution_norm": ["conv_module.layer_norm"],
        "convolution.norm": ["conv_module.batch_norm"],
        "second_norm": ["ffn2_layer_norm"],
        "second.expand": ["ffn2.intermediate_dense"],
        "second.contract": ["ffn2.output_dense"],
        "output_norm": ["final_layer_norm"],
    }
    named = {f"{ours}.{kind}": [f"{one}.{kind}" for one in theirs] for ours, theirs in layers.items() for kind in KINDS}
    named |= {f"convolution.norm.{kind}": [f"conv_module.batch_norm.{kind}"] for kind in STATISTICS}
    named |= {  # convolutions have no bias in theirs
        "convolution.expand.weight": ["conv_module.pointwise_conv1.weight"],
        "convolution.depthwise.weight": ["conv_module.depthwise_conv.weight"],
        "convolution.contract.weight": ["conv_module.pointwise_conv2.weight"],
    }
    if sizes.positions == "relative":
        named |= {
            "attention.distance.weight": ["self_attn.linear_pos.weight"],
            "attention.content_bias": ["self_attn.pos_bias_u"],
            "attention.distance_bias": ["self_attn.pos_bias_v"],
        }
    return named


def pair_of(sizes: Sizes, seed: int = 0, training: bool = False) -> Pair:
    torch.manual_seed(seed)
    config = Wav2Vec2ConformerConfig(
        hidden_size=sizes.width, num_attention_heads=sizes.heads, intermediate_size=sizes.ffn,
        conv_depthwise_kernel_size=sizes.kernel, hidden_act="swish", max_source_positions=64,
        position_embeddings_type="relative" if sizes.positions == "relative" else None,
        hidden_dropout=0.0, attention_dropout=0.0, activation_dropout=0.0, conformer_conv_dropout=0.0,
    )  # fmt: skip
    config._attn_implementation = "eager"
    theirs = Wav2Vec2ConformerEncoderLayer(config).double()
    for parameter in theirs.parameters():  # norms begin as identities, which would hide a missing one
        nn.init.normal_(parameter, std=0.3)
    nn.init.normal_(theirs.conv_module.batch_norm.running_mean)
    nn.init.uniform_(theirs.conv_module.batch_norm.running_var, 0.5, 2.0)
    ours = ConformerBlock(
        Conformer(
            d_model=sizes.width,
            heads=sizes.heads,
            ffn=sizes.ffn,
            kernel=sizes.kernel,
            positions=sizes.positions,  # type: ignore[arg-type]
            dropout=0.0,
        )
    ).double()
    named, source = same_weights(sizes), theirs.state_dict()
    shapes = {name: tensor.shape for name, tensor in ours.state_dict().items()}
    ours.load_state_dict({name: stacked(source, parts).view(shapes[name]) for name, parts in named.items()})
    assert sorted(part for parts in named.values() for part in parts) == sorted(source)
    distances = Wav2Vec2ConformerRelPositionalEmbedding(config) if sizes.positions == "relative" else None
    return Pair(ours.train(training), theirs.train(training), named, distances)


def stacked(tensors: Any, names: list[str]) -> Tensor:
    """Theirs as ours holds them: query, key and value one below the other."""
    return tensors[names[0]] if len(names) == 1 else torch.cat([tensors[name] for name in names])


@settings(deadline=None, max_examples=40)
@given(SIZES, st.integers(1, 3), st.integers(1, 40), st.integers(0, 99))
def test_the_block_is_transformers_own(sizes: Sizes, batch: int, time: int, seed: int) -> None:
    pair = pair_of(sizes, seed)
    frames = torch.randn(batch, time, sizes.width, dtype=torch.float64)
    torch.testing.assert_close(pair.ours(frames, None), pair.their_output(frames), **CLOSE)


@settings(deadline=None, max_examples=20)
@given(SIZES, st.integers(1, 3), st.integers(2, 40), st.integers(0, 99))
def test_it_trains_as_transformers_own(sizes: Sizes, batch: int, time: int, seed: int) -> None:
    """Outputs on the batch's statistics, the running statistics afterwards, and every gradient."""
    pair = pair_of(sizes, seed, training=True)
    frames, goal = torch.randn(2, batch, time, sizes.width, dtype=torch.float64)
    ours, theirs = frames.clone().requires_grad_(), frames.clone().requires_grad_()
    our_output, their_output = pair.ours(ours, None), pair.their_output(theirs)
    torch.testing.assert_close(our_output, their_output, **CLOSE)
    (our_output * goal).sum().backward()
    (their_output * goal).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, **CLOSE)
    gradients = {name: parameter.grad for name, parameter in pair.theirs.named_parameters()}
    for name, parameter in pair.ours.named_parameters():
        expected = stacked(gradients, pair.named[name]).view(parameter.shape)
        torch.testing.assert_close(parameter.grad, expected, **CLOSE)
    buffers = dict(pair.theirs.named_buffers())
    for name, buffer in pair.ours.named_buffers():
        torch.testing.assert_close(buffer, stacked(buffers, pair.named[name]), **CLOSE)


@pytest.mark.parametrize("positions", ["none", "relative"])
def test_an_utterance_that_attention_takes_in_parts_is_theirs_too(positions: str) -> None:
    pair = pair_of(Sizes(heads=1, positions=positions))
    frames = torch.randn(1, 2 * QUERIES_AT_ONCE + 3, 4, dtype=torch.float64)
    torch.testing.assert_close(pair.ours(frames, None), pair.their_output(frames), **CLOSE)


@pytest.mark.parametrize("positions", ["none", "relative"])
def test_attention_hides_padding_as_theirs_does(positions: str) -> None:
    """With a kernel of one frame their convolution can't leak padding into the real frames."""
    pair = pair_of(Sizes(kernel=1, positions=positions))
    lengths = torch.tensor([17, 9, 1])
    mask = length_mask(lengths, 17)
    frames = torch.randn(3, 17, 12, dtype=torch.float64)
    torch.testing.assert_close(pair.ours(frames, mask)[mask], pair.their_output(frames, mask)[mask], **CLOSE)


@pytest.mark.parametrize("positions", ["none", "relative"])
def test_padding_leaks_through_their_convolution_and_not_through_ours(positions: str) -> None:
    """So ours in a padded batch is theirs on the utterance alone."""
    pair = pair_of(Sizes(kernel=5, positions=positions))
    frames = torch.randn(2, 17, 12, dtype=torch.float64)
    mask = length_mask(torch.tensor([17, 9]), 17)
    alone = pair.their_output(frames[1:, :9])[0]
    torch.testing.assert_close(pair.ours(frames, mask)[1, :9], alone, **CLOSE)
    leaked = (pair.their_output(frames, mask)[1, :9] - alone).abs().amax(dim=-1)
    assert (leaked[:7] < 1e-5).all()
    assert (leaked[7:] > 1e-3).all()  # the frames whose kernel reaches beyond the utterance
