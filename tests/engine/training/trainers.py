"""Small trainers for tests: their preset, their inbox, and what tests look at."""

from __future__ import annotations

import torch

from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.requests import Ask, Request
from engine.training.trainer import Trainer

SMALL = ["encoder.d_model=16", "encoder.ffn=24", "segments.batch_size=8", "segments.frames=32", "run.threads=1"]


class Asked:
    """An inbox that a test fills."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def ask(self, what: Ask) -> Request:
        self.requests.append(Request(request=what))
        return self.requests[-1]

    def read(self) -> list[Request]:
        taken, self.requests = self.requests, []
        return taken


def small(name: str = "quick-tour", *overrides: str) -> Preset:
    return with_overrides(find_preset(name, SMALL), ["run.steps=24", "validation.every=6", *overrides])


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def of_kind(events: list[e.AnyEvent], kind: type[e.Event]) -> list:
    return [event for event in events if isinstance(event, kind)]
