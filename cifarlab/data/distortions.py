"""Random distortions of training images. Each is a function of a batch and a seed.

Every image of a batch gets its own random numbers. A seed is int32[2], such as a run's seed and a step, or int32[4].
The pipeline always passes int32[4]: the run's seed, the step, the index of the first image in the whole batch, which is
not 0 in a shard, and the size of the whole batch. So the same step of a run always sees the same images. Each function
folds its own constant into the seed, so that all functions can share one seed and still draw independent numbers. Use
`per_image_uniform` in your own distortions; it takes both kinds of seed.
"""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from cifarlab.backend import do_not_convert, tf

Seed: TypeAlias = "Sequence[int] | tf.Tensor"
Distortion: TypeAlias = Callable[[tf.Tensor, Seed], tf.Tensor]


@do_not_convert
def random_crop(images: tf.Tensor, seed: Seed, size: int = 24, padding: int = 0) -> tf.Tensor:
    """Crops a square from each image at a uniformly random position, like `tf.image.random_crop`.

    Args:
        images: any dtype [B, rows, columns, channels].
        seed: int32[2] or int32[4].
        size: rows and columns of the result, in pixels; must not exceed the image size.
        padding: first extends each image by this number of pixels on all sides, in which it is mirrored. So a crop as
            large as the image becomes the image shifted by at most `padding` pixels in both directions.

    Returns:
        the same dtype [B, size, size, channels].

    Raises:
        ValueError: the images are smaller than `size`.

    >>> random_crop(tf.zeros([5, 32, 32, 3], tf.uint8), seed=[1, 0]).shape
    TensorShape([5, 24, 24, 3])
    """
    _check_crop(images.shape[1], images.shape[2], size)
    if padding:
        images = tf.pad(images, [[0, 0], [padding, padding], [padding, padding], [0, 0]], mode="REFLECT")
    _, height, width, channels = images.shape
    batch = tf.shape(images)[0]
    corner = tf.cast(per_image_uniform(images, [2], seed, 1) * [height - size + 1, width - size + 1], tf.int32)
    rows = corner[:, :1] + tf.range(size)  # [B, size]
    columns = corner[:, 1:] + tf.range(size)
    # One gather over all pixels of the batch is twice as fast as cropping image by image (map_fn).
    pixel = (tf.range(batch)[:, None, None] * height + rows[:, :, None]) * width + columns[:, None, :]
    return tf.gather(tf.reshape(images, [-1, channels]), pixel)  # [B, size, size, channels]


@do_not_convert
def central_crop(images: tf.Tensor, size: int = 24) -> tf.Tensor:
    """Crops the central square of each image, like `tf.image.resize_with_crop_or_pad`; used in evaluation.

    Args:
        images: any dtype [B, rows, columns, channels].
        size: rows and columns of the result, in pixels; must not exceed the image size.

    Raises:
        ValueError: the images are smaller than `size`.

    >>> central_crop(tf.zeros([5, 32, 32, 3])).shape
    TensorShape([5, 24, 24, 3])
    """
    images = tf.convert_to_tensor(images)
    _, height, width, _ = images.shape
    _check_crop(height, width, size)
    top, left = (height - size) // 2, (width - size) // 2
    return images[:, top : top + size, left : left + size]


@do_not_convert
def random_flip(images: tf.Tensor, seed: Seed) -> tf.Tensor:
    """Mirrors each image left to right with probability 1/2, like `tf.image.random_flip_left_right`.

    Args:
        images: any dtype [B, rows, columns, channels].
        seed: int32[2] or int32[4].
    """
    flip = per_image_uniform(images, [1, 1, 1], seed, 2) < 0.5
    return tf.where(flip, tf.reverse(images, [2]), images)


@do_not_convert
def random_brightness(images: tf.Tensor, seed: Seed, max_delta: float = 63.0) -> tf.Tensor:
    """Adds one random number from [-max_delta, max_delta) to each image, like `tf.image.random_brightness`.

    In the tutorial's pipeline this has no effect, because standardization subtracts the mean afterwards. It is kept
    because the tutorial has it; lesson 1 measures the effect.

    Args:
        images: [B, rows, columns, channels]; the result is float32 and not clipped.
        seed: int32[2] or int32[4].
        max_delta: the largest change of a pixel, on the scale 0-255; 63 in the tutorial.
    """
    images = tf.cast(images, tf.float32)
    return images + per_image_uniform(images, [1, 1, 1], seed, 3, -max_delta, max_delta)


@do_not_convert
def random_contrast(images: tf.Tensor, seed: Seed, lower: float = 0.2, upper: float = 1.8) -> tf.Tensor:
    """Scales each image's contrast by a random factor from [lower, upper), like `tf.image.random_contrast`.

    Each channel is scaled around its own mean.

    Args:
        images: [B, rows, columns, channels]; the result is float32 and not clipped.
        seed: int32[2] or int32[4].
        lower: lower bound of the factor (inclusive); 0.2 in the tutorial.
        upper: upper bound of the factor (exclusive); 1.8 in the tutorial.
    """
    images = tf.cast(images, tf.float32)
    factor = per_image_uniform(images, [1, 1, 1], seed, 4, lower, upper)
    mean = tf.reduce_mean(images, [1, 2], keepdims=True)  # [B, 1, 1, channels]
    return (images - mean) * factor + mean


@do_not_convert
def random_affine(
    images: tf.Tensor, seed: Seed, degrees: float = 15.0, stretch: float = 0.2, shear: float = 0.3
) -> tf.Tensor:
    """Rotates, stretches and shears each image around its center, with bilinear interpolation.

    The tutorial does not have this distortion. It helps with small datasets whose classes do not depend on such
    changes, such as digits, letters or leaves. Missing pixels at the edges are filled with the nearest pixel.

    Args:
        images: [B, rows, columns, channels]; the result is float32.
        seed: int32[2] or int32[4].
        degrees: the largest rotation in either direction.
        stretch: rows and columns are stretched independently by factors from 1 / (1 + stretch) to 1 / (1 - stretch).
        shear: the largest horizontal shift per row, in pixels.

    >>> random_affine(tf.ones([2, 24, 24, 3]), seed=[1, 0]).numpy().min().item()
    1.0
    """
    images = tf.cast(images, tf.float32)
    turn, wide, high, slant = tf.unstack(per_image_uniform(images, [4], seed, 5, -1.0, 1.0), axis=1)
    sine, cosine = tf.sin(turn * math.radians(degrees)), tf.cos(turn * math.radians(degrees))
    wide, high, slant = 1 + stretch * wide, 1 + stretch * high, shear * slant
    # The source position of each pixel of the result: x = xx column + xy row + x0, y = yx column + yy row + y0.
    xx, xy, yx, yy = wide * cosine, slant - sine, sine, high * cosine
    middle_y, middle_x = (images.shape[1] - 1) / 2, (images.shape[2] - 1) / 2
    x0, y0 = middle_x - xx * middle_x - xy * middle_y, middle_y - yx * middle_x - yy * middle_y
    zero = tf.zeros_like(xx)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([xx, xy, x0, yx, yy, y0, zero, zero], axis=1),
        output_shape=images.shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


@do_not_convert
def standardize(images: tf.Tensor) -> tf.Tensor:
    """Scales each image to mean 0 and standard deviation 1, like `tf.image.per_image_standardization`.

    The standard deviation is bounded below by 1 / sqrt(number of values), so that a uniform image becomes zeros.

    Args:
        images: [B, rows, columns, channels].

    Returns:
        float32 [B, rows, columns, channels].

    >>> standardize(tf.fill([1, 24, 24, 3], 7.0)).numpy().max().item()
    0.0
    """
    images = tf.cast(images, tf.float32)
    values = images.shape[1] * images.shape[2] * images.shape[3]
    mean, variance = tf.nn.moments(images, [1, 2, 3], keepdims=True)
    return (images - mean) / tf.maximum(tf.sqrt(variance), values**-0.5)


TUTORIAL_DISTORTIONS: tuple[Distortion, ...] = (random_flip, random_brightness, random_contrast)
"""The tutorial's distortions in its order, applied between cropping and standardization."""


BY_NAME: dict[str, Distortion] = {
    "flip": random_flip,
    "brightness": random_brightness,
    "contrast": random_contrast,
    "affine": random_affine,
}
"""The distortions available in the setting `distortions`, by name."""


def parse_distortions(names: str) -> tuple[Distortion, ...]:
    """Returns the distortions of a setting such as "flip,contrast", in that order; an empty tuple for "none".

    >>> parse_distortions("flip,brightness,contrast") == TUTORIAL_DISTORTIONS, parse_distortions("none")
    (True, ())
    """
    return () if names == "none" else tuple(BY_NAME[name] for name in names.split(","))


@do_not_convert
def per_image_uniform(
    images: tf.Tensor, shape: Sequence[int], seed: Seed, stream: int, low: float = 0.0, high: float = 1.0
) -> tf.Tensor:
    """Draws uniform random numbers for each image. Use it to write custom distortions.

    Args:
        images: [B, ...]; only B matters.
        shape: the shape of one image's random numbers.
        seed: the seed that was passed to the distortion.
        stream: a number unique to the distortion, so that its random numbers are independent of those of other
            distortions. The functions in this module use 1 to 5.
        low: lower bound (inclusive).
        high: upper bound (exclusive).

    Returns:
        `float32[B, *shape]`.

    >>> per_image_uniform(tf.zeros([5, 24, 24, 3]), [1, 1, 1], seed=[1, 0], stream=10).shape
    TensorShape([5, 1, 1, 1])
    """
    seed, images_here = tf.convert_to_tensor(seed, tf.int32), tf.shape(images)[0]
    first, images_in_all = (seed[2], seed[3]) if seed.shape[0] == 4 else (0, images_here)
    stream_seed = tf.random.experimental.stateless_fold_in(seed[:2], stream)
    draws = tf.random.stateless_uniform([images_in_all, *shape], stream_seed, low, high)
    return draws[first : first + images_here]


def _check_crop(height: int, width: int, size: int) -> None:
    if size > min(height, width):
        raise ValueError(
            f"crop size must not exceed the image size, {height} x {width}; got {size}. Choose a smaller crop."
        )
