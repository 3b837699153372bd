"""A network of today for the same images: whitening, then three blocks of 3 x 3 convolutions with batch normalization.

Its design follows the speed records on CIFAR-10: Page's ResNet-9 (2018), hlb-CIFAR10 (Balsam 2023) and airbench94
(Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, arXiv:2404.00498).
"""

from typing import NamedTuple

import numpy as np

from cifarlab.backend import do_not_convert, tf
from cifarlab.model.network import ImageShapeError, Layer, check_batch, fully_connected
from cifarlab.model.ops import convolution
from cifarlab.model.ops.batch_norm import BatchNorm

WIDTHS = (64, 256, 256)
"""The channels of the three blocks."""


class ModernStages(NamedTuple):
    """The outputs of all stages for a batch of images, each float32; the sizes are those for images of 32 x 32.

    Attributes:
        whitening: [B, 31, 31, 24], the uncorrelated parts of 2 x 2 patches and their negatives; biases and GELU.
        conv1: [B, 31, 31, 64], a convolution, before pooling (2 x 2), normalization, biases and GELU.
        conv2: [B, 15, 15, 64], a convolution, before normalization, biases and GELU.
        conv3: [B, 15, 15, 256], as conv1.
        conv4: [B, 7, 7, 256], as conv2.
        conv5: [B, 7, 7, 256], as conv1.
        conv6: [B, 3, 3, 256], as conv2.
        pool: [B, 256], the largest value of each channel.
        logits: [B, 10], unnormalized.
    """

    whitening: tf.Tensor
    conv1: tf.Tensor
    conv2: tf.Tensor
    conv3: tf.Tensor
    conv4: tf.Tensor
    conv5: tf.Tensor
    conv6: tf.Tensor
    pool: tf.Tensor
    logits: tf.Tensor


class ModernNet(tf.Module):
    """A network of six convolutions with 1,974,402 parameters; needs larger steps for its biases than for its filters.

    >>> net = ModernNet()
    >>> net.stages(tf.zeros([2, 32, 32, 3])).logits.shape
    TensorShape([2, 10])
    """

    def __init__(
        self,
        num_classes: int = 10,
        image_size: int = 32,
        channels: int = 3,
        *,
        seed: int = 0,
        fast_ops: bool = True,
        widths: tuple[int, int, int] = WIDTHS,
    ) -> None:
        """Creates the layers.

        Args:
            num_classes: the number of logits per image.
            image_size: rows and columns of the images, in pixels; at least 15.
            channels: the channels of the images.
            seed: the random seed of the initial weights.
            fast_ops: use the fast convolution where it is faster than TensorFlow's; results are the same.
            widths: the channels of the three blocks; fewer for a faster network.
        """
        super().__init__(name="modern_net")
        self.fast_ops = fast_ops
        if image_size < 15:
            raise ImageShapeError(f"images must have at least 15 x 15 pixels, for three poolings; got {image_size}.")
        patch = 2 * 2 * channels
        self.whitening = Layer("whitening", [2, 2, channels, 2 * patch], stddev=patch**-0.5, seed=seed)
        inputs = 2 * patch
        self.convolutions, self.norms = [], []
        for number in range(6):
            outputs = widths[number // 2]
            name = f"conv{number + 1}"
            layer = Layer(name, [3, 3, inputs, outputs], stddev=(3 * 9 * inputs) ** -0.5, seed=seed)
            layer.weights.assign(_pass_through(layer.weights.numpy()))
            self.convolutions.append(layer)
            self.norms.append(BatchNorm(name, outputs))
            inputs = outputs
        self.logits = Layer("logits", [inputs, num_classes], stddev=(3 * inputs) ** -0.5 / 9, seed=seed)

    def adapt(self, images: tf.Tensor) -> None:
        """Sets the filters of the first layer to the uncorrelated parts of the images' 2 x 2 patches, and negatives.

        Args:
            images: float32[B, rows, columns, channels], standardized; some thousands of training images.
        """
        patches = tf.image.extract_patches(images, [1, 2, 2, 1], [1, 1, 1, 1], [1, 1, 1, 1], "VALID")
        flat = tf.reshape(patches, [-1, patches.shape[-1]]).numpy().astype(np.float64)
        variances, directions = np.linalg.eigh(flat.T @ flat / len(flat))
        filters = directions / np.sqrt(variances + 5e-4)
        self.whitening.weights.assign(np.concatenate([filters, -filters], axis=1).reshape(self.whitening.weights.shape))

    @do_not_convert
    def stages(self, images: tf.Tensor, training: bool = False) -> ModernStages:
        """Computes the outputs of all stages; the last one is the logits.

        Args:
            images: float32[B, 32, 32, 3], standardized.
            training: whether to normalize over the batch instead of with the moving averages, and to update these.
        """
        check_batch(images)
        with tf.name_scope("whitening"):
            values = tf.nn.conv2d(images, self.whitening.weights, strides=1, padding="VALID")
            values = whitening = tf.nn.gelu(tf.nn.bias_add(values, self.whitening.biases))
        convolve = convolution.fast if self.fast_ops else convolution.reference
        found = []
        for number, (layer, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            with tf.name_scope(layer.name):
                values = convolve(values, layer.weights)
                found.append(values)
                if number % 2 == 0:
                    values = tf.nn.max_pool2d(values, 2, strides=2, padding="VALID")
                values = tf.nn.gelu(tf.nn.bias_add(norm(values, training), layer.biases))
        pool = tf.reduce_max(values, axis=[1, 2])
        logits = fully_connected(pool, self.logits, activation=None)
        return ModernStages._make([whitening, *found, pool, logits])


def _pass_through(filters: np.ndarray) -> np.ndarray:
    """Returns filters of which the first ones copy the input's channels, so that a block begins as almost nothing."""
    passed = min(filters.shape[2:])
    filters[..., :passed] = 0
    filters[1, 1, range(passed), range(passed)] = 1
    return filters
