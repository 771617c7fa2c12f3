"""A report as Markdown: which sections there are, and what stands in each table. The texts are the `words`.

What is told once serves all runs of which it is true; their letters stand before it. The last sections, from the result
log on, are `document_results.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from engine.cost import Cost
from engine.use.report_tables import Table, escaped, estimate, table_as_markdown
from spk_tui.comparison import say
from spk_tui.report import describing
from spk_tui.report.diagram import diagram
from spk_tui.report.document_results import changes, log, repeat, speed
from spk_tui.report.facts import MeasuredRun, Report
from spk_tui.report.notes import note
from spk_tui.report.words import Words
from spk_tui.wording import count, percent, small_size

LOGGED = " †"


def as_markdown(report: Report, words: Words, curves: Mapping[str, str] | None = None) -> str:
    """The whole report. curves: the names of the pictures beside it, by a run's letter, "" for that of all runs."""
    curves, runs = curves or {}, report.runs
    sections = [
        ("heading.glance", _glance(runs, words)),
        ("heading.data", _data(runs, words)),
        ("heading.models", _models(runs, words)),
        ("heading.training", _training(runs, words)),
        ("heading.log", log(runs, words, curves)),
        ("heading.changes", changes(report, words)),
        ("heading.speed", speed(runs, words)),
        ("heading.repeat", repeat(report, words)),
    ]
    parts = [f"# {words('title')}", _summary(runs, words)]
    number = 0
    for heading, blocks in sections:
        if blocks:
            number += 1
            parts += [f"## {number}. {words(heading)}", *blocks]
    return "\n\n".join(parts) + "\n"


def grouped(
    runs: Sequence[MeasuredRun], key: Callable[[MeasuredRun], Hashable], words: Words
) -> list[tuple[str, MeasuredRun]]:
    """Runs that agree in something: their letters, and the first of them."""
    groups: dict[Hashable, list[MeasuredRun]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return [(words("comma").join(each.run.letter for each in group), group[0]) for group in groups.values()]


def _told(runs: Sequence[MeasuredRun], tell: Callable[[MeasuredRun], str], words: Words) -> list[str]:
    """What is to be told of each run, once for all of which it is true; which ones stands before it, if not all."""
    groups = grouped(runs, tell, words)
    texts = [escaped(tell(first)) for _, first in groups]
    if len(groups) == 1:
        return [text for text in texts if text]
    return [f"**{letters}**: {text}" for (letters, _), text in zip(groups, texts, strict=True) if text]


def _summary(runs: Sequence[MeasuredRun], words: Words) -> str:
    best = max(runs, key=lambda each: each.accuracy.whole.value)
    corpora = dict.fromkeys(describing.corpus_name(each.run.corpus, words) for each in runs)
    summary = escaped(
        words(
            "summary.one" if len(runs) == 1 else "summary.many",
            runs=len(runs),
            corpus=words("comma").join(corpora),
            name=f"{best.run.letter} ({best.run.name})",
            encoder=describing.encoder_name(best.run.preset.encoder),
            parameters=count(best.cost.encoder),
            whole=estimate(best.accuracy.whole),
            segments=estimate(best.accuracy.segments),
        )
    )
    return words.sentences(summary, words("summary.apart") if len(corpora) > 1 else "")


def _glance(runs: Sequence[MeasuredRun], words: Words) -> list[str]:
    heads = ("run", "encoder", "parameters", "segments", "whole", "best_step", "trained")
    rows = []
    for each in runs:
        mark = "" if each.accuracy.evaluated else LOGGED
        rows.append([
            f"{each.run.letter} {each.run.name}",
            describing.encoder_name(each.run.preset.encoder),
            count(each.cost.encoder),
            estimate(each.accuracy.segments) + mark,
            estimate(each.accuracy.whole) + mark,
            count(each.run.best.step),
            words.duration(each.run.seconds_trained),
        ])  # fmt: skip
    grounds = {each.accuracy.evaluated for each in runs}
    explained = [
        words(f"glance.{name}") for name, value in (("evaluated", True), ("logged", False)) if value in grounds
    ]
    reasons = grouped([each for each in runs if each.accuracy.why_logged], lambda each: each.accuracy.why_logged, words)
    return [
        table_as_markdown(Table("", [words(f"head.{head}") for head in heads], rows, (2, 5))),
        escaped(words.sentences(*explained)),
        *_told(runs, lambda each: _how_measured(each, words), words),
        *(escaped(words("glance.why", letters=each, why=first.accuracy.why_logged)) for each, first in reasons),
    ]


def _how_measured(measured: MeasuredRun, words: Words) -> str:
    preset = measured.run.preset
    seconds = preset.segments.frames * preset.features.hop / preset.features.sample_rate
    return words("glance.best", seconds=seconds, deciding=words(f"deciding.{preset.validation.best_by}"))


def _data(runs: Sequence[MeasuredRun], words: Words) -> list[str]:
    blocks = _told(runs, lambda each: describing.data(each.run, words), words)
    elsewhere = {each.accuracy.corpus for each in runs if each.accuracy.corpus != each.run.corpus}
    blocks += [
        escaped(words("data.evaluated_on", corpus=describing.corpus_name(corpus, words))) for corpus in elsewhere
    ]
    return blocks + _told(
        [each for each in runs if each.accuracy.notes],
        lambda each: words.sentences(*(note(line, words) for line in each.accuracy.notes)),
        words,
    )


def _models(runs: Sequence[MeasuredRun], words: Words) -> list[str]:
    blocks = []
    for letters, first in grouped(runs, _model_of, words):
        preset = first.run.preset
        blocks += [
            f"### {letters}: {escaped(describing.encoder_name(preset.encoder))}",
            escaped(describing.model(preset, words)),
            f"```text\n{diagram(preset, first.run.speakers, words)}\n```",
            words("diagram.caption"),
            *([f"````python\n{first.run.code.strip()}\n````"] if first.run.code else []),
            table_as_markdown(_parameters(first.cost, words)),
            _budget(first.cost, words),
        ]
    return blocks


def _model_of(measured: MeasuredRun) -> bytes:
    preset = measured.run.preset
    parts: list[Any] = [preset.front_end, preset.encoder, preset.pooling, preset.head, preset.budget]
    return msgspec.json.encode([*parts, preset.features.mel_bands, measured.run.speakers, measured.run.code])


def _parameters(cost: Cost, words: Words) -> Table:
    def row(name: str, number: int) -> list[str]:
        return [name, count(number), percent(number / cost.total)]

    rows = []
    for part, number in cost.parts.items():
        rows.append(row(words(f"part.{part}"), number))
        if part == "encoder":
            rows += [row(f"– {words.known(f'layer.{kind}', kind)}", own) for kind, own in cost.encoder_layers.items()]
            rows += [row(f"– {words('part.unused')}", cost.unused)] if cost.unused else []
    rows.append(row(words("part.total"), cost.total))
    return Table("", [words("head.part"), words("head.count"), words("head.share")], rows, (1, 2))


def _budget(cost: Cost, words: Words) -> str:
    used, left = cost.encoder, cost.budget - cost.encoder
    verdict = words(
        "budget.within" if left >= 0 else "budget.over",
        used=count(used), budget=count(cost.budget), share=f"{100 * used / cost.budget:.1f} %", left=count(left),
        over=count(-left),
    )  # fmt: skip
    work = f"{cost.multiply_adds_per_second_of_audio / 1e6:.1f}"
    return words.sentences(verdict, words("budget.work", work=work, size=small_size(cost.size.float32)))


def _training(runs: Sequence[MeasuredRun], words: Words) -> list[str]:
    shown = [describing.settings(each.run.preset) for each in runs]
    keys = dict.fromkeys(key for each in shown for key in each)
    full = [describing.settings(each.run.preset, every_key=True) for each in runs]
    rows = [[key, words.setting(key), *(say(each.get(key), key) for each in full)] for key in _in_order(keys, full)]
    heads = [words("head.setting"), words("head.meaning"), *(each.run.letter for each in runs)]
    return [
        *_told(runs, lambda each: describing.training(each.run, words), words),
        words("training.settings"),
        table_as_markdown(Table("", heads, rows)),
    ]


def _in_order(keys: Iterable[str], tables: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys in the order in which a preset has them."""
    order = {key: place for place, key in enumerate(dict.fromkeys(key for table in tables for key in table))}
    return sorted(keys, key=order.__getitem__)
