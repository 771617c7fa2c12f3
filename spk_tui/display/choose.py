"""Which face a run gets: the one place that decides."""

from __future__ import annotations

import sys

from spk_tui.commands.options import DisplayName
from spk_tui.display.base import Display


def choose(name: DisplayName) -> Display:
    """The display of that name; `auto` takes bars where they can move, a terminal or a notebook, else plain lines."""
    if name == "auto":
        name = "bars" if in_notebook() or (sys.stdout.isatty() and sys.stderr.isatty()) else "plain"
    if name == "bars":
        from spk_tui.display.bars import Bars

        return Bars()
    if name == "json":
        from spk_tui.display.json_lines import JsonLines

        return JsonLines()
    from spk_tui.display.plain import Plain

    return Plain()


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook (Jupyter, Colab, Kaggle)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config
