"""One optimisation step, in two ways: eagerly, and on a CUDA device captured once as a graph and replayed.

Both do the same with the same numbers. Which batch, rate and share of the run a step has is the trainer's business.
No step waits for the device; a capture does, once.
"""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.corpus.frame_store import Batch
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.training.device import Resolved
from engine.training.distributed import ALONE, Ranks

WARMUP_RUNS = 3
"""Steps before a capture: kernels are chosen and memory is laid out in the first ones (PyTorch's notes on graphs)."""
MOST_GRAPHS = 8
"""A graph for each length of segments. More lengths than this are trained eagerly: each graph keeps its memory."""


class Outcome(NamedTuple):
    """What a step came to, as scalars on the device: mean loss with and without a margin, right answers, gradient norm.

    Of several ranks each has its own part of the first three; the norm, before clipping, is that of all.
    """

    loss: Tensor
    plain: Tensor
    right: Tensor
    norm: Tensor


class EagerStep:
    """Forward, backward, clipping and optimizer, one operator after the other."""

    keeps_casts: ClassVar[bool] = True
    """Whether autocast casts each weight once a step. A graph has to cast anew at every replay, so it keeps none."""

    def __init__(
        self,
        model: SpeakerModel,
        optimizer: torch.optim.Optimizer,
        preset: Preset,
        resolved: Resolved,
        ranks: Ranks = ALONE,
    ) -> None:
        """preset: says how gradients are clipped and how large the batch of all ranks is."""
        self.model = model
        self.optimizer = optimizer
        self.clip_norm = preset.optimizer.clip_norm or math.inf
        self.batch_size = preset.segments.batch_size
        self.resolved = resolved
        self.ranks = ranks
        self._parallel = ranks.parallel(model)

    def __call__(self, batch: Batch, rate: float, done: float) -> Outcome:
        """One step at a learning rate; done: share of the run, which decides the margin."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return self._run(batch, done)

    def news(self) -> str:
        """What a person should know of how steps are done, once; empty when there is nothing new."""
        return ""

    def forget(self) -> None:
        """Model or optimizer hold other tensors now."""

    def _run(self, batch: Batch, done: float | Tensor) -> Outcome:
        frames, mask, speakers = batch  # (batch, time, mel), (batch, time) or None, (batch,)
        device, lower = self.resolved.torch_device.type, self.resolved.precision == "bfloat16"
        with torch.autocast(device, torch.bfloat16, enabled=lower, cache_enabled=self.keeps_casts):
            logits = self._parallel(frames, mask).float()  # (batch, speakers)
        harder = self.model.head.with_margin(logits, speakers, done)
        loss = self._mean_loss(harder, speakers)
        plain = loss if harder is logits else self._mean_loss(logits.detach(), speakers)
        self.optimizer.zero_grad(set_to_none=True)
        self.ranks.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.optimizer.step()
        right = (logits.detach().argmax(dim=1) == speakers).sum()
        return Outcome(loss.detach(), plain.detach(), right, norm)

    def _mean_loss(self, logits: Tensor, speakers: Tensor) -> Tensor:
        """logits: (batch, speakers), speakers: (batch,) -> this rank's part of the mean over the batch of all ranks."""
        return self.ranks.weighed(functional.cross_entropy(logits, speakers), len(speakers), self.batch_size)


class CapturedStep(EagerStep):
    """The same step as CUDA graphs, one a shape of batch: a small model's step is otherwise mostly launches.

    Rate and share of the run are tensors that a replay reads. Where a capture fails, steps are done eagerly and `news`
    says why. Whoever puts other tensors into model or optimizer calls `forget`.
    """

    keeps_casts: ClassVar[bool] = False

    def __init__(
        self, model: SpeakerModel, optimizer: torch.optim.Optimizer, preset: Preset, resolved: Resolved
    ) -> None:
        super().__init__(model, optimizer, preset, resolved)
        device = resolved.torch_device
        self._problem = ""
        self._told = False
        self._rate = torch.zeros((), device=device)
        self._done = torch.zeros((), device=device)
        self._replays: dict[tuple[object, ...], _Replay] = {}

    def __call__(self, batch: Batch, rate: float, done: float) -> Outcome:
        """One step at a learning rate; done: share of the run, which decides the margin."""
        if not self._problem:
            self._prepare(rate, done)
            shape = (batch.frames.shape, batch.mask is None)
            if shape not in self._replays:
                self._try_to_capture(shape, batch)
            if shape in self._replays:
                return self._replays[shape](batch)
        return super().__call__(batch, rate, done)

    def news(self) -> str:
        """Why steps aren't replayed, once."""
        if not self._problem or self._told:
            return ""
        self._told = True
        return f"the step can't be captured as a CUDA graph ({self._problem}); steps are done one operator at a time"

    def forget(self) -> None:
        """Drops the graphs: model or optimizer hold other tensors now."""
        self._replays.clear()

    def _prepare(self, rate: float, done: float) -> None:
        """Puts both where a replay reads them, without waiting for the device."""
        self._rate.fill_(rate)
        self._done.fill_(done)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate

    def _try_to_capture(self, shape: tuple[object, ...], batch: Batch) -> None:
        if len(self._replays) == MOST_GRAPHS:
            self._problem = f"batches come in more than {MOST_GRAPHS} lengths"
            self.forget()
            return
        try:
            self._replays[shape] = self._captured(batch)
        except Exception as error:  # whatever an encoder does that can't be captured
            self._problem = (str(error) or type(error).__name__).splitlines()[0]
            self.forget()

    def _captured(self, batch: Batch) -> _Replay:
        """A graph of one step on batches of this shape. Model, optimizer and generator are as before afterwards."""
        mask = None if batch.mask is None else batch.mask.clone()
        held = Batch(batch.frames.clone(), mask, batch.speakers.clone())
        before = _Snapshot(self.model, self.optimizer, self.resolved.torch_device)
        try:
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch gives it no types
            aside.wait_stream(torch.cuda.current_stream())
            try:
                with torch.cuda.stream(aside):
                    for _ in range(WARMUP_RUNS):
                        self._run(held, self._done)
            finally:
                torch.cuda.current_stream().wait_stream(aside)
            self.optimizer.zero_grad(set_to_none=True)  # so that the graph makes gradients of its own
            graph = torch.cuda.CUDAGraph()
            # Of this thread alone: another may be copying a state to be saved.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                outcome = self._run(held, self._done)
        finally:
            before.put_back()
        return _Replay(graph, held, outcome)


class _Replay:
    """A captured step, the batch that it reads and the outcome that it writes."""

    def __init__(self, graph: torch.cuda.CUDAGraph, held: Batch, outcome: Outcome) -> None:
        self._graph, self._held, self._outcome = graph, held, outcome

    def __call__(self, batch: Batch) -> Outcome:
        for place, tensor in zip(self._held, batch, strict=True):
            if place is not None and tensor is not None:
                place.copy_(tensor)
        self._graph.replay()
        return self._outcome


class _Snapshot:
    """What steps change, to be put back in place: a graph remembers where tensors lie, so none may be replaced."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device) -> None:
        self._optimizer, self._device = optimizer, device
        self._tensors = [(tensor, tensor.clone()) for tensor in model.state_dict().values()]
        self._moments = {
            (parameter, name): value.clone()
            for parameter, state in optimizer.state.items()
            for name, value in state.items()
        }
        self._random = torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()

    @torch.no_grad()
    def put_back(self) -> None:
        """The state as it was. An optimizer that had none yet has zeros, which is how it begins."""
        for tensor, value in self._tensors:
            tensor.copy_(value)
        for parameter, state in self._optimizer.state.items():
            for name, value in state.items():
                before = self._moments.get((parameter, name))
                value.zero_() if before is None else value.copy_(before)
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(self._random, self._device)
        else:
            torch.set_rng_state(self._random)


def make_step(
    model: SpeakerModel, optimizer: torch.optim.Optimizer, preset: Preset, resolved: Resolved, ranks: Ranks = ALONE
) -> EagerStep:
    """The fastest step that this device has. Ranks wait for each other within a step, which no graph can hold."""
    if resolved.torch_device.type == "cuda" and ranks.size == 1:
        return CapturedStep(model, optimizer, preset, resolved)
    return EagerStep(model, optimizer, preset, resolved, ranks)
