"""ECAPA-TDNN by its published size and its formulas; the x-vector network by its context."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from engine.budget import count
from engine.model_settings import EcapaTdnn, XVectorTdnn
from engine.models.ecapa_tdnn import EcapaTdnnEncoder
from engine.models.tdnn import TdnnLayer
from engine.models.x_vector_tdnn import XVectorTdnnEncoder
from engine.preset_file import with_overrides
from engine.preset_library import find_preset

ECAPA = [
    "front_end.kind=none", "encoder.kind=ecapa_tdnn", "pooling.kind=attentive_statistics", "pooling.batch_norm=true",
    "head.kind=cosine", "head.embedding=192",
]  # fmt: skip


@pytest.mark.parametrize(("channels", "part", "parameters"), [(80, "all", 292_210), (120, "encoder", 282_216)])
def test_its_size_is_the_published_one(channels: int, part: str, parameters: int) -> None:
    """All but the classifier: as SpeechBrain counts with 40 mels, attention 64, SE 32, scale 8, embedding 192."""
    preset = with_overrides(find_preset("conformer-225k"), [*ECAPA, f"encoder.channels={channels}"])
    cost = count(preset, speakers=10)
    assert (cost.total - 10 * 192 if part == "all" else cost.encoder) == parameters


def randomised(module: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    for tensor in [*module.parameters(), *[b for name, b in module.named_buffers() if name.endswith("running_mean")]]:
        nn.init.normal_(tensor, std=0.3)
    return module.eval().double()


def tdnn(layer: TdnnLayer, x: Tensor) -> Tensor:
    """Tap by tap; x: (batch, time, channels)."""
    convolution, norm = layer.convolution, layer.norm
    kernel, dilation = convolution.kernel_size[0], convolution.dilation[0]
    result = torch.zeros(*x.shape[:2], convolution.out_channels, dtype=x.dtype) + convolution.bias
    for tap in range(kernel):
        for time in range(x.shape[1]):
            source = time + dilation * (tap - kernel // 2)
            if 0 <= source < x.shape[1]:
                result[:, time] += x[:, source] @ convolution.weight[:, :, tap].T
    scaled = (result.clamp(min=0) - norm.running_mean) / torch.sqrt(norm.running_var + 1e-5)
    return scaled * norm.weight + norm.bias


@pytest.mark.parametrize("sum_residuals", [False, True])
def test_ecapa_follows_its_formulas(sum_residuals: bool) -> None:
    settings = EcapaTdnn(channels=8, layers=3, scale=4, squeeze=3, sum_residuals=sum_residuals)
    encoder = randomised(EcapaTdnnEncoder(settings, inputs=5))
    frames = torch.randn(2, 11, 5, dtype=torch.float64)
    first = x = tdnn(encoder.first, frames)
    outputs = []
    for block in encoder.blocks:
        groups = list(tdnn(block.enter, x).chunk(4, dim=-1))
        groups[1] = tdnn(block.res2.groups[0], groups[1])
        groups[2] = tdnn(block.res2.groups[1], groups[2] + groups[1])
        groups[3] = tdnn(block.res2.groups[2], groups[3] + groups[2])
        inside = tdnn(block.leave, torch.cat(groups, dim=-1))
        squeezed = (inside.mean(1) @ block.excitation.squeeze.weight.T + block.excitation.squeeze.bias).clamp(min=0)
        scale = torch.sigmoid(squeezed @ block.excitation.excite.weight.T + block.excitation.excite.bias)
        x = x + inside * scale[:, None]
        outputs.append(x)
        if sum_residuals:  # section 3.2: the residual connection of a block is the sum of all outputs before it
            x = torch.stack([first, *outputs]).sum(0)
    assert [block.res2.groups[0].convolution.dilation for block in encoder.blocks] == [(2,), (3,), (4,)]
    expected = tdnn(encoder.aggregate, torch.cat(outputs, dim=-1))
    torch.testing.assert_close(encoder(frames, None), expected, rtol=1e-9, atol=1e-9)


def test_an_x_vector_frame_sees_seven_frames_to_each_side() -> None:
    encoder = randomised(XVectorTdnnEncoder(XVectorTdnn(channels=64, output_channels=4), inputs=5))
    frames = torch.randn(1, 31, 5, dtype=torch.float64, requires_grad=True)
    encoder(frames, None)[0, 15].square().sum().backward()
    reached = frames.grad[0].abs().sum(-1).nonzero().flatten().tolist()  # type: ignore[index]
    assert (min(reached), max(reached)) == (8, 22)
