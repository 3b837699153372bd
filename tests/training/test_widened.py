"""What custom networks and recipes need of a training step, and the tutorial's does not: each changes what it says."""

import dataclasses
import functools
from typing import NamedTuple

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.config import ConfigError, TrainConfig
from cifarlab.data.dataset import DataSetError
from cifarlab.data.pipeline import distorted_inputs, inputs
from cifarlab.evaluation.evaluator import logits_and_labels
from cifarlab.model.losses import loss
from cifarlab.model.network import ConvNet, Layer, fully_connected, inference
from cifarlab.model.ops.batch_norm import BatchNorm
from cifarlab.training.loop import train
from cifarlab.training.nonfinite import locate_nonfinite
from cifarlab.training.observers import Observer
from cifarlab.training.state import ADAPTED_TO, TrainState, make_state
from cifarlab.training.step import train_step
from cifarlab.training.strategies.distributed import DistributedReplicas
from cifarlab.training.strategies.towers import tower_step
from tests.linear_network import Linear

DEVICES = ["/device:CPU:0", "/device:CPU:1"]


def batch(size=8, seed=0):
    draw = np.random.default_rng(seed)
    images = draw.normal(1.0, 2.0, size=[size, 24, 24, 3])
    return tf.constant(images, tf.float32), tf.constant(draw.integers(0, 10, size), tf.int32)


def after_a_step(network=Linear, taken=train_step, **settings):
    """Returns the state after a step, and the variables of the network before it."""
    state = TrainState(network(), **settings)
    before = [variable.numpy() for variable in state.network.trainable_variables]
    taken(state, *batch())
    return state, before


class Stages(NamedTuple):
    logits: tf.Tensor


class Normalized(tf.Module):
    """A linear classifier of the mean colors, which are normalized."""

    def __init__(self):
        super().__init__(name="normalized")
        self.norm = BatchNorm("norm", 3)
        self.layer = Layer("logits", [3, 10], stddev=0.1)

    def stages(self, images, training=False):
        means = tf.reduce_mean(images, [1, 2], keepdims=True)
        return Stages(fully_connected(self.norm(means, training)[:, 0, 0], self.layer, activation=None))


def test_smoothed_labels_are_the_targets_of_the_loss():
    images, labels = batch()
    state = TrainState(Linear(), label_smoothing=0.3)
    targets = 0.7 * np.eye(10)[labels] + 0.03
    expected = loss(state.network, inference(state.network, images), tf.constant(targets, tf.float32))
    found = train_step(state, images, labels).losses
    assert float(found.cross_entropy) == pytest.approx(float(expected.cross_entropy), rel=1e-5)


def test_smoothing_and_mixup_together_keep_the_sum_of_the_targets():
    sums = []

    def look(network, logits, labels):
        if len(labels.shape) == 2:
            sums.extend(tf.reduce_sum(labels, 1).numpy())
            assert float(tf.reduce_min(labels)) == pytest.approx(0.03)
        return loss(network, logits, labels)

    train_step(TrainState(Linear(), label_smoothing=0.3, mixup=1.0, loss=look), *batch())
    np.testing.assert_allclose(sums, 1, rtol=1e-5)
    assert len(sums) == 8


def test_biases_take_larger_steps_and_weights_do_not():
    (plain, before), (faster, _) = after_a_step(), after_a_step(bias_learning_rate_factor=64.0)
    for variable, other, start in zip(
        plain.network.trainable_variables, faster.network.trainable_variables, before, strict=True
    ):
        factor = 64 if variable.shape.rank == 1 else 1
        np.testing.assert_allclose(other - start, factor * (variable - start), atol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_decoupled_decay_subtracts_a_fraction_of_weights_but_not_of_biases(momentum):
    (plain, before), (decayed, _) = (
        after_a_step(momentum=momentum, decoupled_weight_decay=decay) for decay in (0.0, 0.5)
    )
    for variable, other, start in zip(
        plain.network.trainable_variables, decayed.network.trainable_variables, before, strict=True
    ):
        decay = 0 if variable.shape.rank == 1 else 0.1 * 0.5  # the learning rate times the setting
        np.testing.assert_allclose(other, variable - decay * start, atol=1e-6)


def test_training_is_passed_to_networks_that_have_the_argument():
    images, _ = batch()
    network = Normalized()
    assert not np.allclose(inference(network, images, training=True), inference(network, images))
    np.testing.assert_array_equal(inference(Linear(), images, training=True), inference(Linear(), images))


@pytest.mark.parametrize("compiled", [False, True])
def test_a_step_normalizes_over_its_batch_and_moves_the_averages(compiled):
    state, (images, labels) = TrainState(Normalized()), batch()
    step = functools.partial(train_step, state)
    (tf.function(step) if compiled else step)(images, labels)
    expected = 0.1 * np.mean(images, axis=(0, 1, 2))
    np.testing.assert_allclose(state.network.norm.mean, expected, rtol=1e-4)
    np.testing.assert_allclose(state.averages.norm.mean, expected, rtol=1e-4)


def test_towers_update_the_moving_averages_in_turn():
    """Each tower normalizes its share; after both, the moving average is that of two updates."""
    images, labels = batch()
    state = TrainState(Normalized())
    tf.function(functools.partial(tower_step, state, devices=DEVICES))(images, labels)
    first, second = (np.mean(part, axis=(0, 1, 2)) for part in np.split(images, 2))
    np.testing.assert_allclose(state.network.norm.mean, 0.9 * 0.1 * first + 0.1 * second, rtol=1e-4)


@pytest.mark.slow
def test_replicas_average_their_statistics():
    on_cpus = tf.distribute.ReductionToOneDevice()
    replicas = DistributedReplicas(tf.distribute.MirroredStrategy(DEVICES, cross_device_ops=on_cpus))
    with replicas.scope():
        state = TrainState(Normalized())
    images, labels = batch()
    tf.function(replicas.step(state))(images, labels)
    expected = 0.1 * np.mean(images, axis=(0, 1, 2))
    np.testing.assert_allclose(state.network.norm.mean.read_value(), expected, rtol=1e-4)
    np.testing.assert_allclose(state.averages.norm.mean.read_value(), expected, rtol=1e-4)


def test_looking_for_the_place_of_a_bad_number_moves_no_average():
    state = TrainState(Normalized())
    images, labels = batch()
    bad = tf.concat([images[:1] * float("inf"), images[1:]], 0)
    assert locate_nonfinite(state, (bad, labels)).startswith("the images of the batch")
    assert (state.network.norm.mean.numpy() == 0).all()


class Adapting(Linear):
    """Remembers what it was adapted to."""

    def adapt(self, images):
        self.seen = images


def test_a_new_network_is_adapted_to_training_images(drawn):
    state = make_state(TrainConfig(), drawn, Adapting)
    expected = next(iter(inputs(drawn, "train", ADAPTED_TO)))[0]
    np.testing.assert_array_equal(state.network.seen, expected)
    assert len(expected) == 5_000


def test_a_network_that_is_passed_is_not_adapted(drawn):
    """It may have been trained already."""
    assert not hasattr(make_state(TrainConfig(), drawn, Adapting()).network, "seen")


@pytest.mark.slow
def test_a_run_with_normalization_resumes_exactly_and_is_evaluated_with_its_averages(tmp_path, drawn):
    def trained(folder, steps):
        config = TrainConfig(train_dir=str(tmp_path / folder), max_steps=steps, batch_size=8, momentum=0.9)
        return train(config, dataset=drawn, network=Normalized)

    whole = trained("whole", 6)
    trained("parts", 3)
    parts = trained("parts", 6)
    for mine, other in zip(whole.network.variables, parts.network.variables, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6, err_msg=mine.name)
    assert np.abs(whole.network.norm.mean).max() > 0
    logits, _ = logits_and_labels(whole.network, inputs(drawn, batch_size=7, num_examples=21))
    again, _ = logits_and_labels(whole.network, inputs(drawn, batch_size=21, num_examples=21))
    np.testing.assert_allclose(logits, again, atol=1e-5)


class Looks(Linear):
    """A linear classifier of larger images."""

    def __init__(self, size=32):
        super().__init__()
        self.layer = Layer("logits", [size * size * 3, 10], stddev=0.01)

    def stages(self, images):
        return Stages(fully_connected(tf.reshape(images, [-1, self.layer.weights.shape[0]]), self.layer, None))


def test_the_crop_size_of_the_settings_is_that_of_the_run(tmp_path, drawn):
    seen = []

    class Watcher(Observer):
        def wants_details(self, step):
            return True

        def on_details(self, record, details):
            seen.append(details.images.numpy())

    config = TrainConfig(train_dir=str(tmp_path), max_steps=1, batch_size=8, crop_size=32, padding=2)
    train(config, dataset=drawn, network=Looks, observers=[Watcher()])
    larger = dataclasses.replace(drawn, crop_size=32)
    expected = next(iter(distorted_inputs(larger, 8, padding=2)))[0]
    np.testing.assert_array_equal(seen[0], expected)
    with pytest.raises(DataSetError, match="whose crop size differs now: 24 instead of 32"):
        train(TrainConfig(train_dir=str(tmp_path), max_steps=2, batch_size=8), dataset=drawn, network=Linear)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"crop_size": 33}, DataSetError, "crop_size must be from 1 to the image size, 32 x 32; got 33"),
        ({"padding": 32}, DataSetError, "padding must be less than the image size, 32 x 32; got 32"),
    ],
)
def test_crops_that_do_not_fit_the_images_are_refused(tmp_path, drawn, settings, error, message):
    with pytest.raises(error, match=message):
        train(TrainConfig(train_dir=str(tmp_path), max_steps=1, **settings), dataset=drawn)
    assert not list(tmp_path.glob("*"))


@pytest.mark.parametrize(
    "settings",
    [
        {"crop_size": 0},
        {"padding": -1},
        {"label_smoothing": 1.0},
        {"label_smoothing": -0.1},
        {"bias_learning_rate_factor": 0.0},
        {"decoupled_weight_decay": -1.0},
    ],
)
def test_settings_out_of_range(settings):
    with pytest.raises(ConfigError, match=f"{next(iter(settings))} = .* is out of range"):
        TrainConfig(**settings)


def test_the_tutorials_step_is_unchanged():
    """Without these settings, the graph has no operation more."""
    plain = tf.function(functools.partial(train_step, TrainState(ConvNet()))).get_concrete_function(*batch())
    zero = {"label_smoothing": 0.0, "bias_learning_rate_factor": 1.0, "decoupled_weight_decay": 0.0}
    same = tf.function(functools.partial(train_step, TrainState(ConvNet(), **zero))).get_concrete_function(*batch())
    assert len(plain.graph.get_operations()) == len(same.graph.get_operations())
