"""What a preset is: every setting of a run, typed, described and bounded, in the sections of its TOML file.

The structures are frozen and know no torch, so that the dashboard can read, check and edit presets before its first
paint. Reading them from TOML, with messages for people, is the work of `preset_file.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, field

Count = Annotated[int, Meta(ge=1)]
Width = Annotated[int, Meta(ge=1, le=8192)]
Share = Annotated[float, Meta(ge=0.0, lt=1.0)]
Positive = Annotated[float, Meta(gt=0.0)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=False):
    """A section of the TOML file."""


class Identity(Section, frozen=True):
    """[preset]: what it is called and what to expect of it."""

    name: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
            max_length=80,
            description="the name in lists and commands: letters, digits, '.', '_' and '-'",
        ),
    ]
    summary: Annotated[str, Meta(description="one line: what it is for")] = ""
    encoder_parameters: Annotated[
        int | None, Meta(description="parameters of the encoder block as counted, for lists that can't count")
    ] = None
    reference_accuracy: Annotated[
        float | None, Meta(description="segment accuracy reported elsewhere, drawn as a line in the chart")
    ] = None
    reference_source: Annotated[str, Meta(description="where the reference accuracy comes from")] = ""


class Budget(Section, frozen=True):
    """[budget]: what the encoder block may cost."""

    encoder_parameters: Annotated[
        int, Meta(ge=1, description="trainable parameters the encoder block may have; shared layers count once")
    ] = 300_000


class Data(Section, frozen=True):
    """[data]: how a corpus is read, and which part of it is trained on."""

    layout: Annotated[str, Meta(description="how the corpus lies on disk; auto recognises it")] = "auto"
    speakers: Annotated[int, Meta(ge=0, description="speakers that are trained on; 0 takes all")] = 0
    choose: Annotated[
        Literal["most", "random"],
        Meta(description="which speakers, when not all: those with most utterances, or a sample drawn by data.seed"),
    ] = "most"
    max_utterances_per_speaker: Annotated[
        int, Meta(ge=0, description="utterances of a speaker, at most, drawn by data.seed; 0 takes all")
    ] = 0
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1, description="decides which speakers and utterances are drawn")] = 0
    microphone: Annotated[
        Literal["mic1", "mic2"], Meta(description="which of VCTK's two recordings of each utterance")
    ] = "mic1"


class Features(Section, frozen=True):
    """[features]: the recipe of the log-mel frames. Two runs with the same recipe share one packed corpus."""

    mel_bands: Annotated[int, Meta(ge=1, le=512, description="mel bands of a frame")] = 40
    sample_rate: Annotated[int, Meta(ge=4000, le=96000, description="hertz that audio is resampled to")] = 16_000
    window_ms: Annotated[float, Meta(ge=1.0, le=1000.0, description="length of the Hann window, milliseconds")] = 25.0
    hop_ms: Annotated[float, Meta(ge=1.0, le=1000.0, description="from one frame to the next, milliseconds")] = 10.0
    lowest_hz: Annotated[float, Meta(ge=0.0, description="where the lowest mel band begins, hertz")] = 50.0
    peak_db: Annotated[
        float, Meta(le=0.0, description="peak that each utterance is scaled to, dB of full scale")
    ] = -3.0
    silence_level: Annotated[
        float, Meta(ge=0.0, lt=1.0, description="share of full scale below which a sample is silence; 0 keeps all")
    ] = 0.01
    silence_seconds: Annotated[float, Meta(gt=0.0, description="silence longer than this is cut out, seconds")] = 0.1
    floor: Annotated[float, Meta(gt=0.0, description="smallest mel energy before the logarithm")] = 1e-9

    @property
    def window(self) -> int:
        """The window, and the length of the Fourier transform, in samples."""
        return round(self.sample_rate * self.window_ms / 1000)

    @property
    def hop(self) -> int:
        """The hop in samples."""
        return round(self.sample_rate * self.hop_ms / 1000)


class Segments(Section, frozen=True):
    """[segments]: what a training batch is made of."""

    frames: Annotated[int, Meta(ge=1, le=100_000, description="frames of a training segment (100 are a second)")] = 128
    batch_size: Annotated[int, Meta(ge=1, le=65_536, description="segments of a batch")] = 32
    short: Annotated[
        Literal["repeat", "pad"],
        Meta(
            description="what becomes of an utterance shorter than a segment: it wraps around, or is padded and masked"
        ),
    ] = "repeat"


class LinearFrontEnd(Section, frozen=True, tag_field="kind", tag="linear"):
    """[front_end] of kind linear: each frame's mel bands onto the encoder's width."""


class ConvolutionFrontEnd(Section, frozen=True, tag_field="kind", tag="convolution"):
    """[front_end] of kind convolution: three frames at a time onto the encoder's width, every second place."""


class NoFrontEnd(Section, frozen=True, tag_field="kind", tag="none"):
    """[front_end] of kind none: the encoder sees the mel bands themselves."""


class HomeworkTransformer(Section, frozen=True, tag_field="kind", tag="homework_transformer"):
    """[encoder] of kind homework_transformer."""

    d_model: Annotated[Width, Meta(description="width of the frames inside the encoder")] = 80
    layers: Annotated[int, Meta(ge=1, le=64, description="positions that a frame passes through")] = 3
    share_layers: Annotated[bool, Meta(description="one layer serves all positions and is counted once")] = True
    heads: Annotated[int, Meta(ge=1, le=128, description="attention heads; they divide d_model")] = 1
    ffn: Annotated[Width, Meta(description="hidden width of the feed-forward network")] = 800
    dropout: Annotated[Share, Meta(description="share of values dropped while training")] = 0.1


class HomeworkConformer(Section, frozen=True, tag_field="kind", tag="homework_conformer"):
    """[encoder] of kind homework_conformer."""

    d_model: Annotated[Width, Meta(description="width of the frames inside the encoder")] = 80
    layers: Annotated[int, Meta(ge=1, le=64, description="positions that a frame passes through")] = 3
    share_layers: Annotated[bool, Meta(description="one layer serves all positions and is counted once")] = True
    heads: Annotated[int, Meta(ge=1, le=128, description="attention heads; they divide d_model")] = 1
    ffn: Annotated[Width, Meta(description="hidden width of both feed-forward networks")] = 500
    kernel: Annotated[int, Meta(ge=1, le=255, description="frames that the convolution sees; odd")] = 3
    dropout: Annotated[Share, Meta(description="share of values dropped while training")] = 0.1


class HomeworkSample(Section, frozen=True, tag_field="kind", tag="homework_sample"):
    """[encoder] of kind homework_sample."""

    d_model: Annotated[Width, Meta(description="width of the frames inside the encoder")] = 80
    layers: Annotated[int, Meta(ge=1, le=64, description="positions that a frame passes through")] = 1
    share_layers: Annotated[bool, Meta(description="one layer serves all positions and is counted once")] = False
    heads: Annotated[int, Meta(ge=1, le=128, description="attention heads; they divide d_model")] = 2
    ffn: Annotated[Width, Meta(description="hidden width of the feed-forward network")] = 256
    dropout: Annotated[Share, Meta(description="share of values dropped while training")] = 0.1


class Blocks(Section, frozen=True):
    """Keys that all encoders have which are a pile of equal residual blocks."""

    d_model: Annotated[Width, Meta(description="width of the frames inside the encoder")] = 80
    layers: Annotated[int, Meta(ge=1, le=64, description="blocks that a frame passes through")] = 4
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


class EcapaTdnn(Section, frozen=True, tag_field="kind", tag="ecapa_tdnn"):
    """[encoder] of kind ecapa_tdnn."""

    channels: Annotated[Width, Meta(description="channels of the blocks; scale divides them")] = 80
    layers: Annotated[int, Meta(ge=1, le=16, description="SE-Res2 blocks, each more dilated than the one before")] = 3
    kernel: Annotated[int, Meta(ge=1, le=255, description="frames that a convolution inside a block sees; odd")] = 3
    scale: Annotated[int, Meta(ge=2, le=64, description="groups of channels inside a block, one after another")] = 8
    squeeze: Annotated[Width, Meta(description="hidden width of the squeeze and excitation")] = 32


class XVectorTdnn(Section, frozen=True, tag_field="kind", tag="x_vector_tdnn"):
    """[encoder] of kind x_vector_tdnn."""

    channels: Annotated[Width, Meta(description="channels of the first four layers")] = 128
    output_channels: Annotated[Width, Meta(description="channels of the last layer")] = 384


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
)
Pooling: TypeAlias = MeanPooling | StatisticsPooling | SelfAttentivePooling | AttentiveStatisticsPooling
Head: TypeAlias = MlpHead | LinearHead | BatchNormLinearHead | CosineHead


class Optimizer(Section, frozen=True):
    """[optimizer]: AdamW (Loshchilov and Hutter, 2019)."""

    learning_rate: Annotated[Positive, Meta(le=10.0, description="highest rate, reached at the end of the warm-up")] = (
        1e-3
    )
    weight_decay: Annotated[float, Meta(ge=0.0, le=1.0, description="decoupled weight decay")] = 0.01
    beta1: Annotated[Share, Meta(description="decay of the gradient's running mean")] = 0.9
    beta2: Annotated[Share, Meta(description="decay of the squared gradient's running mean")] = 0.999
    clip_norm: Annotated[
        float, Meta(ge=0.0, description="gradients are scaled down to this norm; 0 switches it off")
    ] = 1.0


class Schedule(Section, frozen=True):
    """[schedule]: the learning rate over the steps of a run."""

    kind: Annotated[
        Literal["cosine", "constant"], Meta(description="what follows the warm-up: half a cosine to zero, or nothing")
    ] = "cosine"
    warmup_steps: Annotated[
        int, Meta(ge=0, description="steps over which the rate rises from zero; at most 10 % of a run is used")
    ] = 1000


class Validation(Section, frozen=True):
    """[validation]: what is held out and how often it is looked at."""

    every: Annotated[int, Meta(ge=1, description="steps from one validation to the next")] = 2000
    share: Annotated[float, Meta(gt=0.0, le=0.5, description="share of each speaker's utterances that is held out")] = (
        0.1
    )
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1, description="decides the split and the validation segments")] = 0
    split: Annotated[
        Literal["auto", "official", "sessions", "utterances"],
        Meta(
            description="what is held out: the corpus's own split, whole sessions, or single utterances; auto takes the"
            " first of these that the corpus knows"
        ),
    ] = "auto"
    best_by: Annotated[
        Literal["segment", "utterance"], Meta(description="which accuracy decides the best checkpoint")
    ] = "segment"


class RunSettings(Section, frozen=True):
    """[run]: how long, where and with which random numbers."""

    steps: Annotated[int, Meta(ge=1, le=1_000_000_000, description="optimizer steps of the whole run")] = 70_000
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1, description="decides weights, data order and dropout")] = 0
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Meta(description="arithmetic of the training step; auto takes bfloat16 where the device is fast at it"),
    ] = "auto"
    device: Annotated[
        str,
        Meta(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda, cuda:1 or mps"),
    ] = "auto"
    threads: Annotated[int, Meta(ge=0, le=1024, description="CPU threads of the training step; 0 takes all cores")] = 0


class Preset(Section, frozen=True):
    """Every setting of a run. `engine.preset_file.load_preset` reads one, `to_toml` writes one."""

    preset: Identity
    encoder: Encoder
    pooling: Pooling
    head: Head
    segments: Segments
    optimizer: Optimizer
    schedule: Schedule
    validation: Validation
    run: RunSettings
    budget: Budget = field(default_factory=Budget)
    data: Data = field(default_factory=Data)
    features: Features = field(default_factory=Features)
    front_end: FrontEnd = field(default_factory=LinearFrontEnd)

    @property
    def name(self) -> str:
        """The name in lists and commands."""
        return self.preset.name

    @property
    def warmup_steps(self) -> int:
        """The warm-up that is really used: the stated one, at most a tenth of the run."""
        return min(self.schedule.warmup_steps, self.run.steps // 10)
