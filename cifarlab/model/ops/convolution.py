"""Convolution of stride 1 with SAME padding, as TensorFlow has it and with several times fewer multiplications.

The fast form is Winograd's minimal filtering F(6 x 6, 5 x 5): a tile of 6 x 6 results of a 5 x 5 filter takes 10 x 10
multiplications a channel instead of 900. Along one axis, the filter's 5 weights and the 10 values under a tile are two
polynomials. Both are evaluated at 10 points, the values multiplied there, and the product turned back into the tile's 6
results. Each of the three changes is a matrix product with constants, so the whole convolution is a chain of matrix
products, and so is the gradient that TensorFlow derives from it.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, arXiv:1509.09308.
"""

import functools

import numpy as np

from cifarlab.backend import tf

TILE = 6
"""Results that are computed together along each axis. Larger tiles need fewer multiplications and round worse."""

POINTS = (0, 4 / 9, -4 / 9, 4 / 5, -4 / 5, 5 / 4, -5 / 4, 9 / 4, -9 / 4)
"""Where the polynomials are evaluated, besides at infinity. In pairs of p, -p, 1/p, -1/p they round least: the result's
rounding error is 1.6e-5 of its standard deviation where the usual 1/2, 1, 3/2, 2 give 5e-5; plain float32 has 5e-7."""

FAST_KERNELS = (3, 5)
"""Sizes of filters that have the fast form."""

MIN_CHANNELS = 16
"""Below so many channels the changes of form cost more than the multiplications that they save."""


def reference(images: tf.Tensor, filters: tf.Tensor) -> tf.Tensor:
    """Convolution by TensorFlow's own operation.

    Args:
        images: float32[B, rows, columns, in].
        filters: float32[k, k, in, out].

    Returns:
        float32[B, rows, columns, out].

    >>> reference(tf.ones([1, 3, 3, 1]), tf.ones([3, 3, 1, 1]))[0, :, :, 0].numpy().tolist()
    [[4.0, 6.0, 4.0], [6.0, 9.0, 6.0], [4.0, 6.0, 4.0]]
    """
    return tf.nn.conv2d(images, filters, strides=1, padding="SAME")


def fast(images: tf.Tensor, filters: tf.Tensor) -> tf.Tensor:
    """Convolution by minimal filtering, equal to `reference` within float32 rounding: used where that is faster.

    Args:
        images: float32[B, rows, columns, in], all known but B.
        filters: float32[k, k, in, out].
    """
    height, width, channels, _ = filters.shape
    worth_it = height == width and height in FAST_KERNELS and channels >= MIN_CHANNELS
    return _winograd(images, filters) if worth_it else reference(images, filters)


def _winograd(images: tf.Tensor, filters: tf.Tensor) -> tf.Tensor:
    _, rows, columns, channels = images.shape
    kernel, _, _, outputs = filters.shape
    evaluate_rows, evaluate_filter, interpolate_rows = winograd_transforms(rows, kernel)
    evaluate_columns, _, interpolate_columns = winograd_transforms(columns, kernel)
    points = TILE + kernel - 1
    # With the batch inside, each tile's rows of all images are one long row of a matrix.
    values = tf.transpose(images, [1, 2, 0, 3])  # [B, rows, columns, in] -> [rows, columns, B, in]
    values = _on_both_axes(evaluate_rows, evaluate_columns, values)
    values = tf.reshape(values, [points, evaluate_rows.shape[0] // points, points, -1, channels])
    weights = _on_both_axes(evaluate_filter, evaluate_filter, filters)
    weights = tf.reshape(weights, [points, 1, points, channels, outputs])
    products = tf.matmul(values, weights)  # [points, tiles, points, tiles * B, out]
    products = tf.reshape(products, [evaluate_rows.shape[0], evaluate_columns.shape[0], -1])
    results = _on_both_axes(interpolate_rows, interpolate_columns, products)
    return tf.transpose(tf.reshape(results, [rows, columns, -1, outputs]), [2, 0, 1, 3])


def _on_both_axes(of_rows: np.ndarray, of_columns: np.ndarray, values: tf.Tensor) -> tf.Tensor:
    """Multiplies the first two axes with a matrix each: [rows, columns, ...] -> [rows', columns', the rest in one]."""
    rows, columns = values.shape[:2]
    values = tf.matmul(of_rows, tf.reshape(values, [rows, -1]))
    return tf.matmul(of_columns, tf.reshape(values, [of_rows.shape[0], columns, -1]))


@functools.lru_cache
def winograd_transforms(length: int, kernel: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three matrices of a convolution along one axis, SAME padding included.

    Args:
        length: values along the axis.
        kernel: weights of the filter along the axis, 3 or 5.

    Returns:
        evaluate: float32[points * tiles, length], the values under each tile at each point, point by point.
        evaluate_filter: float32[points, kernel].
        interpolate: float32[length, points * tiles], from the products at the points to the results.

    >>> evaluate, evaluate_filter, interpolate = winograd_transforms(6, 3)
    >>> values, weights = np.arange(6.0), np.array([1.0, 10.0, 100.0])
    >>> at_points = (evaluate @ values) * (evaluate_filter @ weights)
    >>> (interpolate @ at_points).round(3).tolist()
    [100.0, 210.0, 321.0, 432.0, 543.0, 54.0]
    """
    points = TILE + kernel - 1
    of_tile = np.linalg.inv(_powers(points, points)).T
    largest = np.abs(of_tile).max(axis=1, keepdims=True)  # moved to the filter's side, so that no value grows
    tiles = -(-length // TILE)
    evaluate, interpolate = np.zeros([points, tiles, length]), np.zeros([length, points, tiles])
    for tile in range(tiles):
        for place in range(points):
            at = tile * TILE + place - kernel // 2
            if 0 <= at < length:
                evaluate[:, tile, at] = (of_tile / largest)[:, place]
        results = range(tile * TILE, min((tile + 1) * TILE, length))
        interpolate[results, :, tile] = _powers(points, TILE).T[: len(results)]
    return (
        evaluate.reshape(-1, length).astype(np.float32),
        (_powers(points, kernel) * largest).astype(np.float32),
        interpolate.reshape(length, -1).astype(np.float32),
    )


def _powers(points: int, count: int) -> np.ndarray:
    """Row p evaluates a polynomial of `count` coefficients at point p; the last point is infinity."""
    finite = np.vander(POINTS[: points - 1], count, increasing=True)
    infinite = np.eye(count)[-1:]
    return np.concatenate([finite, infinite])
