"""`spk-tui serve`: a real server of which nobody sees anything without the token, and a dashboard with it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from spk_tui.cli import main
from tests.end_to_end.terminal import worker_folders

PATIENCE = 30.0


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server answers for as long as these tests run; it ends in order afterwards."""
    server = subprocess.Popen(
        [sys.executable, "-m", "spk_tui", "serve", "--port", "0", "--json"],
        env=worker_folders(tmp_path_factory.mktemp("home")), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    yield json.loads(server.stdout.readline())["address"]
    server.send_signal(signal.SIGINT)
    assert server.wait(PATIENCE) == 0


async def test_without_the_token_nothing_is_served(address: str) -> None:
    base, token = address.rstrip("/").rsplit("/", 1)
    assert base.startswith("http://127.0.0.1:")
    assert len(token) >= 32
    async with aiohttp.ClientSession() as session:
        for path in ("", "ws", "static/js/textual.js", f"{token[:-1]}/", f"{token[:-1]}x/ws", f"?token={token}"):
            async with session.get(f"{base}/{path}") as answer:
                assert answer.status == 403, path


async def test_with_the_token_a_page_opens_a_dashboard(address: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(address) as answer:
            page = await answer.text()
            assert answer.status == 200
            assert answer.headers["Referrer-Policy"] == "no-referrer"
        websocket = f"{address}ws".replace("http:", "ws:")
        assert websocket in page
        async with session.ws_connect(f"{websocket}?width=80&height=24") as dashboard:
            painted = b""
            while b"Presets" not in painted:
                message = await dashboard.receive(PATIENCE)
                assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), message
                painted += message.data if isinstance(message.data, bytes) else b""


async def test_a_page_of_another_origin_gets_no_dashboard_even_with_the_token(address: str) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{address}ws", origin="http://example.org")
        assert refused.value.status == 403


def test_a_port_that_is_taken_is_told(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    port = address.split(":")[2].split("/")[0]
    assert main(["serve", "--port", port]) == 2
    assert f"port {port} can't be used" in capsys.readouterr().err


def test_without_the_extra_one_is_told_which_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("spk_tui.commands.serving.find_spec", lambda name: None)
    assert main(["serve"]) == 2
    assert "pip install 'spk-tui[serve]'" in capsys.readouterr().err
