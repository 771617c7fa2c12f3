"""What is wrong between the keys of a preset that are fine one by one, each in a sentence for people."""

from __future__ import annotations

from engine.model_settings import MultiQueryAttentivePooling, NoFrontEnd, OwnEncoder, width_after
from engine.own_kind import contradictions_of_own
from engine.preset import Preset


def contradictions(preset: Preset) -> list[str]:
    """One sentence each, with the keys and values that don't fit together; none when all is well."""
    return [
        *_of_the_encoder(preset),
        *_of_the_front_end(preset),
        *_of_the_pooling(preset),
        *_of_the_data(preset),
        *_of_the_run(preset),
    ]


def _of_the_encoder(preset: Preset) -> list[str]:
    problems = []
    encoder = preset.encoder
    width, heads = getattr(encoder, "d_model", None), getattr(encoder, "heads", None)
    if width is not None and heads is not None and width % heads:
        divisors = ", ".join(str(n) for n in range(1, min(width, 64) + 1) if width % n == 0)
        problems.append(
            f"encoder.d_model = {width} is not divisible by encoder.heads = {heads} (allowed heads: {divisors})"
        )
    for key in ("kernel", "merge_kernel"):
        kernel = getattr(encoder, key, 1)
        if kernel % 2 == 0:
            problems.append(f"encoder.{key} = {kernel} is even; it takes an odd number, such as {kernel + 1}")
    cgmlp = getattr(encoder, "cgmlp", 0)
    if cgmlp % 2:
        problems.append(f"encoder.cgmlp = {cgmlp} is odd; half of it gates the other half, so it takes an even number")
    channels, scale = getattr(encoder, "channels", None), getattr(encoder, "scale", None)
    if channels is not None and scale is not None and channels % scale:
        problems.append(f"encoder.channels = {channels} is not divisible by encoder.scale = {scale}")
    return problems


def _of_the_front_end(preset: Preset) -> list[str]:
    if isinstance(preset.encoder, OwnEncoder):
        return contradictions_of_own(preset.encoder, preset.front_end)
    bands, width = preset.features.mel_bands, getattr(preset.encoder, "d_model", None)
    if not isinstance(preset.front_end, NoFrontEnd) or width in (None, bands):
        return []
    return [
        f"front_end.kind = 'none' gives the encoder {bands} mel bands, and encoder.d_model is {width}; take another"
        " front end or another width"
    ]


def _of_the_pooling(preset: Preset) -> list[str]:
    width = width_after(preset.encoder)
    if not isinstance(preset.pooling, MultiQueryAttentivePooling) or width % preset.pooling.heads == 0:
        return []
    divisors = ", ".join(str(n) for n in range(1, 65) if width % n == 0)
    return [
        f"pooling.heads = {preset.pooling.heads} doesn't divide the encoder's output width, {width} (allowed heads:"
        f" {divisors})"
    ]


def _of_the_data(preset: Preset) -> list[str]:
    problems = []
    features, segments, augment = preset.features, preset.segments, preset.augment
    if features.lowest_hz >= features.sample_rate / 2:
        problems.append("features.lowest_hz lies above half of features.sample_rate; nothing would be left to hear")
    if segments.shortest > segments.frames:
        problems.append(f"segments.shortest = {segments.shortest} is more than segments.frames = {segments.frames}")
    if 1.0 in augment.speeds or len(set(augment.speeds)) < len(augment.speeds):
        problems.append(f"augment.speeds = {list(augment.speeds)}: each speed stands there once, and 1 never does")
    lowest, highest = augment.noise_snr_db
    if lowest > highest:
        problems.append(f"augment.noise_snr_db = {[lowest, highest]} begins above its end")
    return problems


def _of_the_run(preset: Preset) -> list[str]:
    problems = []
    devices, device, size = preset.run.devices, preset.run.device, preset.segments.batch_size
    if devices > size:
        problems.append(
            f"run.devices = {devices} is more than segments.batch_size = {size}; each device needs a segment"
        )
    if devices > 1 and (device == "mps" or ":" in device):
        problems.append(f"run.device = '{device}' is one device and run.devices = {devices}; take auto, cuda or cpu")
    return problems
