"""A child process uses the model: its answer is that of this process, and it never outlives whoever asked."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from engine.corpus.reporting import silently
from engine.errors import InputError
from engine.use import client
from engine.use.client import UseFailed, ask
from engine.use.evaluating import evaluate
from engine.use.orders import Evaluate
from engine.use.results import Evaluation
from tests.engine.use.trained import trained


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> Evaluate:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPK_TUI_CACHE", str(home / "cache"))
        one = trained(home)
    return Evaluate(str(one.run.best_path), str(one.root), "all", device="cpu")


@pytest.fixture(autouse=True)
def _cache(order: Evaluate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_CACHE", str(Path(order.corpus).parent / "cache"))


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if client.CHILD in child.cmdline()]


def test_its_answer_is_the_one_of_this_process(order: Evaluate) -> None:
    heard = []
    found = ask(order, Evaluation, lambda *said: heard.append(said))
    here = evaluate(order, silently)
    assert (found.model, found.whole.top1, found.matrix) == (here.model, here.whole.top1, here.matrix)
    assert found.whole.loss == pytest.approx(here.whole.loss, rel=1e-6)
    assert heard[-1] == ("evaluating", 50, 50, "utterances")
    assert children() == []


def test_what_cannot_be_used_is_refused_in_its_words(order: Evaluate, tmp_path: Path) -> None:
    (tmp_path / "no.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"no\.safetensors: can't be read as a checkpoint"):
        ask(Evaluate(str(tmp_path / "no.safetensors"), order.corpus, "all"), Evaluation)


def test_a_report_that_raises_ends_the_child(order: Evaluate) -> None:
    processes = []

    def stop(stage: str, done: int, total: int, unit: str) -> None:
        processes.extend(children())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(order, Evaluation, stop)
    assert len(processes) == 1
    assert not processes[0].is_running()


def test_a_child_that_is_killed_is_no_fault_of_ours(order: Evaluate) -> None:
    def kill(stage: str, done: int, total: int, unit: str) -> None:
        for child in children():
            child.send_signal(signal.SIGKILL)

    with pytest.raises(InputError, match="was ended by SIGKILL"):
        ask(order, Evaluation, kill)


def test_a_fault_of_ours_comes_back_with_its_traceback(order: Evaluate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CHILD", "engine.use.no_such_module")
    with pytest.raises(UseFailed, match="no_such_module"):
        ask(order, Evaluation)
