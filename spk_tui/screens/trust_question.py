"""Asking before a user's own code runs. The answer is remembered by `engine.trust`; nothing runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import trust
from engine.own_code import code_of
from engine.preset import Preset
from spk_tui.background import in_thread
from spk_tui.screens.question import Answer, Question

if TYPE_CHECKING:
    from textual.app import App


async def may_run(app: App[None], preset: Preset) -> bool:
    """Whether a preset's own code may run: asked once for each content of its file. Raises `InputError` for a bad file.

    To be awaited in a Textual worker.
    """
    code = await in_thread(code_of, preset)
    if code is None or trust.is_trusted(code):
        return True
    answers = (Answer("cancel", "Don't run it", "primary"), Answer("trust", "Trust it", "warning"))
    if await app.push_screen_wait(Question(f"Run {code.name}?", trust.question(code), answers)) != "trust":
        return False
    trust.trust(code)
    return True
