"""The DET curve's axes, and the curve as an SVG image: misses against false alarms, both as normal deviates.

A. Martin et al., The DET curve in assessment of detection task performance, Eurospeech 1997. Scores of either kind that
are normally distributed make a straight line there. The picture in the terminal is `spk_tui/commands/verifying.py`'s.
"""

from __future__ import annotations

from statistics import NormalDist
from xml.sax.saxutils import escape

from engine.use.verification_results import Verification

RATES = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6)
HIGHEST, LOWEST = 0.6, 0.0001
MARGIN = 1.1  # of the lowest rate: some room before the axis begins

SIZE, LEFT, BOTTOM, TOP, RIGHT = 460, 60, 46, 60, 16
CLOSEST = 1 / 16  # of an axis: from one label to the next
COLOURS, DASHES = ("#0072b2", "#d55e00"), ("", "7 4")
INK, QUIET, GRID = "#22262e", "#68707d", "#e3e6ea"


def deviate(rate: float) -> float:
    """Where a rate above 0 and below 1 stands on an axis."""
    return NormalDist().inv_cdf(rate)


def span(verification: Verification) -> tuple[float, float]:
    """The lowest and the highest rate that the axes show, the same for both."""
    pairs = [
        pair for one in verification.scorings for pair in zip(one.curve.false_alarms, one.curve.misses, strict=True)
    ]
    seen = [rate for pair in pairs if min(pair) >= LOWEST and max(pair) <= HIGHEST for rate in pair] or [0.01, 0.4]
    low, high = min(seen), max(seen)
    return low / MARGIN, min(HIGHEST, max(high, 4 * low))


def ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Where the axes are labelled, and with how many percent; low rates are left out where they stand too close."""
    kept: list[tuple[float, str]] = []
    apart = CLOSEST * (deviate(high) - deviate(low))
    for rate in reversed(RATES):
        if low <= rate <= high and (not kept or kept[-1][0] - deviate(rate) >= apart):
            kept.append((deviate(rate), f"{100 * rate:g}"))
    return kept[::-1]


def det_svg(verification: Verification) -> str:
    """The text of an SVG file: one line for each scoring, dashed after the first, and its equal error rate."""
    low, high = span(verification)
    begin, end = deviate(low), deviate(high)
    inner = SIZE - LEFT - RIGHT

    def x(value: float) -> float:
        return LEFT + (value - begin) / (end - begin) * inner

    def y(value: float) -> float:
        return TOP + (end - value) / (end - begin) * inner

    height = TOP + inner + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {height}" width="{SIZE}" height="{height}" '
        "font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">",
        f'<rect width="{SIZE}" height="{height}" fill="#ffffff"/>',
    ]
    for place, words in ticks(low, high):
        across, up = x(place), y(place)
        parts.append(f'<path d="M{across:.1f} {TOP}V{TOP + inner}M{LEFT} {up:.1f}H{SIZE - RIGHT}" stroke="{GRID}"/>')
        parts.append(_text(across, TOP + inner + 17, words, QUIET, "middle"))
        parts.append(_text(LEFT - 7, up + 4, words, QUIET, "end"))
    parts.append(f'<path d="M{LEFT} {TOP + inner}L{SIZE - RIGHT} {TOP}" stroke="{QUIET}" stroke-dasharray="2 4"/>')
    for number, one in enumerate(verification.scorings):
        style = f'stroke="{COLOURS[number % 2]}" stroke-width="2.2"'
        style += f' stroke-dasharray="{DASHES[number % 2]}"' if DASHES[number % 2] else ""
        pairs = zip(one.curve.false_alarms, one.curve.misses, strict=True)
        points = [(deviate(a), deviate(b)) for a, b in pairs if low <= a <= high and low <= b <= high]
        line = "L".join(f"{x(a):.1f} {y(b):.1f}" for a, b in points)
        parts += [f'<path d="M{line}" fill="none" stroke-linejoin="round" {style}/>'] if line else []
        parts.append(f'<path d="M{LEFT} {14 + 16 * number}h24" {style}/>')
        words = f"{one.name}, equal error rate {100 * one.equal_error_rate.value:.2f} %"
        parts.append(_text(LEFT + 31, 18 + 16 * number, words, INK, "start"))
    parts.append(_text(SIZE - RIGHT, height - 6, "false alarms, %", QUIET, "end"))
    parts.append(_text(4, TOP - 10, "misses, %", QUIET, "start"))
    return "\n".join((*parts, "</svg>\n"))


def _text(x: float, y: float, words: str, fill: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-size="12" text-anchor="{anchor}">{escape(words)}</text>'
