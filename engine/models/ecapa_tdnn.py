"""The ECAPA-TDNN encoder (Desplanques et al., 2020), the field's yardstick for speaker embeddings.

Layers and sizes are those of the paper as SpeechBrain builds it. Pooling and embedding, which the paper counts in, are
parts of their own here: attentive_statistics with batch_norm, and the cosine head. SpeechBrain leaves out the sums of
section 3.2, and so does the default.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.model_settings import EcapaTdnn
from engine.models.blocks import skip
from engine.models.dropout import Dropout
from engine.models.pooling import uniform_weights
from engine.models.tdnn import TdnnLayer

FIRST_KERNEL = 5


class Res2Convolution(nn.Module):
    """Groups of channels, each convolved together with the result of the one before (Gao et al., 2019).

    The first group passes as it is, so that the groups see ever more of what is around a frame.
    """

    layer_kind: ClassVar[str] = "convolution"

    def __init__(self, settings: EcapaTdnn, dilation: int) -> None:
        super().__init__()
        group, kernel = settings.channels // settings.scale, settings.kernel
        self.groups = nn.ModuleList(
            [TdnnLayer(group, group, kernel, dilation, settings.norm) for _ in range(settings.scale - 1)]
        )

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, channels) -> the same."""
        first, *rest = frames.chunk(len(self.groups) + 1, dim=-1)
        results = [first]
        for place, (layer, group) in enumerate(zip(self.groups, rest, strict=True)):
            results.append(layer(group if place == 0 else group + results[-1], mask))
        return torch.cat(results, dim=-1)


class SqueezeExcitation(nn.Module):
    """Each channel scaled by what an utterance's averages say of it (Hu et al., 2018)."""

    layer_kind: ClassVar[str] = "squeeze and excitation"

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, squeeze)
        self.excite = nn.Linear(squeeze, channels)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, channels) -> the same. The average is over real frames."""
        average = (frames * uniform_weights(frames, mask)).sum(dim=1)
        scale = torch.sigmoid(self.excite(functional.relu(self.squeeze(average))))
        scaled: Tensor = frames * scale[:, None, :]
        return scaled


class SeRes2Block(nn.Module):
    """output = x + SE(TDNN(Res2(TDNN(x)))), figure 2 of the paper; what is added can be dropped out."""

    def __init__(self, settings: EcapaTdnn, dilation: int) -> None:
        super().__init__()
        self.enter = TdnnLayer(settings.channels, settings.channels, kernel=1, norm=settings.norm)
        self.res2 = Res2Convolution(settings, dilation)
        self.leave = TdnnLayer(settings.channels, settings.channels, kernel=1, norm=settings.norm)
        self.excitation = SqueezeExcitation(settings.channels, settings.squeeze)
        self.dropout = Dropout(settings.dropout)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, channels) -> the same."""
        inside = self.leave(self.res2(self.enter(frames, mask), mask), mask)
        added: Tensor = frames + self.dropout(self.excitation(inside, mask))
        return added


class EcapaTdnnEncoder(nn.Module):
    """A convolution, blocks of growing dilation, and a last layer over the outputs of all blocks side by side.

    Stochastic depth as in `BlockEncoder`.
    """

    def __init__(self, settings: EcapaTdnn, inputs: int) -> None:
        super().__init__()
        self.first = TdnnLayer(inputs, settings.channels, FIRST_KERNEL, norm=settings.norm)
        self.blocks = nn.ModuleList([SeRes2Block(settings, dilation=2 + place) for place in range(settings.layers)])
        self.skipped_last = settings.stochastic_depth
        self.sum_residuals = settings.sum_residuals
        self.output_width = settings.channels * settings.layers
        self.aggregate = TdnnLayer(self.output_width, self.output_width, kernel=1, norm=settings.norm)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, inputs) -> (batch, time, layers * channels)."""
        seen = self.first(frames, mask)
        outputs = []
        for place, block in enumerate(self.blocks, start=1):
            passed = block(seen, mask)
            skipped = self.skipped_last * place / len(self.blocks)
            outputs.append(skip(seen, passed, skipped) if self.training and skipped else passed)
            seen = seen + outputs[-1] if self.sum_residuals else outputs[-1]
        aggregated: Tensor = self.aggregate(torch.cat(outputs, dim=-1), mask)
        return aggregated
