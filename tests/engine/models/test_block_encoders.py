"""Transformer, Conformer, Branchformer and E-Branchformer against slow references written from the papers' formulas."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from engine.model_settings import AttentiveStatisticsPooling as AttentiveStatisticsSettings
from engine.model_settings import Branchformer, Conformer, EBranchformer, Transformer
from engine.model_settings import SelfAttentivePooling as SelfAttentiveSettings
from engine.model_settings import StatisticsPooling as StatisticsSettings
from engine.models.blocks import BlockEncoder
from engine.models.layers import length_mask
from engine.models.norms import BatchNorm
from engine.models.pooling import AttentiveStatisticsPooling, SelfAttentivePooling, StatisticsPooling
from engine.models.registry import ENCODERS
from engine.models.relative_attention import RelativeSelfAttention
from engine.section import Section

WIDTH, TIME = 12, 9


def encoder_of(settings: Section) -> BlockEncoder:
    torch.manual_seed(1)
    encoder = ENCODERS[type(settings)](settings, WIDTH).eval().double()
    for parameter in encoder.parameters():  # norms and gates begin as identities, which would hide a missing one
        nn.init.normal_(parameter, std=0.3)
    for norm in (module for module in encoder.modules() if isinstance(module, nn.BatchNorm1d)):
        nn.init.normal_(norm.running_mean)  # type: ignore[arg-type]
        nn.init.uniform_(norm.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return encoder  # type: ignore[return-value]


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    bias = 0 if layer.bias is None else layer.bias
    return torch.einsum("...i,oi->...o", x, layer.weight) + bias


def norm(layer: nn.Module, x: Tensor) -> Tensor:
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-5) * layer.weight + layer.bias


def swish(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def attention(layer: nn.Module, x: Tensor) -> Tensor:
    width = x.shape[-1] // layer.heads
    query, key, value = linear(layer.query_key_value, x).chunk(3, dim=-1)
    results = []
    for head in range(layer.heads):
        cut = slice(head * width, (head + 1) * width)
        scores = torch.stack([(query[:, i, None, cut] * key[..., cut]).sum(-1) for i in range(x.shape[1])], dim=1)
        weights = torch.exp(scores / math.sqrt(width))
        results.append(weights / weights.sum(-1, keepdim=True) @ value[..., cut])
    return linear(layer.output, torch.cat(results, dim=-1))


def depthwise(layer: nn.Conv1d, x: Tensor) -> Tensor:
    """Channel by channel, tap by tap; x: (batch, time, channels)."""
    reach = layer.kernel_size[0] // 2
    result = torch.zeros_like(x)
    for tap in range(layer.kernel_size[0]):
        for time in range(x.shape[1]):
            if 0 <= time + tap - reach < x.shape[1]:
                result[:, time] += x[:, time + tap - reach] * layer.weight[:, 0, tap]
    return result if layer.bias is None else result + layer.bias


def feed_forward(layer: nn.Module, x: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    return linear(layer.contract, activation(linear(layer.expand, x)))


def gating(layer: nn.Module, x: Tensor) -> Tensor:
    content, gate = gelu(linear(layer.expand, x)).chunk(2, dim=-1)
    return linear(layer.contract, content * depthwise(layer.gate, norm(layer.gate_norm, gate)))


def transformer(block: nn.Module, x: Tensor) -> Tensor:
    x = x + attention(block.attention, norm(block.attention_norm, x))
    return x + feed_forward(block.feed_forward, norm(block.feed_forward_norm, x), gelu)


def conformer(block: nn.Module, x: Tensor) -> Tensor:
    x = x + feed_forward(block.first, norm(block.first_norm, x), swish) / 2
    x = x + attention(block.attention, norm(block.attention_norm, x))
    module = block.convolution
    value, gate = linear(module.expand, norm(block.convolution_norm, x)).chunk(2, dim=-1)
    convolved = depthwise(module.depthwise, value / (1 + torch.exp(-gate)))
    scaled = (convolved - module.norm.running_mean) / torch.sqrt(module.norm.running_var + 1e-5)
    x = x + linear(module.contract, swish(scaled * module.norm.weight + module.norm.bias))
    x = x + feed_forward(block.second, norm(block.second_norm, x), swish) / 2
    return norm(block.output_norm, x)


def branchformer(block: nn.Module, x: Tensor) -> Tensor:
    attended = attention(block.attention, norm(block.attention_norm, x))
    gated = gating(block.gating, norm(block.gating_norm, x))
    if hasattr(block.merge, "frame_scores"):
        scores = []
        for branch, frames, one in zip(
            (attended, gated), block.merge.frame_scores, block.merge.branch_scores, strict=True
        ):
            weights = torch.exp(linear(frames, branch)[..., 0] / math.sqrt(x.shape[-1]))
            weights = weights / weights.sum(-1, keepdim=True)
            scores.append(torch.exp(linear(one, (branch * weights[..., None]).sum(1)))[:, None])
        merged = (scores[0] * attended + scores[1] * gated) / (scores[0] + scores[1])
    else:
        merged = torch.cat([attended, gated], dim=-1)
    return norm(block.output_norm, x + linear(block.merge.project, merged))


def e_branchformer(block: nn.Module, x: Tensor) -> Tensor:
    x = x + feed_forward(block.first, norm(block.first_norm, x), swish) / 2
    both = torch.cat(
        [attention(block.attention, norm(block.attention_norm, x)), gating(block.gating, norm(block.gating_norm, x))],
        dim=-1,
    )
    x = x + linear(block.merge.project, both + depthwise(block.merge.depthwise, both))
    x = x + feed_forward(block.second, norm(block.second_norm, x), swish) / 2
    return norm(block.output_norm, x)


COMMON = {"d_model": WIDTH, "layers": 2, "heads": 3}
REFERENCES = [
    (Transformer(**COMMON, ffn=16), transformer),
    (Conformer(**COMMON, ffn=16, kernel=5), conformer),
    (Conformer(**COMMON, ffn=16, kernel=3, convolution_bias=True), conformer),
    (Branchformer(**COMMON, cgmlp=16, kernel=5), branchformer),
    (Branchformer(**COMMON, cgmlp=16, kernel=5, merge="average"), branchformer),
    (EBranchformer(**COMMON, ffn=16, cgmlp=16, kernel=5), e_branchformer),
]


@pytest.mark.parametrize(("settings", "reference"), REFERENCES)
def test_it_follows_its_formulas(settings: Section, reference: Callable[[nn.Module, Tensor], Tensor]) -> None:
    encoder = encoder_of(settings)
    frames = expected = torch.randn(2, TIME, WIDTH, dtype=torch.float64)
    for block in encoder.blocks:
        expected = reference(block, expected)
    if hasattr(encoder, "output_norm"):
        expected = norm(encoder.output_norm, expected)
    torch.testing.assert_close(encoder(frames, None), expected, rtol=1e-9, atol=1e-9)


def test_relative_attention_follows_its_formula() -> None:
    torch.manual_seed(2)
    layer = RelativeSelfAttention(WIDTH, heads=3).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.3)
    x = torch.randn(2, TIME, WIDTH, dtype=torch.float64)
    query, key, value = linear(layer.query_key_value, x).chunk(3, dim=-1)
    heads = []
    for head in range(3):
        cut = slice(4 * head, 4 * head + 4)
        scores = torch.zeros(2, TIME, TIME, dtype=torch.float64)
        for i in range(TIME):
            for j in range(TIME):
                angles = [(i - j) / 10_000 ** (2 * (channel // 2) / WIDTH) for channel in range(WIDTH)]
                encoding = [math.cos(a) if channel % 2 else math.sin(a) for channel, a in enumerate(angles)]
                distance = (layer.distance.weight @ torch.tensor(encoding, dtype=torch.float64))[cut]
                content = ((query[:, i, cut] + layer.content_bias[head]) * key[:, j, cut]).sum(-1)
                scores[:, i, j] = content + (query[:, i, cut] + layer.distance_bias[head]) @ distance
        heads.append(torch.softmax(scores / 2, dim=-1) @ value[..., cut])
    torch.testing.assert_close(layer(x, None), linear(layer.output, torch.cat(heads, -1)), rtol=1e-6, atol=1e-6)


def test_masked_batch_norm_is_batch_norm_of_the_real_frames_alone() -> None:
    torch.manual_seed(3)
    masked, plain = BatchNorm(5).train(), nn.BatchNorm1d(5).train()
    lengths = torch.tensor([4, 7, 1])
    mask = length_mask(lengths, 7)
    frames = torch.where(mask[:, :, None], torch.randn(3, 7, 5), torch.tensor(1e3))
    for _ in range(3):
        ours, theirs = masked(frames, mask)[mask], plain(frames[mask])
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(masked.running_mean, plain.running_mean)
    torch.testing.assert_close(masked.running_var, plain.running_var)
    assert masked.num_batches_tracked == 3


def test_stochastic_depth_changes_nothing_on_average_and_nothing_afterwards() -> None:
    settings = Transformer(**COMMON, ffn=16, dropout=0.0, stochastic_depth=0.5)
    encoder, sure = encoder_of(settings), encoder_of(Transformer(**COMMON, ffn=16, dropout=0.0))
    frames = torch.randn(1, TIME, WIDTH, dtype=torch.float64)
    torch.testing.assert_close(encoder(frames, None), sure(frames, None))
    block = BlockEncoder(Transformer(**{**COMMON, "layers": 1}, stochastic_depth=0.5), WIDTH, nn.Identity)
    block.blocks[0].forward = lambda x, mask: x + 1  # type: ignore[method-assign]
    passed = block.train()(torch.zeros(4000, 1, 1), None).flatten()
    assert set(passed.tolist()) == {0.0, 2.0}
    assert abs(passed.mean() - 1) < 0.1


def test_aggregation_gives_all_outputs_side_by_side() -> None:
    last = encoder_of(Conformer(**COMMON, ffn=16, kernel=3))
    every = encoder_of(Conformer(**COMMON, ffn=16, kernel=3, aggregate=True))
    every.load_state_dict(last.state_dict())
    frames = torch.randn(2, TIME, WIDTH, dtype=torch.float64)
    both = every(frames, None)
    assert both.shape == (2, TIME, every.output_width) == (2, TIME, 2 * WIDTH)
    torch.testing.assert_close(both[..., WIDTH:], last(frames, None))
    torch.testing.assert_close(both[..., :WIDTH], last.blocks[0](frames, None))


def test_poolings_follow_their_formulas() -> None:
    torch.manual_seed(4)
    frames = torch.randn(2, TIME, 6, dtype=torch.float64)
    mean, deviation = frames.mean(1), frames.var(1, unbiased=False).sqrt()
    torch.testing.assert_close(
        StatisticsPooling(StatisticsSettings(), 6)(frames, None), torch.cat([mean, deviation], dim=-1)
    )
    pooling = SelfAttentivePooling(SelfAttentiveSettings(attention=5), 6).double()
    weights = torch.softmax(torch.tanh(linear(pooling.hidden, frames)) @ pooling.score.weight[0], dim=1)
    torch.testing.assert_close(pooling(frames, None), torch.einsum("bt,btw->bw", weights, frames))
    attentive = AttentiveStatisticsPooling(AttentiveStatisticsSettings(attention=5), 6).double()
    around = torch.cat([mean, deviation], dim=-1)
    expected = []
    for utterance, context in zip(frames, around, strict=True):
        seen = torch.stack([torch.cat([frame, context]) for frame in utterance])
        scores = linear(attentive.score, torch.tanh(linear(attentive.hidden, seen)))
        weights = torch.exp(scores) / torch.exp(scores).sum(0)
        average = (weights * utterance).sum(0)
        expected.append(torch.cat([average, ((weights * utterance**2).sum(0) - average**2).sqrt()]))
    torch.testing.assert_close(attentive(frames, None), torch.stack(expected))
