"""Being called: what of a run is told, once, by which way, and what a terminal and a webhook really get."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from engine.runs import events as e
from spk_tui import terminal
from spk_tui.attention import Attention
from spk_tui.settings import AttentionSettings, Settings
from spk_tui.watched import News, Watched
from tests.spk_tui.dashboards import Home, Life, dashboard_of, notices, until
from tests.spk_tui.run_directories import finished_run, training_run, write


class Called:
    """An `Attention` whose terminal and screen are lists."""

    def __init__(self, settings: AttentionSettings) -> None:
        self.written: list[str] = []
        self.told: list[News] = []
        self.complaints: list[str] = []
        self.attention = Attention(settings, self.written.append, self.told.append, self.complaints.append)


class Receiver(HTTPServer):
    """A real server that keeps what is posted to it and answers with `status`."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], str]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), Posting)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/my-topic"


class Posting(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.posts.append((dict(self.headers), text))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def done(step: int = 4001) -> e.Finished:
    return e.Finished(step=step, reason="completed", best_accuracy=0.7123, best_step=4000, run="r")


def found() -> e.Diagnosis:
    return e.Diagnosis(step=4010, severity="warning", finding="the accuracy is back at chance", advice="a lower rate")


def failed() -> e.Failed:
    return e.Failed(step=4020, cause="diverged", message="the loss is not a number")


# ------------------------------------------------------------------------------------------------ what is told


def test_what_happened_before_a_run_was_shown_is_no_news(tmp_path: Path) -> None:
    watched = Watched(finished_run(tmp_path, until=4000))
    assert watched.look() == []
    assert not watched.is_live
    assert watched.name == "transformer-154k"


def test_a_finish_a_failure_and_a_diagnosis_are_told_once_each(tmp_path: Path, life: Life) -> None:
    run = life.give(training_run(tmp_path, until=7000))
    watched = Watched(run)
    assert watched.look() == []
    assert (watched.is_live, watched.share) == (True, 0.1)
    write(run, found(), e.Diagnosis(step=4011, severity="notice", finding="healthy again"), failed(), done())
    assert [(news.occasion, news.text) for news in watched.look()] == [
        ("diagnosis", "step 4,010: the accuracy is back at chance"),
        ("failure", "failed at step 4,020: the loss is not a number"),
        ("finish", "finished at step 4,001, best accuracy 0.7123"),
    ]
    assert watched.look() == []
    life.end(run)
    assert watched.look() == []


def test_a_worker_that_is_gone_without_a_last_word_is_a_failure_and_one_with_it_is_not(
    tmp_path: Path, life: Life
) -> None:
    killed, ended = (life.give(training_run(tmp_path, until=4000, name=name)) for name in ("killed", "ended"))
    watched = [Watched(killed), Watched(ended)]
    assert [one.look() for one in watched] == [[], []]
    write(ended, done())
    life.end(killed)
    life.end(ended)
    assert [[news.occasion for news in one.look()] for one in watched] == [["failure"], ["finish"]]
    assert [one.look() for one in watched] == [[], []]


# ------------------------------------------------------------------------------------------------ how it is told


@pytest.mark.parametrize(
    ("settings", "bell", "desktop"),
    [
        (AttentionSettings(), True, True),
        (AttentionSettings(bell=False), False, True),
        (AttentionSettings(desktop="off"), True, False),
        (AttentionSettings(on_finish=False), False, False),
    ],
)
async def test_each_way_to_call_can_be_switched_off(
    tmp_path: Path, life: Life, settings: AttentionSettings, bell: bool, desktop: bool
) -> None:
    run = life.give(training_run(tmp_path, until=4000))
    called = Called(settings)
    called.attention.watch(run)
    await called.attention.look()
    write(run, done())
    await called.attention.look()
    assert ("\a" in called.written) == bell
    assert any("finished at step" in text for text in called.written) == desktop
    assert [news.text for news in called.told] == ["finished at step 4,001, best accuracy 0.7123"]


async def test_the_title_says_what_runs_and_how_far_and_is_given_back(tmp_path: Path, life: Life) -> None:
    run = life.give(training_run(tmp_path, until=7000))
    called = Called(AttentionSettings())
    called.attention.watch(run)
    await called.attention.look()
    await called.attention.look()
    assert called.written == [terminal.SAVE_TITLE + terminal.title("10 % transformer-154k")]
    other = life.give(training_run(tmp_path, until=14_000, name="20251010-090000-other"))
    called.attention.watch(other)
    await called.attention.look()
    assert called.written[1:] == [terminal.title("20 % transformer-154k and 1 more")]
    called.attention.close()
    called.attention.close()
    assert called.written[2:] == [terminal.RESTORE_TITLE]


async def test_a_dashboard_that_watches_nothing_leaves_the_title_alone(tmp_path: Path) -> None:
    called = Called(AttentionSettings())
    called.attention.watch(finished_run(tmp_path, until=4000))
    await called.attention.look()
    called.attention.close()
    assert called.written == []


async def test_a_run_that_is_deleted_is_forgotten(tmp_path: Path) -> None:
    run = finished_run(tmp_path, until=4000)
    called = Called(AttentionSettings())
    called.attention.watch(run)
    run.delete()
    await called.attention.look()
    assert called.told == []


def test_notifications_take_the_way_that_the_terminal_knows() -> None:
    osc9, osc777 = "\x1b]9;spk-tui a: done\a", "\x1b]777;notify;spk-tui a;done\a"
    assert terminal.notification("spk-tui a", "done", environment={"TERM_PROGRAM": "WezTerm"}) == osc9
    assert terminal.notification("spk-tui a", "done", environment={"VTE_VERSION": "7600"}) == osc777
    assert terminal.notification("spk-tui a", "done", environment={"TERM": "xterm-256color"}) == osc9 + osc777
    assert terminal.notification("spk-tui a", "done", "osc9", {"VTE_VERSION": "7600"}) == osc9
    assert terminal.notification("spk-tui a", "done", "osc9", {"TMUX": "/tmp/tmux"}) == (
        "\x1bPtmux;\x1b\x1b]9;spk-tui a: done\a\x1b\\"
    )


def test_what_a_run_says_can_not_command_the_terminal() -> None:
    said = terminal.notification("a;b\x1b]0;x\a", "\x9b2J\nline" + "x" * 500, "osc777", {})
    assert said.count("\x1b") == said.count("\a") == 1
    assert "\x9b" not in said
    assert said.count(";") == 3
    assert len(said) < 300


# ------------------------------------------------------------------------------------------------ webhook


async def test_a_webhook_gets_one_post_for_each_thing_that_one_is_called_for(
    tmp_path: Path, life: Life, receiver: Receiver
) -> None:
    run = life.give(training_run(tmp_path, until=4000))
    called = Called(AttentionSettings(webhook=receiver.address, on_diagnosis=False))
    called.attention.watch(run)
    await called.attention.look()
    write(run, found(), failed())
    await called.attention.look()
    [(headers, text)] = receiver.posts
    assert text == "failed at step 4,020: the loss is not a number"
    assert (headers["Title"], headers["Priority"], headers["Tags"]) == ("spk-tui transformer-154k", "high", "failure")
    assert called.complaints == []


async def test_a_webhook_that_fails_is_told_once(tmp_path: Path, life: Life, receiver: Receiver) -> None:
    run = life.give(training_run(tmp_path, until=4000))
    called = Called(AttentionSettings(webhook=receiver.address))
    called.attention.watch(run)
    await called.attention.look()
    receiver.status = 500
    write(run, found(), failed(), done())
    await called.attention.look()
    assert len(receiver.posts) == 3
    assert len(called.complaints) == 1
    assert "answered 500" in called.complaints[0]


# ------------------------------------------------------------------------------------------------ in the dashboard


async def test_one_is_called_whatever_screen_is_open(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs, until=4000))
    async with home.dashboard(Settings()).run_test(size=(120, 40)) as pilot:
        dashboard_of(pilot).open_run(run)
        await until(pilot, "step 4,000")
        await pilot.press("f2")
        await dashboard_of(pilot).attention.look()
        write(run, failed())
        await until(pilot, lambda: "transformer-154k: failed at step 4,020" in notices(pilot))
