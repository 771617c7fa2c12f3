"""What a model can be made of: the kinds of front end, encoder, pooling and head that a preset can name.

No torch is loaded here. What each kind computes is a file in engine/models/; `engine.models.registry` joins the two.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, field

from engine.section import Depth, Positive, Section, Share, Width


class LinearFrontEnd(Section, frozen=True, tag_field="kind", tag="linear"):
    """[front_end] of kind linear: each frame's mel bands onto the encoder's width."""


class ConvolutionFrontEnd(Section, frozen=True, tag_field="kind", tag="convolution"):
    """[front_end] of kind convolution: three frames at a time onto the encoder's width, every second place."""


class NoFrontEnd(Section, frozen=True, tag_field="kind", tag="none"):
    """[front_end] of kind none: the encoder sees the mel bands themselves."""


class HomeworkTransformer(Section, frozen=True, tag_field="kind", tag="homework_transformer"):
    """[encoder] of kind homework_transformer."""

    d_model: Annotated[Width, Meta(description="width of the frames inside the encoder")] = 80
    layers: Annotated[Depth, Meta(le=64, description="positions that a frame passes through")] = 3
    share_layers: Annotated[bool, Meta(description="one layer serves all positions and is counted once")] = True
    heads: Annotated[int, Meta(ge=1, le=128, description="attention heads; they divide d_model")] = 1
    ffn: Annotated[Width, Meta(description="hidden width of the feed-forward network")] = 800
    dropout: Annotated[Share, Meta(description="share of values dropped while training")] = 0.1


class HomeworkConformer(Section, frozen=True, tag_field="kind", tag="homework_conformer"):
    """[encoder] of kind homework_conformer."""

    d_model: Annotated[Width, Meta(description="width of the frames inside the encoder")] = 80
    layers: Annotated[Depth, Meta(le=64, description="positions that a frame passes through")] = 3
    share_layers: Annotated[bool, Meta(description="one layer serves all positions and is counted once")] = True
    heads: Annotated[int, Meta(ge=1, le=128, description="attention heads; they divide d_model")] = 1
    ffn: Annotated[Width, Meta(description="hidden width of both feed-forward networks")] = 500
    kernel: Annotated[int, Meta(ge=1, le=255, description="frames that the convolution sees; odd")] = 3
    dropout: Annotated[Share, Meta(description="share of values dropped while training")] = 0.1


class HomeworkSample(Section, frozen=True, tag_field="kind", tag="homework_sample"):
    """[encoder] of kind homework_sample."""

    d_model: Annotated[Width, Meta(description="width of the frames inside the encoder")] = 80
    layers: Annotated[Depth, Meta(le=64, description="positions that a frame passes through")] = 1
    share_layers: Annotated[bool, Meta(description="one layer serves all positions and is counted once")] = False
    heads: Annotated[int, Meta(ge=1, le=128, description="attention heads; they divide d_model")] = 2
    ffn: Annotated[Width, Meta(description="hidden width of the feed-forward network")] = 256
    dropout: Annotated[Share, Meta(description="share of values dropped while training")] = 0.1


class Blocks(Section, frozen=True):
    """Keys that all encoders have which are a pile of equal residual blocks."""

    d_model: Annotated[Width, Meta(description="width of the frames inside the encoder")] = 80
    layers: Annotated[Depth, Meta(le=64, description="blocks that a frame passes through")] = 4
    share_layers: Annotated[bool, Meta(description="one block serves all positions and is counted once")] = False
    heads: Annotated[int, Meta(ge=1, le=128, description="attention heads; they divide d_model")] = 4
    norm: Annotated[
        Literal["layer", "batch", "rms"], Meta(description="normalisation before each half of a block and after it")
    ] = "layer"
    dropout: Annotated[Share, Meta(description="share of values dropped while training")] = 0.1
    stochastic_depth: Annotated[
        Share, Meta(description="share of utterances that skip the last block while training; less before it")
    ] = 0.0
    aggregate: Annotated[bool, Meta(description="pooling sees the outputs of all blocks, side by side")] = False
    positions: Annotated[
        Literal["none", "relative"], Meta(description="whether attention knows how far apart two frames are")
    ] = "none"


class Transformer(Blocks, frozen=True, tag_field="kind", tag="transformer"):
    """[encoder] of kind transformer."""

    ffn: Annotated[Width, Meta(description="hidden width of the feed-forward network")] = 320


class Conformer(Blocks, frozen=True, tag_field="kind", tag="conformer"):
    """[encoder] of kind conformer."""

    ffn: Annotated[Width, Meta(description="hidden width of both feed-forward networks")] = 80
    kernel: Annotated[int, Meta(ge=1, le=255, description="frames that the depthwise convolution sees; odd")] = 31
    convolution_bias: Annotated[bool, Meta(description="whether the convolution module's three layers have biases")] = (
        False
    )


class Branchformer(Blocks, frozen=True, tag_field="kind", tag="branchformer"):
    """[encoder] of kind branchformer."""

    cgmlp: Annotated[Width, Meta(description="hidden width of the convolutional gating branch; even")] = 240
    kernel: Annotated[int, Meta(ge=1, le=255, description="frames that the gate's convolution sees; odd")] = 31
    merge: Annotated[
        Literal["concatenation", "average"],
        Meta(description="how the branches come together: side by side, or by a learned weighted average"),
    ] = "concatenation"


class EBranchformer(Blocks, frozen=True, tag_field="kind", tag="e_branchformer"):
    """[encoder] of kind e_branchformer."""

    ffn: Annotated[Width, Meta(description="hidden width of both feed-forward networks")] = 68
    cgmlp: Annotated[Width, Meta(description="hidden width of the convolutional gating branch; even")] = 204
    kernel: Annotated[int, Meta(ge=1, le=255, description="frames that the gate's convolution sees; odd")] = 31
    merge_kernel: Annotated[int, Meta(ge=1, le=255, description="frames that the merge's convolution sees; odd")] = 3


class TimeDelay(Section, frozen=True):
    """Keys that all encoders have which are made of time-delay layers."""

    norm: Annotated[
        Literal["batch", "layer", "rms"], Meta(description="normalisation after each convolution and its ReLU")
    ] = "batch"
    dropout: Annotated[Share, Meta(description="share of values dropped while training")] = 0.0


class EcapaTdnn(TimeDelay, frozen=True, tag_field="kind", tag="ecapa_tdnn"):
    """[encoder] of kind ecapa_tdnn."""

    channels: Annotated[Width, Meta(description="channels of the blocks; scale divides them")] = 80
    layers: Annotated[Depth, Meta(le=16, description="SE-Res2 blocks, each more dilated than the one before")] = 3
    kernel: Annotated[int, Meta(ge=1, le=255, description="frames that a convolution inside a block sees; odd")] = 3
    scale: Annotated[int, Meta(ge=2, le=64, description="groups of channels inside a block, one after another")] = 8
    squeeze: Annotated[Width, Meta(description="hidden width of the squeeze and excitation")] = 32
    stochastic_depth: Annotated[
        Share, Meta(description="share of utterances that skip the last block while training; less before it")
    ] = 0.0
    sum_residuals: Annotated[
        bool,
        Meta(description="a block sees the sum of all outputs before it, as in the paper; else the last one alone"),
    ] = False


class XVectorTdnn(TimeDelay, frozen=True, tag_field="kind", tag="x_vector_tdnn"):
    """[encoder] of kind x_vector_tdnn."""

    channels: Annotated[Width, Meta(description="channels of the first four layers")] = 128
    output_channels: Annotated[Width, Meta(description="channels of the last layer")] = 384


class OwnEncoder(Section, frozen=True, tag_field="kind", tag="own"):
    """[encoder] whose kind is "path/to/file.py:Class": a user's own, as `engine.models.own_encoder` wants it.

    In TOML its options stand beside the kind, as any encoder's keys do; `engine.preset_file` turns one form into the
    other. `file` is an absolute path.
    """

    file: Annotated[str, Meta(description="the Python file")]
    name: Annotated[str, Meta(description="the class in it")]
    options: Annotated[dict[str, Any], Meta(description="what the class is given by name")] = field(
        default_factory=dict
    )


class MeanPooling(Section, frozen=True, tag_field="kind", tag="mean"):
    """[pooling] of kind mean: the average over time."""


class StatisticsPooling(Section, frozen=True, tag_field="kind", tag="statistics"):
    """[pooling] of kind statistics: average and standard deviation over time, side by side."""


class SelfAttentivePooling(Section, frozen=True, tag_field="kind", tag="self_attentive"):
    """[pooling] of kind self_attentive: an average over time with learned weights."""

    attention: Annotated[Width, Meta(description="hidden width of the network that weighs frames")] = 64


class AttentiveStatisticsPooling(Section, frozen=True, tag_field="kind", tag="attentive_statistics"):
    """[pooling] of kind attentive_statistics: weighted average and standard deviation, a weight for each channel."""

    attention: Annotated[Width, Meta(description="hidden width of the network that weighs frames")] = 64
    context: Annotated[bool, Meta(description="the network also sees the utterance's own average and deviation")] = True
    batch_norm: Annotated[
        bool, Meta(description="ReLU and batch normalisation inside the network, as in SpeechBrain's ECAPA-TDNN")
    ] = False


class MultiQueryAttentivePooling(Section, frozen=True, tag_field="kind", tag="multi_query_attentive"):
    """[pooling] of kind multi_query_attentive: each slice of the channels weighed several times, by itself."""

    heads: Annotated[int, Meta(ge=1, le=128, description="slices of the channels; they divide the encoder's width")] = 4
    queries: Annotated[int, Meta(ge=1, le=64, description="times that each slice is weighed, each in its own way")] = 2
    attention: Annotated[
        int, Meta(ge=0, le=8192, description="hidden width of each network that weighs frames; 0: one linear layer")
    ] = 64
    channel_weights: Annotated[
        bool, Meta(description="a weight for each channel, instead of one for all channels of a slice")
    ] = False


class MlpHead(Section, frozen=True, tag_field="kind", tag="mlp"):
    """[head] of kind mlp: Linear, ReLU, Linear."""

    hidden: Annotated[Width, Meta(description="width between the two linear layers")] = 80


class LinearHead(Section, frozen=True, tag_field="kind", tag="linear"):
    """[head] of kind linear: one linear layer."""


class BatchNormLinearHead(Section, frozen=True, tag_field="kind", tag="batchnorm_linear"):
    """[head] of kind batchnorm_linear: batch normalisation, then one linear layer."""


class CosineHead(Section, frozen=True, tag_field="kind", tag="cosine"):
    """[head] of kind cosine: a score is the cosine between embedding and speaker, with a margin while training."""

    batch_norm: Annotated[bool, Meta(description="batch normalisation of the pooled vector")] = True
    embedding: Annotated[
        int, Meta(ge=0, le=8192, description="width of the embedding; 0 takes the pooled vector as it is")
    ] = 0
    scale: Annotated[Positive, Meta(le=1000.0, description="what cosines are multiplied with")] = 30.0
    margin_kind: Annotated[
        Literal["none", "additive", "angular"],
        Meta(description="what a speaker's own score is reduced by: nothing, its cosine, or its angle"),
    ] = "angular"
    margin: Annotated[float, Meta(ge=0.0, le=1.0, description="the reduction: of the cosine, or in radians")] = 0.2
    margin_warmup: Annotated[
        float, Meta(ge=0.0, le=1.0, description="share of the run's steps over which the margin rises from zero")
    ] = 0.2
    sub_centres: Annotated[
        int, Meta(ge=1, le=16, description="vectors that stand for a speaker; the nearest one counts")
    ] = 1


FrontEnd: TypeAlias = LinearFrontEnd | ConvolutionFrontEnd | NoFrontEnd
Encoder: TypeAlias = (
    HomeworkSample
    | HomeworkTransformer
    | HomeworkConformer
    | Transformer
    | Conformer
    | Branchformer
    | EBranchformer
    | EcapaTdnn
    | XVectorTdnn
    | OwnEncoder
)
Pooling: TypeAlias = (
    MeanPooling | StatisticsPooling | SelfAttentivePooling | AttentiveStatisticsPooling | MultiQueryAttentivePooling
)
Head: TypeAlias = MlpHead | LinearHead | BatchNormLinearHead | CosineHead


def kind_of(encoder: Encoder) -> str:
    """An encoder's kind as a preset names it; that of a user's own without its folder, such as "mine.py:MyEncoder"."""
    if isinstance(encoder, OwnEncoder):
        return f"{PurePath(encoder.file).name}:{encoder.name}"
    return str(encoder.__struct_config__.tag)


def width_before(encoder: Encoder) -> int:
    """The width that a front end gives the encoder: its d_model or channels; 0 when it names none."""
    if isinstance(encoder, OwnEncoder):
        width = encoder.options.get("d_model", 0)
        return width if isinstance(width, int) and not isinstance(width, bool) else 0
    return getattr(encoder, "d_model", 0) or getattr(encoder, "channels", 0)


def width_after(encoder: Encoder) -> int:
    """The width of the frames that an encoder gives to pooling; 0 for a user's own, which says it when built."""
    if isinstance(encoder, OwnEncoder):
        return 0
    if isinstance(encoder, XVectorTdnn):
        return encoder.output_channels
    if isinstance(encoder, EcapaTdnn):
        return encoder.channels * encoder.layers
    return encoder.d_model * (encoder.layers if isinstance(encoder, Blocks) and encoder.aggregate else 1)
