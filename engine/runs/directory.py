"""The run directory: which file lies where, what run.json and labels.json say, and what state a run is in."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import msgspec
from msgspec import Struct, field, structs

from engine.errors import InputError, nearest_spelling
from engine.files import runs_folder, user_path, write_atomically
from engine.model_settings import OwnEncoder
from engine.own_code import OwnCode, read_code
from engine.preset import Preset
from engine.preset_file import load_preset, to_toml
from engine.runs.event_log import EventReader
from engine.runs.lock import is_held
from engine.runs.state import Phase, RunState

Condition: TypeAlias = Phase | Literal["interrupted"]


class RunInfo(Struct, frozen=True, kw_only=True):
    """run.json: what was asked for, and what it was resolved to once the worker knew.

    `encoder_file` is the copy of a user's own encoder in the run directory, `encoder_sha256` its content's hash.
    """

    id: str
    preset: str
    corpus: str
    created: float
    host: str
    command: list[str]
    versions: dict[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    device: str = ""
    precision: str = ""
    threads: int = 0
    ranks: int = 1
    encoder_file: str = ""
    encoder_sha256: str = ""


class Labels(Struct, kw_only=True):
    """labels.json: what people write on a run. The dashboard owns it."""

    name: str = ""
    notes: str = ""
    tags: list[str] = field(default_factory=list)


class Told(Protocol):
    """What the events of a run say of its phase: a `RunState`, or what somebody has kept of one."""

    @property
    def phase(self) -> Phase:
        """The newest phase."""

    @property
    def events(self) -> int:
        """How many events there were."""

    @property
    def ended(self) -> bool:
        """Whether the worker has said its last word."""


class RunDirectory:
    """Paths of one run, and the small files in it that are replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def id(self) -> str:
        """The run's name: that of its folder."""
        return self.path.name

    @property
    def preset_path(self) -> Path:
        """The preset as resolved."""
        return self.path / "preset.toml"

    @property
    def info_path(self) -> Path:
        """run.json."""
        return self.path / "run.json"

    @property
    def events_path(self) -> Path:
        """events.jsonl."""
        return self.path / "events.jsonl"

    @property
    def requests_path(self) -> Path:
        """requests.jsonl."""
        return self.path / "requests.jsonl"

    @property
    def lock_path(self) -> Path:
        """worker.lock, held as long as the worker lives."""
        return self.path / "worker.lock"

    @property
    def console_path(self) -> Path:
        """What the worker printed."""
        return self.path / "console.log"

    @property
    def labels_path(self) -> Path:
        """labels.json."""
        return self.path / "labels.json"

    @property
    def last_path(self) -> Path:
        """The full training state, to resume."""
        return self.path / "checkpoints" / "last.pt"

    @property
    def best_path(self) -> Path:
        """The best weights with all that is needed to use them."""
        return self.path / "checkpoints" / "best.safetensors"

    def preset(self) -> Preset:
        """The run's preset. Raises `InputError`."""
        return load_preset(self.preset_path)

    def info(self) -> RunInfo:
        """run.json. Raises `InputError`."""
        try:
            return msgspec.json.decode(self.info_path.read_bytes(), type=RunInfo)
        except (OSError, msgspec.DecodeError) as error:
            raise InputError(f"{self.info_path}: can't be read as a run's description ({error})") from None

    def check_encoder(self) -> None:
        """Refuses a run whose copy of a user's own encoder was changed; runs nothing of it. Raises `InputError`."""
        encoder = self.preset().encoder
        if not isinstance(encoder, OwnEncoder):
            return
        began_with = self.info().encoder_sha256
        if read_code(encoder.file).sha256 != began_with:
            raise InputError(
                f"{encoder.file}: is no longer the file that this run began with (sha256 {began_with[:12]}); put that"
                " back and resume, or start a new run with the changed one"
            )

    def write_info(self, info: RunInfo) -> None:
        """Replaces run.json."""
        write_atomically(self.info_path, msgspec.json.format(msgspec.json.encode(info)))

    def write_preset(self, preset: Preset) -> None:
        """Replaces preset.toml."""
        write_atomically(self.preset_path, to_toml(preset, self.path))

    def labels(self) -> Labels:
        """labels.json; empty labels when there are none."""
        try:
            return msgspec.json.decode(self.labels_path.read_bytes(), type=Labels)
        except (OSError, msgspec.DecodeError):
            return Labels()

    def write_labels(self, labels: Labels) -> None:
        """Replaces labels.json."""
        write_atomically(self.labels_path, msgspec.json.encode(labels))

    def state(self) -> RunState:
        """The state after all events written so far."""
        return RunState.of(chain.from_iterable(EventReader(self.events_path).parts()))

    @property
    def alive(self) -> bool:
        """Whether a worker holds the lock."""
        return is_held(self.lock_path)

    def condition(self, state: Told) -> Condition:
        """The phase, or "interrupted" when the worker is gone without a last word."""
        if state.ended or self.alive:
            return state.phase
        if state.events == 0 and time.time() - self.path.stat().st_mtime < 5.0:
            return "starting"  # the worker has been asked for and has not taken its lock yet
        return "interrupted"

    def delete(self) -> None:
        """Removes the directory with everything in it. Raises `InputError` while a worker lives."""
        if self.alive:
            raise InputError(f"{self.id} is still training; stop it first")
        shutil.rmtree(self.path)


def create_run(parent: Path, preset: Preset, info: RunInfo, code: OwnCode | None = None) -> RunDirectory:
    """Makes the directory of a new run, only its owner may read it; an encoder's own code is copied into it.

    Raises `InputError`, also when a disk is full; then nothing is left of it.
    """
    run = RunDirectory(parent / info.id)
    with whole_or_gone(run):
        parent.mkdir(parents=True, exist_ok=True)
        run.path.mkdir(mode=0o700)
        (run.path / "checkpoints").mkdir(mode=0o700)
        if code is not None:
            copied = code.copy_into(run.path)
            preset = structs.replace(preset, encoder=structs.replace(preset.encoder, file=copied.path))
            info = structs.replace(info, encoder_file=copied.name, encoder_sha256=copied.sha256)
        run.write_preset(preset)
        run.write_info(info)
    return run


@contextmanager
def whole_or_gone(run: RunDirectory) -> Iterator[None]:
    """Takes a new run's directory away when something prevents it. Raises `InputError` for what the system refuses."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, FileExistsError):  # that one is another run's
            shutil.rmtree(run.path, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        raise InputError(f"{run.path}: can't make the run directory ({error.strerror})") from None


def list_runs(parent: Path | None = None) -> list[RunDirectory]:
    """All runs of a folder, the newest first."""
    folder = parent or runs_folder()
    if not folder.exists():
        return []
    try:
        found = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir() and _is_run(Path(entry.path))]
    except OSError as error:
        raise InputError(f"{folder}: can't read the folder of runs ({error.strerror})") from None
    return [RunDirectory(path) for path in sorted(found, key=lambda path: path.name, reverse=True)]


def _is_run(path: Path) -> bool:
    """Whether the folder is a run that may be read; one that is another user's is passed over."""
    return os.access(path / "run.json", os.R_OK)


def find_run(name: str, parent: Path | None = None) -> RunDirectory:
    """The run of that id (or a beginning of it that only one has), that path, or "last". Raises `InputError`."""
    path = user_path(name)
    if name.strip() and _is_run(path):
        return RunDirectory(path.resolve())
    folder = parent or runs_folder()
    runs = list_runs(folder)
    if not name.strip():
        raise InputError("no run is named; give its name, the beginning of it, its folder, or 'last'")
    if name == "last" and runs:
        return runs[0]
    matching = [run for run in runs if run.id == name] or [run for run in runs if run.id.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise InputError(
            f"'{name}' is the beginning of {len(matching)} runs: {', '.join(run.id for run in matching[:5])}"
        )
    hint = nearest_spelling(name, [run.id for run in runs])
    raise InputError(f"no run is called '{name}'{hint} ({len(runs)} runs are in {folder}; 'spk-tui runs' lists them)")
