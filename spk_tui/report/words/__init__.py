"""The words of a report in one language: texts with places to fill in, and what the keys of a preset are called.

A language is one file with `TEXTS` and `SETTINGS` of the same keys as every other's, and one line in `LANGUAGES`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal, TypeAlias
from unicodedata import east_asian_width

Language: TypeAlias = Literal["en", "zh-TW"]
LANGUAGES: dict[Language, str] = {"en": "spk_tui.report.words.en", "zh-TW": "spk_tui.report.words.zh_tw"}


class Words:
    """The texts of one language: `words("log.best", step="2,000")` fills in a text."""

    def __init__(self, language: Language) -> None:
        module = import_module(LANGUAGES[language])
        self._texts: dict[str, str] = module.TEXTS
        self._settings: dict[str, str] = module.SETTINGS

    def __call__(self, text: str, /, **values: Any) -> str:
        """The text of that name, filled in."""
        return self._texts[text].format(**values)

    def knows(self, text: str) -> bool:
        """Whether there is a text of that name."""
        return text in self._texts

    def known(self, text: str, otherwise: str) -> str:
        """The text of that name, or what is given where there is none."""
        return self._texts.get(text, otherwise)

    def setting(self, key: str) -> str:
        """What a key of a preset is called, such as "optimizer.learning_rate"; "" for one of a user's own encoder."""
        return self._settings.get(key, "")

    def duration(self, seconds: float | None) -> str:
        """A time span in its two largest units."""
        if seconds is None:
            return self("nothing")
        minutes, last = divmod(max(0, round(seconds)), 60)
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        units = {"time.days": days, "time.hours": hours, "time.minutes": minutes, "time.seconds": last}
        first = next((place for place, number in enumerate(units.values()) if number), len(units) - 1)
        shown = [self(name, n=number) for name, number in list(units.items())[first : first + 2] if number]
        return " ".join(shown) or self("time.seconds", n=0)

    def sentences(self, *texts: str) -> str:
        """Sentences in a row; empty ones are left out."""
        return self("between").join(filter(None, texts))


def wide(text: str) -> int:
    """Columns that a text takes where every letter has one, and every Chinese character two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
