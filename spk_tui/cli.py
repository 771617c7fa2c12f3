"""The program `spk-tui`: which command was meant, and what its end means to a shell.

The commands themselves live in `commands/`, one function each, and are loaded only when they are called. The bare
program and its `--help` load no argument parser at all, so that the dashboard's first paint waits for nothing.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError, nearest_spelling
from spk_tui.commands.overview import COMMANDS, overview
from spk_tui.exit_codes import BAD_INPUT, LEFT, OUR_FAULT, WELL

if TYPE_CHECKING:
    from cyclopts import App


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line (default: that of the process) and returns its exit code; see `spk_tui.exit_codes`."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except InputError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return LEFT
    except BrokenPipeError:
        # Whoever read our output has enough of it, such as `head`. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WELL
    except Exception as error:
        from spk_tui.commands.crash import report

        report(error, arguments)
        return OUR_FAULT
    return code


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        return open_program()
    asks_for_help = {"--help", "-h"} & set(arguments) and arguments[0].startswith("-")
    if asks_for_help or arguments == ["help"]:
        sys.stdout.write(overview())
        return WELL
    if not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        hint = nearest_spelling(arguments[0], COMMANDS)
        return _refuse(f"there is no command '{arguments[0]}'{hint} ('spk-tui --help' lists them)")
    from cyclopts import CycloptsError

    try:
        result = build_app(arguments[0])(
            arguments, exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        asked = f"spk-tui {arguments[0]} --help" if arguments[0] in COMMANDS else "spk-tui --help"
        return _refuse(f"{error} ('{asked}' tells what it takes)")
    return result if isinstance(result, int) else WELL


def build_app(command: str) -> App:
    """The argument parser for one command; it alone is loaded. With a command that is none: the bare program's."""
    from cyclopts import App

    app = App(name="spk-tui", version=_version, default_command=open_program, help_format="plaintext")
    if command in COMMANDS:
        module, _, name = COMMANDS[command].function.partition(":")
        function = getattr(import_module(module), name)
        app.command(function, name=command, help=_paragraphs(function.__doc__ or ""))
    return app


def open_program(*, runs: Path | None = None, fps: float | None = None, tour: bool = False) -> int:
    """Opens the dashboard; without a terminal it trains the quick tour instead, with plain progress.

    Parameters
    ----------
    runs
        folder of run directories (default: SPK_TUI_RUNS, or the user's data directory)
    fps
        most frames a second while a run trains, from 0.2 to 30 (default: as in the settings, 4, over SSH 2); there
        are fewer where they would take more than a twentieth of a core
    tour
        begin with the tour of the dashboard
    """
    if fps is not None and not 0.2 <= fps <= 30:
        raise InputError(f"--fps {fps:g} is not allowed; it takes a number from 0.2 to 30")
    if (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TEXTUAL_DRIVER"):  # a browser is no terminal
        gc.disable()  # what is made before the first paint stays; the dashboard collects from then on
        from spk_tui.opening import run_dashboard

        return run_dashboard(runs, frames_per_second=fps, tour=tour)
    from spk_tui.commands.training import train

    return train("quick-tour", runs=runs, display="plain")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("spk-tui")
    except PackageNotFoundError:
        return "unknown (not installed)"


def _paragraphs(docstring: str) -> str:
    """A docstring up to its list of parameters, each paragraph one line, so that help fits any width."""
    import inspect

    text, _, _ = inspect.cleandoc(docstring).partition("\n\nParameters\n---")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _refuse(message: str) -> int:
    sys.stderr.write(f"spk-tui: {message}\n")
    return BAD_INPUT
