"""The stages of the network agree with a reference in NumPy."""

import copy

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.model.network import ConvNet, ImageShapeError, Layer, Stages, inference, layers
from tests.model.ops.test_normalization import in_numpy


@pytest.fixture(scope="module")
def net():
    return ConvNet(seed=1)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=[2, 24, 24, 3]).astype(np.float32)


def convolve(images, weights, biases):
    """Cross-correlation with zero padding, bias and ReLU, with loops over the filter's positions."""
    rows, columns = images.shape[1:3]
    padded = np.pad(images.astype(np.float64), [(0, 0), (2, 2), (2, 2), (0, 0)])
    summed = np.zeros([len(images), rows, columns, weights.shape[-1]]) + biases
    for r in range(5):
        for c in range(5):
            summed += padded[:, r : r + rows, c : c + columns] @ weights[r, c].astype(np.float64)
    return np.maximum(summed, 0)


def pool(values):
    """3 x 3 max pooling with stride 2. SAME padding of an even size adds one row and column at the end."""
    padded = np.pad(values, [(0, 0), (0, 1), (0, 1), (0, 0)], constant_values=-np.inf)
    size = values.shape[1]
    return np.max([padded[:, r : r + size : 2, c : c + size : 2] for r in range(3) for c in range(3)], axis=0)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("fast_ops", [True, False])
def test_every_stage_equals_numpy(images, fast_ops, compiled):
    net = ConvNet(seed=1, fast_ops=fast_ops)
    stages = (tf.function(net.stages) if compiled else net.stages)(images)
    value = {layer.name: (layer.weights.numpy(), layer.biases.numpy()) for layer in layers(net)}

    def flat(name, inputs, activation):
        weights, biases = value[name]
        return activation(inputs.reshape(2, -1).astype(np.float64) @ weights + biases)

    def relu(v):
        return np.maximum(v, 0)

    expected = {
        "conv1": convolve(images, *value["conv1"]),
        "pool1": pool(stages.conv1.numpy()),
        "norm1": in_numpy(stages.pool1.numpy()),
        "conv2": convolve(stages.norm1.numpy(), *value["conv2"]),
        "norm2": in_numpy(stages.conv2.numpy()),
        "pool2": pool(stages.norm2.numpy()),
        "local3": flat("local3", stages.pool2.numpy(), relu),
        "local4": flat("local4", stages.local3.numpy(), relu),
        "softmax_linear": flat("softmax_linear", stages.local4.numpy(), lambda v: v),
    }
    assert list(expected) == list(Stages._fields)
    # The fast convolution has rounding errors of 2e-4 of the deviation (tests/model/ops/test_convolution.py).
    atol = 1e-4 if fast_ops else 2e-5
    for name, numbers in expected.items():
        np.testing.assert_allclose(getattr(stages, name).numpy(), numbers, rtol=1e-4, atol=atol, err_msg=name)


def test_shapes_of_all_stages(net, images):
    shapes = {name: tuple(value.shape) for name, value in net.stages(images)._asdict().items()}
    assert shapes == {
        "conv1": (2, 24, 24, 64),
        "pool1": (2, 12, 12, 64),
        "norm1": (2, 12, 12, 64),
        "conv2": (2, 12, 12, 64),
        "norm2": (2, 12, 12, 64),
        "pool2": (2, 6, 6, 64),
        "local3": (2, 384),
        "local4": (2, 192),
        "softmax_linear": (2, 10),
    }


@pytest.mark.parametrize("batch", [1, 3, 130])
def test_any_batch_size(net, batch):
    assert inference(net, tf.zeros([batch, 24, 24, 3])).shape == (batch, 10)


def test_one_trace_takes_any_batch_size(net):
    f = tf.function(lambda x: inference(net, x), input_signature=[tf.TensorSpec([None, 24, 24, 3])])
    assert f(tf.zeros([1, 24, 24, 3])).shape == (1, 10)
    assert f(tf.zeros([7, 24, 24, 3])).shape == (7, 10)


def test_initial_values_are_the_tutorials(net):
    expected = {  # standard deviation of the truncated normal, bias, weight decay
        "conv1": (0.05, 0.0, 0.0),
        "conv2": (0.05, 0.1, 0.0),
        "local3": (0.04, 0.1, 0.004),
        "local4": (0.04, 0.1, 0.004),
        "softmax_linear": (1 / 192, 0.0, 0.0),
    }
    for layer in layers(net):
        stddev, bias, decay = expected.pop(layer.name)
        weights = layer.weights.numpy()
        assert np.abs(weights).max() <= 2 * stddev  # truncated at two standard deviations,
        assert np.abs(weights).max() > 1.8 * stddev
        assert weights.std() == pytest.approx(
            0.87963 * stddev, rel=0.06
        )  # which leaves sqrt(0.7737) of the standard deviation
        assert (layer.biases.numpy() == np.float32(bias)).all()
        assert layer.weight_decay == decay
    assert not expected


def test_variables_have_the_tutorials_names(net):
    names = sorted(v.name for v in net.trainable_variables)
    stages = ("conv1", "conv2", "local3", "local4", "softmax_linear")
    assert names == sorted(f"{stage}/{kind}:0" for stage in stages for kind in ("weights", "biases"))


def test_initial_values_depend_only_on_the_seed():
    first = ConvNet(seed=1).conv2.weights.numpy()
    tf.random.set_seed(3)
    again, other = ConvNet(seed=1).conv2.weights.numpy(), ConvNet(seed=2).conv2.weights.numpy()
    tf.random.set_seed(None)
    assert (first == again).all()
    assert not (first == other).any()


def test_layers_have_different_initial_values():
    a, b = (Layer(name, [50, 20], stddev=1.0, seed=1).weights.numpy() for name in ("a", "b"))
    assert not (a == b).any()


@pytest.mark.parametrize(("classes", "size", "channels"), [(2, 24, 3), (43, 28, 1), (10, 30, 3)])
def test_classes_size_and_channels_are_arguments(classes, size, channels):
    net = ConvNet(classes, size, channels)
    assert net(tf.zeros([2, size, size, channels])).shape == (2, classes)


def test_a_deeper_network_is_a_few_lines_and_can_be_copied(images):
    class Deeper(ConvNet):
        def __init__(self):
            super().__init__()
            self.local5 = Layer("local5", [192, 192], stddev=0.04, bias=0.1)

    net = Deeper()
    twin = copy.deepcopy(net)
    assert [layer.name for layer in layers(twin)] == [layer.name for layer in layers(net)]
    twin.conv1.weights.assign_add(tf.ones_like(twin.conv1.weights))
    assert not (twin.conv1.weights.numpy() == net.conv1.weights.numpy()).any()


def test_operations_are_named_after_their_stage(net):
    graph = tf.function(net.stages).get_concrete_function(tf.TensorSpec([1, 24, 24, 3])).graph
    scopes = {operation.name.split("/")[0] for operation in graph.get_operations()}
    assert set(Stages._fields) <= scopes


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([24, 24, 3], r"got \[24, 24, 3\]\. For one image, pass images\[None\]"),
        ([2, 24], r"got \[2, 24\]"),
        ([1, 32, 32, 3], "must have 2,304 values in pool2; got 4,096 for images of 32 x 32"),
    ],
)
def test_wrong_image_shapes_are_reported_in_one_line(net, shape, message):
    for images in (np.zeros(shape, np.float32), tf.zeros(shape)):
        for call in (net.stages, net, lambda images: inference(net, images)):
            with pytest.raises(ImageShapeError, match=message) as error:
                call(images)
            assert "\n" not in str(error.value)
