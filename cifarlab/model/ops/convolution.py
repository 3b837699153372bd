"""Convolution with stride 1 and SAME padding: TensorFlow's, and a fast one with several times fewer multiplications.

The fast implementation is Winograd's minimal filtering F(6 x 6, 5 x 5): a tile of 6 x 6 results of a 5 x 5 filter
takes 10 x 10 multiplications per channel instead of 900. Along one axis, the filter's 5 weights and the 10 values under
a tile are treated as polynomials. Both are evaluated at 10 points, the values are multiplied point by point, and the
products are converted to the tile's 6 results. Each of these three conversions is a matrix product with a constant
matrix, so the whole convolution is a sequence of matrix products, and so is the gradient that TensorFlow derives.
Filters of 3 x 3 use tiles of 4 x 4: 36 multiplications instead of 144.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, arXiv:1509.09308.
"""

import functools

import numpy as np

from cifarlab.backend import tf

TILE = {3: 4, 5: 6}
"""Results per tile along each axis, by filter size. Larger tiles need fewer multiplications, but have larger rounding
errors, and a map of 7 x 7 wastes much of two tiles of 6."""

POINTS = {
    3: (0, 5 / 8, -5 / 8, 8 / 5, -8 / 5),
    5: (0, 4 / 9, -4 / 9, 4 / 5, -4 / 5, 5 / 4, -5 / 4, 9 / 4, -9 / 4),
}
"""The points, in addition to infinity, at which the polynomials are evaluated. Groups of p, -p, 1/p, -1/p have the
smallest rounding error: for 5 x 5 filters 1.6e-5 of the result's standard deviation, compared to 5e-5 with the usual
points 1/2, 1, 3/2, 2; for 3 x 3 filters 9e-7, compared to 2e-6 with 1 and 2. Of a direct convolution in float32 it is
5e-7."""

MIN_CHANNELS = {3: 32, 5: 16}
"""With fewer channels of the input, the conversions cost more than the saved multiplications. Filters of other sizes
always use TensorFlow's operation."""


def reference(images: tf.Tensor, filters: tf.Tensor) -> tf.Tensor:
    """Convolution with TensorFlow's own operation.

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
    """Convolution by minimal filtering where that is faster, equal to `reference` within rounding errors.

    Args:
        images: float32[B, rows, columns, in]; all sizes except B must be known.
        filters: float32[k, k, in, out].
    """
    height, width, channels, _ = filters.shape
    faster = height == width and height in TILE and channels >= MIN_CHANNELS[height]
    return _winograd(images, filters) if faster else reference(images, filters)


def _winograd(images: tf.Tensor, filters: tf.Tensor) -> tf.Tensor:
    _, rows, columns, channels = images.shape
    kernel, _, _, outputs = filters.shape
    evaluate_rows, evaluate_filter, interpolate_rows = winograd_transforms(rows, kernel)
    evaluate_columns, _, interpolate_columns = winograd_transforms(columns, kernel)
    points = TILE[kernel] + kernel - 1
    # With the batch as an inner axis, the rows of a tile in all images are one long matrix row.
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
    """Multiplies the first two axes by a matrix each: [rows, columns, ...] -> [rows', columns', all others]."""
    rows, columns = values.shape[:2]
    values = tf.matmul(of_rows, tf.reshape(values, [rows, -1]))
    return tf.matmul(of_columns, tf.reshape(values, [of_rows.shape[0], columns, -1]))


@functools.lru_cache
def winograd_transforms(length: int, kernel: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the three matrices of a convolution along one axis, including SAME padding.

    Args:
        length: the number of values along the axis.
        kernel: the size of the filter along the axis, 3 or 5.

    Returns:
        evaluate: float32[points * tiles, length], evaluates the values under each tile at each point.
        evaluate_filter: float32[points, kernel], evaluates the filter at each point.
        interpolate: float32[length, points * tiles], converts the products at the points to the results.

    >>> evaluate, evaluate_filter, interpolate = winograd_transforms(4, 3)
    >>> values, weights = np.arange(4.0), np.array([1.0, 10.0, 100.0])
    >>> at_points = (evaluate @ values) * (evaluate_filter @ weights)
    >>> (interpolate @ at_points).round(3).tolist()
    [100.0, 210.0, 321.0, 32.0]
    """
    tile_size = TILE[kernel]
    points = tile_size + kernel - 1
    of_tile = np.linalg.inv(_powers(kernel, points)).T
    largest = np.abs(of_tile).max(
        axis=1, keepdims=True
    )  # these factors are moved to the filter, so that values do not grow
    tiles = -(-length // tile_size)
    evaluate, interpolate = np.zeros([points, tiles, length]), np.zeros([length, points, tiles])
    for tile in range(tiles):
        for place in range(points):
            at = tile * tile_size + place - kernel // 2
            if 0 <= at < length:
                evaluate[:, tile, at] = (of_tile / largest)[:, place]
        results = range(tile * tile_size, min((tile + 1) * tile_size, length))
        interpolate[results, :, tile] = _powers(kernel, tile_size).T[: len(results)]
    return (
        evaluate.reshape(-1, length).astype(np.float32),
        (_powers(kernel, kernel) * largest).astype(np.float32),
        interpolate.reshape(length, -1).astype(np.float32),
    )


def _powers(kernel: int, count: int) -> np.ndarray:
    """Returns a matrix whose row p evaluates a polynomial with `count` coefficients at point p (the last: infinity)."""
    finite = np.vander(POINTS[kernel], count, increasing=True)
    infinite = np.eye(count)[-1:]
    return np.concatenate([finite, infinite])
