"""The pace of a live screen: its usual rate while that is cheap, slower as frames cost more, never still."""

from __future__ import annotations

import pytest

from spk_tui.pace import Pace


class Machine:
    """Real time and processor time as frames of a known cost spend them; `idle` is spent a second besides."""

    def __init__(self, idle: float = 0.0) -> None:
        self.now = self.spent = 0.0
        self.idle = idle
        self.pace = Pace(0.25, share=0.05, slowest=1.0, spent=lambda: self.spent)

    def draw(self, frames: int, cost: float) -> float:
        """Draws so many frames; returns the share of a core that they took."""
        began, before = self.now, self.spent
        for _ in range(frames):
            self.spent += cost
            wait = self.pace.seconds_to_next()
            self.now += wait
            self.spent += self.idle * wait
        return (self.spent - before) / (self.now - began)


def test_cheap_frames_keep_the_usual_rate() -> None:
    machine = Machine()
    machine.draw(100, cost=0.010)
    assert machine.now == pytest.approx(25.0)


@pytest.mark.parametrize("idle", [0.0, 0.01])
def test_dear_frames_come_so_seldom_that_their_share_of_a_core_holds(idle: float) -> None:
    machine = Machine(idle)
    machine.draw(50, cost=0.025)
    assert machine.draw(50, cost=0.025) == pytest.approx(0.05, rel=0.02)


def test_there_is_a_frame_a_second_whatever_it_costs() -> None:
    machine = Machine()
    machine.draw(50, cost=3.0)
    began = machine.now
    machine.draw(10, cost=3.0)
    assert machine.now - began == pytest.approx(10.0, rel=0.01)


def test_one_dear_frame_is_forgiven_and_after_many_the_usual_rate_comes_back() -> None:
    machine = Machine()
    machine.draw(20, cost=0.005)
    machine.draw(1, cost=2.0)
    began = machine.now
    machine.draw(10, cost=0.005)
    assert machine.now - began < 3.5
    machine.draw(50, cost=2.0)
    machine.draw(20, cost=0.005)
    began = machine.now
    machine.draw(4, cost=0.005)
    assert machine.now - began == pytest.approx(1.0)
