"""best.safetensors read from its beginning: what it says of itself, and which tensors it holds, before one is read.

Loads no torch, so that a command can say what a checkpoint is. A file from a stranger is judged here: lengths are
bounded before they are believed, and its preset is read as strictly as any. `use/loading.py` goes on to the weights.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import isfinite, prod
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

import msgspec
from msgspec import Meta, Struct

from engine.errors import InputError, shown
from engine.model_settings import OwnEncoder
from engine.own_code import read_code
from engine.preset import Features, Preset
from engine.preset_file import parse_preset

FORMAT = "spk-tui-1"
LARGEST_HEADER = 32_000_000
"""Bytes: room for the names of half a million speakers."""
LARGEST_FILE = 4_000_000_000
"""Bytes: a billion parameters, far above any encoder that this program is for."""
TYPE_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}

_Size = Annotated[int, Meta(ge=0, le=LARGEST_FILE)]
_Read = TypeVar("_Read")


class StoredTensor(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the header: safetensors' name of the number format, the shape, and [begin, end) in the data."""

    dtype: str
    shape: Annotated[tuple[_Size, ...], Meta(max_length=8)]
    data_offsets: tuple[_Size, _Size]

    @property
    def size(self) -> int:
        """Bytes that its shape takes. Raises `ValueError` for an unknown number format."""
        if self.dtype not in TYPE_BYTES:
            raise ValueError(f"'{self.dtype[:20]}' is no number format that it knows")
        return prod(self.shape) * TYPE_BYTES[self.dtype]


class SavedModel(Struct, frozen=True):
    """What best.safetensors says of itself."""

    preset: Preset
    speakers: list[str]
    scores: dict[str, float]
    step: int


class Header(Struct, frozen=True):
    """The description, the tensors by name, and how many bytes of the file come before them."""

    saved: SavedModel
    tensors: dict[str, StoredTensor]
    length: int


def read_saved(path: Path | str) -> SavedModel:
    """What a checkpoint says of itself; its weights are not looked at. Raises `InputError`."""
    path = Path(path)
    with open_checkpoint(path) as file:
        return read_header(file, path).saved


def open_checkpoint(path: Path) -> BinaryIO:
    """The file, open for reading. Raises `InputError`."""
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; give the checkpoint's file, or a run")
        return path.open("rb")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: can't be read as a checkpoint ({reason})") from None


def read_header(file: BinaryIO, path: Path) -> Header:
    """Reads an open checkpoint up to its data. Raises `InputError` for whatever doesn't hold together.

    A user's own encoder is looked for beside the checkpoint or beside its folder, and must be the file that it was
    trained with; nothing of it is run.
    """
    try:
        text = _header_text(file)
        entries = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        metadata = msgspec.json.decode(entries.pop("__metadata__", b"{}"), type=dict[str, str])
        if metadata.get("format") != FORMAT:
            raise InputError(f"{path}: is not a checkpoint of this program")
        tensors = {name: msgspec.json.decode(entry, type=StoredTensor) for name, entry in entries.items()}
        length = 8 + len(text)
        _check_places(tensors, os.fstat(file.fileno()).st_size - length)
        return Header(_description(path, metadata), tensors, length)
    except OSError as error:
        raise InputError(f"{path}: can't be read as a checkpoint ({error.strerror or error})") from None
    except (ValueError, KeyError, RecursionError) as error:  # a DecodeError of msgspec is a ValueError
        raise InputError(f"{path}: can't be read as a checkpoint ({_in_a_line(error)})") from None


def _header_text(file: BinaryIO) -> bytes:
    """The header as it stands behind its length: 8 bytes, little-endian. Raises `ValueError`."""
    size = os.fstat(file.fileno()).st_size
    if size > LARGEST_FILE:
        raise ValueError(f"it has {size:,} bytes, more than any model of this program")
    stated = file.read(8)
    length = int.from_bytes(stated, "little")
    if len(stated) < 8 or length > size - 8:
        raise ValueError("it ends before its description does")
    if length > LARGEST_HEADER:
        raise ValueError(f"its description has {length:,} bytes, which is no description")
    return file.read(length)


def _check_places(tensors: Mapping[str, StoredTensor], data: int) -> None:
    """Refuses tensors that overlap, leave gaps, or don't fill the data to its end. Raises `ValueError`."""
    place = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1].data_offsets):
        begin, end = tensor.data_offsets
        if begin != place or end - begin != tensor.size:
            raise ValueError(f"its tensor '{shown(name)}' lies where it can't")
        place = end
    if place != data:
        raise ValueError(f"it holds {data:,} bytes of weights and describes {place:,}")


def _description(path: Path, metadata: dict[str, str]) -> SavedModel:
    """The metadata in its types. Raises `InputError`, `ValueError` or `KeyError`."""
    folder = _folder_of_code(path, metadata)
    preset = parse_preset(metadata["preset"], str(path), folder=folder)
    if isinstance(preset.encoder, OwnEncoder):
        _check_own(preset.encoder, folder, metadata)
    speakers = _read(metadata, "speakers", list[str])
    scores = _read(metadata, "scores", dict[str, float])
    if not speakers or len(set(speakers)) < len(speakers):
        raise ValueError("it names no speaker" if not speakers else "it names a speaker twice")
    if not all(map(isfinite, scores.values())):
        raise ValueError("a score is not a finite number")
    if _read(metadata, "features", Features) != preset.features:
        raise ValueError("its feature recipe isn't that of its preset")
    return SavedModel(preset, speakers, scores, _read(metadata, "step", Annotated[int, Meta(ge=0)]))


def _read(metadata: dict[str, str], key: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(metadata[key], type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(f"its {key}: {error}") from None


def _folder_of_code(path: Path, metadata: dict[str, str]) -> Path | None:
    """Where the file of a user's own encoder lies; none when the encoder is built in. Raises `InputError`."""
    if "encoder_file" not in metadata:
        return None
    name, wanted = Path(metadata["encoder_file"]).name, metadata["encoder_sha256"]
    places = [folder for folder in (path.parent, path.parent.parent) if (folder / name).is_file()]
    for folder in places:
        if read_code(folder / name).sha256 == wanted:
            return folder
    there = f"{places[0] / name} is another file, or was changed since" if places else f"there is none in {path.parent}"
    raise InputError(
        f"{path}: its encoder is made by a file '{name}' (sha256 {wanted[:12]}), and {there}; put that file beside the "
        "checkpoint"
    )


def _check_own(encoder: OwnEncoder, folder: Path | None, metadata: dict[str, str]) -> None:
    """A checkpoint may name the file beside it alone: no other of this machine, trusted or not. Raises `ValueError`."""
    beside = os.path.abspath(folder / Path(metadata["encoder_file"]).name) if folder is not None else None
    if encoder.file != beside:
        raise ValueError(f"its preset names '{shown(encoder.file)}', which is not the file that it was trained with")


def _in_a_line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it doesn't state its {error.args[0]}"
    if isinstance(error, RecursionError):
        return "its description is nested without an end"
    return shown((str(error) or type(error).__name__).splitlines()[0], 200)
