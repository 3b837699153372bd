import time

import pytest

from cifarlab.training.timer import StepTimer


def test_pauses_do_not_count_and_waiting_does():
    timer = StepTimer()
    with timer.paused():
        time.sleep(0.2)
    with timer.waiting():
        time.sleep(0.05)
    timer.batches = 5
    seconds, waited = timer.lap(restart=True)
    assert 0.01 <= waited <= seconds < 0.04
    assert timer.batches == 0


def test_lap_without_restart_keeps_counting():
    timer = StepTimer()
    timer.batches = 2
    timer.lap(restart=False)
    assert timer.batches == 2
    assert timer.lap(restart=True)[1] == pytest.approx(0)
