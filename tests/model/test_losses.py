import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.model.losses import loss
from cifarlab.model.network import ConvNet, inference

RNG = np.random.default_rng(2)


@pytest.mark.parametrize("compiled", [False, True])
def test_losses_equal_numpy(compiled):
    net, logits, labels = ConvNet(), RNG.normal(0, 3, [6, 10]).astype(np.float32), RNG.integers(0, 10, 6, np.int32)
    f = tf.function(lambda x, y: loss(net, x, y)) if compiled else (lambda x, y: loss(net, x, y))
    losses = f(logits, labels)
    log_sum = np.log(np.exp(logits.astype(np.float64)).sum(1))
    cross_entropy = (log_sum - logits[range(6), labels]).mean()
    decay = {name: 0.004 * (getattr(net, name).weights.numpy() ** 2).sum() / 2 for name in ("local3", "local4")}
    assert float(losses.cross_entropy) == pytest.approx(cross_entropy, rel=1e-5)
    assert {name: float(value) for name, value in losses.weight_decay.items()} == pytest.approx(decay, rel=1e-4)
    assert float(losses.total) == pytest.approx(cross_entropy + sum(decay.values()), rel=1e-5)


def test_large_logits_stay_finite():
    losses = loss(ConvNet(), tf.constant([[1e4] + [-1e4] * 9]), tf.constant([1]))
    assert float(losses.cross_entropy) == pytest.approx(2e4)


@pytest.mark.parametrize("seed", range(5))
def test_loss_at_step_0_is_4_68(drawn, seed):
    """ln 10 + 0.004 * 1/2 * 958,464 * 0.04^2 * 0.7737 = 4.676."""
    from cifarlab.data.pipeline import distorted_inputs

    net = ConvNet(seed=seed)
    images, labels = next(iter(distorted_inputs(drawn, seed=seed)))
    assert float(loss(net, inference(net, images), labels).total) == pytest.approx(4.68, abs=0.03)


def test_only_local3_and_local4_decay():
    assert list(loss(ConvNet(), tf.zeros([1, 10]), tf.constant([0])).weight_decay) == ["local3", "local4"]


def test_losses_have_the_tutorials_summary_names():
    names = loss(ConvNet(), tf.zeros([1, 10]), tf.constant([0])).by_name()
    assert set(names) == {"local3/weight_loss", "local4/weight_loss", "cross_entropy", "total_loss"}


def test_gradients_agree_with_finite_differences():
    """Checks every variable, through the whole network with the reference operations."""
    net = ConvNet(seed=3, fast_ops=False)
    images, labels = RNG.normal(size=[4, 24, 24, 3]).astype(np.float32), tf.constant([0, 3, 3, 9])

    def total():
        return loss(net, inference(net, images), labels).total

    with tf.GradientTape() as tape:
        value = total()
    gradients = tape.gradient(value, net.trainable_variables)
    for variable, gradient in zip(net.trainable_variables, gradients, strict=True):
        # Along the gradient, the loss increases by the gradient's squared length. The step is large enough for
        # float32 rounding errors, and small enough that few ReLUs switch.
        length = float(tf.norm(gradient))
        before = variable.numpy()
        step = 3e-3 / length
        variable.assign(before + step * gradient)
        above = float(total())
        variable.assign(before - step * gradient)
        below = float(total())
        variable.assign(before)
        assert (above - below) / (2 * step) == pytest.approx(length**2, rel=0.02), variable.name
