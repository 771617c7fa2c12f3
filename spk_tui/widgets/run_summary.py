"""What remains when a run is over: best and last accuracy, the time it took, where the files are, what to do next."""

from __future__ import annotations

import shlex

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from spk_tui.follower import Snapshot
from spk_tui.wording import accuracy, count, duration, one_line, short_path

HEADLINES = {
    "finished": ("finished: all steps are done", "$primary"),
    "stopped": ("stopped as asked; nothing is lost", "$foreground"),
    "failed": ("failed", "$error"),
    "interrupted": ("interrupted: its worker is gone without a last word", "$warning"),
}


class RunSummary(VerticalScroll):
    """Seen only once a run is over."""

    DEFAULT_CSS = """
    RunSummary {
        border: round $primary; border-title-color: $primary; padding: 0 1; display: none; scrollbar-size-vertical: 1;
        & > Static { height: auto; }
        &.-over { display: block; }
    }
    """

    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)

    def compose(self) -> ComposeResult:
        """All of it in one text."""
        yield Static()

    @property
    def copyable(self) -> str:
        """Where the best checkpoint is."""
        return self.snapshot.best_path if self.snapshot is not None and self.snapshot.has_best else ""

    def watch_snapshot(self, shown: Snapshot | None) -> None:
        """Comes when the run is over and goes when it is resumed."""
        over = shown is not None and shown.is_over
        self.set_class(over, "-over")
        if shown is not None and over:
            headline, style = HEADLINES[shown.condition]
            self.border_title = Content.styled(headline, style)
            self.query_one(Static).update(summary(shown))


def summary(shown: Snapshot) -> Content:
    """The summary's lines; what one needs soonest stands first, since the rest may have to be scrolled to."""
    reason = shown.failed.message if shown.failed is not None else shown.last_words
    lines = [Content.styled(one_line(reason), "$error")] if reason else []
    note = [_labelled("note", one_line(shown.labels.notes))] if shown.labels.notes else []
    return Content("\n").join([*lines, _scores(shown), *note, _next(shown), *_files(shown), *_commands(shown)])


def _scores(shown: Snapshot) -> Content:
    parts: list[str | tuple[str, str]] = []
    if shown.best_accuracy is not None:
        parts += ["best ", (accuracy(shown.best_accuracy), "$success bold"), f" at step {count(shown.best_step or 0)}"]
    else:
        parts.append("no validation was reached" if shown.validated is None else "no validation had a finite loss")
    if shown.validated is not None:
        parts.append(f"; last {accuracy(shown.validated.segment_accuracy)}")
    if shown.began is not None and shown.updated is not None:
        parts.append(f"; {count(shown.step)} steps in {duration(shown.updated - shown.began)}")
    return Content.assemble(*parts)


def _files(shown: Snapshot) -> list[Content]:
    lines = []
    if shown.has_best:
        lines.append(_labelled("best", short_path(shown.best_path)))
    if shown.has_last:
        step = f" of step {count(shown.last_saved_step)}" if shown.last_saved_step is not None else ""
        lines.append(_labelled("last", f"the full state{step}, to go on from"))
    return lines


def _next(shown: Snapshot) -> Content:
    keys: list[tuple[str, str]] = []
    if shown.has_best:
        keys += [("s", "save the best"), ("u", "use")]
    if _diverged(shown):
        keys.append(("F2", "train another, changed as the log advises"))  # resuming would end the same way
    else:
        if shown.can_train_on:
            keys.append(("r", "resume" if shown.is_resumable else "resume for more steps"))
        keys.append(("F2", "train another"))
    parts: list[str | tuple[str, str]] = [("next  ", "$foreground-muted")]
    for key, text in keys:
        parts += [(key, "$primary bold"), f" {text}   "]
    return Content.assemble(*parts)


def _commands(shown: Snapshot) -> list[Content]:
    """The same and more from a shell, ready to be copied."""
    run = shlex.quote(shown.info.id)
    commands = []
    if shown.has_best:
        commands += [
            ("test", f"spk-tui evaluate {run}"),
            ("use", f"spk-tui identify --model {run} FILE"),
            ("", f"spk-tui export {run} --to onnx"),
        ]
    if shown.can_train_on and not _diverged(shown):
        more = "" if shown.is_resumable else f" --steps {2 * shown.step}"
        commands.append(("go on", f"spk-tui resume {run}{more}"))
    return [_labelled(word, command) for word, command in commands]


def _diverged(shown: Snapshot) -> bool:
    return shown.failed is not None and shown.failed.cause == "diverged"


def _labelled(word: str, text: str) -> Content:
    return Content.assemble((f"{word:<6}", "$foreground-muted"), text)
