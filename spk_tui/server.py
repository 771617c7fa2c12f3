"""The dashboard's web server: textual-serve, bound to loopback, with a token in front of every path.

The token is the first part of each path, so that the page, its scripts and its websocket have it without a cookie that
another page could borrow. A websocket opened by a page of another origin is refused even with it.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server

from engine.errors import InputError
from spk_tui.commands.answers import say, say_json

HOST = "127.0.0.1"
SECONDS_TO_END = 3.0  # for dashboards that are open in a browser
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LoopbackServer(Server):
    """textual-serve below a path that begins with the token."""

    def __init__(self, command: str, port: int, token: str) -> None:
        self.token = token
        origin = f"http://{HOST}:{port}"
        super().__init__(command, HOST, port, title="spk-tui", public_url=origin)

    @property
    def address(self) -> str:
        """What a browser opens."""
        return f"{self.public_url}/{self.token}/"

    async def _make_app(self) -> web.Application:
        guarded = web.Application(middlewares=[self._guard])
        guarded.add_subapp(f"/{self.token}/", await super()._make_app())
        return guarded

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets a request pass whose path begins with the token, and whose origin, if it says one, is this server."""
        given = request.path.split("/")[1]
        origin = request.headers.get("Origin", self.public_url).replace("//localhost:", f"//{HOST}:")
        if not hmac.compare_digest(given.encode(), self.token.encode()) or origin != self.public_url:
            raise web.HTTPForbidden(text="This address lacks the token that 'spk-tui serve' printed.\n")
        response = await handler(request)
        if not response.prepared:
            response.headers["Referrer-Policy"] = "no-referrer"  # the token is part of the address
        return response

    async def on_startup(self, app: web.Application) -> None:
        """textual-serve would say here where it listens, without the token and before it does."""


def serve_dashboard(port: int, runs: Path | None, as_json: bool = False) -> None:
    """Serves until Ctrl+C or SIGTERM. `port` 0 takes a free one. Raises `InputError` when the port is taken."""
    listening = _listen(port)
    command = [sys.executable, "-m", "spk_tui", *(["--runs", str(runs.resolve())] if runs is not None else [])]
    server = LoopbackServer(shlex.join(command), listening.getsockname()[1], secrets.token_urlsafe(24))
    logging.getLogger().addHandler(logging.NullHandler())  # addresses have the token in them

    def announce(_: str) -> None:
        """Called once the server answers."""
        if as_json:
            say_json({"address": server.address})
        else:
            say(f"{server.address}\nThe dashboard, for browsers of this machine. Ctrl+C ends it; runs go on training.")
        sys.stdout.flush()

    web.run_app(server._make_app(), sock=listening, print=announce, access_log=None, shutdown_timeout=SECONDS_TO_END)


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise InputError(f"port {port} can't be used ({error.strerror}); --port takes another, 0 a free one") from None
    return listening
