import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.model.losses import loss
from cifarlab.model.network import ConvNet, inference
from cifarlab.training.mixup import mix, sample_ratios
from cifarlab.training.state import TrainState
from cifarlab.training.step import losses_and_gradients

RNG = np.random.default_rng(8)
IMAGES = tf.constant(RNG.normal(size=[6, 24, 24, 3]).astype(np.float32))
LABELS = tf.constant([0, 1, 2, 3, 4, 5])


def test_ratios_are_the_larger_part_of_a_beta_draw():
    drawn = sample_ratios(20_000, 0.2, tf.constant([1, 2], tf.int64)).numpy()
    expected = RNG.beta(0.2, 0.2, 20_000)
    expected = np.maximum(expected, 1 - expected)
    assert drawn.min() >= 0.5
    assert drawn.max() <= 1.0
    quantiles = np.linspace(0.02, 0.98, 25)
    np.testing.assert_allclose(np.quantile(drawn, quantiles), np.quantile(expected, quantiles), atol=0.02)


def test_ratios_are_a_function_of_seed_and_step():
    first, again, other = (sample_ratios(5, 0.2, tf.constant([1, n], tf.int64)).numpy() for n in (2, 2, 3))
    assert (first == again).all()
    assert not (first == other).any()


def test_a_very_small_alpha_gives_finite_ratios():
    assert np.isfinite(sample_ratios(20_000, 1e-6, tf.constant([1, 2], tf.int64)).numpy()).all()


def test_the_step_mixes_images_and_labels_alike():
    state = TrainState(ConvNet(), mixup=0.4, seed=3)
    state.step.assign(11)
    losses, _ = losses_and_gradients(state, IMAGES, LABELS)
    share = sample_ratios(6, 0.4, tf.constant([3, 11], tf.int64))
    logits = inference(state.network, mix(IMAGES, share))
    own, partners = (
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits) for labels in (LABELS, LABELS[::-1])
    )
    expected = float(tf.reduce_mean(share * own + (1 - share) * partners))
    assert float(losses.cross_entropy) == pytest.approx(expected, rel=1e-5)
    assert float(losses.total) > float(losses.cross_entropy)


def test_labels_can_be_probabilities():
    net = ConvNet()
    logits = tf.constant(RNG.normal(size=[6, 10]).astype(np.float32))
    assert float(loss(net, logits, tf.one_hot(LABELS, 10)).total) == pytest.approx(
        float(loss(net, logits, LABELS).total), rel=1e-6
    )
