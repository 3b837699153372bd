"""Max pooling: TensorFlow's, and one with a gradient that is several times as fast on a CPU.

Both take the maximum of each 3 x 3 window with stride 2. TensorFlow's gradient visits the windows one by one. The fast
gradient finds the positions of all maxima at once, with comparisons that XLA fuses into two loops over memory. Both
pass the gradient to the first of several equal maxima, and they agree bit for bit.

If bias and ReLU precede the pooling, their gradients are computed together with the pooling's, on the quarter of the
values that remain after it.
"""

from collections.abc import Callable

from cifarlab.backend import compiled, tf

SIZE, STRIDE = 3, 2
"""The tutorial's window size and stride."""


def reference(values: tf.Tensor) -> tf.Tensor:
    """Max pooling with TensorFlow's own operation and SAME padding.

    Args:
        values: float32[B, rows, columns, channels].

    Returns:
        float32[B, rows / 2, columns / 2, channels], rounded up.

    >>> reference(tf.reshape(tf.range(16.0), [1, 4, 4, 1]))[0, :, :, 0].numpy().tolist()
    [[10.0, 11.0], [14.0, 15.0]]
    """
    return tf.nn.max_pool2d(values, SIZE, STRIDE, "SAME")


def fast(values: tf.Tensor) -> tf.Tensor:
    """Max pooling, equal to `reference`, with the fast gradient if rows and columns are known and even.

    Args:
        values: float32[B, rows, columns, channels].
    """
    return _pool(values) if _is_even(values) else reference(values)


def fast_after_relu(activations: tf.Tensor, values: tf.Tensor, biases: tf.Tensor) -> tf.Tensor:
    """Max pooling of `activations = relu(values + biases)`, with one gradient for pooling, ReLU and bias.

    The gradient bypasses `activations` and goes directly to `values` and `biases`.

    Args:
        activations: float32[B, rows, columns, channels]; gets no gradient.
        values: float32[B, rows, columns, channels], the result of a convolution; gets a gradient.
        biases: float32[channels]; gets a gradient.
    """
    return _pool_of_relu(activations, values, biases) if _is_even(values) else reference(activations)


def _is_even(values: tf.Tensor) -> bool:
    return all(size is not None and size % STRIDE == 0 for size in values.shape[1:3])


@tf.custom_gradient
def _pool(values: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    pooled = reference(values)
    return pooled, lambda upstream: _spread(_place_of_maximum(values, pooled), upstream)


@tf.custom_gradient
def _pool_of_relu(activations: tf.Tensor, values: tf.Tensor, biases: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    pooled = reference(activations)

    def gradient(upstream: tf.Tensor) -> tuple[None, tf.Tensor, tf.Tensor]:
        upstream = tf.where(pooled > 0, upstream, 0.0)  # ReLU's gradient, on a quarter of its values
        return None, _spread(_place_of_maximum(activations, pooled), upstream), tf.reduce_sum(upstream, [0, 1, 2])

    return pooled, gradient


@compiled
def _place_of_maximum(values: tf.Tensor, pooled: tf.Tensor) -> tf.Tensor:
    """Returns each window's first maximum as a position, 0 to 8: int8[B, rows / 2, columns / 2, channels]."""
    place = tf.cast(tf.fill(tf.shape(pooled), SIZE * SIZE - 1), tf.int8)
    for number in reversed(range(SIZE * SIZE - 1)):
        row, column = divmod(number, SIZE)
        seen = values[:, row::STRIDE, column::STRIDE]
        # With SAME padding and an even size, the last window lacks its third row and column. XLA can fuse the padding
        # of the nine slices, but would write a padded copy of all values to memory.
        beyond = [[0, 0], [0, row // STRIDE], [0, column // STRIDE], [0, 0]]
        seen = tf.pad(seen, beyond, constant_values=float("-inf"))
        place = tf.where(seen == pooled, tf.constant(number, tf.int8), place)
    return place


# A separate function: combined with `_place_of_maximum`, XLA would recompute the positions and take twice as long.
@compiled
def _spread(place: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    """Passes the gradient of each window to the position of its maximum."""
    rows, columns = place.shape[1:3]
    # Pixel (2i, 2j) is in the windows i and i - 1, j and j - 1; an odd pixel is in one window only. The windows before
    # the first are empty; their position is -1.
    place = tf.pad(place, [[0, 0], [1, 0], [1, 0], [0, 0]], constant_values=-1)
    upstream = tf.pad(upstream, [[0, 0], [1, 0], [1, 0], [0, 0]])

    def of_pixels(row_parity: int, column_parity: int) -> tf.Tensor:
        """Returns the gradient of all pixels with the given parities: float32[B, rows / 2, columns / 2, channels]."""
        total = tf.zeros([])
        for square_row, row in _SQUARES[row_parity]:
            for square_column, column in _SQUARES[column_parity]:
                window = (
                    slice(None),
                    slice(square_row, square_row + rows),
                    slice(square_column, square_column + columns),
                )
                total += tf.where(place[window] == SIZE * row + column, upstream[window], 0.0)
        return total

    interleaved = tf.stack(
        [tf.stack([of_pixels(r, c) for c in (0, 1)], axis=3) for r in (0, 1)], axis=2
    )  # [B, rows / 2, 2, columns / 2, 2, channels]
    return tf.reshape(interleaved, [-1, STRIDE * rows, STRIDE * columns, place.shape[-1]])


_SQUARES = {0: ((0, 2), (1, 0)), 1: ((1, 1),)}
"""Windows that contain a pixel, by its parity: (index relative to the window before, position) along one axis."""
