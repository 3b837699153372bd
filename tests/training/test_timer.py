"""Tests of the step timer."""

import pytest

from cifarlab.training import timer as module
from cifarlab.training.timer import StepTimer


@pytest.fixture
def pass_time(monkeypatch):
    """A function that sets the clock forward, by seconds; otherwise it stands still."""
    now = [100.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])

    def forward(seconds):
        now[0] += seconds

    return forward


def test_pauses_do_not_count_and_waiting_does(pass_time):
    timer = StepTimer()
    with timer.paused():
        pass_time(20)
    with timer.waiting():
        pass_time(5)
    pass_time(10)
    timer.batches = 5
    assert timer.lap(restart=True) == pytest.approx((3, 1))
    assert timer.batches == 0


def test_lap_without_restart_keeps_counting(pass_time):
    timer = StepTimer()
    with timer.waiting():
        pass_time(4)
    timer.batches = 2
    assert timer.lap(restart=False) == pytest.approx((2, 2))
    assert timer.batches == 2
    assert timer.lap(restart=True) == pytest.approx((2, 2))
    assert timer.lap(restart=True) == pytest.approx((0, 0), abs=1e-6)
