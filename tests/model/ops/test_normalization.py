import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.model.ops import normalization


def in_numpy(values):
    """Local response normalization in NumPy."""
    result = np.empty_like(values, np.float64)
    for channel in range(values.shape[-1]):
        neighbors = values[..., max(0, channel - 4) : channel + 5].astype(np.float64)
        scale = 1.0 + 0.001 / 9.0 * (neighbors**2).sum(-1)
        result[..., channel] = values[..., channel] / scale**0.75
    return result


def values(channels, size=3.0):
    return np.random.default_rng(channels).normal(0, size, [2, 3, 4, channels]).astype(np.float32)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("channels", [1, 5, 9, 64])
@pytest.mark.parametrize("normalize", [normalization.fast, normalization.reference])
def test_each_form_equals_numpy(normalize, channels, compiled):
    normalize = tf.function(normalize) if compiled else normalize
    x = values(channels, 30.0)
    np.testing.assert_allclose(normalize(x).numpy(), in_numpy(x), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("size", [0.1, 3.0, 100.0])
def test_gradients_of_both_forms_agree(size):
    x, upstream = tf.constant(values(64, size)), tf.constant(values(64)[..., ::-1].copy())
    gradients = {}
    for normalize in (normalization.fast, normalization.reference):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = normalize(x)
        gradients[normalize.__name__] = tape.gradient(y, x, upstream).numpy()
    np.testing.assert_allclose(gradients["fast"], gradients["reference"], rtol=1e-4, atol=1e-5)


def test_gradient_of_the_fast_form_agrees_with_finite_differences():
    x = values(12, 20.0).astype(np.float64)
    upstream = np.random.default_rng(1).normal(size=x.shape)
    xs = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(xs)
        y = tf.reduce_sum(normalization.fast(xs) * tf.constant(upstream, tf.float32))
    gradient = tape.gradient(y, xs).numpy()
    for index in [(0, 0, 0, 0), (1, 2, 3, 11), (0, 1, 2, 5)]:
        step = np.zeros_like(x)
        step[index] = 1e-4
        difference = ((in_numpy(x + step) - in_numpy(x - step)) * upstream).sum() / 2e-4
        assert gradient[index] == pytest.approx(difference, rel=1e-3, abs=1e-4)


def test_zeros_stay_zeros():
    assert not normalization.fast(tf.zeros([1, 2, 2, 64])).numpy().any()


def test_neighbors_are_four_on_each_side():
    band = normalization.band(64).numpy()
    assert band[20].nonzero()[0].tolist() == list(range(16, 25))
    assert band[0].nonzero()[0].tolist() == list(range(5))
    assert (band == band.T).all()
