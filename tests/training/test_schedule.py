import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.training.schedule import decay_steps, learning_rate, one_cycle


@pytest.mark.parametrize("compiled", [False, True])
def test_the_rate_is_a_staircase(compiled):
    rate = tf.function(learning_rate) if compiled else learning_rate
    assert [float(rate(tf.constant(s, tf.int64))) for s in (0, 136_717)] == pytest.approx([0.1, 0.1])
    assert [float(rate(tf.constant(s, tf.int64))) for s in (136_718, 273_435)] == pytest.approx([0.01, 0.01])
    assert float(rate(tf.constant(273_436, tf.int64))) == pytest.approx(0.001)


def test_decay_steps_are_350_epochs():
    assert decay_steps() == 136_718
    assert decay_steps(50_000, 64) == int(50_000 / 64 * 350)
    assert decay_steps(10_000, 128, 10) == 781


def test_infinite_epochs_per_decay_never_decay():
    assert float(learning_rate(10**9, decay_steps=decay_steps(epochs_per_decay=float("inf")))) == pytest.approx(0.1)


def test_other_rates():
    assert float(learning_rate(20, decay_steps=10, initial=0.5, factor=0.5)) == pytest.approx(0.125)


@pytest.mark.parametrize("compiled", [False, True])
def test_one_cycle_rises_and_falls_linearly(compiled):
    def rate(step):
        return one_cycle(step, max_steps=400, peak=0.2)

    rate = tf.function(rate) if compiled else rate
    rates = [float(rate(tf.constant(s, tf.int64))) for s in range(401)]
    assert rates[0] == rates[400] == 0
    assert rates[100] == max(rates) == pytest.approx(0.2)
    assert np.diff(rates[:101]) == pytest.approx([0.2 / 100] * 100, abs=1e-6)
    assert np.diff(rates[100:]) == pytest.approx([-0.2 / 300] * 300, abs=1e-6)
    assert float(rate(tf.constant(500, tf.int64))) == 0  # the rate stays zero after max_steps


def test_one_cycle_with_another_warm_up():
    assert float(one_cycle(5, max_steps=100, peak=1.0, warm_up=0.1)) == pytest.approx(0.5)
