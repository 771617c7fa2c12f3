"""The model as a picture of characters, drawn from a preset: front end, encoder, pooling, head, with all sizes.

Names of layers are those of the literature, the same in every language; what else stands there are `words`. What the
encoders compute is told by `encoder_pictures.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from engine import model_settings as m
from engine.preset import Preset
from spk_tui.report.encoder_pictures import ARROW, Step, picture_of
from spk_tui.report.words import Words, wide

LABEL, DETAIL = 18, 14


class Pooled(NamedTuple):
    """The width of the pooled vector, how it is made, and where its weights come from, if it has any."""

    width: int | str
    how: str
    weights: str = ""


def diagram(preset: Preset, speakers: int, words: Words) -> str:
    """The model from frames to scores, on lines of its own."""
    bands, encoder = preset.features.mel_bands, preset.encoder
    width = bands if isinstance(preset.front_end, m.NoFrontEnd) else m.width_before(encoder) or "d"
    after, time = m.width_after(encoder) or "D", "T/2" if isinstance(preset.front_end, m.ConvolutionFrontEnd) else "T"
    pooled = _pooling(preset.pooling, after)
    picture = picture_of(encoder, width)
    inside = [*picture.before, *(line for step in picture.blocks for line in drawn(step)), *picture.after]
    lines = [
        _part(words("diagram.frames"), f"(T, {bands})"),
        *_ARROW,
        _part(words("part.front_end"), _front_end(preset.front_end, bands, width)),
        _shape(f"({time}, {width})"),
        "  ▼",
        _part(words("part.encoder"), _count(encoder, words)),
        *(f"  │   {line}" for line in inside),
        _shape(f"({time}, {after})"),
        "  ▼",
        _part(words("part.pooling"), pooled.how),
        _shape(f"({pooled.width})"),
        "  ▼",
        _part(words("part.head"), _head(preset.head, pooled.width, speakers)),
        *_ARROW,
        _part(words("diagram.scores"), f"({speakers})"),
    ]
    layers = {**picture.layers, **({"weights": pooled.weights} if pooled.weights else {})}
    if layers:
        lines += ["", *(f"{name:<{DETAIL}}{what}" for name, what in layers.items())]
    return "\n".join(line.rstrip() for line in lines)


_ARROW = ("  │", "  ▼")


def drawn(step: Step) -> list[str]:
    """A step as lines: x goes in on the left and comes out on the right; what is added goes around below."""
    chains = [ARROW.join(chain) for chain in step.chains]
    if len(chains) == 1 and not step.residual:
        return [f"x ─> {ARROW.join([*step.chains[0], *step.then])} ─> x"]
    longest = max(map(len, chains))
    lines = [f"{'x ─┬' if not place else '   ├'}─> {chain} " for place, chain in enumerate(chains)]
    if len(chains) > 1:
        ends = ["┐", *["┤"] * (len(chains) - 2), "┴"]
        lines = [
            f"{line}{'─' * (longest - len(chain) + 1)}{end}"
            for line, chain, end in zip(lines, chains, ends, strict=True)
        ]
    tail = ARROW.join([*step.merge, "+"])
    lines[-1] += f"─> {tail}"
    beneath = f"   └{'─' * (len(lines[-1]) - 5)}┘"
    lines[-1] += f" ─> {ARROW.join([*step.then, 'x'])}"
    return [*lines, beneath]


def _count(encoder: m.Encoder, words: Words) -> str:
    if isinstance(encoder, m.OwnEncoder | m.XVectorTdnn | m.EcapaTdnn):
        return ""
    return words("diagram.shared" if encoder.share_layers else "diagram.apart", layers=encoder.layers)


def _front_end(front_end: m.FrontEnd, bands: int, width: int | str) -> str:
    if isinstance(front_end, m.NoFrontEnd):
        return "–"
    if isinstance(front_end, m.ConvolutionFrontEnd):
        return f"Conv1d {bands} → {width}, kernel 3, stride 2 ─> GELU"
    return f"Linear {bands} → {width}"


def _pooling(pooling: m.Pooling, width: int | str) -> Pooled:
    """How frames of that width become one vector."""
    twice: int | str = 2 * width if isinstance(width, int) else f"2 {width}"
    if isinstance(pooling, m.MeanPooling):
        return Pooled(width, "mean over T")
    if isinstance(pooling, m.StatisticsPooling):
        return Pooled(twice, "mean and standard deviation over T")
    hidden = pooling.attention
    if isinstance(pooling, m.SelfAttentivePooling):
        return Pooled(
            width, "weighted mean over T", f"Linear {width} → {hidden} ─> tanh ─> Linear {hidden} → 1 ─> softmax"
        )
    weighted = "weighted mean and standard deviation over T"
    if isinstance(pooling, m.AttentiveStatisticsPooling):
        seen = (f"3 {width}" if isinstance(width, str) else 3 * width) if pooling.context else width
        norm = "ReLU ─> BatchNorm ─> " if pooling.batch_norm else ""
        return Pooled(
            twice, weighted, f"Linear {seen} → {hidden} ─> {norm}tanh ─> Linear {hidden} → {width} ─> softmax"
        )
    pooled: int | str = twice * pooling.queries if isinstance(twice, int) else f"{pooling.queries} · {twice}"
    inside = f"Linear → {hidden} ─> tanh ─> " if hidden else ""
    each = "slice" if pooling.channel_weights else "1"
    networks = f"{pooling.heads} slices × {pooling.queries} queries, each {inside}Linear → {each} ─> softmax"
    return Pooled(pooled, weighted, networks)


def _head(head: m.Head, width: int | str, speakers: int) -> str:
    if isinstance(head, m.MlpHead):
        return f"Linear {width} → {head.hidden} ─> ReLU ─> Linear {head.hidden} → {speakers}"
    if isinstance(head, m.LinearHead):
        return f"Linear {width} → {speakers}"
    if isinstance(head, m.BatchNormLinearHead):
        return f"BatchNorm ─> Linear {width} → {speakers}"
    chain = ["BatchNorm"] if head.batch_norm else []
    if head.embedding:
        chain.append(f"Linear {width} → {head.embedding}")
    vectors = f"{speakers} × {head.sub_centres}" if head.sub_centres > 1 else f"{speakers}"
    chain.append(f"{head.scale:g} × cosine with {vectors} vectors")
    if head.margin_kind != "none":
        chain.append(f"{head.margin_kind} margin {head.margin:g}")
    return ARROW.join(chain)


def _part(label: str, what: str) -> str:
    return f"{label}{' ' * max(1, LABEL - wide(label))}{what}"


def _shape(shape: str) -> str:
    return f"  │{' ' * (LABEL - 3)}{shape}"
