"""How many machines train a run together, and where they meet; the words for the worker and for torchrun.

That belongs to one life of a run and not to its preset: the next one may have other machines.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from msgspec import Struct

from engine.errors import InputError
from engine.runs.events import Diagnosis

PORT = 29500


class Machines(Struct, frozen=True):
    """`rendezvous` is HOST:PORT of the first machine, as the others reach it; empty when there is but one."""

    number: int = 1
    rendezvous: str = ""

    @classmethod
    def of(cls, number: int, rendezvous: str) -> Machines:
        """What a person asked for. Raises `InputError`."""
        if number < 1:
            raise InputError(f"--machines = {number}: one or more, this one included")
        if (number > 1) != bool(rendezvous):
            raise InputError(
                "--machines and --rendezvous go together: --machines 2 --rendezvous HOST:PORT, this machine's name and"
                " a free port"
            )
        _, _, port = rendezvous.rpartition(":")
        if rendezvous and not (re.fullmatch(r"[^\s:]+:\d{1,5}", rendezvous) and 0 < int(port) < 65_536):
            raise InputError(f"--rendezvous = '{rendezvous}': takes HOST:PORT, such as node1:{PORT}")
        return cls(number, rendezvous)

    def arguments(self) -> list[str]:
        """What a worker is told."""
        return [] if self.number == 1 else ["--machines", str(self.number), "--rendezvous", self.rendezvous]

    def torchrun(self, devices: int, machine: int = 0) -> list[str]:
        """What torchrun is told on one of them, counted from 0: places are fixed, since rank 0 belongs to the first."""
        each = ["--nproc-per-node", str(devices)]
        if self.number == 1:
            return ["--standalone", *each]
        host, _, port = self.rendezvous.rpartition(":")
        nodes = ["--nnodes", str(self.number), "--node-rank", str(machine)]
        return [*nodes, *each, "--master-addr", host, "--master-port", port]

    def notices(self, devices: int, run: str) -> Iterator[Diagnosis]:
        """What somebody has to type on each of the others."""
        for machine in range(1, self.number):
            words = ["torchrun", *self.torchrun(devices, machine), "-m", "engine.runs.rank", run]
            yield Diagnosis(
                severity="notice", finding=f"waiting for machine {machine}", advice=f"type there: {shlex.join(words)}"
            )


ONE_MACHINE = Machines()
