"""Max pooling as TensorFlow has it, and with a gradient that is several times as fast on a CPU.

Both forms take the largest of each 3 x 3 square at every second pixel. TensorFlow's own gradient visits the squares one
by one; the fast form finds the place of each square's maximum for all squares at once, as comparisons that XLA fuses
into two loops over memory. Both give the gradient to the first of several equal maxima and agree to the bit.

Where bias and ReLU come before the pool, their gradients are taken with the pool's, on the quarter of the values that
it let through.
"""

from collections.abc import Callable

from cifarlab.backend import compiled, tf

SIZE, STRIDE = 3, 2
"""The tutorial's pools: 3 x 3, at every second pixel."""


def reference(values: tf.Tensor) -> tf.Tensor:
    """Max pooling by TensorFlow's own operation, SAME padding.

    Args:
        values: float32[B, rows, columns, channels].

    Returns:
        float32[B, rows / 2, columns / 2, channels], rounded up.

    >>> reference(tf.reshape(tf.range(16.0), [1, 4, 4, 1]))[0, :, :, 0].numpy().tolist()
    [[10.0, 11.0], [14.0, 15.0]]
    """
    return tf.nn.max_pool2d(values, SIZE, STRIDE, "SAME")


def fast(values: tf.Tensor) -> tf.Tensor:
    """Max pooling with the fast gradient, equal to `reference`; used where rows and columns are even and known.

    Args:
        values: float32[B, rows, columns, channels].
    """
    return _pool(values) if _is_even(values) else reference(values)


def fast_after_relu(activations: tf.Tensor, values: tf.Tensor, biases: tf.Tensor) -> tf.Tensor:
    """Max pooling of `activations = relu(values + biases)`, with one gradient for the three where only pools use them.

    Args:
        activations: float32[B, rows, columns, channels]; gets no gradient from here.
        values: float32[B, rows, columns, channels], what a convolution summed; gets the gradient.
        biases: float32[channels]; they, too.
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
        upstream = tf.where(pooled > 0, upstream, 0.0)  # ReLU's gradient, at a quarter of its values
        return None, _spread(_place_of_maximum(activations, pooled), upstream), tf.reduce_sum(upstream, [0, 1, 2])

    return pooled, gradient


@compiled
def _place_of_maximum(values: tf.Tensor, pooled: tf.Tensor) -> tf.Tensor:
    """Where in its square the first maximum is: int8[B, rows / 2, columns / 2, channels], 0 to 8, row by row."""
    place = tf.cast(tf.fill(tf.shape(pooled), SIZE * SIZE - 1), tf.int8)
    for number in reversed(range(SIZE * SIZE - 1)):
        row, column = divmod(number, SIZE)
        seen = values[:, row::STRIDE, column::STRIDE]
        # SAME padding of an even size: the last square lacks its third row and column. Padding each of the nine by
        # itself lets XLA fuse it, where one padded copy of all values would be written out.
        beyond = [[0, 0], [0, row // STRIDE], [0, column // STRIDE], [0, 0]]
        seen = tf.pad(seen, beyond, constant_values=float("-inf"))
        place = tf.where(seen == pooled, tf.constant(number, tf.int8), place)
    return place


# A function of its own: in one with the places, XLA computes these anew for each pixel, in twice the time.
@compiled
def _spread(place: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    """The gradient with respect to the pooled values: to each square's place goes what comes to the square."""
    rows, columns = place.shape[1:3]
    # Pixel (2i, 2j) lies in the squares i and i - 1, j and j - 1; an odd pixel in one square only. Squares before the
    # first are empty: no place in them is 0 to 8.
    place = tf.pad(place, [[0, 0], [1, 0], [1, 0], [0, 0]], constant_values=-1)
    upstream = tf.pad(upstream, [[0, 0], [1, 0], [1, 0], [0, 0]])

    def of_pixels(row_parity: int, column_parity: int) -> tf.Tensor:
        """The gradient of all pixels of one parity: float32[B, rows / 2, columns / 2, channels]."""
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
"""By a pixel's parity: (square relative to the one before, place in that square) along one axis."""
