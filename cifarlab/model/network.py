"""The tutorial's network: conv1, pool1, norm1, conv2, norm2, pool2, local3, local4, softmax_linear."""

import copy
import inspect
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

from cifarlab.backend import do_not_convert, tf
from cifarlab.errors import UserError
from cifarlab.model.ops import convolution, normalization, pooling
from cifarlab.text import sanitize


class NetworkError(UserError):
    """Something that is not a network, or a network for other images or classes."""


class ImageShapeError(UserError):
    """Images whose shape does not match the network; some TensorFlow operations would crash the process."""


class Stages(NamedTuple):
    """The outputs of all stages of the network for a batch of images, each float32.

    Attributes:
        conv1: [B, 24, 24, 64], convolution, bias and ReLU.
        pool1: [B, 12, 12, 64], max pooling, 3 x 3.
        norm1: [B, 12, 12, 64], local response normalization.
        conv2: [B, 12, 12, 64], convolution, bias and ReLU.
        norm2: [B, 12, 12, 64], local response normalization.
        pool2: [B, 6, 6, 64], max pooling, 3 x 3.
        local3: [B, 384], fully connected, bias and ReLU.
        local4: [B, 192], fully connected, bias and ReLU.
        softmax_linear: [B, 10], the unnormalized logits.
    """

    conv1: tf.Tensor
    pool1: tf.Tensor
    norm1: tf.Tensor
    conv2: tf.Tensor
    norm2: tf.Tensor
    pool2: tf.Tensor
    local3: tf.Tensor
    local4: tf.Tensor
    softmax_linear: tf.Tensor


class Layer(tf.Module):
    """The variables of a layer, `<name>/weights` and `<name>/biases`, and its weight decay.

    The initial weights follow a truncated normal distribution and depend only on the seed and the layer's name.

    >>> layer = Layer("local4", [384, 192], stddev=0.04, bias=0.1, weight_decay=0.004, seed=0)
    >>> layer.weights.name, layer.biases.shape
    ('local4/weights:0', TensorShape([192]))
    """

    def __init__(
        self,
        name: str,
        shape: list[int],
        *,
        stddev: float,
        bias: float = 0.0,
        weight_decay: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Creates the variables.

        Args:
            name: the name of the layer and its stage.
            shape: the shape of the weights; the last axis is the number of outputs.
            stddev: the standard deviation of the initial weights.
            bias: the initial value of each bias.
            weight_decay: the factor of tf.nn.l2_loss(weights) in the total loss; 0 for none.
            seed: the random seed of the initial weights.
        """
        super().__init__(name=name)
        self.weight_decay = weight_decay
        key = [seed, zlib.crc32(name.encode()) & 0x7FFFFFFF]
        # tf.Module does not create name scopes on its own; the names are those of the tutorial.
        self.weights = tf.Variable(
            tf.random.stateless_truncated_normal(shape, key, stddev=stddev), name=f"{name}/weights"
        )
        self.biases = tf.Variable(tf.fill([shape[-1]], bias), name=f"{name}/biases")


class ConvNet(tf.Module):
    """The tutorial's network with 1,068,298 parameters, and the base class for other networks.

    A subclass overrides `__init__` to change the layers and `stages` to change their order. The rest of cifarlab works
    with any subclass whose `stages` returns a NamedTuple with the logits as its last item.

    >>> net = ConvNet()
    >>> net(tf.zeros([2, 24, 24, 3])).shape
    TensorShape([2, 10])
    """

    def __init__(
        self,
        num_classes: int = 10,
        image_size: int = 24,
        channels: int = 3,
        *,
        seed: int = 0,
        fast_ops: bool = True,
        weight_decay: float = 0.004,
    ) -> None:
        """Creates the five layers.

        Args:
            num_classes: the number of logits per image.
            image_size: rows and columns of the images, in pixels; 24 for the tutorial's crops.
            channels: the channels of the images; 3 for RGB.
            seed: the random seed of the initial weights.
            fast_ops: use the fast convolution, normalization and pooling instead of TensorFlow's; results are the same.
            weight_decay: the weight decay of local3 and local4; the other layers have none.
        """
        super().__init__(name="conv_net")
        self.fast_ops = fast_ops
        pooled = -(-image_size // 4)  # two poolings with stride 2 and SAME padding: 24 -> 12 -> 6
        self.conv1 = Layer("conv1", [5, 5, channels, 64], stddev=0.05, seed=seed)
        self.conv2 = Layer("conv2", [5, 5, 64, 64], stddev=0.05, bias=0.1, seed=seed)
        local = {"stddev": 0.04, "bias": 0.1, "weight_decay": weight_decay}
        self.local3 = Layer("local3", [pooled**2 * 64, 384], **local, seed=seed)
        self.local4 = Layer("local4", [384, 192], **local, seed=seed)
        self.softmax_linear = Layer("softmax_linear", [192, num_classes], stddev=1 / 192, seed=seed)

    @do_not_convert
    def stages(self, images: tf.Tensor) -> NamedTuple:
        """Computes the outputs of all stages for a batch of images, in order; the last one is the logits.

        Args:
            images: float32[B, 24, 24, 3], standardized.

        Raises:
            ImageShapeError: `images` is not a batch, or the images have the wrong size.
        """
        check_batch(images)
        conv1, pool1 = self.convolve_and_pool(images, self.conv1, "pool1")
        norm1 = self.normalize(pool1, "norm1")
        conv2 = self.convolve(norm1, self.conv2)
        norm2 = self.normalize(conv2, "norm2")
        pool2 = self.pool(norm2, "pool2")
        expected, got = self.local3.weights.shape[0], pool2.shape[1:].num_elements()
        if got is not None and got != expected:
            raise ImageShapeError(
                f"images must have {expected:,} values in pool2; got {got:,} for images of {images.shape[1]} x "
                f"{images.shape[2]}. Crop them, or create a network with that image_size."
            )
        local3 = fully_connected(tf.reshape(pool2, [-1, expected]), self.local3)  # [B, 6, 6, 64] -> [B, 2304]
        local4 = fully_connected(local3, self.local4)
        # No softmax here: the loss takes unnormalized logits and computes the softmax more accurately.
        softmax_linear = fully_connected(local4, self.softmax_linear, activation=None)
        return Stages(conv1, pool1, norm1, conv2, norm2, pool2, local3, local4, softmax_linear)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the logits, float32[B, num_classes], of images, float32[B, 24, 24, 3]."""
        return self.stages(images)[-1]

    def convolve(self, images: tf.Tensor, layer: Layer) -> tf.Tensor:
        """Applies convolution (stride 1, SAME), bias and ReLU: [B, rows, columns, in] -> [B, rows, columns, out]."""
        convolve = convolution.fast if self.fast_ops else convolution.reference
        with tf.name_scope(layer.name):
            return tf.nn.relu(tf.nn.bias_add(convolve(images, layer.weights), layer.biases), name="activations")

    def convolve_and_pool(self, images: tf.Tensor, layer: Layer, pool_name: str) -> tuple[tf.Tensor, tf.Tensor]:
        """Applies `convolve` and `pool`, and returns both results. The fast forms share one gradient."""
        if not self.fast_ops:
            activations = self.convolve(images, layer)
            return activations, self.pool(activations, pool_name)
        with tf.name_scope(layer.name):
            values = convolution.fast(images, layer.weights)
            activations = tf.nn.relu(tf.nn.bias_add(values, layer.biases), name="activations")
        with tf.name_scope(pool_name):
            return activations, pooling.fast_after_relu(activations, values, layer.biases)

    def normalize(self, values: tf.Tensor, name: str) -> tf.Tensor:
        """Applies local response normalization under the given name scope."""
        with tf.name_scope(name):
            return normalization.fast(values) if self.fast_ops else normalization.reference(values)

    def pool(self, values: tf.Tensor, name: str) -> tf.Tensor:
        """Applies 3 x 3 max pooling with stride 2: [B, 24, 24, C] -> [B, 12, 12, C]."""
        with tf.name_scope(name):
            return pooling.fast(values) if self.fast_ops else pooling.reference(values)


@do_not_convert
def check_batch(images: tf.Tensor) -> None:
    """Raises `ImageShapeError` unless `images` has the shape [B, rows, columns, channels].

    >>> check_batch(tf.zeros([24, 24, 3]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cifarlab.model.network.ImageShapeError: ...got [24, 24, 3]. For one image, pass images[None].
    """
    shape = tf.TensorShape(images.shape)
    if shape.rank not in (None, 4):
        raise ImageShapeError(
            f"images must be [B, rows, columns, channels]; got {shape.as_list()}. For one image, pass images[None]."
        )


def inference(network: ConvNet, images: tf.Tensor, *, training: bool = False) -> tf.Tensor:
    """Returns the logits of a batch of images.

    Args:
        network: a ConvNet, or another network with a method `stages`.
        images: float32[B, 24, 24, 3], standardized; any B.
        training: whether this is a training step. It is passed on if `stages` has an argument of this name; layers such
            as batch normalization and dropout need it.

    Returns:
        float32[B, 10], unnormalized.

    Raises:
        ImageShapeError: `images` is not a batch, or the images have the wrong size.
        NetworkError: `network` has no method `stages`.

    >>> inference(ConvNet(), tf.zeros([1, 24, 24, 3])).shape
    TensorShape([1, 10])
    """
    check_is_network(network)
    check_batch(images)
    stages: Callable[..., NamedTuple] = network.stages
    differs = training and "training" in inspect.signature(stages).parameters
    return (stages(images, training=True) if differs else stages(images))[-1]


def check_is_network(value: object) -> None:
    """Raises `NetworkError` for anything but an object with a method `stages`, such as a Keras model.

    >>> check_is_network("ConvNet")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cifarlab.model.network.NetworkError: a network must be a tf.Module whose method `stages` returns ...; got 'ConvNet'.
    """
    if not isinstance(value, type) and callable(getattr(value, "stages", None)):
        return
    kind, got = type(value), sanitize(repr(value))[:80]
    advice = ""
    if is_keras(value):
        got = f"the Keras model {sanitize(getattr(value, 'name', kind.__name__))}"
        advice = " Wrap it: cifarlab.model.keras_network.KerasNetwork(model)."
    raise NetworkError(
        "a network must be a tf.Module whose method `stages` returns a NamedTuple with the logits as its last item, "
        f"such as cifarlab.ConvNet(); got {got}.{advice}"
    )


def is_keras(value: object) -> bool:
    """Returns whether a value is a model or layer of Keras, without importing Keras."""
    return any(base.__module__.partition(".")[0] in ("keras", "tf_keras") for base in type(value).__mro__)


def with_reference_ops(network: tf.Module) -> tf.Module:
    """Returns a copy of a network that shares its variables but computes with TensorFlow's own operations.

    Other programs support these operations and quantize them well, unlike the matrix products of the fast operations.

    Args:
        network: a ConvNet, or another module with an attribute `fast_ops`, or one that contains such modules; any other
            network is returned unchanged.

    >>> net = ConvNet()
    >>> copied = with_reference_ops(net)
    >>> copied.fast_ops, net.fast_ops, copied.conv1.weights is net.conv1.weights
    (False, True, True)
    """
    if not any(module.fast_ops for module in _with_fast_ops(network)):
        return network
    # Only modules and their containers are copied. Variables are shared, and compiled functions cannot be copied.
    values = [value for module in (network, *network.submodules) for value in vars(module).values()]
    shared = [
        *network.variables,
        *(value for value in values if not isinstance(value, tf.Module | list | tuple | dict)),
    ]
    copied = copy.deepcopy(network, {id(value): value for value in shared})
    for module in _with_fast_ops(copied):
        module.fast_ops = False
    return copied


def _with_fast_ops(network: tf.Module) -> list[Any]:
    """Returns those of the network and its submodules that have the attribute `fast_ops`."""
    modules = (network, *network.submodules) if isinstance(network, tf.Module) else ()
    return [module for module in modules if hasattr(module, "fast_ops")]


def layers(network: tf.Module) -> list[Layer]:
    """Returns the layers of a network, sorted by attribute name.

    >>> [layer.name for layer in layers(ConvNet())]
    ['conv1', 'conv2', 'local3', 'local4', 'softmax_linear']
    """
    return [module for module in network.submodules if isinstance(module, Layer)]


def variable_name(variable: tf.Variable) -> str:
    """Returns a variable's name without TensorFlow's suffix ":0".

    >>> variable_name(ConvNet().conv1.weights)
    'conv1/weights'
    """
    return variable.name.split(":")[0]


def fully_connected(values: tf.Tensor, layer: Layer, activation=tf.nn.relu) -> tf.Tensor:
    """Applies matrix product, bias and activation (None for a linear layer): [B, in] -> [B, out]."""
    with tf.name_scope(layer.name):
        summed = tf.nn.bias_add(tf.matmul(values, layer.weights), layer.biases)
        return summed if activation is None else activation(summed, name="activations")
