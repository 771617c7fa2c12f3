"""The command `serve`: the same dashboard in a browser of this machine, behind a token that nobody can guess.

The server itself is textual-serve, in `spk_tui/server.py`; it is loaded only here, and only where it is installed.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from engine.errors import InputError
from spk_tui.commands.options import AsJson, Runs
from spk_tui.exit_codes import WELL


def serve(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8000,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Serves the dashboard to browsers of this machine, until Ctrl+C. Every page that is opened is one of its own.

    Only this machine can reach it (127.0.0.1), and only with the address that is printed: it has a new token in it each
    time. To reach it from elsewhere, forward the port with SSH: ssh -L 8000:127.0.0.1:8000 HOST

    JSON: {"address"}, once it can be opened.

    Parameters
    ----------
    port
        the port to listen on; 0 takes a free one
    """
    if find_spec("textual_serve") is None:
        raise InputError("'serve' needs the extra of that name: pip install 'spk-tui[serve]'")
    from spk_tui.server import serve_dashboard

    serve_dashboard(port, None if runs is None else Path(runs), as_json)
    return WELL
