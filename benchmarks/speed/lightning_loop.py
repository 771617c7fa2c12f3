"""Baseline (b), as a child process: Lightning's Trainer with all frames in memory, as its documentation has it.

Everything is left at Lightning's defaults but what costs time and nothing here needs (its logger and checkpoints). The
model is that of the plain loop.

    python lightning_loop.py PRESET LISTS [PRECISION]
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning
import torch
from answering import asked, own_stdout
from contenders import course_preset
from plain_loop import BATCH, Item, collate, plain_model, segment_of
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from engine.preset import Preset
from engine.training.optimisation import LearningRate


class InMemory(Dataset[Item]):
    """A random segment of each utterance, all of which are held in memory."""

    def __init__(self, listed: list[tuple[str, int]]) -> None:
        self.items = [(torch.load(path, weights_only=True), speaker) for path, speaker in listed]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        frames, speaker = self.items[index]
        return segment_of(frames), speaker


class Module(lightning.LightningModule):
    """The model, its loss, its optimizer."""

    def __init__(self, preset: Preset, speakers: int) -> None:
        super().__init__()
        self.preset = preset
        self.model = plain_model(preset, speakers)

    def training_step(self, batch: tuple[Tensor, Tensor | None, Tensor], index: int) -> Tensor:
        """frames (batch, time, mel), mask, speakers (batch,) -> the loss."""
        frames, mask, speakers = batch
        logits = self.model(frames, mask)
        loss = functional.cross_entropy(logits, speakers)
        self.log("loss", loss, prog_bar=True)
        self.log("accuracy", (logits.argmax(dim=1) == speakers).float().mean(), prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.preset.optimizer.learning_rate)
        rate = LearningRate.of(self.preset)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate.at(step) / rate.peak)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Turns(lightning.Callback):
    """Counts the steps of a turn, answers at its deadline and waits for the next; ends the training with the pipe."""

    def __init__(self, turns: Iterator[tuple[str, float, Any]]) -> None:
        self.turns = turns
        self.deadline, self.done, self.answer = 0.0, 0, None

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Called after every step."""
        self.done += 1
        if time.perf_counter() < self.deadline:
            return
        if self.answer is not None:
            self.answer(self.done)
        self.done = 0
        _, self.deadline, self.answer = next(self.turns, ("", 0.0, None))
        trainer.should_stop = self.answer is None


def main() -> None:
    warnings.filterwarnings("ignore")  # that more worker processes might help: the frames are in memory
    pipe = own_stdout()
    preset = course_preset(sys.argv[1])
    lists = json.loads(Path(sys.argv[2]).read_text())
    loader = DataLoader(
        InMemory(lists["train"]), batch_size=BATCH, shuffle=True, drop_last=True, collate_fn=collate
    )  # fmt: skip
    trainer = lightning.Trainer(
        max_epochs=-1,
        accelerator="cpu",
        precision=sys.argv[3] if len(sys.argv) > 3 else "32-true",  # type: ignore[arg-type]
        gradient_clip_val=preset.optimizer.clip_norm,
        logger=False,
        enable_checkpointing=False,
        callbacks=[Turns(asked(pipe))],
    )
    trainer.fit(Module(preset, 1 + max(speaker for _, speaker in lists["train"])), loader)


if __name__ == "__main__":
    main()
