"""A user's own encoder: what its class must be, and how it is made of a file that somebody has allowed to run.

Whatever the file does wrong becomes an `InputError` with the file, the line, what is wrong and what to do. Loaded only
where models are: in the worker and in the children that count and check, never in the dashboard.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from engine.errors import InputError, nearest_spelling
from engine.model_settings import OwnEncoder
from engine.own_code import OwnCode, look_at, read_code
from engine.trust import require_trust

Model = TypeVar("Model", bound=nn.Module)


class EncoderContract(Protocol):
    """What an encoder's class must offer. It is a `torch.nn.Module` besides.

    `__init__(self, input_width: int, **options)` is given the width of the frames that arrive and, by name, each
    further key of the preset's [encoder]. `output_width` is the width of the frames that leave. Layers lie in
    attributes, so that they are found, counted and saved; weights that serve several positions are held once.
    """

    output_width: int

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, input_width) -> (batch, time, output_width), as many frames as came.

        mask: (batch, time), True where a frame is real, False where it is padding; None when all are real. What leaves
        at padded places is never used. In evaluation mode a real frame's result depends on the real frames of its own
        utterance alone.
        """


def make_own_encoder(settings: OwnEncoder, inputs: int) -> nn.Module:
    """The class's instance for frames of `inputs` width. Raises `InputError`, also for a file that isn't trusted."""
    code = read_code(settings.file)
    look_at(code, settings.name)
    require_trust(code)
    made_by = _class_in(_run(code), settings, code)
    _check_options(made_by, settings, code)
    try:
        encoder = made_by(inputs, **settings.options)
    except KeyboardInterrupt:
        raise  # of a terminal, perhaps; the children that count and check answer for it
    except BaseException as error:
        raise InputError(
            blame(error, code.path) or f"{code.path}: {settings.name} can't be made: {_said(error)}"
        ) from None
    return _fulfils(encoder, settings, code)


def without_numbers(model: Model) -> Model:
    """The model on the meta device, in place; what was shared stays shared, and is counted once.

    A tensor that is a plain attribute stays where it is, and the first sum with it fails, as it would on a GPU.
    """
    moved: dict[Tensor, Tensor] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                empty = nn.Parameter(torch.empty_like(parameter, device="meta"), parameter.requires_grad)
                module._parameters[name] = moved.setdefault(parameter, empty)  # type: ignore[assignment]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty_like(buffer, device="meta")
    return model


def blame(error: BaseException, file: str | Path) -> str | None:
    """The error in words when it arose in the file or below it, with the last line of the file; else None."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    if not frames:
        return None
    place = f"{file}, line {frames[-1].lineno}"
    within = "" if frames[-1].name == "<module>" else f", in {frames[-1].name}"
    return f"{place}{within}: {_said(error)}"


def _run(code: OwnCode) -> ModuleType:
    """The file as a module. The same content runs once in a process, under a name that no other module has."""
    name = f"own_encoder_{code.sha256[:16]}_{Path(code.path).stem}"
    if name in sys.modules and sys.modules[name].__file__ == code.path:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = code.path
    sys.modules[name] = module  # dataclasses and annotations look their module up there
    try:
        exec(compile(code.text, code.path, "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise  # of a terminal, perhaps; the children that count and check answer for it
        missing = isinstance(error, ModuleNotFoundError)
        advice = "; install it where spk-tui is installed" if missing else ""
        raise InputError(f"{blame(error, code.path) or f'{code.path}: {_said(error)}'}{advice}") from None
    return module


def _class_in(module: ModuleType, settings: OwnEncoder, code: OwnCode) -> type[nn.Module]:
    found = getattr(module, settings.name, None)
    if isinstance(found, type) and issubclass(found, nn.Module):
        return found
    raise InputError(
        f"{code.path}: {settings.name} is no torch.nn.Module; write 'class {settings.name}(nn.Module):' and call "
        "super().__init__() first"
    )


def _check_options(made_by: type[nn.Module], settings: OwnEncoder, code: OwnCode) -> None:
    """Refuses keys that the class doesn't take, and names those that it needs."""
    name = settings.name
    try:
        parameters = list(inspect.signature(made_by).parameters.values())
    except (TypeError, ValueError):
        return  # a class that hides its signature says itself what it misses
    by_place = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    if not by_place and not any(one.kind is one.VAR_POSITIONAL for one in parameters):
        raise InputError(
            f"{code.path}: {name}.__init__ takes no input width; write 'def __init__(self, input_width, ...)'"
        )
    rest = [
        one for one in parameters if one not in by_place[:1] and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    known = [one.name for one in rest]
    if not any(one.kind is one.VAR_KEYWORD for one in parameters):
        for key, value in settings.options.items():
            if key not in known:
                takes = f"{name} takes: {', '.join(known)}" if known else f"{name} takes no options"
                raise InputError(
                    f"unknown key encoder.{key} = {value!r}{nearest_spelling(key, known)} ({takes}; {code.path})"
                )
    for one in rest:
        if one.default is one.empty and one.name not in settings.options:
            raise InputError(f"encoder.{one.name} is missing; {name} can't be made without it ({code.path})")


def _fulfils(encoder: nn.Module, settings: OwnEncoder, code: OwnCode) -> nn.Module:
    """The encoder itself, when it keeps the contract as far as one can tell without calling it."""
    width = getattr(encoder, "output_width", None)
    if not isinstance(width, int) or isinstance(width, bool) or width < 1:
        raise InputError(
            f"{code.path}: {settings.name}.output_width is {width!r}; set it in __init__ to the width of the frames "
            "that leave, such as self.output_width = d_model"
        )
    if any(isinstance(parameter, UninitializedParameter) for parameter in encoder.parameters()):
        raise InputError(
            f"{code.path}: {settings.name} has lazy layers, whose size nobody knows yet; give them their width"
        )
    try:
        inspect.signature(encoder.forward).bind("frames", "mask")
    except TypeError:
        raise InputError(
            f"{code.path}: {settings.name}.forward can't be called with frames and mask; write "
            "'def forward(self, frames, mask):' (mask is None when no frame is padding)"
        ) from None
    object.__setattr__(encoder, "own_code", code)
    return encoder


def code_behind(encoder: nn.Module) -> OwnCode | None:
    """The text that a user's own encoder was made by, whatever has become of the file since; none for built-in ones."""
    code = getattr(encoder, "own_code", None)
    return code if isinstance(code, OwnCode) else None


def _said(error: BaseException) -> str:
    """The error in a line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
