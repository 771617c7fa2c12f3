"""From the pooled vector to one score a speaker. What goes into the last layer, or before an MLP, is the embedding."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.model_settings import BatchNormLinearHead as BatchNormLinearSettings
from engine.model_settings import CosineHead as CosineSettings
from engine.model_settings import LinearHead as LinearSettings
from engine.model_settings import MlpHead as MlpSettings


class Head(nn.Module):
    """What every head can do: scores of speakers, the embedding, and harder scores to train on."""

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> logits (batch, speakers), without any margin."""
        raise NotImplementedError

    def embed(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> the vector that stands for the utterance, (batch, any)."""
        return pooled

    def hidden_units(self, pooled: Tensor) -> Tensor | None:
        """pooled: (batch, width) -> what units between it and the classifier give, (batch, units); None without any."""
        return None

    def with_margin(self, logits: Tensor, speakers: Tensor, done: float | Tensor) -> Tensor:
        """logits: (batch, speakers), speakers: (batch,) -> the logits to train on; done: share of the run, ()."""
        return logits


class MlpHead(Head):
    """Linear, ReLU, Linear: the head of the assignment's sample model."""

    def __init__(self, settings: MlpSettings, width: int, speakers: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, settings.hidden)
        self.classifier = nn.Linear(settings.hidden, speakers)

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> logits (batch, speakers)."""
        logits: Tensor = self.classifier(self.hidden_units(pooled))
        return logits

    def hidden_units(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> (batch, hidden), none of them negative."""
        return functional.relu(self.hidden(pooled))


class LinearHead(Head):
    """One linear layer."""

    def __init__(self, settings: LinearSettings, width: int, speakers: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(width, speakers)

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> logits (batch, speakers)."""
        logits: Tensor = self.classifier(pooled)
        return logits


class BatchNormLinearHead(Head):
    """Batch normalisation (Ioffe and Szegedy, 2015), then one linear layer.

    Through a batch's own mean and deviation the gradient can neither push all pooled vectors one way nor shrink what
    tells them apart, which is how the assignment's encoders fall to accuracy zero without it (docs/results.md).
    """

    def __init__(self, settings: BatchNormLinearSettings, width: int, speakers: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.classifier = nn.Linear(width, speakers)

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> logits (batch, speakers)."""
        logits: Tensor = self.classifier(self.norm(pooled))
        return logits


class CosineHead(Head):
    """Scaled cosines between embedding and speakers' vectors, with a margin between speakers while training.

    Additive margin: Wang et al. (2018), "CosFace". Angular margin: Deng et al. (2019), "ArcFace"; where the angle and
    the margin exceed half a turn, the score goes on falling along a line. Sub-centres: Deng et al. (2020).
    """

    def __init__(self, settings: CosineSettings, width: int, speakers: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width) if settings.batch_norm else nn.Identity()
        self.project = nn.Linear(width, settings.embedding) if settings.embedding else nn.Identity()
        self.speakers = nn.Parameter(torch.empty(speakers * settings.sub_centres, settings.embedding or width))
        nn.init.xavier_normal_(self.speakers)
        self.settings = settings

    def embed(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> (batch, embedding)."""
        embedding: Tensor = self.project(self.norm(pooled))
        return embedding

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> scale * cosine, (batch, speakers)."""
        embedding = self.embed(pooled)
        device = "cpu" if embedding.is_meta else embedding.device.type  # nothing is computed on the meta device
        with torch.autocast(device, enabled=False):  # three digits are too few for near angles
            embedding = embedding if embedding.dtype == torch.float64 else embedding.float()
            cosines = functional.linear(functional.normalize(embedding), functional.normalize(self.speakers))
        nearest = torch.unflatten(cosines, 1, (-1, self.settings.sub_centres)).amax(dim=2)
        logits: Tensor = self.settings.scale * nearest
        return logits

    def with_margin(self, logits: Tensor, speakers: Tensor, done: float | Tensor) -> Tensor:
        """logits: (batch, speakers), speakers: (batch,) -> the same with each utterance's own speaker made harder.

        The margin rises from zero over the first share of the run that the settings state.
        """
        margin = self._margin(done)
        if self.settings.margin_kind == "none" or (isinstance(margin, float) and margin == 0):
            return logits
        own = logits.gather(1, speakers[:, None])  # (batch, 1)
        if self.settings.margin_kind == "additive":
            return logits.scatter(1, speakers[:, None], own - self.settings.scale * margin)
        cosine = (own / self.settings.scale).clamp(-1 + 1e-7, 1 - 1e-7)  # the angle's slope is infinite at both ends
        angle = torch.acos(cosine)
        sine = torch.sin(margin) if isinstance(margin, Tensor) else math.sin(margin)
        turned = torch.where(angle <= math.pi - margin, torch.cos(angle + margin), cosine - margin * sine)
        return logits.scatter(1, speakers[:, None], self.settings.scale * turned)

    def _margin(self, done: float | Tensor) -> float | Tensor:
        """The margin at a share of the run; for one that is on the device, without waiting for it."""
        warmup, full = self.settings.margin_warmup, self.settings.margin
        if isinstance(done, Tensor):
            return full * (done / warmup).clamp(max=1.0) if warmup > 0 else torch.full_like(done, full)
        return full * (1.0 if done >= warmup else done / warmup)
