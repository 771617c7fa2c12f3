"""What one looks for in a log: words that a line must all have, and kinds of lines such as "diagnosis".

Pure; which lines are shown, and how hits are marked, is the log widget's business.
"""

from __future__ import annotations

from dataclasses import dataclass

from spk_tui.log_lines import KINDS, Kind, LogLine

HELP = f"words, or a kind of line: {', '.join(KINDS)}"


@dataclass(frozen=True)
class LogFilter:
    """Lines of one of the kinds (of any, when none is named) that have each of the words."""

    words: tuple[str, ...] = ()
    kinds: frozenset[Kind] = frozenset()

    @classmethod
    def of(cls, typed: str) -> LogFilter:
        """What was typed: a word that is a kind's name stands for the kind; case makes no difference."""
        words = typed.casefold().split()
        kinds = frozenset(kind for kind in KINDS if kind in words)
        return cls(tuple(word for word in words if word not in kinds), kinds)

    def __bool__(self) -> bool:
        return bool(self.words or self.kinds)

    def takes(self, line: LogLine) -> bool:
        """Whether the line is a hit."""
        said = f"{line.text} {line.advice}".casefold()
        return (not self.kinds or line.kind in self.kinds) and all(word in said for word in self.words)

    def places(self, text: str) -> list[tuple[int, int]]:
        """Where the words stand in a text: first and last place (exclusive) of each, in letters."""
        folded = text.casefold()
        if len(folded) != len(text):  # a letter that is folded to two: places would not fit the text any more
            return []
        found = []
        for word in self.words:
            start = folded.find(word)
            while start >= 0:
                found.append((start, start + len(word)))
                start = folded.find(word, start + len(word))
        return sorted(found)
