"""What an evaluation notes of its numbers, in the words of a report; what is not known here stays as it is."""

from __future__ import annotations

from spk_tui.report.words import Words


def note(line: str, words: Words) -> str:
    """A note in the report's language."""
    from engine.corpus.splits import AS_ASKED, LEAK, ONE_SESSION, OWN_SPLIT, WHOLE_SESSIONS
    from engine.use.results import CORPUS_CHANGED

    known = {
        LEAK: "note.leak",
        ONE_SESSION: "note.one_session",
        AS_ASKED: "note.as_asked",
        WHOLE_SESSIONS: "note.sessions",
        OWN_SPLIT: "note.official",
        CORPUS_CHANGED: "note.changed",
    }
    return words(known[line]) if line in known else f"{line}."
