import time

import pytest

from cifarlab.training.timer import Clock


def test_pauses_do_not_count_and_waiting_does():
    clock = Clock()
    with clock.paused():
        time.sleep(0.2)
    with clock.waiting():
        time.sleep(0.05)
    clock.batches = 5
    seconds, waited = clock.lap(restart=True)
    assert 0.01 <= waited <= seconds < 0.04
    assert clock.batches == 0


def test_a_look_in_between_restarts_nothing():
    clock = Clock()
    clock.batches = 2
    clock.lap(restart=False)
    assert clock.batches == 2
    assert clock.lap(restart=True)[1] == pytest.approx(0)
