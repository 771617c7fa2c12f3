"""The second half of a report: each run's result log, what each change did, speed and machine, how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from engine.use.report_tables import Table, escaped, table_as_markdown
from engine.use.results import Estimate
from spk_tui.comparison import say
from spk_tui.report import describing
from spk_tui.report.facts import Change, MeasuredRun, Report, RunFacts
from spk_tui.report.words import Words
from spk_tui.wording import accuracy, count, loss

ENDED = ("finished", "stopped", "failed", "interrupted")


def log(runs: Sequence[MeasuredRun], words: Words, curves: Mapping[str, str]) -> list[str]:
    """Every validation of every run, with its curves and what happened to it."""
    blocks = [_picture(words("curves.all"), curves[""])] if "" in curves else []
    for each in runs:
        run = each.run
        name = escaped(f"{run.letter}: {run.name}")
        blocks += [f"### {name}", _story(run, words)]
        if run.letter in curves:
            blocks.append(_picture(words("curves.of", name=name), curves[run.letter]))
        blocks += [table_as_markdown(_validations(run, words)), *_asides(run, words)]
    return blocks


def changes(report: Report, words: Words) -> list[str]:
    """What was changed from one run to another, and what it did. Nothing for a single run."""
    if not report.changes:
        return []
    by_letter = {each.run.letter: each for each in report.runs}
    blocks = [words("changes.rule")]
    for change in report.changes:
        before, after = by_letter[change.before], by_letter[change.after]
        blocks.append(f"### {escaped(f'{change.before} ({before.run.name}) → {change.after} ({after.run.name})')}")
        blocks += [*_changed(change, words), *_effect(change, before, after, words)]
    return blocks


def speed(runs: Sequence[MeasuredRun], words: Words) -> list[str]:
    """On what the runs were trained, how fast and when."""
    rows = [
        [words(f"speed.{name}"), *(cells(each.run, words) for each in runs)] for name, cells in _SPEED.items()
    ]  # fmt: skip
    return [table_as_markdown(Table("", ["", *(each.run.letter for each in runs)], rows))]


def repeat(report: Report, words: Words) -> list[str]:
    """The commands and presets that make the same runs again."""
    blocks = []
    demo = all(each.run.corpus == "demo" for each in report.runs)
    first = report.runs[0].run
    command = f"spk-tui train {first.letter}.toml" + ("" if demo else " --data CORPUS")
    blocks += [
        words("repeat.demo" if demo else "repeat.command", file=f"{first.letter}.toml"),
        f"```sh\n{command}\n```",
    ]
    for each in report.runs:
        name = escaped(f"{each.run.letter} ({each.run.name})")
        blocks += [
            words("repeat.preset", name=name),
            f"````toml\n{describing.preset_text(each.run.preset).strip()}\n````",
        ]
    return [*blocks, words("repeat.made", version=report.version)]


def _picture(caption: str, name: str) -> str:
    return f"![{caption}]({quote(name)})"


def _story(run: RunFacts, words: Words) -> str:
    state = words(f"state.{run.condition}" if run.condition in ENDED else "state.going")
    best, identity = run.best, run.preset.preset
    sentences = [
        words("log.state", state=state, step=count(run.step), steps=count(run.steps)),
        words(
            "log.best_sentence", step=count(best.step), segments=accuracy(best.segment_accuracy),
            whole=accuracy(best.utterance_accuracy),
        ),
    ]  # fmt: skip
    if identity.reference_accuracy is not None:
        sentences.append(
            words("log.reference", value=identity.reference_accuracy, source=identity.reference_source or "–")
        )
    if run.rollbacks:
        sentences.append(words("log.rollbacks", number=run.rollbacks))
    return escaped(words.sentences(*sentences))


def _validations(run: RunFacts, words: Words) -> Table:
    rows = [
        [count(each.step), loss(each.loss), accuracy(each.segment_accuracy), accuracy(each.utterance_accuracy),
         words("log.best") if each.step == run.best.step else ""]
        for each in run.validations
    ]  # fmt: skip
    heads = ("step", "loss", "segment_accuracy", "utterance_accuracy")
    return Table("", [*(words(f"head.{head}") for head in heads), ""], rows, (0, 1, 2, 3))


def _asides(run: RunFacts, words: Words) -> list[str]:
    blocks = []
    if run.notes:
        blocks.append(escaped(words("log.notes", notes=run.notes)))
    if run.tags:
        blocks.append(escaped(words("log.tags", tags=words("comma").join(run.tags))))
    if run.findings:
        found = [words("log.finding", step=count(each.step), finding=each.finding) for each in run.findings]
        blocks += [words("log.findings"), "\n".join(f"- {escaped(line)}" for line in found)]
    if run.unreadable_lines:
        blocks.append(words("log.unreadable", number=count(run.unreadable_lines)))
    return blocks


def _changed(change: Change, words: Words) -> list[str]:
    if not change.settings:
        return [words("changes.none")]
    rows = [
        [key, words.setting(key), say(before, key), say(after, key)] for key, (before, after) in change.settings.items()
    ]
    heads = [words("head.setting"), words("head.meaning"), change.before, change.after]
    table = table_as_markdown(Table("", heads, rows))
    return [table, words("changes.seed_alone")] if set(change.settings) == {"run.seed"} else [table]


def _effect(change: Change, before: MeasuredRun, after: MeasuredRun, words: Words) -> list[str]:
    gap = change.difference
    if gap is None:
        return [words(f"ground.{change.ground}")]
    measured = change.ground == "paired"
    rows = []
    for head, key in (("segments", "segment_accuracy"), ("whole", "utterance_accuracy")):
        by: Estimate = getattr(gap, head)
        shown = [
            getattr(each.accuracy, head).value if measured or change.ground == "other utterances" else
            getattr(each.run.best, key)
            for each in (before, after)
        ]  # fmt: skip
        rows.append([words(f"head.{head}"), *(accuracy(value) for value in shown), _difference(by)])
    heads = [words("head.accuracy"), change.before, change.after, words("head.difference")]
    verdicts = [_verdict(change, head, getattr(gap, head), words) for head in ("segments", "whole")]
    return [
        table_as_markdown(Table("", heads, rows, (1, 2))),
        words.sentences(*verdicts),
        words(f"ground.{change.ground}", utterances=count(gap.utterances)),
    ]


def _verdict(change: Change, head: str, by: Estimate, words: Words) -> str:
    decided = "better" if by.low > 0 else "worse" if by.high < 0 else "open" if by.low < by.high else "same"
    points = [f"{100 * value:+.1f}" for value in (by.value, by.low, by.high)]
    return words(
        f"verdict.{decided}", what=words(f"head.{head}"), after=change.after, before=change.before, points=points[0],
        low=points[1], high=points[2],
    )  # fmt: skip


def _difference(by: Estimate) -> str:
    return f"{by.value:+.4f} ({by.low:+.3f} … {by.high:+.3f})"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def _number(value: float | None, words: Words) -> str:
    return words("nothing") if value is None else f"{value:.1f}"


def _versions(run: RunFacts, words: Words) -> str:
    return words("comma").join(f"{name} {version}" for name, version in run.machine.versions.items())


_SPEED = {
    "device": lambda run, words: f"{run.machine.device_name} ({run.machine.device})",
    "precision": lambda run, words: run.machine.precision,
    "threads": lambda run, words: count(run.machine.threads),
    "ranks": lambda run, words: count(run.machine.ranks),
    "rate": lambda run, words: _number(run.steps_per_second, words),
    "validation": lambda run, words: _number(run.utterances_per_second, words),
    "trained": lambda run, words: words.duration(run.seconds_trained),
    "began": lambda run, words: _moment(run.began),
    "ended": lambda run, words: _moment(run.ended),
    "versions": _versions,
}
"""The rows of the table of speed, by their names among the words."""
