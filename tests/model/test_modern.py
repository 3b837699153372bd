"""The modern network: its size, its first filters, and what differs in training."""

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.model.modern import ModernNet
from cifarlab.model.network import ImageShapeError, with_reference_ops
from cifarlab.model.ops.batch_norm import EPSILON, BatchNorm
from cifarlab.model.profile import count_parameters, multiply_adds


def images(count=4, size=32, seed=0):
    return tf.random.stateless_normal([count, size, size, 3], [seed, 0])


def test_its_size_and_work():
    network = ModernNet()
    assert count_parameters(network) == 1_971_650
    assert sum(multiply_adds(network, (32, 32, 3)).values()) == 118_147_360


def test_the_first_filters_make_patches_uncorrelated():
    network, smooth = ModernNet(), tf.nn.avg_pool2d(images(64), 3, 1, "SAME")  # neighbors are correlated
    network.adapt(smooth)
    values = tf.nn.conv2d(smooth, network.whitening.weights, 1, "VALID").numpy().reshape(-1, 24)
    np.testing.assert_array_equal(values[:, 12:], -values[:, :12])
    correlations = values[:, :12].T @ values[:, :12] / len(values)
    np.testing.assert_allclose(correlations, np.eye(12), atol=0.1)


def test_a_block_begins_by_copying_its_input():
    for layer in ModernNet().convolutions:
        inputs, outputs = layer.weights.shape[2:]
        copied = layer.weights[1, 1, :, : min(inputs, outputs)].numpy()
        np.testing.assert_array_equal(copied, np.eye(inputs)[:, : min(inputs, outputs)])
        assert not layer.weights.numpy()[0, ..., : min(inputs, outputs)].any()


def test_the_initial_weights_depend_on_the_seed_and_the_layer():
    one, same, other = ModernNet(seed=1), ModernNet(seed=1), ModernNet(seed=2)
    for mine, again in zip(one.variables, same.variables, strict=True):
        assert (mine.numpy() == again.numpy()).all()
    random = [(net.whitening, net.convolutions[0], net.convolutions[2], net.logits) for net in (one, other)]
    for mine, different in zip(*random, strict=True):
        assert (mine.weights.numpy() != different.weights.numpy()).mean() > 0.3


@pytest.mark.parametrize("size", [15, 24, 28, 32, 33])
def test_any_size_from_15_pixels(size):
    stages = ModernNet(3, size, widths=(32, 32, 32)).stages(images(2, size))
    assert stages.conv1.shape == (2, size - 1, size - 1, 32)
    assert stages.logits.shape == (2, 3)


def test_smaller_images_are_refused():
    with pytest.raises(ImageShapeError, match="at least 15 x 15 pixels, for three poolings; got 14"):
        ModernNet(image_size=14)


@pytest.mark.parametrize("training", [False, True])
def test_both_forms_of_its_convolutions_agree(training):
    network = ModernNet()
    plain = with_reference_ops(network)
    assert (network.fast_ops, plain.fast_ops) == (True, False)
    np.testing.assert_allclose(
        network.stages(images(), training).logits, plain.stages(images(), training).logits, atol=1e-4
    )


def test_batch_normalization_in_training_and_evaluation():
    norm, values = BatchNorm("norm", 2, decay=0.75), tf.random.stateless_normal([8, 3, 3, 2], [0, 0], 5.0, 2.0)
    mean, variance = (moment.numpy() for moment in tf.nn.moments(values, [0, 1, 2]))
    count = 8 * 3 * 3
    np.testing.assert_allclose(norm(values, training=True), (values - mean) / np.sqrt(variance + EPSILON), atol=1e-5)
    np.testing.assert_allclose(norm.mean, 0.25 * mean, rtol=1e-5)
    np.testing.assert_allclose(norm.variance, 0.75 + 0.25 * variance * count / (count - 1), rtol=1e-5)  # Bessel's
    kept = norm.mean.numpy(), norm.variance.numpy()
    expected = (values - kept[0]) / np.sqrt(kept[1] + EPSILON)
    np.testing.assert_allclose(norm(values, training=False), expected, atol=1e-5)
    assert (norm.mean.numpy() == kept[0]).all()


def test_evaluation_changes_nothing_and_does_not_depend_on_the_batch():
    network = ModernNet(widths=(32, 32, 32))
    before = [variable.numpy() for variable in network.variables]
    together = network.stages(images(6)).logits.numpy()
    alone = network.stages(images(6)[:1]).logits.numpy()
    np.testing.assert_allclose(alone, together[:1], atol=1e-5)
    assert all((variable.numpy() == value).all() for variable, value in zip(network.variables, before, strict=True))
