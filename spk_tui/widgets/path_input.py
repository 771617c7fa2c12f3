"""An input for a path of this machine, completed from the folders that are there; the key → takes the completion.

It reads folders in a thread and judges nothing: whether the path is of any use is for its owner to say.
"""

from __future__ import annotations

import os
from pathlib import Path

from textual.suggester import Suggester
from textual.widgets import Input

from spk_tui.background import in_thread
from spk_tui.typed_paths import escaped, last_word, paths_in


class FolderSuggester(Suggester):
    """Completes the last part of a path: folders, and files too when asked for."""

    def __init__(self, *, files: bool = False) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._files = files

    async def get_suggestion(self, value: str) -> str | None:
        """The first entry, by name, that begins like what was typed; read in a thread, since disks can be slow."""
        return await in_thread(completion, value, self._files)


def completion(typed: str, files: bool = False) -> str | None:
    """`typed` completed to the first folder (or file) that begins so; None when there is none."""
    head, separator, start = typed.rpartition("/")
    if not typed or typed == "~":
        return None
    folder = Path(os.path.expanduser(head + separator if separator else "."))
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                entry.name + ("/" if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(start)
                and (start.startswith(".") or not entry.name.startswith("."))
                and (files or entry.is_dir())
            )
    except OSError:
        return None
    return f"{head}{separator}{names[0]}" if names else None


class PathInput(Input):
    """A one-line input with completion of paths."""

    def __init__(self, value: str = "", *, files: bool = False, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(value, placeholder=placeholder, suggester=FolderSuggester(files=files), id=id, compact=True)

    @property
    def path(self) -> Path:
        """What was typed, with ~ put in full where it means something."""
        return Path(os.path.expanduser(self.value.strip()))


class PathsSuggester(Suggester):
    """Completes the last of several paths on a line, files too."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The line with its last path completed; read in a thread."""
        word = last_word(value)
        found = await in_thread(completion, word, True) if word else None
        return value + escaped(found[len(word) :]) if word and found else None


class PathsInput(Input):
    """A one-line input for several paths, as in a shell, with completion of the last one."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(
            value, placeholder=placeholder, suggester=PathsSuggester(), id=id, compact=True, select_on_focus=False
        )

    @property
    def paths(self) -> list[str]:
        """What was typed, in full. Raises `InputError`. Blocks on the disk where there are wildcards."""
        return paths_in(self.value)
