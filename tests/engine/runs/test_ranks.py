"""Several ranks as real processes: they train as one does, are told of when they die, and never outlive the worker."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from engine.errors import InputError
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import client
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.event_log import EventReader
from engine.runs.machines import ONE_MACHINE, Machines
from engine.runs.rank_link import Deaths, Lines, Message, failing
from engine.runs.supervisor import Supervisor
from tests.engine.runs.workers import wait_for, wait_for_end, wait_until_dead, worker_of

SMALL = ["segments.frames=32", "segments.batch_size=7", "run.device=cpu", "run.threads=2", "run.precision=float32"]


def small(name: str, *overrides: str) -> Preset:
    return with_overrides(find_preset(name, SMALL), overrides)


def last_of(run: RunDirectory) -> dict:
    return torch.load(run.last_path, weights_only=True)


def ranks_of(run: RunDirectory) -> list[psutil.Process]:
    """The processes that train, in the order of their ranks."""
    below = psutil.Process(worker_of(run)).children(recursive=True)
    return sorted(
        (process for process in below if "RANK" in process.environ()), key=lambda one: int(one.environ()["RANK"])
    )


def curve_of(run: RunDirectory, steps: int) -> list[tuple[float, ...]]:
    """What training and validation said of each of the first steps; a validation after each parts them."""
    said: dict[int, list[float]] = {}
    for event in EventReader(run.events_path).read():
        if isinstance(event, e.Progress):
            assert event.steps == 1
            said.setdefault(event.step, []).extend((event.loss, event.accuracy, event.gradient_norm))
        elif isinstance(event, e.Validated):
            said[event.step] += (event.loss, event.segment_accuracy, event.utterance_accuracy)
    return [tuple(said[step]) for step in range(1, steps + 1)]


def test_two_ranks_train_as_one_does_answer_and_one_goes_on_alone(corpus: Path, tmp_path: Path) -> None:
    # Our masked batch normalisation in the encoder, torch's own in the head; slices of 3 and of 4 segments.
    preset = small(
        "conformer-small-98k", "encoder.d_model=16", "encoder.layers=1", "encoder.heads=2", "encoder.kernel=7",
        "encoder.dropout=0", "pooling.kind=self_attentive", "run.steps=100000", "schedule.warmup_steps=1",
        "validation.every=1", "segments.short=pad", "segments.shortest=20", "augment.time_masks=1",
        "optimizer.clip_norm=0.5", "optimizer.average=0.5",
    )  # fmt: skip
    one = client.start_run(preset, str(corpus), tmp_path / "one")
    wait_for(one, lambda event: isinstance(event, e.Validated) and event.step >= 12)
    client.ask(one, "stop")
    two = client.start_run(with_overrides(preset, ["run.devices=2"]), str(corpus), tmp_path / "two")
    wait_for(two, lambda event: isinstance(event, e.Validated) and event.step >= 12)
    assert client.ask_and_wait(two, "pause").ok
    assert two.condition(two.state()) == "paused"
    assert client.ask_and_wait(two, "continue").ok
    assert client.ask_and_wait(two, "save").ok
    os.kill(worker_of(two), signal.SIGTERM)  # a stop like any other
    wait_until_dead(two)
    assert two.state().finished.reason == "stopped"
    assert two.state().started.ranks == two.info().ranks == 2
    assert two.state().started.threads == 1
    of_one, of_two = curve_of(one, 12), curve_of(two, 12)
    np.testing.assert_allclose(of_two, of_one, rtol=1e-4)
    assert min(norm for _, _, norm, *_ in of_one) > 0.5  # clipping was on
    assert of_one[-1][0] < of_one[0][0]

    client.resume_run(two, devices=1)
    notice = wait_for(two, lambda event: isinstance(event, e.Diagnosis) and "number of devices" in event.finding)
    assert notice.finding == "the number of devices changes from 2 to 1"
    wait_for(two, lambda event: isinstance(event, e.Progress) and event.step > notice.step)
    assert client.ask_and_wait(two, "stop").ok
    assert two.state().started.ranks == two.info().ranks == two.preset().run.devices == 1


def test_ranks_that_die_are_told_of_orphans_end_and_what_is_resumed_ends_with_the_same_weights(
    corpus: Path, tmp_path: Path
) -> None:
    preset = small(
        "conformer-225k", "encoder.d_model=16", "encoder.ffn=24", "encoder.dropout=0.2", "run.steps=120",
        "validation.every=20", "run.devices=2",
    )  # fmt: skip
    whole = client.start_run(preset, str(corpus), tmp_path / "whole")
    assert isinstance(wait_for_end(whole)[-1], e.Finished), whole.console_path.read_text()

    run = client.start_run(preset, str(corpus), tmp_path / "killed")
    wait_for(run, lambda event: isinstance(event, e.Checkpoint) and event.kind == "last")
    ranks = ranks_of(run)
    assert len(ranks) == 2
    ranks[1].kill()
    failed = wait_for(run, lambda event: isinstance(event, e.Failed), seconds=30.0)
    assert failed.cause == "error"
    assert "rank 1 of 2 was ended by SIGKILL" in failed.message
    assert f"spk-tui resume {run.id}" in failed.message
    assert not psutil.wait_procs(ranks, timeout=30)[1]
    wait_until_dead(run)

    client.resume_run(run)
    wait_for(run, lambda event: isinstance(event, e.Resumed))
    ranks = ranks_of(run)
    os.kill(worker_of(run), signal.SIGKILL)
    wait_until_dead(run)
    assert not psutil.wait_procs(ranks, timeout=30)[1]
    assert run.condition(run.state()) == "interrupted"

    client.resume_run(run)
    wait_for(run, lambda event: isinstance(event, e.Finished))
    wait_until_dead(run)
    assert run.state().finished.reason == "completed"
    assert not any("number of devices" in diagnosis.finding for diagnosis in run.state().diagnoses)
    left, right = last_of(whole), last_of(run)
    assert all(torch.equal(left["model"][name], right["model"][name]) for name in left["model"])
    assert torch.equal(left["random_of_others"][0]["cpu"], right["random_of_others"][0]["cpu"])
    assert left["state"] == right["state"]


OWN = failing(1, e.Failed(cause="input", message="mine.py, line 3: ValueError: too loud"), lost=False)
LOST = failing(0, e.Failed(cause="error", message="connection closed"), lost=True)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([LOST, OWN, Deaths({0: 3, 1: 2})], "mine.py, line 3"),
        ([LOST, Deaths({0: 3, 1: -9})], "rank 1 of 4 was ended by SIGKILL"),
        ([LOST, Deaths({0: 3})], "rank 0 of 4 lost another rank, .* torchrun on the other machines tells"),
        ([Deaths({1: 7})], "rank 1 of 4 ended with exit code 7"),
        ([], "torchrun ended with exit code 5"),
    ],
)
def test_the_last_word_names_the_cause_and_not_what_followed_from_it(
    tmp_path: Path, messages: list[Message], said: str
) -> None:
    settings = with_overrides(find_preset("quick-tour"), ["run.devices=2"]).run
    machines = Machines.of(2, "first:29500")
    supervisor = Supervisor(RunDirectory(tmp_path), settings, machines, requests=list, while_starting=lambda: None)
    for message in messages:
        assert list(supervisor._take(Lines(None), message)) == []
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(supervisor._last_word(5).message)


def test_machines_are_told_where_to_meet() -> None:
    machines = Machines.of(3, "node1:29501")
    words = [notice.advice for notice in machines.notices(4, "/shared/a run")]
    assert words == [
        f"type there: torchrun --nnodes 3 --node-rank {machine} --nproc-per-node 4 --master-addr node1 --master-port"
        " 29501 -m engine.runs.rank '/shared/a run'"
        for machine in (1, 2)
    ]
    assert ONE_MACHINE.arguments() == []
    assert list(ONE_MACHINE.notices(4, "run")) == []
    for number, rendezvous in [(2, ""), (1, "node1:29500"), (0, "")]:
        with pytest.raises(InputError, match="--machines"):
            Machines.of(number, rendezvous)
    for rendezvous in ("node1", "node1:x", ":29500"):
        with pytest.raises(InputError, match="HOST:PORT"):
            Machines.of(2, rendezvous)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["run.devices=8", "segments.batch_size=7"], "run.devices = 8 is more than segments.batch_size = 7"),
        (["run.devices=2", "run.device=cuda:1"], "run.device = 'cuda:1' is one device and run.devices = 2"),
    ],
)
def test_devices_that_can_not_train_together_are_refused(overrides: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        with_overrides(find_preset("quick-tour"), overrides)
