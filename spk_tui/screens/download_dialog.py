"""Gets public speech by name: the list, what one agrees to, how far it is. `engine.corpus.download` does the work."""

from __future__ import annotations

import threading
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from engine.corpus.catalogue import PublicCorpus, catalogue
from engine.errors import InputError
from spk_tui.background import in_thread
from spk_tui.progress import Cancelled, Progress, report_to
from spk_tui.widgets.pieces import cell, progress_line, spread
from spk_tui.wording import count, size

NAME_WIDTH = 29


class DownloadDialog(ModalScreen[Path | None]):
    """Returns the folder of the corpus that was chosen and is there now, or None."""

    DEFAULT_CSS = """
    DownloadDialog .dialog {
        & > OptionList { height: auto; max-height: 8; border: none; padding: 0; background: $surface; }
        & > .terms { margin-top: 1; min-height: 4; }
        & > .going { display: none; margin-top: 1; height: 1; }
        & > .trouble { display: none; margin-top: 1; color: $error; }
        &.-going > .going, &.-trouble > .trouble { display: block; }
        &.-trouble > .terms { display: none; }
    }
    """
    BINDINGS = [Binding("escape", "back", "Back")]  # noqa: RUF012  # Textual's own way of declaring keys

    def __init__(self) -> None:
        super().__init__()
        self.entries = {entry.name: entry for entry in catalogue()}
        self.there: dict[str, Path] = {}
        self._cancel: threading.Event | None = None

    def compose(self) -> ComposeResult:
        """The list, the terms of the chosen one, progress, and the answers."""
        with Vertical(classes="dialog public") as dialog:
            dialog.border_title = "Public speech"
            yield OptionList(*[Option("", id=name) for name in self.entries], compact=True)
            yield Static(classes="terms", markup=False)
            yield Static(classes="going")
            yield Static(classes="trouble", markup=False)
            with Horizontal(classes="answers"):
                yield Button("Download", variant="primary", id="get", compact=True)
                yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        """What is there already is looked up on the disk, and the list doesn't wait for it."""
        self._show_list()
        self.query_one(OptionList).highlighted = 0
        self.query_one(OptionList).focus()
        self._look()

    @property
    def chosen(self) -> PublicCorpus:
        """The corpus that the cursor is on."""
        option = self.query_one(OptionList).highlighted_option
        return self.entries[(option and option.id) or next(iter(self.entries))]

    @work(exclusive=True, group="look")
    async def _look(self) -> None:
        self.there = await in_thread(downloaded_corpora)
        if self.is_attached:
            self._show_list()
            self._show_terms()

    def _show_list(self) -> None:
        width = min(68, max(20, self.app.size.width * 9 // 10 - 8))
        for name, entry in self.entries.items():
            amount = "there" if name in self.there else size(entry.size) if entry.archives else "needs an account"
            speakers = "" if entry.speakers is None else f"{count(entry.speakers)} speakers"
            left = Content.assemble(cell(name, NAME_WIDTH), (speakers, "$foreground-muted"))
            style = "$success" if name in self.there else "$foreground" if entry.archives else "$foreground-muted"
            self.query_one(OptionList).replace_option_prompt(name, spread(left, Content.styled(amount, style), width))

    @on(OptionList.OptionHighlighted)
    def _show_terms(self) -> None:
        entry, there = self.chosen, self.there.get(self.chosen.name)
        lines = [f"{entry.summary[:1].upper()}{entry.summary[1:]}.", f"{entry.licence}, {entry.page}"]
        if there is not None:
            lines.append(f"It is in {there}.")
        elif entry.archives:
            lines.append(f"{size(entry.size)} to download; room for two and a half times that is needed.")
        else:
            lines.append(entry.by_hand)
        self.query_one(".terms", Static).update("\n".join(lines))
        get = self.query_one("#get", Button)
        get.label = "Train on it" if there is not None else "Download"
        get.disabled = self._cancel is not None or not (entry.archives or there)
        self.query_one(".dialog").remove_class("-trouble")

    @on(OptionList.OptionSelected)
    def _to_the_button(self) -> None:
        """Enter in the list shows the terms above the button; a second Enter agrees to them."""
        self.query_one("#get", Button).focus()

    @on(Button.Pressed, "#get")
    def _agree(self) -> None:
        there = self.there.get(self.chosen.name)
        if there is not None:
            self.dismiss(there)
        elif self._cancel is None:
            self._get(self.chosen.name)

    @work(exclusive=True, group="get")
    async def _get(self, name: str) -> None:
        from engine.corpus.download import download

        self._cancel = threading.Event()
        dialog, listed = self.query_one(".dialog"), self.query_one(OptionList)
        dialog.remove_class("-trouble").add_class("-going")
        self._begin_or_end(going=True)
        try:
            folder = await in_thread(download, name, None, report_to(self, self._cancel))
        except Cancelled:
            self._say("stopped; what has come so far is kept, and the next download goes on from there")
        except InputError as error:
            self._say(str(error))
        else:
            if self.is_attached:
                self.dismiss(folder)
        finally:
            self._cancel = None
            if self.is_attached:
                self._begin_or_end(going=False)
                listed.focus()

    def _begin_or_end(self, *, going: bool) -> None:
        self.query_one(".dialog").set_class(going, "-going")
        self.query_one(".going", Static).update("")
        self.query_one(OptionList).disabled = going
        self.query_one("#get", Button).disabled = going
        close = self.query_one("#close", Button)
        close.label = "Stop" if going else "Close"
        if going:
            close.focus()

    def _say(self, trouble: str) -> None:
        if self.is_attached:
            self.query_one(".trouble", Static).update(trouble)
            self.query_one(".dialog").add_class("-trouble")

    @on(Progress)
    def _show_progress(self, event: Progress) -> None:
        line = self.query_one(".going", Static)
        line.update(progress_line(*event.said, max(20, line.content_size.width)))

    @on(Button.Pressed, "#close")
    def action_back(self) -> None:
        """Stops a download; without one, closes the list."""
        if self._cancel is not None:
            self._cancel.set()
        else:
            self.dismiss(None)


def downloaded_corpora() -> dict[str, Path]:
    """The public corpora that are there, by name, with their folders. Blocks on the disk."""
    from engine.corpus.download import corpus_folder, is_downloaded

    return {entry.name: corpus_folder(entry.name) for entry in catalogue() if is_downloaded(entry.name)}
