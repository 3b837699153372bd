import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.model.losses import loss
from cifarlab.model.network import ConvNet, inference
from cifarlab.training.state import TrainState
from cifarlab.training.step import apply_gradients, losses_and_gradients, train_step, update_weight_averages

RNG = np.random.default_rng(4)


def batch(size=8):
    return RNG.normal(size=[size, 24, 24, 3]).astype(np.float32), RNG.integers(0, 10, size).astype(np.int32)


def weights(net):
    return {v.name: v.numpy().copy() for v in net.trainable_variables}


@pytest.mark.parametrize("compiled", [False, True])
def test_one_step_is_gradient_descent(compiled):
    state, (images, labels) = TrainState(ConvNet(seed=2)), batch()
    before = weights(state.network)
    with tf.GradientTape() as tape:
        total = loss(state.network, inference(state.network, images), labels).total
    gradients = tape.gradient(total, state.network.trainable_variables)
    step = tf.function(lambda x, y: train_step(state, x, y)) if compiled else (lambda x, y: train_step(state, x, y))
    result = step(tf.constant(images), tf.constant(labels))
    assert float(result.losses.total) == pytest.approx(float(total), rel=1e-5)
    assert int(state.step) == 1
    for variable, gradient in zip(state.network.trainable_variables, gradients, strict=True):
        expected = before[variable.name] - 0.1 * gradient.numpy()
        np.testing.assert_allclose(variable.numpy(), expected, atol=2e-6, err_msg=variable.name)


def test_any_batch_size():
    state = TrainState(ConvNet())
    for size in (1, 5):
        assert np.isfinite(float(train_step(state, *map(tf.constant, batch(size))).losses.total))


@pytest.mark.parametrize("compiled", [False, True])
def test_averages_follow_the_hand_rolled_recurrence(compiled):
    """The first decay is 2/11; the averages use the weights after the update."""
    state = TrainState(ConvNet(seed=5), moving_average_decay=0.4)
    step = tf.function(lambda x, y: train_step(state, x, y)) if compiled else (lambda x, y: train_step(state, x, y))
    expected, decays = weights(state.network), []
    for number in range(1, 6):
        step(*map(tf.constant, batch(4)))
        decays.append(min(0.4, (1 + number) / (10 + number)))
        now = weights(state.network)
        expected = {name: decays[-1] * expected[name] + (1 - decays[-1]) * now[name] for name in now}
    assert decays == pytest.approx([2 / 11, 3 / 12, 4 / 13, 5 / 14, 0.4])
    averages = weights(state.averages)
    for name, values in expected.items():
        np.testing.assert_allclose(averages[name], values, atol=2e-6, err_msg=name)


def test_averages_copy_non_trainable_variables():
    net = ConvNet()
    net.seen = tf.Variable(0.0, trainable=False)
    state = TrainState(net)
    net.seen.assign(3.0)
    update_weight_averages(state)
    assert state.averages.seen.numpy() == 3.0


def test_the_averages_cap_is_reached_at_step_89_990():
    state = TrainState(ConvNet())

    def decay_after(step):
        state.step.assign(step - 1)
        state.network.softmax_linear.biases.assign(tf.ones([10]))
        state.averages.softmax_linear.biases.assign(tf.zeros([10]))
        apply_gradients(state, [tf.zeros_like(v) for v in state.network.trainable_variables], tf.constant(0.1))
        return 1 - float(state.averages.softmax_linear.biases[0])

    assert decay_after(1) == pytest.approx(2 / 11, abs=1e-6)
    assert pytest.approx(0.9999) == (1 + 89_990) / (10 + 89_990)
    assert decay_after(200_000) == pytest.approx(0.9999, abs=1e-6)
    assert decay_after(100) == pytest.approx(101 / 110, abs=1e-6)


def test_loss_averages_have_decay_0_9_and_are_debiased():
    state, totals = TrainState(ConvNet()), []
    for _ in range(4):
        totals.append(float(train_step(state, *map(tf.constant, batch(4))).losses.total))
    recurrence = 0.0
    for total in totals:
        recurrence = 0.9 * recurrence + 0.1 * total
    assert float(state.loss_averages["total_loss"]) == pytest.approx(recurrence, rel=1e-5)
    assert state.debiased_loss_averages()["total_loss"] == pytest.approx(recurrence / (1 - 0.9**4), rel=1e-5)
    assert min(totals) < state.debiased_loss_averages()["total_loss"] < max(totals)


def test_a_new_state_averages_its_first_weights():
    state = TrainState(ConvNet(seed=1))
    assert all(
        (a == b).all() for a, b in zip(weights(state.network).values(), weights(state.averages).values(), strict=True)
    )
    assert state.debiased_loss_averages()["total_loss"] == 0.0


def test_weight_decay_alone_brings_the_loss_to_4_58_at_step_50():
    """Without a cross-entropy gradient, local3 and local4 shrink by 0.1 * 0.004 per step."""
    net = ConvNet(seed=0)
    state = TrainState(net)
    for _ in range(50):
        gradients = [
            0.004 * v if v.name in ("local3/weights:0", "local4/weights:0") else tf.zeros_like(v)
            for v in net.trainable_variables
        ]
        apply_gradients(state, gradients, tf.constant(0.1))
    total = float(loss(net, tf.zeros([1, 10]), tf.constant([0])).total)
    assert total == pytest.approx(4.583, abs=0.01)


def test_the_first_nonfinite_step_is_recorded():
    state = TrainState(ConvNet())
    images, labels = map(tf.constant, batch(4))
    train_step(state, images, labels)
    assert int(state.first_nonfinite_step) == -1
    train_step(state, images * float("nan"), labels)
    train_step(state, images, labels)
    assert int(state.first_nonfinite_step) == 1


def test_a_nonfinite_gradient_is_detected_when_the_loss_is_finite():
    class Broken(ConvNet):
        def stages(self, images):
            stages = super().stages(images)

            @tf.custom_gradient
            def infinite_gradient(x):
                return tf.identity(x), lambda upstream: upstream * float("inf")

            return stages._replace(softmax_linear=infinite_gradient(stages.softmax_linear))

    state = TrainState(Broken())
    result = train_step(state, *map(tf.constant, batch(4)))
    assert np.isfinite(float(result.losses.total))
    assert int(state.first_nonfinite_step) == 0


def test_the_learning_rates_factor_scales_the_update():
    state = TrainState(ConvNet())
    state.learning_rate_factor.assign(0.5)
    assert float(train_step(state, *map(tf.constant, batch(2))).learning_rate) == pytest.approx(0.05)


@pytest.mark.parametrize("compiled", [False, True])
def test_momentum_matches_nesterovs_formula(compiled):
    state, m, rate = TrainState(ConvNet(seed=3), momentum=0.9), 0.9, 0.1
    reference = TrainState(ConvNet(seed=3))
    step = tf.function(lambda x, y: train_step(state, x, y)) if compiled else (lambda x, y: train_step(state, x, y))
    velocity = [np.zeros(v.shape, np.float32) for v in state.network.trainable_variables]
    for _ in range(3):
        images, labels = map(tf.constant, batch(4))
        for mine, theirs in zip(reference.network.trainable_variables, state.network.trainable_variables, strict=True):
            mine.assign(theirs)
        _, gradients = losses_and_gradients(reference, images, labels)
        velocity = [m * v + g.numpy() for v, g in zip(velocity, gradients, strict=True)]
        steps = zip(reference.network.trainable_variables, velocity, gradients, strict=True)
        expected = [w.numpy() - rate * (g.numpy() + m * v) for w, v, g in steps]
        step(images, labels)
        for variable, value in zip(state.network.trainable_variables, expected, strict=True):
            np.testing.assert_allclose(variable.numpy(), value, atol=5e-6, err_msg=variable.name)


def test_momentum_matches_the_keras_optimizer():
    gradients = [tf.constant([1.0, -2.0]), tf.constant([0.5, 0.5]), tf.constant([-1.0, 3.0])]
    theirs, optimizer = tf.Variable([1.0, 1.0]), tf.keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)

    class OneWeight(tf.Module):
        def __init__(self):
            super().__init__()
            self.weight = tf.Variable([1.0, 1.0])

    state = TrainState(OneWeight(), momentum=0.9)
    for gradient in gradients:
        optimizer.apply_gradients([(gradient, theirs)])
        apply_gradients(state, [gradient], tf.constant(0.1))
        np.testing.assert_allclose(state.network.weight.numpy(), theirs.numpy(), atol=1e-6)


def test_without_momentum_there_are_no_velocities():
    assert TrainState(ConvNet()).velocities == []
    assert len(TrainState(ConvNet(), momentum=0.5).velocities) == 10
