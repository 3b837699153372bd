"""The distortions of the training images: each a function of a whole batch and a seed.

Every image of a batch gets its own draw. A `seed` is what `tf.random.stateless_uniform` takes, int32[2]; the pipeline
passes (seed of the run, step), so that the same step of the same run always sees the same images. Each function folds
its own number into the seed, so that one seed serves them all and their draws are independent of one another. Where a
process distorts only a share of a batch, the seed is int32[4]: also the share's first place, and the batch's size.
"""

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
    corner = tf.cast(_draw(images, [2], seed, 1) * [height - size + 1, width - size + 1], tf.int32)
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
    flip = _draw(images, [1, 1, 1], seed, 2) < 0.5
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
    return images + _draw(images, [1, 1, 1], seed, 3, -max_delta, max_delta)


def random_contrast(images: tf.Tensor, seed: Seed, lower: float = 0.2, upper: float = 1.8) -> tf.Tensor:
    """Stretches each image's channels about their means by a factor from [lower, upper): `tf.image.random_contrast`.

    Args:
        images: [B, rows, columns, channels]; the result is float32 and not clipped.
        seed: int32[2].
        lower: the smallest factor; the tutorial's is 0.2.
        upper: the bound of the factors; the tutorial's is 1.8.
    """
    images = tf.cast(images, tf.float32)
    factor = _draw(images, [1, 1, 1], seed, 4, lower, upper)
    mean = tf.reduce_mean(images, [1, 2], keepdims=True)  # [B, 1, 1, channels]: each channel about its own mean
    return (images - mean) * factor + mean


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


TUTORIAL: tuple[Distortion, ...] = (random_flip, random_brightness, random_contrast)
"""What the tutorial does to a crop before it is standardized, in its order."""


BY_NAME: dict[str, Distortion] = {
    "flip": random_flip,
    "brightness": random_brightness,
    "contrast": random_contrast,
}
"""The distortions that a setting can name."""


def named(names: str) -> tuple[Distortion, ...]:
    """The distortions of a setting such as "flip,contrast", in its order; none for "none".

    >>> named("flip,brightness,contrast") == TUTORIAL, named("none")
    (True, ())
    """
    return () if names == "none" else tuple(BY_NAME[name] for name in names.split(","))


def _draw(
    images: tf.Tensor, shape: Sequence[int], seed: Seed, number: int, low: float = 0.0, high: float = 1.0
) -> tf.Tensor:
    """A uniform draw for each image, float32[B, *shape]; its stream hangs on the seed and the distortion's number."""
    seed, images_here = tf.convert_to_tensor(seed, tf.int32), tf.shape(images)[0]
    first, images_in_all = (seed[2], seed[3]) if seed.shape[0] == 4 else (0, images_here)
    stream = tf.random.experimental.stateless_fold_in(seed[:2], number)
    draws = tf.random.stateless_uniform([images_in_all, *shape], stream, low, high)
    return draws[first : first + images_here]


def _check_crop(height: int, width: int, size: int) -> None:
    if size > min(height, width):
        raise ValueError(
            f"a crop is at most as large as the images, {height} x {width}; got {size}. Choose a smaller one."
        )
