"""What a preset is: every setting of a run, typed, described and bounded, in the sections of its TOML file.

The structures are frozen and know no torch, so that the dashboard can read, check and edit presets before its first
paint. Reading them from TOML, with messages for people, is the work of `preset_file.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from engine.model_settings import Encoder, FrontEnd, Head, LinearFrontEnd, Pooling
from engine.section import Positive, Section, Share


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
    shortest: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            description="frames of the shortest training segment, when each batch draws its length between this and"
            " segments.frames; 0: always segments.frames",
        ),
    ] = 0
    normalise: Annotated[
        Literal["none", "utterance", "running"],
        Meta(
            description="mean that is subtracted from each mel band: none, that of the whole utterance, or that of"
            " segments.normalise_frames around each frame"
        ),
    ] = "none"
    normalise_frames: Annotated[int, Meta(ge=1, le=100_000, description="frames of the running mean")] = 300


class Augment(Section, frozen=True):
    """[augment]: what training segments are changed by, and changed copies of a corpus; validation sees none of it."""

    time_masks: Annotated[int, Meta(ge=0, le=64, description="stretches of time hidden in each segment")] = 0
    time_mask_frames: Annotated[int, Meta(ge=1, le=100_000, description="frames of such a stretch, at most")] = 20
    frequency_masks: Annotated[int, Meta(ge=0, le=64, description="stretches of mel bands hidden in each segment")] = 0
    frequency_mask_bands: Annotated[int, Meta(ge=1, le=512, description="mel bands of such a stretch, at most")] = 8
    speeds: Annotated[
        tuple[Annotated[float, Meta(ge=0.5, le=2.0)], ...],
        Meta(description="one more copy of the corpus at each of these speeds, tempo and pitch together"),
    ] = ()
    speeds_are_speakers: Annotated[
        bool, Meta(description="a speaker at another speed is one more class while training; else the same speaker")
    ] = False
    noise: Annotated[
        str, Meta(description="folder with recordings of noise, at any depth (MUSAN); the noisy copies mix one in")
    ] = ""
    noise_snr_db: Annotated[
        tuple[Annotated[float, Meta(ge=-50.0, le=100.0)], Annotated[float, Meta(ge=-50.0, le=100.0)]],
        Meta(description="lowest and highest power of the speech relative to the noise, dB"),
    ] = (0.0, 15.0)
    reverberation: Annotated[
        str,
        Meta(
            description="folder with impulse responses of rooms, at any depth (RIRS_NOISES); the noisy copies take one"
        ),
    ] = ""
    copies: Annotated[
        int, Meta(ge=1, le=32, description="noisy copies of the corpus, when augment.noise or reverberation is given")
    ] = 1
    seed: Annotated[
        int, Meta(ge=0, le=2**63 - 1, description="decides the noise, its loudness and the room of each utterance")
    ] = 0


class Optimizer(Section, frozen=True):
    """[optimizer]: AdamW (Loshchilov and Hutter, 2019), and Muon (Jordan et al., 2024) for matrices if asked for."""

    learning_rate: Annotated[Positive, Meta(le=10.0, description="highest rate, reached at the end of the warm-up")] = (
        1e-3
    )
    weight_decay: Annotated[float, Meta(ge=0.0, le=1.0, description="decoupled weight decay")] = 0.01
    beta1: Annotated[Share, Meta(description="decay of the gradient's running mean")] = 0.9
    beta2: Annotated[Share, Meta(description="decay of the squared gradient's running mean")] = 0.999
    clip_norm: Annotated[
        float, Meta(ge=0.0, description="gradients are scaled down to this norm; 0 switches it off")
    ] = 1.0
    matrices: Annotated[
        Literal["adamw", "muon"],
        Meta(
            description="what moves the weights of linear and convolution layers before the head: adamw as all else, or"
            " muon, which often needs fewer steps"
        ),
    ] = "adamw"
    average: Annotated[
        Share,
        Meta(
            description="decay of a running average of the weights, which is validated and saved as best in their"
            " place; 0: no average"
        ),
    ] = 0.0


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


class Divergence(Section, frozen=True):
    """[divergence]: what happens when a run goes wrong (docs/divergence.md)."""

    policy: Annotated[
        Literal["rollback", "stop", "warn"],
        Meta(
            description="go back to the last state in which nothing was found and train with half the rate, stop, or"
            " only say so"
        ),
    ] = "rollback"
    rollbacks: Annotated[
        int, Meta(ge=0, le=100, description="times that a run goes back, at most, before it stops")
    ] = 3
    look_every: Annotated[int, Meta(ge=1, le=10_000, description="steps that are judged together, as one window")] = 50


class RunSettings(Section, frozen=True):
    """[run]: how long, where and with which random numbers."""

    steps: Annotated[int, Meta(ge=1, le=1_000_000_000, description="optimizer steps of the whole run")] = 70_000
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1, description="decides weights, data order and dropout")] = 0
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Meta(description="arithmetic of training and validation; auto takes bfloat16 where the device is fast at it"),
    ] = "auto"
    deterministic: Annotated[
        bool, Meta(description="on a GPU only algorithms that repeat bit for bit, at some speed; a CPU's always do")
    ] = False
    device: Annotated[
        str,
        Meta(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda, cuda:1 or mps"),
    ] = "auto"
    devices: Annotated[
        int,
        Meta(
            ge=1,
            le=1024,
            description="devices of a machine that train together, each a slice of every batch; processes, on a CPU",
        ),
    ] = 1
    threads: Annotated[int, Meta(ge=0, le=1024, description="CPU threads of the training step; 0 takes all cores")] = 0
    save_every_seconds: Annotated[
        float,
        Meta(
            gt=0.0,
            le=86_400.0,
            description="the full state is saved this often, in the background, and after each validation",
        ),
    ] = 60.0


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
    augment: Augment = field(default_factory=Augment)
    divergence: Divergence = field(default_factory=Divergence)
    front_end: FrontEnd = field(default_factory=LinearFrontEnd)

    @property
    def name(self) -> str:
        """The name in lists and commands."""
        return self.preset.name

    @property
    def warmup_steps(self) -> int:
        """The warm-up that is really used: the stated one, at most a tenth of the run."""
        return min(self.schedule.warmup_steps, self.run.steps // 10)
