"""From the pooled vector to one score a speaker. The vector before the head is the embedding."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from engine.preset import BatchNormLinearHead as BatchNormLinearSettings
from engine.preset import LinearHead as LinearSettings
from engine.preset import MlpHead as MlpSettings


class MlpHead(nn.Module):
    """Linear, ReLU, Linear: the head of the assignment's sample model."""

    def __init__(self, settings: MlpSettings, width: int, speakers: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, settings.hidden)
        self.classifier = nn.Linear(settings.hidden, speakers)

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> logits (batch, speakers)."""
        logits: Tensor = self.classifier(functional.relu(self.hidden(pooled)))
        return logits


class LinearHead(nn.Module):
    """One linear layer."""

    def __init__(self, settings: LinearSettings, width: int, speakers: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(width, speakers)

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> logits (batch, speakers)."""
        logits: Tensor = self.classifier(pooled)
        return logits


class BatchNormLinearHead(nn.Module):
    """Batch normalisation (Ioffe and Szegedy, 2015), then one linear layer.

    The normalisation keeps the classifier's inputs spread out when the encoder's outputs lie close together, which is
    what kept the assignment's larger Conformers from falling to accuracy zero.
    """

    def __init__(self, settings: BatchNormLinearSettings, width: int, speakers: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.classifier = nn.Linear(width, speakers)

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> logits (batch, speakers)."""
        logits: Tensor = self.classifier(self.norm(pooled))
        return logits
