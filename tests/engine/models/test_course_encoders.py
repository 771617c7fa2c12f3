"""The two course encoders against slow references written straight from their formulas."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.model_settings import HomeworkSample
from engine.models.homework_sample import HomeworkSampleEncoder
from engine.models.layers import length_mask
from engine.models.speaker_model import SpeakerModel
from engine.preset_library import find_preset


def attention(layer: nn.Module, x: Tensor, heads: int) -> Tensor:
    """softmax(Q K^T / sqrt(d)) V, one head and one utterance at a time; x: (batch, time, width)."""
    width = x.shape[-1]
    query, key, value = (x @ part.T for part in layer.query_key_value.weight.split(width))
    results = []
    for head in range(heads):
        cut = slice(head * width // heads, (head + 1) * width // heads)
        scores = query[..., cut] @ key[..., cut].transpose(1, 2) / math.sqrt(width // heads)
        results.append(torch.softmax(scores, dim=-1) @ value[..., cut])
    return torch.cat(results, dim=-1) @ layer.output.weight.T + layer.output.bias


def norm(layer: nn.LayerNorm, x: Tensor) -> Tensor:
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-5) * layer.weight + layer.bias


def feed_forward(layer: nn.Module, x: Tensor) -> Tensor:
    hidden = (x @ layer.expand.weight.T + layer.expand.bias).clamp(min=0)
    return hidden @ layer.contract.weight.T + layer.contract.bias


def model_of(name: str) -> SpeakerModel:
    torch.manual_seed(1)
    model = SpeakerModel(find_preset(name), 600).eval()
    for parameter in model.parameters():  # norms begin as identities, which would hide a missing one
        nn.init.normal_(parameter, std=0.1)
    return model.double()


def test_the_transformer_follows_its_formulas() -> None:
    model = model_of("transformer-154k")
    frames = torch.randn(3, 50, 40, dtype=torch.float64)
    x = frames @ model.front_end.project.weight.T + model.front_end.project.bias
    layer = model.encoder.layers[0]
    for _ in range(3):
        x = feed_forward(layer.feed_forward, norm(layer.attention_norm, attention(layer.attention, x, 1) + x))
    pooled = x.mean(1)
    hidden = (pooled @ model.head.hidden.weight.T + model.head.hidden.bias).clamp(min=0)
    expected = hidden @ model.head.classifier.weight.T + model.head.classifier.bias
    torch.testing.assert_close(model(frames), expected, rtol=1e-9, atol=1e-9)


def test_the_conformer_follows_its_formulas() -> None:
    model = model_of("conformer-225k")
    frames = torch.randn(3, 50, 40, dtype=torch.float64)
    x = frames @ model.front_end.project.weight.T + model.front_end.project.bias
    layer = model.encoder.layers[0]
    kernel = layer.convolution.convolution.weight  # (160, 80, 3)
    for _ in range(3):
        x = norm(layer.attention_norm, attention(layer.attention, x, 1) + x)
        x = norm(layer.feed_forward_norm, x + feed_forward(layer.feed_forward, x))
        edge = torch.zeros_like(x[:, :1])
        around = torch.cat([edge, x, edge], dim=1)
        convolved = sum(around[:, tap : tap + x.shape[1]] @ kernel[:, :, tap].T for tap in range(3))
        value, gate = convolved.split(80, dim=-1)
        x = norm(layer.convolution_norm, feed_forward(layer.convolution_feed_forward, value * torch.sigmoid(gate)) + x)
    normed = (x.mean(1) - model.head.norm.running_mean) / torch.sqrt(model.head.norm.running_var + 1e-5)
    normed = normed * model.head.norm.weight + model.head.norm.bias
    expected = normed @ model.head.classifier.weight.T + model.head.classifier.bias
    torch.testing.assert_close(model(frames), expected, rtol=1e-9, atol=1e-9)


def test_the_sample_is_torchs_own_layer() -> None:
    encoder = HomeworkSampleEncoder(HomeworkSample(), 80).eval()
    theirs = nn.TransformerEncoderLayer(80, 2, dim_feedforward=256, batch_first=True).eval()
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 67_536
    ours = encoder.layers[0]
    pairs = {
        "self_attn.in_proj_": ours.attention.query_key_value, "self_attn.out_proj.": ours.attention.output,
        "linear1.": ours.feed_forward.expand, "linear2.": ours.feed_forward.contract,
        "norm1.": ours.attention_norm, "norm2.": ours.feed_forward_norm,
    }  # fmt: skip
    theirs.load_state_dict(
        {name + kind: getattr(layer, kind) for name, layer in pairs.items() for kind in ("weight", "bias")}
    )
    frames, mask = torch.randn(3, 50, 80), length_mask(torch.tensor([50, 20, 1]), 50)
    expected = theirs(frames, src_key_padding_mask=~mask)
    torch.testing.assert_close(encoder(frames, mask)[mask], expected[mask], rtol=1e-5, atol=1e-5)
