import pytest

from cifarlab.backend import tf
from cifarlab.training.schedule import decay_steps, learning_rate


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


def test_other_rates():
    assert float(learning_rate(20, decay_steps=10, initial=0.5, factor=0.5)) == pytest.approx(0.125)
