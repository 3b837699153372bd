import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.model.ops import pooling

RNG = np.random.default_rng(7)


def gradient(pool, values, upstream, compiled):
    def both(values, upstream):
        with tf.GradientTape() as tape:
            tape.watch(values)
            pooled = pool(values)
        return pooled, tape.gradient(pooled, values, upstream)

    return (tf.function(both) if compiled else both)(tf.constant(values), tf.constant(upstream))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("shape", [(2, 24, 24, 5), (3, 2, 2, 1), (1, 12, 4, 64), (2, 7, 7, 3), (2, 8, 5, 3)])
def test_both_forms_agree_bit_for_bit(shape, compiled):
    rows, columns = -(-shape[1] // 2), -(-shape[2] // 2)
    values = RNG.normal(size=shape).astype(np.float32)
    upstream = RNG.normal(size=(shape[0], rows, columns, shape[3])).astype(np.float32)
    fast, fast_gradient = gradient(pooling.fast, values, upstream, compiled)
    plain, plain_gradient = gradient(pooling.reference, values, upstream, compiled)
    assert (fast.numpy() == plain.numpy()).all()
    np.testing.assert_allclose(fast_gradient.numpy(), plain_gradient.numpy(), atol=1e-6)


@pytest.mark.parametrize("kinds", [1, 2, 3])
def test_of_equal_maxima_the_first_gets_the_gradient(kinds):
    """In uniform images and images with few values, every window has several maxima."""
    values = RNG.integers(0, kinds, [2, 8, 8, 4]).astype(np.float32)
    upstream = RNG.normal(size=[2, 4, 4, 4]).astype(np.float32)
    _, fast = gradient(pooling.fast, values, upstream, False)
    _, plain = gradient(pooling.reference, values, upstream, False)
    np.testing.assert_allclose(fast.numpy(), plain.numpy(), atol=1e-6)


def test_the_gradient_goes_to_the_maximum_of_each_window():
    values = np.zeros([1, 4, 4, 1], np.float32)
    values[0, 2, 2, 0] = 1.0  # in all four windows
    _, found = gradient(
        pooling.fast, values, np.array([1.0, 10.0, 100.0, 1000.0], np.float32).reshape(1, 2, 2, 1), False
    )
    assert found.numpy()[0, 2, 2, 0] == 1111.0
    assert found.numpy().sum() == 1111.0


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("shape", [(2, 24, 24, 5), (2, 7, 8, 3)])
def test_bias_relu_and_pool_in_one_gradient(shape, compiled):
    values = tf.constant(RNG.normal(size=shape), tf.float32)
    biases = tf.constant(RNG.normal(size=shape[-1]), tf.float32)
    upstream = tf.constant(RNG.normal(size=[shape[0], -(-shape[1] // 2), shape[2] // 2, shape[3]]), tf.float32)

    def fast(activations):
        return pooling.fast_after_relu(activations, values, biases)

    def gradients(pool):
        def all_of_them():
            with tf.GradientTape() as tape:
                tape.watch([values, biases])
                pooled = pool(tf.nn.relu(values + biases))
            return (pooled, *tape.gradient(pooled, [values, biases], upstream))

        return (tf.function(all_of_them) if compiled else all_of_them)()

    found, expected = gradients(fast), gradients(pooling.reference)
    for name, a, b in zip(("pooled", "to values", "to biases"), found, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5, rtol=1e-5, err_msg=name)


def test_any_batch_size_and_none():
    f = tf.function(pooling.fast, input_signature=[tf.TensorSpec([None, 8, 8, 3])])
    assert f(tf.zeros([5, 8, 8, 3])).shape == (5, 4, 4, 3)
    assert f(tf.zeros([0, 8, 8, 3])).shape == (0, 4, 4, 3)
