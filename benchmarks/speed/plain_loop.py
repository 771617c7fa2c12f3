"""Baseline (a), as a child process: the loop of the course's sample program, written by a careful user.

One .pt file an utterance, a DataLoader with as many worker processes as cores, a collate function that pads, float32,
AdamW with the preset's settings, `loss.item()` and a progress bar at every step. It trains the engine's own model with
PyTorch's dropout in it, as whoever writes such a loop has.

    python plain_loop.py PRESET LISTS
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from answering import asked, own_stdout
from contenders import course_preset
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from engine.models.dropout import Dropout
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.training.optimisation import LearningRate

FRAMES, BATCH = 128, 32

Item = tuple[Tensor, int]


class Utterances(Dataset[Item]):
    """Log-mel frames from files: a random segment of each, or the whole of it."""

    def __init__(self, listed: list[tuple[str, int]], segments: bool) -> None:
        self.listed = listed
        self.segments = segments

    def __len__(self) -> int:
        return len(self.listed)

    def __getitem__(self, index: int) -> Item:
        path, speaker = self.listed[index]
        frames = torch.load(path, weights_only=True)  # (time, mel)
        return segment_of(frames) if self.segments else frames, speaker


def segment_of(frames: Tensor) -> Tensor:
    """A random segment of an utterance (time, mel), or all of a short one."""
    room = len(frames) - FRAMES
    if room <= 0:
        return frames
    start = int(torch.randint(room + 1, ()))
    return frames[start : start + FRAMES]


def collate(items: list[Item]) -> tuple[Tensor, Tensor | None, Tensor]:
    """Frames padded to the longest of the batch, the mask of real ones (None when all are), and the speakers."""
    lengths = torch.tensor([len(frames) for frames, _ in items])
    padded = pad_sequence([frames for frames, _ in items], batch_first=True)  # (batch, time, mel)
    mask = torch.arange(padded.shape[1])[None, :] < lengths[:, None]
    return padded, None if bool(mask.all()) else mask, torch.tensor([speaker for _, speaker in items])


def plain_model(preset: Preset, speakers: int) -> SpeakerModel:
    """The engine's model with PyTorch's dropout in the place of its own."""
    model = SpeakerModel(preset, speakers)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, Dropout):
                setattr(module, name, nn.Dropout(child.p))
    return model.train()


def endless(loader: DataLoader[Item]) -> Iterator[tuple[Tensor, Tensor | None, Tensor]]:
    """Epoch after epoch."""
    while True:
        yield from loader


def main() -> None:
    pipe = own_stdout()
    preset = course_preset(sys.argv[1])
    lists = json.loads(Path(sys.argv[2]).read_text())
    workers = os.cpu_count() or 1
    model = plain_model(preset, 1 + max(speaker for _, speaker in lists["train"]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=preset.optimizer.learning_rate)
    rate = LearningRate.of(preset)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate.at(step) / rate.peak)
    criterion = nn.CrossEntropyLoss()
    batches = endless(
        DataLoader(
            Utterances(lists["train"], segments=True), batch_size=BATCH, shuffle=True, drop_last=True,
            num_workers=workers, persistent_workers=True, collate_fn=collate,
        )
    )  # fmt: skip
    held_out = DataLoader(
        Utterances(lists["validation"], segments=False), batch_size=BATCH,
        num_workers=workers, persistent_workers=True, collate_fn=collate,
    )  # fmt: skip

    def train_step(bar: tqdm) -> None:
        frames, mask, speakers = next(batches)
        logits = model(frames, mask)
        loss = criterion(logits, speakers)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), preset.optimizer.clip_norm)
        optimizer.step()
        schedule.step()
        accuracy = (logits.argmax(dim=1) == speakers).float().mean().item()
        bar.update()
        bar.set_postfix(loss=f"{loss.item():.2f}", accuracy=f"{accuracy:.2f}")

    def validate() -> int:
        """Loss on a segment and accuracy on the whole of each, as the engine looks at both."""
        model.eval()
        loss, right = 0.0, 0
        with torch.no_grad():
            for frames, mask, speakers in held_out:
                lengths = [frames.shape[1]] * len(frames) if mask is None else mask.sum(dim=1).tolist()
                segments, part, _ = collate([(segment_of(f[:n]), 0) for f, n in zip(frames, lengths, strict=True)])
                loss += criterion(model(segments, part), speakers).item() * len(speakers)
                right += (model(frames, mask).argmax(dim=1) == speakers).sum().item()
        model.train()
        return len(held_out.dataset)  # type: ignore[arg-type]

    with tqdm(desc="train") as bar:
        for task, deadline, answer in asked(pipe):
            done = 0
            while done == 0 or time.perf_counter() < deadline:
                if task == "train":
                    train_step(bar)
                    done += 1
                else:
                    done += validate()
            answer(done)


if __name__ == "__main__":
    main()
