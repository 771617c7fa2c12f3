"""What checking an encoder found: one entry a check, in words for people. Loads no torch."""

from __future__ import annotations

from msgspec import Struct

from engine.cost import Cost
from engine.errors import InputError


class Check(Struct, frozen=True, kw_only=True):
    """One check: what was tried, and, when it failed, what was seen and what usually causes it.

    `severe`: training with such an encoder would fail, or mean nothing.
    """

    name: str
    tried: str
    ok: bool
    seen: str = ""
    cause: str = ""
    severe: bool = True


class CheckReport(Struct, frozen=True, kw_only=True):
    """All checks of a preset's encoder, and what it costs; no cost when it can't be counted."""

    preset: str
    checks: list[Check]
    cost: Cost | None = None

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)

    def warnings(self) -> list[Check]:
        """The checks that fail although one can train. Raises `InputError` for the first that stands in the way.

        Mixing utterances stands in the way: accuracies would then depend on who else is in the batch, look fine, and
        be lost in use. Padding doesn't, since training segments have none unless they are asked to.
        """
        failed = [check for check in self.checks if not check.ok]
        for check in failed:
            if check.severe:
                cause = f"; {check.cause}" if check.cause else ""
                raise InputError(f"the encoder fails the check '{check.name}': {check.seen}{cause}")
        return failed
