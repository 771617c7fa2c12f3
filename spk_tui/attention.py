"""Calling somebody who looks elsewhere: by bell, terminal title, desktop notification and webhook, as the settings say.

It looks at the runs that were started or shown in this dashboard, whatever screen is open. What is worth a call is
decided in `watched.py`; which text a terminal takes for it, in `terminal.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.errors import InputError
from engine.runs.directory import RunDirectory
from spk_tui import terminal
from spk_tui.background import in_thread
from spk_tui.settings import AttentionSettings
from spk_tui.watched import News, Watched
from spk_tui.wording import percent

SECONDS_BETWEEN_LOOKS = 1.0


class Attention:
    """Watches runs and calls.

    write: puts text on the terminal. tell: shows news to whoever looks at the dashboard. complain: says, once, that the
    webhook can't be reached.
    """

    def __init__(
        self,
        settings: AttentionSettings,
        write: Callable[[str], None],
        tell: Callable[[News], None],
        complain: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._write = write
        self._tell = tell
        self._complain = complain
        self._watched: dict[str, Watched] = {}
        self._title = ""
        self._looking = False
        self._webhook_failed = False

    def watch(self, run: RunDirectory) -> None:
        """Looks at this run too from now on."""
        self._watched.setdefault(run.id, Watched(run))

    async def look(self) -> None:
        """Looks at every watched run once and calls for what is new; a slow disk is asked by one look at a time."""
        if self._looking or not self._watched:
            return
        self._looking = True
        try:
            for news in await in_thread(self._look_at_all):
                self._call(news)
                if self._settings.webhook and self._wants(news):
                    await self._post(news)
        finally:
            self._looking = False
        self._show_title()

    def _look_at_all(self) -> list[News]:
        news: list[News] = []
        for name, watched in list(self._watched.items()):
            try:
                news += watched.look()
            except (OSError, InputError):
                del self._watched[name]  # deleted, or no run that can be read: nothing will be heard of it
        return news

    def _wants(self, news: News) -> bool:
        return bool(getattr(self._settings, f"on_{news.occasion}"))

    def _call(self, news: News) -> None:
        self._tell(news)
        if not self._wants(news):
            return
        if self._settings.bell:
            self._write("\a")
        if self._settings.desktop != "off":
            self._write(terminal.notification(f"spk-tui {news.name}", news.text, self._settings.desktop))

    async def _post(self, news: News) -> None:
        from spk_tui.webhook import post

        problem = await in_thread(post, self._settings.webhook, f"spk-tui {news.name}", news.text, news.occasion)
        if problem and not self._webhook_failed:
            self._webhook_failed = True
            self._complain(problem)

    # ------------------------------------------------------------------------------------------------ the title

    def _show_title(self) -> None:
        """What runs and how far; the terminal's own title as long as nothing was ever watched."""
        text = title_of([watched for watched in self._watched.values() if watched.is_live])
        if self._settings.title and text != self._title and (self._title or text != title_of([])):
            self._write(("" if self._title else terminal.SAVE_TITLE) + terminal.title(text))
            self._title = text

    def close(self) -> None:
        """The terminal gets its title back."""
        if self._title:
            self._title = ""
            self._write(terminal.RESTORE_TITLE)


def title_of(live: Sequence[Watched]) -> str:
    """The title while these runs go on: "72 % best-300k", the newest first."""
    if not live:
        return "spk-tui"
    newest = max(live, key=lambda watched: watched.run.id)
    more = f" and {len(live) - 1} more" if len(live) > 1 else ""
    return f"{percent(newest.share)} {newest.name}{more}"
