"""The fold: curves, phases, and a resumed run that reads as one run."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.runs import events as e
from engine.runs.state import Curve, RunState


def progress(step: int, loss: float = 1.0) -> e.Progress:
    return e.Progress(
        step=step, time=float(step), steps=1, steps_per_second=10.0, loss=loss, accuracy=0.5, learning_rate=1e-3,
        gradient_norm=1.0,
    )  # fmt: skip


def validated(step: int, accuracy: float) -> e.Validated:
    return e.Validated(
        step=step, time=float(step), loss=2.0, segment_accuracy=accuracy, utterance_accuracy=accuracy,
        utterances_per_second=300.0, utterances=10,
    )  # fmt: skip


def best(step: int, accuracy: float) -> e.Checkpoint:
    return e.Checkpoint(step=step, kind="best", path="best", accuracy=accuracy)


STARTED = e.Started(
    steps=100, device="cpu", device_name="x", precision="float32", threads=2, speakers=3, train_utterances=9,
    validation_utterances=3, encoder_parameters=5, total_parameters=9, seed=0,
)  # fmt: skip


def test_the_phases_of_a_run_in_order() -> None:
    state, phases = RunState(), []
    for event in [
        e.Queued(), e.Preparing(stage="features", done=1, total=2), STARTED, progress(1), e.Paused(step=1),
        e.Continued(step=1), progress(2),
        e.Validating(step=2, done=1, total=2, utterances_per_second=1.0, accuracy=0.1, loss=1.0), validated(2, 0.5),
        e.Stopping(step=2), progress(3),
        e.Finished(step=3, reason="stopped", best_accuracy=0.5, best_step=2, run="run"),
    ]:  # fmt: skip
        state.apply(event)
        phases.append(state.phase)
    assert phases == [
        "starting", "preparing", "training", "training", "paused", "training", "training", "validating", "training",
        "stopping", "stopping", "stopped",
    ]  # fmt: skip
    assert state.ended
    assert state.step == 3


def test_a_resumed_run_reads_as_one_run() -> None:
    first = [STARTED, *[progress(step, loss=9.0 - step) for step in range(1, 7)]]
    killed = [*first, validated(3, 0.3), best(3, 0.3), progress(7, loss=99.0), best(7, 0.9)]
    again = [e.Queued(), STARTED, e.Resumed(step=4, steps=100), progress(5, loss=4.0), progress(6, loss=3.0)]
    state = RunState.of([*killed, *again])
    assert list(state.train_loss.steps) == [1, 2, 3, 4, 5, 6]
    assert list(state.train_loss.values) == [8.0, 7.0, 6.0, 5.0, 4.0, 3.0]
    assert (state.best_step, state.best_accuracy) == (3, 0.3)
    assert state.phase == "training"


def test_a_resumed_run_was_saved_where_it_goes_on_even_if_a_kill_came_before_the_word_of_it() -> None:
    saved = e.Checkpoint(step=4, kind="last", path="last", accuracy=None)
    state = RunState.of([STARTED, progress(4), saved, progress(9), e.Queued(), STARTED, e.Resumed(step=8, steps=100)])
    assert state.last_saved_step == 8
    state.apply(e.Resumed(step=0, steps=100))
    assert state.last_saved_step is None


def test_going_back_drops_points_and_keeps_the_best_checkpoint_as_its_file_is_kept() -> None:
    first = [STARTED, progress(1), validated(2, 0.3), best(2, 0.3), progress(3), validated(4, 0.6), best(4, 0.6)]
    state = RunState.of([*first, progress(5), e.RolledBack(step=2, reason="diverged")])
    assert list(state.train_loss.steps) == [1]
    assert list(state.segment_accuracy.steps) == [2]
    assert (state.step, state.best_step, state.best_accuracy) == (2, 4, 0.6)
    state.apply(e.Resumed(step=2, steps=100))
    assert (state.best_step, state.best_accuracy) == (4, 0.6)
    state.apply(e.Resumed(step=1, steps=100))
    assert state.best_step is None


def test_resuming_takes_back_the_last_word() -> None:
    state = RunState.of([STARTED, progress(1), e.Failed(step=1, cause="error", message="power cut")])
    assert state.phase == "failed"
    state.apply(e.Queued())
    state.apply(e.Resumed(step=0, steps=100))
    assert state.failed is None
    assert not state.ended
    assert len(state.train_loss) == 0


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=40))
def test_steps_never_fall_along_a_curve(moves: list[tuple[int, bool]]) -> None:
    state, step = RunState(), 0
    for amount, back in moves:
        step = max(0, step - amount) if back else step + amount
        state.apply(e.RolledBack(step=step, reason="test") if back else progress(step))
        assert list(state.train_loss.steps) == sorted(state.train_loss.steps)
        assert all(at <= step for at in state.train_loss.steps)


def known(state: RunState) -> dict[str, object]:
    """All that a state tells, curves as lists."""
    curves = {name: value for name, value in vars(state).items() if isinstance(value, Curve)}
    points = {
        name: (list(curve.steps), list(curve.values), list(curve.times), curve.cuts) for name, curve in curves.items()
    }
    return {**vars(state), **points}


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from("pppppvrbq")), max_size=40))
def test_many_events_at_once_tell_the_same_as_one_after_the_other(moves: list[tuple[int, str]]) -> None:
    events: list[e.AnyEvent] = [STARTED]
    step = 0
    for amount, kind in moves:
        step = max(0, step - amount) if kind in "rb" else step + amount
        events.append(
            {
                "p": progress(step, loss=amount),
                "v": validated(step, amount / 10),
                "r": e.Resumed(step=step, steps=100, time=1.0),
                "b": e.RolledBack(step=step, reason="test", time=2.0),
                "q": e.Stopping(step=step, time=3.0),
            }[kind]
        )
    state = RunState()
    for event in events:
        state.apply(event)
    assert known(RunState.of(events)) == known(state)


def test_what_a_run_waited_for_its_turn_is_no_time_that_it_took() -> None:
    waiting = [e.Waiting(place=place, devices=["cpu"], time=100.0 - place) for place in (2, 1)]
    trained = [e.Preparing(stage="loading", done=0, total=0, time=500.0), progress(1)]
    assert RunState.of([e.Queued(process=1, time=90.0), *waiting, *trained]).began == 500.0


def test_time_left_follows_the_recent_rate() -> None:
    state = RunState.of([STARTED, progress(40), progress(50)])
    assert state.seconds_left is not None
    assert abs(state.seconds_left - 5.0) < 1e-9


def resources(step: int, **more: float) -> e.Resources:
    return e.Resources(step=step, time=float(step), processor_load=0.5, memory_bytes=250, **more)  # type: ignore[arg-type]


def test_load_and_memory_become_curves_of_shares() -> None:
    device = {"device_load": 0.75, "device_memory_bytes": 1, "device_memory_total": 4}
    state = RunState.of([STARTED, progress(3), resources(3, memory_total=1000), resources(4, **device)])
    assert list(state.processor_load.values) == [0.5, 0.5]
    assert (list(state.memory_share.steps), list(state.memory_share.values)) == ([3], [0.25])
    assert (list(state.device_load.values), list(state.device_memory_share.values)) == ([0.75], [0.25])


def test_the_memory_of_a_month_of_readings_is_bounded() -> None:
    """Points get further apart, evenly, and reach from the first to the newest."""
    curve = Curve(most=100)
    for step in range(10_000):
        curve.append(step, step, step)
    assert 50 <= len(curve) <= 100
    assert len({later - earlier for earlier, later in pairwise(curve.steps)}) <= 2
    assert curve.steps[0] == 0
    assert curve.steps[-1] > 9_700


def test_a_curve_tells_when_points_were_dropped() -> None:
    curve = Curve()
    for step in range(5):
        curve.append(step, 0.0, 0.0)
    curve.cut_after(4)
    assert curve.cuts == 0, "nothing was dropped"
    curve.cut_after(2)
    assert (curve.cuts, list(curve.steps)) == (1, [0, 1, 2])
