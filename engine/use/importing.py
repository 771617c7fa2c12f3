"""Another program's weights as an ordinary checkpoint: the homework's model.ckpt, or any state dict, and a preset.

A state dict is loaded with `weights_only=True`, and before that its sizes are looked at: nothing of it is run, and it
takes no more memory than its file. Which tensor is which says `matching.py`.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.corpus.reporting import Report
from engine.errors import InputError, shown
from engine.files import replacing
from engine.models.own_encoder import code_behind
from engine.models.speaker_model import SpeakerModel
from engine.models.weights import each_once
from engine.preset import Preset
from engine.preset_file import parse_preset
from engine.saved_model import LARGEST_FILE
from engine.training.checkpoint import save_best
from engine.use.export_results import Imported
from engine.use.loading import load_checkpoint
from engine.use.matching import COUNTERS, match
from engine.use.orders import Import

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Under which keys training programs put the weights, beside an optimizer's state and the like."""


def import_weights(order: Import, report: Report) -> Imported:
    """Does what the order says. Raises `InputError`; then there is no file."""
    path, out = Path(order.weights), Path(order.out)
    report("reading the weights", 0, 0, "")
    theirs = read_state_dict(path)
    preset = parse_preset(order.preset, "the preset")
    speakers = order.speakers or _numbered(theirs, path)
    model = SpeakerModel(preset, len(speakers)).eval()
    ours = each_once(model.state_dict())
    shapes = {name: tuple(tensor.shape) for name, tensor in theirs.items()}
    try:
        placed = match(shapes, {name: tuple(tensor.shape) for name, tensor in ours.items()}, order.moves)
    except InputError as error:
        raise InputError(f"{path} and {preset.name} for {len(speakers):,} speakers: {error}") from None
    weights = dict(ours)
    for one in placed:
        if one.ours:
            parts = [theirs[name] for name in one.theirs.split("+")]
            weights[one.ours] = (torch.cat(parts) if len(parts) > 1 else parts[0]).to(ours[one.ours].dtype)
    for name in ours:
        if name.endswith(COUNTERS):
            weights[name] = theirs.get(name, ours[name])
    model.load_state_dict(weights, strict=False)
    _write(out, model, preset, speakers)
    total = sum(parameter.numel() for parameter in model.parameters())
    return Imported(order.out, preset.name, len(speakers), bool(order.speakers), total, placed)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors by name, each once, in the order of the file. Raises `InputError`."""
    try:
        _check_sizes(path)
        with path.open("rb") as file:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror or error})") from None
    except pickle.UnpicklingError:
        raise InputError(
            f"{path}: holds more than tensors, and what else it holds would be run to be read; save it again with"
            " torch.save(model.state_dict(), ...)"
        ) from None
    except (zipfile.BadZipFile, RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: is damaged, or no file that torch.save wrote") from None
    for key in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    return _tensors(path, content)


def _check_sizes(path: Path) -> None:
    """Refuses what would take more memory than its file. Raises `InputError` or `zipfile.BadZipFile`."""
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise InputError(f"{path}: has {size:,} bytes, more than any model of this program")
    with zipfile.ZipFile(path) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED or entry.file_size > size for entry in archive.infolist()):
            raise InputError(f"{path}: is compressed inside, as torch.save never writes it")


def _tensors(path: Path, content: Any) -> dict[str, Tensor]:
    """The content as tensors of numbers, with the prefix that DataParallel gives names taken off."""
    if not isinstance(content, Mapping) or not all(isinstance(name, str) for name in content):
        raise InputError(f"{path}: holds a {type(content).__name__}, not a state dict (names with their tensors)")
    odd = [name for name, value in content.items() if not isinstance(value, Tensor) or value.layout != torch.strided]
    if odd:
        raise InputError(f"{path}: '{shown(odd[0])}' is no tensor; give a file of torch.save(model.state_dict(), ...)")
    held = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in content.values()}
    taken = sum(tensor.numel() * tensor.element_size() for tensor in each_once(content).values())
    if not content or taken > sum(held.values()):
        raise InputError(f"{path}: " + ("holds no tensor" if not content else "describes more numbers than it holds"))
    wrapped = all(name.startswith("module.") for name in content)
    return each_once({name.removeprefix("module.") if wrapped else name: value for name, value in content.items()})


def _numbered(theirs: Mapping[str, Tensor], path: Path) -> list[str]:
    """Names for classes that nobody named: as many as the last matrix has rows."""
    matrices = [tensor for tensor in theirs.values() if tensor.ndim == 2]
    if not matrices:
        raise InputError(f"{path}: has no matrix, so it is no model of speakers")
    return [str(number) for number in range(len(matrices[-1]))]


def _write(out: Path, model: SpeakerModel, preset: Preset, speakers: list[str]) -> None:
    """Writes the checkpoint and reads it back, as every use will. A user's own encoder is copied beside it."""
    code = code_behind(model.encoder)
    try:
        if code is not None:
            code.copy_into(out.parent)
        with replacing(out) as temporary:
            save_best(temporary, model, preset, speakers, {}, 0)
            load_checkpoint(temporary)
    except OSError as error:
        raise InputError(f"{out}: can't be written ({error.strerror or error})") from None
