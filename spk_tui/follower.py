"""Following one run for the screen: events read by byte offset and folded in a thread, one frozen snapshot a tick.

A `Follower` is used by one thread at a time; what it hands out never changes afterwards, so the event loop may keep it
as long as it likes. What is drawn of a snapshot, and when, is left to the widgets.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from engine.preset import Preset
from engine.runs import events as e
from engine.runs.directory import Condition, Labels, RunDirectory, RunInfo
from engine.runs.event_log import EventReader
from engine.runs.requests import Ask, Request, RequestReader
from engine.runs.state import RunState
from spk_tui.activity import STARTING, Activity, activity_of
from spk_tui.log_lines import LogLine, Narrator
from spk_tui.series import EMPTY, Clock, CurveCopy, Series

NEWEST_LINES = 500
TAIL_BYTES = 4096
CURVES = (
    "train_loss", "train_accuracy", "steps_per_second", "learning_rate", "gradient_norm",
    "validation_loss", "segment_accuracy", "utterance_accuracy",
    "processor_load", "memory_share", "device_load", "device_memory_share",
)  # fmt: skip


@dataclass(frozen=True)
class Snapshot:
    """A run as it was at one moment. `lines` are the log's new lines since the snapshot before.

    `last_words` is what a worker that died without a last event printed last; empty for all other runs. `asked` is
    what the worker was asked, by whomever, and hasn't answered yet.
    """

    info: RunInfo
    preset: Preset
    condition: Condition = "starting"
    step: int = 0
    steps: int = 0
    began: float | None = None
    updated: float | None = None
    seconds_left: float | None = None
    started: e.Started | None = None
    preparing: e.Preparing | None = None
    validating: e.Validating | None = None
    progress: e.Progress | None = None
    validated: e.Validated | None = None
    resources: e.Resources | None = None
    finished: e.Finished | None = None
    failed: e.Failed | None = None
    best_accuracy: float | None = None
    best_step: int | None = None
    last_saved_step: int | None = None
    best_path: str = ""
    events_path: Path | None = None
    has_best: bool = False
    has_last: bool = False
    last_words: str = ""
    activity: Activity = STARTING
    asked: tuple[Ask, ...] = ()
    labels: Labels = field(default_factory=Labels)
    series: dict[str, Series] = field(default_factory=dict)
    lines: tuple[LogLine, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether no worker will say more: it had its last word, or is gone without one."""
        return self.condition in ("finished", "stopped", "failed", "interrupted")

    @property
    def is_resumable(self) -> bool:
        """Whether a new worker can begin what was never begun, or go on from the last checkpoint."""
        never_begun = self.step == 0 and self.condition != "failed"
        return self.condition in ("stopped", "interrupted", "failed") and (self.has_last or never_begun)

    @property
    def can_train_on(self) -> bool:
        """The same, or, for a run that is finished, for more steps than it had."""
        return self.is_resumable or (self.condition == "finished" and self.has_last)

    def curve(self, name: str) -> Series:
        """The curve of that name, empty when there is nothing of it yet."""
        return self.series.get(name, EMPTY)

    @property
    def clock(self) -> Clock:
        """When each step was trained, and in which epoch."""
        utterances = self.started.train_utterances if self.started else 0
        return Clock(self.curve("steps_per_second"), utterances / self.preset.segments.batch_size)


class Follower:
    """Reads what is new of one run. Raises `InputError` at construction when the folder is no run."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self._info = run.info()
        self._preset = run.preset()
        self._reader = EventReader(run.events_path)
        self._state = RunState()
        self._requests = RequestReader(run.requests_path)
        self._asked: list[Request] = []
        self._labels = Labels()
        self._labels_changed = 0
        self._narrator = Narrator()
        self._copies: dict[str, CurveCopy] = {}

    def read(self) -> Snapshot:
        """Takes in all new events and returns what the run looks like now. Blocks on the disk."""
        lines: deque[LogLine] = deque(maxlen=NEWEST_LINES)
        for events in self._reader.parts():
            self._state.apply_all(events)
            lines.extend(self._narrator.tell_all(events))
            kinds = set(map(type, events))
            if e.Started in kinds:
                self._info = self.run.info()
            if e.Resumed in kinds:
                self._preset = self.run.preset()
        self._asked += self._requests.read()
        self._read_labels()
        return self._snapshot(tuple(lines))

    def _open_requests(self) -> tuple[Ask, ...]:
        """What was asked of the newest worker and has no answer; what an earlier one was asked, nobody hears."""
        since = self._state.queued.time if self._state.queued is not None else float("inf")
        answers = self._state.answers
        self._asked = [request for request in self._asked if request.time >= since and request.id not in answers]
        return tuple(request.request for request in self._asked)

    def _read_labels(self) -> None:
        try:
            changed = self.run.labels_path.stat().st_mtime_ns
        except OSError:
            return
        if changed != self._labels_changed:
            self._labels_changed, self._labels = changed, self.run.labels()

    def _snapshot(self, lines: tuple[LogLine, ...]) -> Snapshot:
        state = self._state
        if not self._copies:
            self._copies = {name: CurveCopy() for name in CURVES}
        condition = self.run.condition(state)
        asked = self._open_requests()
        return Snapshot(
            info=self._info,
            preset=self._preset,
            condition=condition,
            step=state.step,
            steps=state.steps or self._preset.run.steps,
            began=state.began,
            updated=state.updated,
            seconds_left=state.seconds_left,
            started=state.started,
            preparing=state.preparing if state.phase == "preparing" else None,
            validating=state.validating if state.phase == "validating" else None,
            progress=state.progress,
            validated=state.validated,
            resources=state.resources,
            finished=state.finished,
            failed=state.failed,
            best_accuracy=state.best_accuracy,
            best_step=state.best_step,
            last_saved_step=state.last_saved_step,
            best_path=str(self.run.best_path),
            events_path=self.run.events_path,
            has_best=self.run.best_path.is_file(),
            has_last=self.run.last_path.is_file(),
            last_words=_last_line(self.run.console_path) if condition == "interrupted" else "",
            activity=activity_of(state, self._preset, condition, asked),
            asked=asked,
            labels=self._labels,
            series={name: copy.of(getattr(state, name)) for name, copy in self._copies.items()},
            lines=lines,
        )


def _last_line(path: Path) -> str:
    """The last line of a text file that has something in it, of its last few kilobytes; "" when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
