"""The processes ("ranks") that train one run together, as one of them sees them: who it is, and what they agree on.

A trainer that is alone has `ALONE`, whose methods give back what they are given. Who starts the ranks, and who tells of
a dead one, is the work of `engine.runs.supervisor`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import msgspec
import numpy as np
import torch
from msgspec import Struct, structs
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from engine.errors import InputError
from engine.models.shared_norms import share_statistics
from engine.runs.requests import Request
from engine.training.device import Resolved

SILENT_AFTER = timedelta(minutes=10)
"""A rank that keeps the others waiting for so long is given up; a first batch from a slow disk takes less."""


class Ranks(Struct, frozen=True):
    """One process alone: nobody to agree with, nothing to add.

    Methods that take or give something are called by every rank at the same place of the same step.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes and speaks."""
        return self.rank == 0

    def share_of(self, rows: int) -> slice:
        """Which of so many rows are this rank's; those of all ranks follow one another."""
        return slice(rows * self.rank // self.size, rows * (self.rank + 1) // self.size)

    def seed(self, seed: int, step: int) -> None:
        """Begins a random stream of this rank's own: a function of the seed, the step, the rank and their number."""
        words = np.random.SeedSequence([seed, step, self.size, self.rank]).generate_state(1, np.uint64)
        torch.manual_seed(int(words[0]))

    def parallel(self, model: nn.Module) -> nn.Module:
        """The model as it is to be called in a training step."""
        return model

    def weighed(self, loss: Tensor, own: int, of_all: int) -> Tensor:
        """The part of the global mean that this rank's mean over `own` of all rows is."""
        return loss

    def backward(self, loss: Tensor) -> None:
        """The gradients of the sum of all ranks' losses."""
        loss.backward()  # type: ignore[no-untyped-call]  # torch gives it no types

    def add(self, sums: Tensor) -> None:
        """Adds up the tensors of all ranks, in place."""

    def agree(self, wanted: bool) -> bool:
        """Rank 0's answer, which may depend on its clock."""
        return wanted

    def words(self, own: bytes) -> bytes:
        """Rank 0's bytes, one or more."""
        return own

    def requests(self, arrived: list[Request]) -> list[Request]:
        """The requests that rank 0 has received."""
        return arrived

    def gather(self, tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
        """The tensors of every rank in their order; names and shapes are the same everywhere."""
        return [tensors]

    def require_same(self, seen: dict[str, str]) -> None:
        """Refuses ranks that see other files than rank 0: `seen` says what this one sees. Raises `InputError`."""


ALONE = Ranks()


class ManyRanks(Ranks, frozen=True):
    """One of several processes. Batches of statistics travel on their device, decisions through the CPU."""

    def parallel(self, model: nn.Module) -> nn.Module:
        """The model with gradients that are averaged over ranks, and batch normalisation over all of them.

        Some encoders hold layers that they don't use, as the assignment's does: torch has to look for those.
        """
        share_statistics(model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the newest torch calls broadcast_buffers by another name
            return DistributedDataParallel(model, find_unused_parameters=True, broadcast_buffers=False)

    def weighed(self, loss: Tensor, own: int, of_all: int) -> Tensor:
        """The part of the global mean that this rank's mean over `own` of all rows is."""
        return loss * (own / of_all)

    def backward(self, loss: Tensor) -> None:
        """The gradients of the sum of all ranks' losses: torch gives their mean."""
        super().backward(loss * self.size)

    def add(self, sums: Tensor) -> None:
        """Adds up the tensors of all ranks, in place."""
        distributed.all_reduce(sums)

    def agree(self, wanted: bool) -> bool:
        """Rank 0's answer, which may depend on its clock."""
        answer = torch.tensor([int(wanted)])
        distributed.broadcast(answer, 0)
        return bool(answer)

    def requests(self, arrived: list[Request]) -> list[Request]:
        """The requests that rank 0 has received."""
        if not self.agree(bool(arrived)):
            return []
        return msgspec.json.decode(self.words(msgspec.json.encode(arrived)), type=list[Request])

    def words(self, own: bytes) -> bytes:
        """Rank 0's bytes, one or more."""
        length = torch.tensor([len(own)])
        distributed.broadcast(length, 0)
        text = torch.empty(int(length), dtype=torch.uint8)
        if self.first:
            text = torch.frombuffer(bytearray(own), dtype=torch.uint8)
        distributed.broadcast(text, 0)
        return text.numpy().tobytes()

    def gather(self, tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
        """The tensors of every rank in their order; names and shapes are the same everywhere."""
        gathered: list[dict[str, Tensor]] = [{} for _ in range(self.size)]
        for name, tensor in tensors.items():
            everyone = [torch.empty_like(tensor) for _ in range(self.size)]
            distributed.all_gather(everyone, tensor)
            for rank, one in enumerate(everyone):
                gathered[rank][name] = one
        return gathered

    def require_same(self, seen: dict[str, str]) -> None:
        """Refuses ranks that see other files than rank 0: `seen` says what this one sees. Raises `InputError`."""
        wanted = msgspec.json.decode(self.words(msgspec.json.encode(seen)), type=dict[str, str])
        differs = torch.tensor([int(wanted[name] != seen[name]) for name in wanted])
        distributed.all_reduce(differs)
        others = [name for name, number in zip(wanted, differs.tolist(), strict=True) if number]
        if others:
            raise InputError(
                f"the machines don't see the same {' and '.join(others)}; the run's folder and the corpus have to lie"
                " on storage that all of them share, under the same path (docs/distributed.md)"
            )


NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


class Place(Struct, frozen=True):
    """Where torchrun has put this process: which rank, of how many, and the same among those of this machine."""

    rank: int
    size: int
    local: int
    here: int

    @classmethod
    def from_environment(cls) -> Place:
        """What torchrun has written into the environment. Raises `InputError` when it wasn't torchrun."""
        try:
            rank, size, local, here = (int(os.environ[name]) for name in NAMES)
        except (KeyError, ValueError):
            raise InputError(
                "this is one rank of several and is started by torchrun (docs/distributed.md); 'spk-tui train"
                " --devices N' does that"
            ) from None
        return cls(rank, size, local, here)

    def on_its_device(self, resolved: Resolved) -> Resolved:
        """The device and the threads of this rank alone. Raises `InputError` when the machine has too few devices."""
        if resolved.device.startswith("cuda"):
            there = torch.cuda.device_count()
            if self.here > there:
                raise InputError(f"run.devices = {self.here}: this machine has {there} CUDA devices")
            device = f"cuda:{self.local}"
            return structs.replace(resolved, device=device, name=torch.cuda.get_device_name(device))
        return structs.replace(resolved, threads=max(1, resolved.threads // self.here))


@contextmanager
def joined(place: Place, device: torch.device) -> Iterator[ManyRanks]:
    """Waits for all ranks and is one of them from then on."""
    backend = "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(backend, timeout=SILENT_AFTER)
    ranks = ManyRanks(place.rank, place.size)
    yield ranks
    # Not after an error: others may be gone, and would be waited for.
    ranks.agree(True)  # so that nobody is missing while rank 0 still writes
    distributed.destroy_process_group()


def lost_another(error: BaseException) -> bool:
    """Whether the error only says that another rank is gone: what has become of that one is the news."""
    return isinstance(error, distributed.DistError) or "gloo" in str(error) or "NCCL" in str(error)
