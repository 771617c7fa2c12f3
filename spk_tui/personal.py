"""The app as its user has set it up: colours, keys, calls for attention, the tour, and what copying says.

`Dashboard` is one of these; screens and runs are its business. Whatever is wrong with the settings is told once the
first screen stands, and the default serves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import App
from textual.reactive import reactive

from spk_tui import themes
from spk_tui.attention import SECONDS_BETWEEN_LOOKS, Attention
from spk_tui.background import in_thread
from spk_tui.remembered import Choice, Remembered, decided, remember
from spk_tui.settings import DEFAULT_THEME, Settings, seconds_a_frame

if TYPE_CHECKING:
    from spk_tui.palettes import Palette
    from spk_tui.watched import News
    from spk_tui.widgets.chart_board import ChartBoard


CURVES: dict[str, Palette] = {"standard": "theme", "colour-blind": "okabe-ito"}


class PersonalApp(App[None]):
    """An app with a user's settings.

    problems: what was wrong with the settings, told at the beginning. frames_per_second: counts before the settings.
    tour: begin with the tour.
    """

    palette: reactive[str] = reactive("standard", init=False)

    def __init__(
        self, settings: Settings | None = None, problems: Sequence[str] = (), remembered: Remembered | None = None,
        frames_per_second: float | None = None, tour: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.settings = settings or Settings()
        self.seconds_a_frame = seconds_a_frame(self.settings, frames_per_second)
        self.attention = Attention(self.settings.attention, self._write, self._tell, self._complain)
        self._problems = list(problems)
        self._begins_with_tour = tour
        self._said_how_to_leave = False
        self._wear(remembered or Remembered())

    def begin(self) -> None:
        """Once the first screen is painted: what is wrong with the settings, other keys, the tour."""
        self.set_interval(SECONDS_BETWEEN_LOOKS, self.attention.look)
        if self.settings.keys:
            self.run_worker(self._change_keys(), group="keys")
        else:
            self._tell_problems()
        if self._begins_with_tour:
            self.run_worker(self.action_tour(), group="tour")

    def _tell_problems(self) -> None:
        if self._problems:
            more = len(self._problems) - 1
            others = f"\n{more} more; 'spk-tui settings' tells them all" if more else ""
            told = self._problems[0] + others
            self.notify(told, title="A setting can't be used", severity="warning", timeout=15, markup=False)

    # ------------------------------------------------------------------------------------------------ colours

    def _wear(self, remembered: Remembered) -> None:
        """The colours, before anything is painted: a theme that changes later lays every style out a second time."""
        wanted = decided(remembered.theme, self.settings.theme)
        name, problem = themes.known_or_default(wanted, DEFAULT_THEME)
        if problem:
            self._problems.append(problem)
        self.palette = decided(remembered.palette, self.settings.palette)
        self._register_themes()
        self._chosen_theme = name
        self.theme = name

    def _register_themes(self) -> None:
        for theme in themes.all_themes(self.palette).values():
            self.register_theme(theme)

    def watch_theme(self, name: str) -> None:
        """A theme that is chosen while the dashboard is open is remembered."""
        if name != self._chosen_theme:
            self._chosen_theme = name
            choice = Choice(chosen=name, settings=self.settings.theme)
            self.run_worker(in_thread(lambda: remember(theme=choice)), group="remember")

    async def action_palette(self) -> None:
        """Colours that the colour-blind can tell apart, and back; remembered."""
        self.palette = "standard" if self.palette == "colour-blind" else "colour-blind"
        self._register_themes()
        self._watch_theme(self.theme)  # the theme has the same name and other colours
        self.notify(f"Colours: {self.palette}", timeout=3)
        choice = Choice(chosen=self.palette, settings=self.settings.palette)
        await in_thread(lambda: remember(palette=choice))

    def dress(self, board: ChartBoard) -> None:
        """Gives charts the user's marks, smoothing and colours, and other colours when those change."""
        board.marker = self.settings.charts.marker
        board.smoothing = self.settings.charts.smoothing
        board.watch(self, "palette", lambda palette: setattr(board, "palette", CURVES[palette]))

    # ------------------------------------------------------------------------------------------------ keys, tour

    async def _change_keys(self) -> None:
        from spk_tui.keymap import checked_keymap

        keymap, problems = await in_thread(checked_keymap, self.settings.keys)
        self.set_keymap(keymap)
        self._problems += problems
        self._tell_problems()

    async def action_tour(self) -> None:
        """Shows the tour; whoever has left it once is not shown it again unasked."""
        from spk_tui.screens.tour import Tour

        await self.push_screen(Tour())
        await in_thread(lambda: remember(tour_seen=True))

    # ------------------------------------------------------------------------------------------------ copying

    def copy_to_clipboard(self, text: str) -> None:
        """Copies, and says what."""
        super().copy_to_clipboard(text)
        lines = text.splitlines()
        more = f" and {len(lines) - 1} more lines" if len(lines) > 1 else ""
        first = lines[0] if lines else ""
        self.notify(f"{first[:60]}{'…' * (len(first) > 60)}{more}", title="Copied", timeout=3, markup=False)

    def action_help_quit(self) -> None:
        """Ctrl+C with nothing marked: said once what it does, for it never leaves."""
        if not self._said_how_to_leave:
            self._said_how_to_leave = True
            self.notify("ctrl+c copies what is marked with the mouse; q leaves", timeout=5)

    # ------------------------------------------------------------------------------------------------ attention

    def _write(self, text: str) -> None:
        """Text for the terminal, between two pictures of the screen."""
        if self._driver is not None:
            self._driver.write(text)
            self._driver.flush()

    def _tell(self, news: News) -> None:
        """Where another screen is open than the run's, which says it by itself."""
        if getattr(self.screen, "run", None) == news.run:
            return
        severity = "information" if news.occasion == "finish" else "warning"
        self.notify(news.text, title=news.name, severity=severity, timeout=10, markup=False)  # type: ignore[arg-type]

    def _complain(self, problem: str) -> None:
        self.notify(problem, title="The webhook can't be reached", severity="warning", timeout=8, markup=False)

    def exit(self, *arguments: object, **more: object) -> None:
        """Leaves; the terminal gets its own title back."""
        self.attention.close()
        super().exit(*arguments, **more)  # type: ignore[arg-type]
