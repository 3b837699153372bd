"""The distortions of the training images: each a function of a whole batch and a seed.

Every image of a batch gets its own draw. A `seed` is what `tf.random.stateless_uniform` takes, int32[2]; the pipeline
passes (seed of the run, step), so that the same step of the same run always sees the same images. Each function folds
its own number into the seed, so that one seed serves them all and their draws are independent of one another. Where a
process distorts only a share of a batch, the seed is int32[4]: also the share's first place, and the batch's size.
"""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from cifarlab.backend import tf

Seed: TypeAlias = "Sequence[int] | tf.Tensor"
Distortion: TypeAlias = Callable[[tf.Tensor, Seed], tf.Tensor]


def random_crop(images: tf.Tensor, seed: Seed, size: int = 24) -> tf.Tensor:
    """Cuts a square out of each image, at a place drawn uniformly: `tf.image.random_crop`.

    Args:
        images: any dtype [B, rows, columns, channels].
        seed: int32[2].
        size: rows and columns of the result, in pixels; at most those of the images.

    Returns:
        the same dtype [B, size, size, channels].

    Raises:
        ValueError: the images are smaller than `size`.

    >>> random_crop(tf.zeros([5, 32, 32, 3], tf.uint8), seed=[1, 0]).shape
    TensorShape([5, 24, 24, 3])
    """
    _, height, width, channels = images.shape
    _check_crop(height, width, size)
    batch = tf.shape(images)[0]
    corner = tf.cast(per_image_uniform(images, [2], seed, 1) * [height - size + 1, width - size + 1], tf.int32)
    rows = corner[:, :1] + tf.range(size)  # [B, size]
    columns = corner[:, 1:] + tf.range(size)
    # One gather over all pixels of the batch: a crop image by image (map_fn) is half as fast.
    pixel = (tf.range(batch)[:, None, None] * height + rows[:, :, None]) * width + columns[:, None, :]
    return tf.gather(tf.reshape(images, [-1, channels]), pixel)  # [B, size, size, channels]


def central_crop(images: tf.Tensor, size: int = 24) -> tf.Tensor:
    """Cuts the central square out of each image, as evaluation does: `tf.image.resize_with_crop_or_pad`.

    Args:
        images: any dtype [B, rows, columns, channels].
        size: rows and columns of the result, in pixels; at most those of the images.

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


def random_flip(images: tf.Tensor, seed: Seed) -> tf.Tensor:
    """Mirrors each image left to right with probability one half: `tf.image.random_flip_left_right`.

    Args:
        images: any dtype [B, rows, columns, channels].
        seed: int32[2].
    """
    flip = per_image_uniform(images, [1, 1, 1], seed, 2) < 0.5
    return tf.where(flip, tf.reverse(images, [2]), images)


def random_brightness(images: tf.Tensor, seed: Seed, max_delta: float = 63.0) -> tf.Tensor:
    """Adds to each image one number drawn uniformly from [-max_delta, max_delta): `tf.image.random_brightness`.

    Standardization takes the mean away again, so in the tutorial's pipeline this changes nothing; it is kept because
    the tutorial has it, and lesson 1 measures it.

    Args:
        images: [B, rows, columns, channels]; the result is float32 and not clipped.
        seed: int32[2].
        max_delta: in grey levels of 0-255; the tutorial's is 63.
    """
    images = tf.cast(images, tf.float32)
    return images + per_image_uniform(images, [1, 1, 1], seed, 3, -max_delta, max_delta)


def random_contrast(images: tf.Tensor, seed: Seed, lower: float = 0.2, upper: float = 1.8) -> tf.Tensor:
    """Stretches each image's channels about their means by a factor from [lower, upper): `tf.image.random_contrast`.

    Args:
        images: [B, rows, columns, channels]; the result is float32 and not clipped.
        seed: int32[2].
        lower: the smallest factor; the tutorial's is 0.2.
        upper: the bound of the factors; the tutorial's is 1.8.
    """
    images = tf.cast(images, tf.float32)
    factor = per_image_uniform(images, [1, 1, 1], seed, 4, lower, upper)
    mean = tf.reduce_mean(images, [1, 2], keepdims=True)  # [B, 1, 1, channels]: each channel about its own mean
    return (images - mean) * factor + mean


def random_affine(
    images: tf.Tensor, seed: Seed, degrees: float = 15.0, stretch: float = 0.2, shear: float = 0.3
) -> tf.Tensor:
    """Turns, stretches and slants each image about its middle, with bilinear interpolation; not the tutorial's.

    For pictures of few examples whose class does not hang on such a change, as of digits, letters or leaves. What is
    missing at the edges is filled with the nearest pixel.

    Args:
        images: [B, rows, columns, channels]; the result is float32.
        seed: int32[2].
        degrees: the largest turn to either side.
        stretch: rows and columns are stretched, each by itself, by factors from 1 / (1 + stretch) to 1 / (1 - stretch).
        shear: the most that a column moves for each row.

    >>> random_affine(tf.ones([2, 24, 24, 3]), seed=[1, 0]).numpy().min().item()
    1.0
    """
    images = tf.cast(images, tf.float32)
    turn, wide, high, slant = tf.unstack(per_image_uniform(images, [4], seed, 5, -1.0, 1.0), axis=1)
    sine, cosine = tf.sin(turn * math.radians(degrees)), tf.cos(turn * math.radians(degrees))
    wide, high, slant = 1 + stretch * wide, 1 + stretch * high, shear * slant
    # Where each pixel of the result comes from: x = xx column + xy row + x0, y = yx column + yy row + y0.
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


def standardize(images: tf.Tensor) -> tf.Tensor:
    """Gives each image mean 0 and standard deviation 1: `tf.image.per_image_standardization`.

    The deviation counts as at least 1 / sqrt(number of values), so that an image of one colour becomes zeros.

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
"""What the tutorial does to a crop before it is standardized, in its order."""


BY_NAME: dict[str, Distortion] = {
    "flip": random_flip,
    "brightness": random_brightness,
    "contrast": random_contrast,
    "affine": random_affine,
}
"""The distortions that a setting can name."""


def parse_distortions(names: str) -> tuple[Distortion, ...]:
    """The distortions of a setting such as "flip,contrast", in its order; none for "none".

    >>> parse_distortions("flip,brightness,contrast") == TUTORIAL_DISTORTIONS, parse_distortions("none")
    (True, ())
    """
    return () if names == "none" else tuple(BY_NAME[name] for name in names.split(","))


def per_image_uniform(
    images: tf.Tensor, shape: Sequence[int], seed: Seed, stream: int, low: float = 0.0, high: float = 1.0
) -> tf.Tensor:
    """A uniform draw for each image, for a distortion of one's own.

    Args:
        images: [B, ...]; only their number counts.
        shape: of what one image gets.
        seed: as the distortion got it.
        stream: of the distortion, so that its draws are independent of the others'; those here have 1 to 5.
        low: the smallest value.
        high: the bound of the values.

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
            f"a crop is at most as large as the images, {height} x {width}; got {size}. Choose a smaller one."
        )
