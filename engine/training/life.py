"""One life of a run in this process: from a prepared corpus to the trainer's events, with the load of the machine.

The worker that trains alone and every one of several ranks do the same here; who writes events down says each of them.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Generator, Iterator
from importlib import metadata

from msgspec import structs

from engine.corpus.packed import PackedCorpus
from engine.errors import InputError
from engine.models.shared_norms import unshared_norms
from engine.preset import Preset
from engine.preset_file import to_toml
from engine.runs import events as e
from engine.runs.directory import RunDirectory, RunInfo
from engine.runs.preparing import Prepared
from engine.runs.resources import ResourceMeter
from engine.training.device import Resolved, compute_repeatably, resolve
from engine.training.distributed import ALONE, Place, Ranks, joined
from engine.training.pending import Inbox
from engine.training.trainer import Trainer

NICE_ON_A_CPU = 5


def train(run: RunDirectory, prepared: Prepared, inbox: Inbox, *, resumed: bool) -> Iterator[e.AnyEvent]:
    """Trains in this process alone. Raises `InputError`."""
    resolved = yield from _resolve(prepared.preset, run.info())
    yield from _train(run, prepared, inbox, resolved, ALONE, resumed=resumed, threads=resolved.threads)


def train_as_rank(
    run: RunDirectory, prepared: Prepared, inbox: Inbox, place: Place, *, resumed: bool
) -> Iterator[e.AnyEvent]:
    """Trains as one of several ranks, all of which yield the same. Raises `InputError`.

    resumed: as rank 0 knows it; the others go by that.
    """
    resolved = yield from _resolve(prepared.preset, run.info())
    own = place.on_its_device(resolved)
    with joined(place, own.torch_device) as ranks:
        ranks.require_same({"preset": to_toml(prepared.preset, run.path), "corpus": prepared.packed.fingerprint})
        resumed = ranks.agree(resumed)
        yield from _train(run, prepared, inbox, own, ranks, resumed=resumed, threads=resolved.threads)


def _train(
    run: RunDirectory,
    prepared: Prepared,
    inbox: Inbox,
    resolved: Resolved,
    ranks: Ranks,
    *,
    resumed: bool,
    threads: int,
) -> Iterator[e.AnyEvent]:
    """threads: those of all ranks of this machine, which a later life takes again, however many ranks it has."""
    if resolved.device == "cpu":
        os.nice(NICE_ON_A_CPU)
    preset, packed, parts, copies = prepared
    if preset.run.deterministic:
        compute_repeatably()
    trainer = Trainer(preset, packed, parts, run, resolved, inbox, copies, ranks)
    if resumed:
        trainer.resume()
    ranks.require_same({"checkpoint": str(trainer.step)})
    if ranks.first:
        run.write_info(_completed(run.info(), structs.replace(resolved, threads=threads), packed, ranks.size))
    if ranks.size > 1:
        yield from _warnings_of_norms(trainer)
    meter = ResourceMeter(resolved.device)
    for event in trainer:
        yield event
        if meter.due():
            yield meter.read(event.step)


def _warnings_of_norms(trainer: Trainer) -> Iterator[e.Diagnosis]:
    """What can't be computed over all ranks in a user's own encoder."""
    for name in unshared_norms(trainer.model):
        yield e.Diagnosis(
            severity="warning",
            finding=f"{name} is a batch normalisation of another class than torch's BatchNorm1d and BatchNorm2d: each"
            " device normalises its own part of a batch",
            advice="the run differs from one on a single device; take nn.BatchNorm1d, which is shared by all devices",
        )


def _resolve(preset: Preset, info: RunInfo) -> Generator[e.AnyEvent, None, Resolved]:
    """Device, precision and threads: those of the run's first life where they are still to be had."""
    if not info.device:
        return resolve(preset.run)
    before = structs.replace(preset.run, device=info.device, precision=info.precision, threads=info.threads)
    try:
        resolved = resolve(before)
    except InputError as error:
        resolved = resolve(preset.run)
        yield e.Diagnosis(
            severity="warning",
            finding=f"{error}; the run goes on with {resolved.name} ({resolved.precision})",
            advice="its numbers will differ slightly from those of the device it began on",
        )
    if resolved.device == "cpu" and resolved.threads > (os.cpu_count() or 1):
        yield e.Diagnosis(
            severity="warning",
            finding=f"the run began with {resolved.threads} threads and this machine has {os.cpu_count()} cores",
            advice="it keeps its number of threads, so that its numbers stay exact, and will be slower",
        )
    return resolved


def _completed(info: RunInfo, resolved: Resolved, packed: PackedCorpus, ranks: int) -> RunInfo:
    """run.json with what is known now."""
    packages = ("spk-tui", "torch", "numpy", "safetensors")
    versions = {"python": platform.python_version()}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return structs.replace(
        info,
        versions=versions,
        fingerprint=packed.fingerprint,
        device=resolved.device,
        precision=resolved.precision,
        threads=resolved.threads,
        ranks=ranks,
    )
