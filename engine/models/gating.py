"""The convolutional gating branch of the Branchformers: an MLP one half of which gates the other by what is around."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.dropout import Dropout
from engine.models.norms import make_norm


class ConvolutionalGating(nn.Module):
    """Linear, GELU, convolutional spatial gating unit, Linear (Sakuma et al., 2022; Peng et al., 2022, section 3.3).

    The unit splits its input in two, convolves the normalised second half over time, channel by channel, and multiplies
    the first half with it. It begins as the identity: kernels nearly zero and biases one.
    """

    layer_kind: ClassVar[str] = "convolutional gating"

    def __init__(self, width: int, hidden: int, kernel: int, norm: str, dropout: float) -> None:
        super().__init__()
        self.expand = nn.Linear(width, hidden)
        self.gate_norm = make_norm(norm, hidden // 2)
        self.gate = nn.Conv1d(hidden // 2, hidden // 2, kernel, padding=kernel // 2, groups=hidden // 2)
        self.contract = nn.Linear(hidden // 2, width)
        self.dropout = Dropout(dropout)
        if not self.gate.weight.is_meta:
            assert self.gate.bias is not None
            nn.init.normal_(self.gate.weight, std=1e-6)
            nn.init.ones_(self.gate.bias)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, width) -> (batch, time, width). Padded frames count as zeros, as beyond the edge."""
        content, gate = torch.chunk(functional.gelu(self.expand(frames)), 2, dim=-1)
        gate = self.gate_norm(gate, mask)
        if mask is not None:
            gate = gate * mask[:, :, None]
        gate = self.gate(gate.transpose(1, 2)).transpose(1, 2)
        contracted: Tensor = self.contract(self.dropout(content * gate))
        return contracted
