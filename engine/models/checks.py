"""Whether an encoder does what an encoder must: shapes, lengths, and that nothing leaks between utterances.

The traps are those of published solutions: batch and time axes swapped, so that attention mixes utterances, which no
accuracy shows; padding that isn't masked; dropout that never ends; layers that hold parameters and are never called.
Each check runs the encoder on random frames and answers in words.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn

from engine.check_report import Check
from engine.model_settings import OwnEncoder
from engine.models.own_encoder import blame
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset

BATCH, TIME, REAL, LONG = 3, 29, 17, 2000
LENGTHS = (REAL, TIME, TIME), (REAL, REAL // 2, TIME)
"""Real frames of a batch's utterances, two ways; the longest is always whole, and the first always the same."""
TOLERANCE = 1e-3
"""Of the largest value that leaves; rounding is a thousandth of that, a leak is about the whole of it."""


class Fault(Exception):
    """A check failed: what was seen, and what usually causes it."""

    def __init__(self, seen: str, cause: str = "", *, severe: bool = True) -> None:
        super().__init__(seen)
        self.seen, self.cause, self.severe = seen, cause, severe


Trial: TypeAlias = Callable[[nn.Module, int], None]


def check_encoder(encoder: nn.Module, width: int, file: str | Path = "") -> list[Check]:
    """Tries an encoder for frames of `width`, on the CPU. Leaves the random state as it was, but not the encoder.

    file: that of a user's own class, whose lines are then named. Later checks are left out when it has no right shape.
    """
    checks: list[Check] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for name, (tried, trial) in TRIALS.items():
            encoder.eval()
            checks.append(_check(name, tried, trial, encoder, width, file))
            if name == "shape" and not checks[-1].ok:
                break
    return checks


def check_model(preset: Preset) -> list[Check]:
    """Checks the encoder that a preset makes. Raises `InputError` when it can't be made."""
    file = preset.encoder.file if isinstance(preset.encoder, OwnEncoder) else ""
    with torch.random.fork_rng(devices=[]):
        model = SpeakerModel(preset, speakers=2)
    return check_encoder(model.encoder, int(model.front_end.output_width), file)  # type: ignore[arg-type]  # a width


def _check(name: str, tried: str, trial: Trial, encoder: nn.Module, width: int, file: str | Path) -> Check:
    try:
        trial(encoder, width)
    except Fault as fault:
        cause = fault.cause or CAUSES.get(name, "")
        return Check(name=name, tried=tried, ok=False, seen=fault.seen, cause=cause, severe=fault.severe)
    except BaseException as error:  # an encoder may raise anything; no terminal reaches the child that checks
        seen = blame(error, file) or f"{type(error).__name__}: {' '.join(str(error).split())}"
        return Check(name=name, tried=tried, ok=False, seen=seen, cause=CAUSES.get(name, ""), severe=name != "bfloat16")
    return Check(name=name, tried=tried, ok=True)


# ----------------------------------------------------------------------------------------------------------- the trials


def _shape(encoder: nn.Module, width: int) -> None:
    _passed(encoder, torch.randn(BATCH, TIME, width))


def _one_frame(encoder: nn.Module, width: int) -> None:
    _passed(encoder, torch.randn(BATCH, 1, width))


def _long(encoder: nn.Module, width: int) -> None:
    _passed(encoder, torch.randn(1, LONG, width))


def _repeats(encoder: nn.Module, width: int) -> None:
    frames = torch.randn(BATCH, TIME, width)
    if _differ(_passed(encoder, frames), _passed(encoder, frames)):
        raise Fault(
            "the same frames give another result each time, in evaluation mode too",
            "dropout that never ends: take nn.Dropout, or functional.dropout(x, p, self.training)",
        )


def _batch_mates(encoder: nn.Module, width: int) -> None:
    """The same utterance among others: without a mask, with one of real frames alone, and among others padded."""
    frames = torch.randn(BATCH, TIME, width)
    others = torch.cat([frames[:1], 3 * torch.randn(BATCH - 1, TIME, width)])
    full = torch.ones(BATCH, TIME, dtype=torch.bool)
    padded, otherwise = (torch.arange(TIME)[None, :] < torch.tensor(lengths)[:, None] for lengths in LENGTHS)
    for mask, other_mask, when in (
        (None, None, ""),
        (full, full, ", when a mask is given"),
        (padded, otherwise, ", when some are padded"),
    ):
        if not _differ(_passed(encoder, frames, mask)[0, :REAL], _passed(encoder, others, other_mask)[0, :REAL]):
            continue
        raise Fault(
            f"an utterance's result changes with the others of its batch{when}",
            "batch and time axes are swapped: frames are (batch, time, width), while nn.MultiheadAttention and "
            "nn.TransformerEncoderLayer expect (time, batch, width) unless they are given batch_first=True; or a mean, "
            "a norm or a softmax is taken over dimension 0, of the frames or of the mask",
        )


def _padding(encoder: nn.Module, width: int) -> None:
    """An utterance of REAL frames alone, and the same padded with noise up to TIME and masked."""
    frames, noise = torch.randn(1, REAL, width), 10 * torch.randn(1, TIME - REAL, width)
    batch = torch.cat([torch.cat([frames, noise], dim=1), torch.randn(1, TIME, width)])
    mask = torch.arange(TIME)[None, :] < torch.tensor([[REAL], [TIME]])  # (2, time)
    padded = _passed(encoder, batch, mask)[0, :REAL]
    if not torch.isfinite(padded).all() or _differ(_passed(encoder, frames)[0], padded):
        raise Fault(
            "an utterance's real frames change when it is padded, although the mask says where",
            "the mask is True at real frames: attention must not look elsewhere (a key_padding_mask is True at padding,"
            " so pass ~mask), a convolution needs frames * mask[:, :, None] before it, and means and norms over time "
            "must leave padding out",
            severe=False,
        )


def _gradients(encoder: nn.Module, width: int) -> None:
    """Every parameter that may learn does, and there is one; a frozen part beside it is its author's business."""
    parameters = list(encoder.parameters())
    if not any(one.requires_grad for one in parameters):
        raise Fault(
            "no parameter is trainable" if parameters else "the encoder has no parameters, so it learns nothing",
            "all of them are frozen (requires_grad is False); leave some free"
            if parameters
            else "layers are kept in a plain list or dictionary, where they aren't found; take nn.ModuleList, "
            "nn.ModuleDict or attributes",
            severe=bool(parameters),
        )
    trainable = {name: one for name, one in encoder.named_parameters() if one.requires_grad}
    encoder.zero_grad(set_to_none=True)
    for mode in (True, False):  # a part may be used in one of them alone
        output = encoder.train(mode)(torch.randn(BATCH, TIME, width), None)
        if output.requires_grad:
            (output * torch.randn_like(output)).sum().backward()
    unused = [name for name, one in trainable.items() if one.grad is None]
    if len(unused) == len(trainable):
        raise Fault("no parameter gets a gradient", "forward is under torch.no_grad(), or detaches what it computes")
    if unused:
        number = sum(trainable[name].numel() for name in unused)
        shown = ", ".join(unused[:3]) + (" ..." if len(unused) > 3 else "")
        raise Fault(
            f"{number:,} parameters get no gradient: {shown}",
            "a layer is made in __init__ and never called in forward; it counts against the budget all the same",
            severe=False,
        )


def _bfloat16(encoder: nn.Module, width: int) -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        output = encoder(torch.randn(BATCH, TIME, width), None)
    if not torch.isfinite(output).all():
        raise Fault("some results are not finite in bfloat16", severe=False)


TRIALS: dict[str, tuple[str, Trial]] = {
    "shape": ("(batch, time, width) comes, (batch, time, output_width) leaves, all of it finite", _shape),
    "one frame": ("an utterance may be a single frame", _one_frame),
    "long utterance": (f"an utterance may have {LONG} frames", _long),
    "repeatable": ("evaluation gives the same result twice", _repeats),
    "batch-mates": ("the other utterances of a batch don't matter", _batch_mates),
    "padding": ("padding doesn't matter where the mask says that it is padding", _padding),
    "gradients": ("every parameter is trained", _gradients),
    "bfloat16": ("half-precision arithmetic works", _bfloat16),
}
CAUSES = {
    "shape": "frames must be computed from frames; NaN comes of a division by zero, or a logarithm or root below zero",
    "one frame": "a layer needs more than one frame, such as a deviation over time or a convolution without padding",
    "long utterance": "something has a fixed length, such as a table of positions; whole utterances are longer than "
    "training segments",
    "padding": "mask is (batch, time) and True at real frames; nn.MultiheadAttention takes key_padding_mask=~mask",
    "bfloat16": "tensors made in forward need the frames' dtype; else train with run.precision = 'float32'",
}


def _passed(encoder: nn.Module, frames: Tensor, mask: Tensor | None = None) -> Tensor:
    """frames: (batch, time, width) -> (batch, time, output_width), or a `Fault` when something else leaves."""
    with torch.no_grad():
        output = encoder(frames.clone(), mask)
    if not isinstance(output, Tensor):
        raise Fault(f"forward returns {_article(type(output).__name__)}, not a tensor", "return the frames alone")
    wanted = (*frames.shape[:2], int(encoder.output_width))  # type: ignore[arg-type]  # a width
    if tuple(output.shape) != wanted:
        raise Fault(
            f"frames of shape {tuple(frames.shape)} become {tuple(output.shape)}, where output_width asks for {wanted}",
            _cause_of_shape(tuple(output.shape), wanted),
        )
    if mask is None and not torch.isfinite(output).all():
        raise Fault("some results are NaN or infinite")
    return output


def _cause_of_shape(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    batch, time, width = wanted
    if shape == (time, batch, width):
        return "batch and time have changed places on the way; turn them back with transpose(0, 1)"
    if shape == (batch, width, time):
        return "a convolution's channels stand before time; turn them back with transpose(1, 2)"
    if shape == (batch, width):
        return "time is gone: pooling comes after the encoder and is no part of it"
    if len(shape) == 3 and shape[:2] == (batch, time):
        return f"output_width should be {shape[2]}, or the last layer give {width}"
    if len(shape) == 3 and shape[0] == batch and shape[2] == width:
        return (
            "as many frames must leave as came: give a convolution padding=kernel // 2, without a stride; for fewer "
            "frames take front_end.kind = 'convolution'"
        )
    return "frames stay (batch, time, width) from layer to layer"


def _differ(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() > TOLERANCE * one.abs().max().clamp(min=1e-6))


def _article(name: str) -> str:
    return f"an '{name}'" if name[0].lower() in "aeiou" else f"a '{name}'"
