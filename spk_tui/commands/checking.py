"""The command with which an encoder of one's own is developed: `check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spk_tui.commands.answers import say, say_json
from spk_tui.commands.options import AsJson, Overrides, PresetName, Trust
from spk_tui.exit_codes import BAD_INPUT, WELL

if TYPE_CHECKING:
    from engine.check_report import CheckReport


def check(preset: PresetName, /, *, overrides: Overrides = None, trust: Trust = False, as_json: AsJson = False) -> int:
    """Tries a preset's encoder on random frames, says what is wrong with it, and counts it against its budget.

    Shapes, one frame and many, whether the other utterances of a batch or padding change a result, whether every
    parameter is trained. The exit code is 2 when a check fails.

    JSON: {"preset", "checks": [{"name", "tried", "ok", "seen", "cause", "severe"}], "cost"}; "severe" are those without
    which nothing is trained, "cost" is as 'budget' answers it, and null when it can't be counted.
    """
    from engine.check_client import check_preset
    from spk_tui.commands.training import prepare_preset
    from spk_tui.commands.trusting import settle_trust

    settings = prepare_preset(preset, overrides or [])
    settle_trust(settings, trust)
    report = check_preset(settings)
    if as_json:
        say_json(report)
    else:
        say(_report(report))
    return WELL if report.ok else BAD_INPUT


def _report(report: CheckReport) -> str:
    """A line a check, and under one that failed what was seen and what usually causes it."""
    from spk_tui.commands.looking import budget_line

    width = max(len(check.name) for check in report.checks)
    lines = []
    for check in report.checks:
        lines.append(f"{'ok   ' if check.ok else 'FAILS'}  {check.name:<{width}}  {check.tried}")
        if not check.ok:
            lines += [f"{'':<{7 + width}}  {words}" for words in (check.seen, _cause(check.cause)) if words]
    lines += ["", budget_line(report.cost) if report.cost else f"{report.preset}: the encoder is not counted"]
    return "\n".join(lines)


def _cause(cause: str) -> str:
    return f"usually: {cause}" if cause else ""
