"""The commands of the queue and of a sweep, on real workers that wait: putting in line, listing, moving, taking out."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import pytest

from engine.errors import InputError
from engine.preset import Preset
from engine.runs.devices import DeviceLocks
from engine.runs.directory import find_run, list_runs
from engine.runs.queue import Queue
from spk_tui.cli import main
from tests.engine.runs.workers import wait_until, worker_of
from tests.spk_tui.dashboards import FixedMeter, Home

TINY = ["quick-tour", "--data", "demo:4x6", "--set", "run.device=cpu"]


@pytest.fixture(autouse=True)
def _busy(home: Home) -> Iterator[None]:
    """Somebody trains on the CPU, so that all that is queued waits."""
    locks = DeviceLocks(["cpu"])
    locks.share()
    yield
    for run in list_runs(home.runs):
        if run.alive:
            os.kill(worker_of(run), signal.SIGKILL)
    locks.release()


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command writes."""
    capsys.readouterr()
    assert main(arguments) == code
    written = capsys.readouterr()
    return written.out if code == 0 else written.err


def test_runs_are_put_in_line_listed_moved_taken_out_and_put_in_line_again(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nobody trains and nobody waits" in answer(capsys, "queue")
    assert "is next in line for the CPU, in " in answer(capsys, "train", *TINY, "--queue")
    two = json.loads(answer(capsys, "train", *TINY, "--queue", "--json"))["id"]
    one = next(run.id for run in list_runs(home.runs) if run.id != two)

    listed = json.loads(answer(capsys, "queue", "--json"))
    assert [(each["id"], each["place"], each["state"]) for each in listed] == [(one, 1, "queued"), (two, 2, "queued")]
    assert listed[0]["devices"] == ["cpu"]
    moved = answer(capsys, "queue", "move", two, "--before", one).splitlines()
    assert [line.split()[1:4] for line in moved[1:]] == [["next", "queued", two], ["2nd", "queued", one]]
    answer(capsys, "queue", "move", two, "--last")
    assert [entry.run for entry in Queue(home.runs).read()] == [one, two]
    assert f"{two}  " in answer(capsys, "queue", "move", "last", "--first").splitlines()[1]

    assert f"{two}: stopped before training began" in answer(capsys, "queue", "remove", two)
    wait_until(lambda: not find_run(two, home.runs).alive)
    again = answer(capsys, "resume", two, "--queue")
    assert f"{two} is 2nd in line for the CPU, after {one}" in again

    os.kill(worker_of(find_run(one, home.runs)), signal.SIGKILL)
    wait_until(lambda: not find_run(one, home.runs).alive)
    shown = answer(capsys, "queue")
    assert "interrupted" in shown
    assert f"'spk-tui resume {one} --queue' lets {one} wait again" in shown
    answer(capsys, "queue", "remove", one)
    assert [entry.run for entry in Queue(home.runs).read()] == [two]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["queue", "move"], "say what to do"),
        (["queue", "list", "last"], "say what to do"),
        (["queue", "move", "last"], "takes one of --first, --last and --before OTHER"),
        (["queue", "remove", "last", "--first"], "nothing else does"),
        (["queue", "remove", "nobody"], "no run is called 'nobody'"),
        (["sweep"], "give the preset to vary"),
        (["sweep", "quick-tour"], "nothing varies yet"),
        (["sweep", "quick-tour", "--set", "encoder.ffn=8,-8"], "encoder.ffn = -8 is not allowed"),
        (["sweep", "--show", "nothing"], "there is no sweep 'nothing'"),
    ],
)
def test_what_cant_be_done_is_said_in_words(
    home: Home, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert said in answer(capsys, *arguments, code=2)
    assert list_runs(home.runs) == []


def test_a_sweep_is_planned_queued_and_shown_as_one_table(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.budget_client.BudgetMeter", FixedMeter)
    wanted = ["sweep", *TINY, "--set", "encoder.ffn=40,80", "--set", "budget.encoder_parameters=20000", "--name", "w"]
    planned = answer(capsys, *wanted, "--dry-run")
    assert "2 variants, 2 of them over the budget" in planned
    assert list_runs(home.runs) == []
    queued = json.loads(answer(capsys, *wanted, "--json"))
    assert [(each["values"], each["encoder_parameters"]) for each in queued["variants"]] == [
        ({"encoder.ffn": "40"}, 29_320), ({"encoder.ffn": "80"}, 29_320),
    ]  # fmt: skip
    ids = [each["id"] for each in queued["variants"]]
    assert [entry.run for entry in Queue(home.runs).read()] == ids
    wait_until(lambda: all(entry.process for entry in Queue(home.runs).read()))
    shown = answer(capsys, "sweep", "--show", "w").splitlines()
    assert shown[0].split() == ["encoder.ffn", "STATE", "STEP", "PARAMETERS", "SEGMENT", "UTTERANCE", "RUN"]
    assert [(line.split()[0], line.split()[-1]) for line in shown[1:]] == list(zip(["40", "80"], ids, strict=True))
    assert json.loads(answer(capsys, "sweep", "--show", "w", "--json"))["means"] == []
    assert "already" in answer(capsys, *wanted, code=2)


def test_a_variant_that_cant_be_counted_stops_the_whole_sweep(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(FixedMeter):
        def count(self, preset: Preset, speakers: int | None = None) -> None:
            raise InputError(f"{preset.name} can't be counted")

    monkeypatch.setattr("engine.budget_client.BudgetMeter", Refusing)
    said = answer(capsys, "sweep", *TINY, "--set", "encoder.ffn=40,80", code=2)
    assert "encoder.ffn=40: quick-tour can't be counted" in said
    assert "encoder.ffn=80: quick-tour can't be counted" in said
    assert list_runs(home.runs) == []
