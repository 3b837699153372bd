import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.model.ops import convolution


def case(shape, kernel, outputs=8):
    draw = np.random.default_rng(sum(shape) + kernel)
    images = np.maximum(draw.normal(size=shape), 0).astype(np.float32)  # as after a ReLU
    filters = draw.normal(0, 0.05, [kernel, kernel, shape[-1], outputs]).astype(np.float32)
    upstream = draw.normal(size=[*shape[:-1], outputs]).astype(np.float32)
    return images, filters, upstream


def result_and_gradients(convolve, images, filters, upstream, compiled=False):
    def all_three(images, filters):
        with tf.GradientTape() as tape:
            tape.watch([images, filters])
            result = convolve(images, filters)
        return (result, *tape.gradient(result, [images, filters], tf.constant(upstream, result.dtype)))

    return (tf.function(all_three) if compiled else all_three)(tf.constant(images), tf.constant(filters))


SHAPES = [(2, 12, 12, 64), (3, 7, 5, 36), (3, 2, 1, 32), (2, 6, 13, 32), (1, 24, 24, 32)]

WORST, TYPICAL = {3: 2e-5, 5: 2e-4}, {3: 4e-6, 5: 4e-5}
"""Bounds of the error, by filter size, as a fraction of the deviation. TensorFlow's own worst error is about 1e-5."""


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("shape", SHAPES)
def test_both_forms_and_their_gradients_agree(shape, kernel, compiled):
    images, filters, upstream = case(shape, kernel)
    found = result_and_gradients(convolution.fast, images, filters, upstream, compiled)
    exact = result_and_gradients(convolution.reference, images.astype(np.float64), filters.astype(np.float64), upstream)
    for name, fast, plain in zip(("result", "to images", "to filters"), found, exact, strict=True):
        difference = np.abs(fast.numpy() - plain.numpy())
        assert difference.max() < WORST[kernel] * plain.numpy().std() + 1e-6, name
        assert np.sqrt((difference**2).mean()) < TYPICAL[kernel] * plain.numpy().std() + 1e-7, name


@pytest.mark.parametrize("kernel", [3, 5])
def test_fast_does_not_use_conv2d(kernel):
    images, filters, _ = case((1, 12, 12, 32), kernel)
    graph = tf.function(convolution.fast).get_concrete_function(tf.constant(images), tf.constant(filters)).graph
    types = {operation.type for operation in graph.get_operations()}
    assert "Conv2D" not in types
    assert "BatchMatMulV2" in types


@pytest.mark.parametrize(
    ("shape", "filters"),
    [
        ((2, 8, 8, 3), (5, 5, 3, 4)),
        ((2, 8, 8, 24), (3, 3, 24, 4)),
        ((2, 8, 8, 32), (4, 4, 32, 4)),
        ((2, 8, 8, 32), (3, 5, 32, 4)),
    ],
    ids=["few channels", "few channels for 3 x 3", "even filter", "rectangular filter"],
)
def test_other_filters_use_the_reference(shape, filters):
    draw = np.random.default_rng(0)
    images, weights = (tf.constant(draw.normal(size=size), tf.float32) for size in (shape, filters))
    assert (convolution.fast(images, weights).numpy() == convolution.reference(images, weights).numpy()).all()


def test_a_filter_that_only_shifts():
    """Rows and columns are shifted by one, with zeros at the border."""
    images = np.random.default_rng(3).normal(size=[1, 12, 12, 32]).astype(np.float32)
    filters = np.zeros([3, 3, 32, 32], np.float32)
    filters[0, 0] = np.eye(32)
    moved = convolution.fast(tf.constant(images), tf.constant(filters)).numpy()
    np.testing.assert_allclose(moved[:, 1:, 1:], images[:, :-1, :-1], atol=1e-4)
    np.testing.assert_allclose(moved[:, 0], 0, atol=1e-4)


def test_any_batch_size_and_none():
    spec = [tf.TensorSpec([None, 12, 12, 16]), tf.TensorSpec([5, 5, 16, 4])]
    f = tf.function(convolution.fast, input_signature=spec)
    for batch in (0, 1, 5):
        assert f(tf.zeros([batch, 12, 12, 16]), tf.ones([5, 5, 16, 4])).shape == (batch, 12, 12, 4)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("length", range(1, 20))
def test_the_transforms_filter_one_axis(length, kernel):
    draw = np.random.default_rng(length)
    values, weights = draw.normal(size=length), draw.normal(size=kernel)
    evaluate, of_filter, interpolate = (
        matrix.astype(np.float64) for matrix in convolution.winograd_transforms(length, kernel)
    )
    at_points = (evaluate @ values).reshape(convolution.TILE[kernel] + kernel - 1, -1) * (of_filter @ weights)[:, None]
    expected = np.convolve(np.pad(values, kernel // 2), weights[::-1], mode="valid")
    np.testing.assert_allclose(interpolate @ at_points.ravel(), expected, atol=1e-5)
