"""What each kind of encoder computes, as chains of layers with their sizes: a row of steps, and what its layers are.

After the files in engine/models/, which load torch and are not looked at here. `diagram.py` draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from engine import model_settings as m

NORMS = {"layer": "LayerNorm", "batch": "BatchNorm", "rms": "RMSNorm"}
ARROW = " ─> "


class Step(NamedTuple):
    """What frames pass: chains of layers side by side, merged by `merge`; with what went in added, if `residual`."""

    chains: tuple[tuple[str, ...], ...]
    then: tuple[str, ...] = ()
    merge: tuple[str, ...] = ()
    residual: bool = True


class Picture(NamedTuple):
    """An encoder: lines before its blocks, the steps of one block, lines after them, and what its layers are."""

    blocks: Sequence[Step]
    layers: dict[str, str]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def picture_of(encoder: m.Encoder, inputs: int | str) -> Picture:
    """What an encoder computes. `inputs`: the width of the frames that it gets."""
    if isinstance(encoder, m.OwnEncoder):
        return _box(encoder, encoder.options)
    if isinstance(encoder, m.XVectorTdnn):
        return _x_vector(encoder, inputs)
    if isinstance(encoder, m.EcapaTdnn):
        return _ecapa(encoder, inputs)
    drop = _dropout(getattr(encoder, "dropout", 0.0))
    if isinstance(encoder, m.HomeworkTransformer):
        then = ("LayerNorm", *drop, "feed-forward", *drop)
        return Picture([Step((("attention",),), then)], _layers(encoder, "ReLU", bias=False))
    if isinstance(encoder, m.HomeworkConformer):
        steps = [
            Step((("attention",),), ("LayerNorm",)),
            Step((("feed-forward", *drop),), ("LayerNorm",)),
            Step((("convolution", "feed-forward'"),), ("LayerNorm", *drop)),
        ]
        d = encoder.d_model
        convolution = f"Conv1d {d} → {2 * d}, kernel {encoder.kernel}, no bias ─> GLU"
        return Picture(steps, {**_layers(encoder, "ReLU", bias=False), "convolution": convolution})
    if isinstance(encoder, m.HomeworkSample):
        steps = [Step((("attention", *drop),), ("LayerNorm",)), Step((("feed-forward", *drop),), ("LayerNorm",))]
        return Picture(steps, _layers(encoder, "ReLU", inner=drop))
    if isinstance(encoder, m.Transformer | m.Conformer | m.Branchformer | m.EBranchformer):
        return _blocks(encoder)
    return _box(encoder, msgspec.structs.asdict(encoder))


def _box(encoder: m.Encoder, settings: dict[str, Any]) -> Picture:
    """An encoder that nobody has drawn yet."""
    listed = ", ".join(f"{key} = {value}" for key, value in settings.items())
    return Picture([], {}, (f"{m.kind_of(encoder)}({listed})",))


def _blocks(encoder: m.Transformer | m.Conformer | m.Branchformer | m.EBranchformer) -> Picture:
    norm, drop, d = NORMS[encoder.norm], _dropout(encoder.dropout), encoder.d_model
    attention = Step(((norm, "attention", *drop),))
    if isinstance(encoder, m.Transformer):
        steps = [attention, Step(((norm, "feed-forward", *drop),))]
        layers = _layers(encoder, "GELU", inner=drop)
    elif isinstance(encoder, m.Conformer):
        steps = [
            Step(((norm, "feed-forward", *drop, "× ½"),)),
            attention,
            Step(((norm, "convolution", *drop),)),
            Step(((norm, "feed-forward'", *drop, "× ½"),), (norm,)),
        ]
        bias = "" if encoder.convolution_bias else ", no bias"
        convolution = (
            f"Linear {d} → {2 * d} ─> GLU ─> depthwise Conv1d, kernel {encoder.kernel} ─> BatchNorm ─> Swish ─> Linear"
            f" {d} → {d}{bias}"
        )
        layers = {**_layers(encoder, "Swish", inner=drop), "convolution": convolution}
    else:
        steps, layers = _branches(encoder, norm, drop)
    after = [*(["concat"] if encoder.aggregate else []), *([norm] if isinstance(encoder, m.Transformer) else [])]
    return Picture(steps, layers, after=(f"─> {ARROW.join(after)}",) if after else ())


def _branches(
    encoder: m.Branchformer | m.EBranchformer, norm: str, drop: tuple[str, ...]
) -> tuple[list[Step], dict[str, str]]:
    d, half = encoder.d_model, encoder.cgmlp // 2
    chains = ((norm, "attention", *drop), (norm, "gating", *drop))
    gating = {
        "gating": ARROW.join([f"Linear {d} → {encoder.cgmlp}", "GELU", "halves u, v", "u × gate(v)", *drop,
                              f"Linear {half} → {d}"]),
        "gate": f"{norm} ─> depthwise Conv1d, kernel {encoder.kernel}",
    }  # fmt: skip
    if isinstance(encoder, m.EBranchformer):
        merge = f"concat ─> y + depthwise Conv1d(y), kernel {encoder.merge_kernel} ─> Linear {2 * d} → {d}"
        steps = [
            Step(((norm, "feed-forward", *drop, "× ½"),)),
            Step(chains, (), ("merge", *drop)),
            Step(((norm, "feed-forward'", *drop, "× ½"),), (norm,)),
        ]
        return steps, {**_layers(encoder, "Swish", inner=drop), **gating, "merge": merge}
    average = f"w₁ × attention + w₂ × gating, weights by the utterance ─> Linear {d} → {d}"
    merge = f"concat ─> Linear {2 * d} → {d}" if encoder.merge == "concatenation" else average
    layers = {"attention": _attention(encoder, bias=True), **gating, "merge": merge}
    return [Step(chains, (norm,), ("merge", *drop))], layers


def _ecapa(encoder: m.EcapaTdnn, inputs: int | str) -> Picture:
    c, group, all_blocks = encoder.channels, encoder.channels // encoder.scale, encoder.channels * encoder.layers
    squeeze = encoder.squeeze
    dilations = ", ".join(str(2 + place) for place in range(encoder.layers))
    step = Step((("TDNN 1", "Res2", "TDNN 1", "SE", *_dropout(encoder.dropout)),))
    layers = {
        "TDNN k": f"Conv1d, kernel k ─> ReLU ─> {NORMS[encoder.norm]}",
        "Res2": f"{encoder.scale} groups of {group} channels, TDNN {encoder.kernel} over each and the result before it;"
        f" dilation {dilations}",
        "SE": f"mean over T ─> Linear {c} → {squeeze} ─> ReLU ─> Linear {squeeze} → {c} ─> sigmoid ─> ×",
    }
    after = f"─> concat ─> TDNN 1, {all_blocks} → {all_blocks}"
    return Picture([step], layers, (f"TDNN 5, {inputs} → {c}", f"─> {encoder.layers} ×"), (after,))


def _x_vector(encoder: m.XVectorTdnn, inputs: int | str) -> Picture:
    c, drop = encoder.channels, ("", *_dropout(encoder.dropout))
    tail = ARROW.join(drop)
    lines = (
        f"TDNN 5, {inputs} → {c}{tail}",
        f"─> TDNN 3, dilation 2, {c} → {c}{tail}",
        f"─> TDNN 3, dilation 3, {c} → {c}{tail}",
        f"─> TDNN 1, {c} → {c}{tail}",
        f"─> TDNN 1, {c} → {encoder.output_channels}{tail}",
    )
    return Picture([], {"TDNN k": f"Conv1d, kernel k ─> ReLU ─> {NORMS[encoder.norm]}"}, lines)


def _layers(
    encoder: m.HomeworkTransformer | m.HomeworkConformer | m.HomeworkSample | m.Transformer | m.Conformer
    | m.EBranchformer,
    activation: str, *, bias: bool = True, inner: tuple[str, ...] = (),
) -> dict[str, str]:  # fmt: skip
    d, hidden = encoder.d_model, encoder.ffn
    feed_forward = ARROW.join([f"Linear {d} → {hidden}", activation, *inner, f"Linear {hidden} → {d}"])
    return {"attention": _attention(encoder, bias=bias), "feed-forward": feed_forward}


def _attention(
    encoder: m.HomeworkTransformer | m.HomeworkConformer | m.HomeworkSample | m.Blocks, *, bias: bool
) -> str:  # fmt: skip
    d, head = encoder.d_model, encoder.d_model // encoder.heads
    relative = isinstance(encoder, m.Blocks) and encoder.positions == "relative"
    scores = f"softmax({'(Q·Kᵀ + relative positions)' if relative else 'Q·Kᵀ'} / √{head})·V"
    biased = "bias" if bias else "no bias"
    return f"Linear {d} → {3 * d} (Q, K, V; {biased}) ─> {encoder.heads} × {scores} ─> Linear {d} → {d}"


def _dropout(share: float) -> tuple[str, ...]:
    return (f"Dropout {share:g}",) if share else ()
