"""What stands before the encoder: from mel bands to the encoder's width, and from many frames to fewer."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from engine.model_settings import ConvolutionFrontEnd as ConvolutionSettings
from engine.model_settings import LinearFrontEnd as LinearSettings
from engine.model_settings import NoFrontEnd as NoSettings


class LinearFrontEnd(nn.Module):
    """Each frame by itself onto the encoder's width."""

    def __init__(self, settings: LinearSettings, bands: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(bands, width)
        self.output_width = width

    def forward(self, frames: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """frames: (batch, time, mel) -> (batch, time, width) and the mask as it was."""
        return self.project(frames), mask


class ConvolutionFrontEnd(nn.Module):
    """A convolution over three frames at every second place, and a GELU: half as many frames, rounded up."""

    layer_kind = "convolution"

    def __init__(self, settings: ConvolutionSettings, bands: int, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(bands, width, kernel_size=3, stride=2, padding=1)
        self.output_width = width

    def forward(self, frames: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """frames: (batch, time, mel) -> (batch, ceil(time / 2), width) and their mask; padding counts as zeros."""
        if mask is not None:
            frames, mask = frames * mask[:, :, None], mask[:, ::2]
        return functional.gelu(self.convolution(frames.transpose(1, 2)).transpose(1, 2)), mask


class NoFrontEnd(nn.Module):
    """The mel bands as they are, for encoders whose first layer is a convolution of their own."""

    def __init__(self, settings: NoSettings, bands: int, width: int) -> None:
        super().__init__()
        self.output_width = bands

    def forward(self, frames: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Both as they were."""
        return frames, mask
