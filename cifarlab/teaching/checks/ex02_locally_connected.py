"""The check of exercise 2's locally connected function, and the layer in NumPy that the other checks use, too."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckPassed
from cifarlab.teaching.checks.student_calls import Raised, capture_exception

_SHARED_WEIGHTS = Advice(
    "shared-weights",
    "every position uses the same weights: that is a convolution. Each position should use its own weights.",
)
_NO_BIASES = Advice("no-biases", "the biases are missing.")
_SHARED_BIASES = Advice(
    "shared-biases", "every position got the same biases: biases[r, c] belong only to position (r, c)."
)
_RELU_INSIDE = Advice("relu-inside", "negative results became 0: leave the ReLU to the layer that calls this.")
_ROTATED_FILTERS = Advice(
    "rotated-filters",
    "the filters are rotated by 180 degrees. TensorFlow's convolution does not do that: weights[r, c, 0, 0] belongs "
    "to the neighbor above and to the left.",
)
_ROWS_AND_COLUMNS_OF_FILTERS = Advice(
    "rows-and-columns-of-filters",
    "rows and columns within the 3 x 3 weights are swapped: the first of these axes goes down, the second to the "
    "right.",
)
_PATCH_ORDER = Advice(
    "patch-order",
    "patches and weights are multiplied in different orders: one has its channels first, the other last. Print a "
    "small patch to see this.",
)
_WEIGHT_POSITIONS_SWAPPED = Advice(
    "weight-positions-swapped",
    "the weights of rows and columns are swapped: position (r, c) uses weights[r, c].",
)
_RESULT_TRANSPOSED = Advice(
    "result-transposed", "rows and columns of the result are swapped: it is assembled column by column."
)
_OFF_CENTER = Advice(
    "off-center",
    "the 3 x 3 window is off center: pad one row and one column on each side, so that weights[r, c, 1, 1] belongs to "
    "the position itself.",
)
_WRAPPED_BORDER = Advice(
    "wrapped-border",
    "each border is padded with values from the opposite border: pad with zeros (SAME padding).",
)
_REPEATED_BORDER = Advice("repeated-border", "the border is padded with its own values: pad with zeros (SAME padding).")
_CENTER_ONLY = Advice("center-only", "only the position itself is used: its eight neighbors are missing.")
_MEAN_FOR_SUM = Advice("mean-for-sum", "this is the mean over the nine positions; it should be their sum.")
_VARIABLE_CHANGED = Advice(
    "variable-changed",
    "in training, weights and biases are variables, and `+=` would change them: write total = total + ... or begin "
    "with a tensor",
)
_NUMPY_IN_GRAPH = Advice(
    "numpy-in-graph",
    "in tf.function, tensors have no values yet: use TensorFlow's operations, not NumPy's or .numpy()",
)
_BATCH_SIZE_FIXED = Advice(
    "batch-size-fixed",
    "in training, the batch size may be unknown, None: instead of values.shape[0] use -1 in tf.reshape, or "
    "tf.shape(values)[0]",
)

_FALLBACK = Advice(
    "other",
    "At each position, multiply the nine positions around it, in all input channels, by this position's weights, add "
    "them up, and add this position's biases.",
)
_TRAINS = "it is correct when called directly, but training cannot use it: "


def check_locally_connected(locally_connected: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `locally_connected(values, weights, biases)`.

    Args:
        locally_connected: takes float32[B, H, W, in], float32[H, W, 3, 3, in, out] and float32[H, W, out], also as
            variables and with B unknown; returns float32[B, H, W, out], without an activation, and is differentiable.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.

    >>> check_locally_connected(lambda values, weights, biases: tf.nn.conv2d(values, weights[0, 0], 1, "SAME") + biases)
    ... # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cifarlab.teaching.checks.result.CheckFailedError: Not yet: every position uses the same weights: that is a...
    """
    examiner = Examiner("locally_connected", key, seconds=20)
    draw = examiner.random
    side, (rows, columns) = int(draw.integers(4, 6)), (int(size) for size in draw.permutation([3, 4, 5, 6])[:2])
    for shape in ((2, side, side, 3, 2), (3, rows, columns, 2, 4), (1, columns, rows, 1, 3)):
        values, weights, biases = _draw(examiner, shape)
        got = examiner.call(locally_connected, *(_float32(array) for array in (values, weights, biases)))
        _compare(examiner, got, values, weights, biases)
    filters = draw.normal(0, 1, [3, 3, 2, 4])
    values, tied = draw.normal(0, 1, [2, rows, columns, 2]), np.broadcast_to(filters, [rows, columns, 3, 3, 2, 4])
    got = examiner.call(locally_connected, _float32(values), _float32(tied), tf.zeros([rows, columns, 4]))
    convolved = tf.nn.conv2d(_float32(values), _float32(filters), 1, "SAME").numpy()
    examiner.assert_close(got, convolved, what="the result with tied weights", misconceptions={}, fallback=_FALLBACK)
    _train(examiner, locally_connected, *_draw(examiner, (3, rows, columns, 2, 4)))
    return examiner.passed("each position uses its own weights and biases; with tied weights it equals tf.nn.conv2d.")


def connected(
    values: np.ndarray, weights: np.ndarray, biases: np.ndarray, *, before: int = 1, mode: str = "constant"
) -> np.ndarray:
    """Computes a locally connected layer, float64[B, H, W, out], position by position.

    Args:
        values: float[B, H, W, in].
        weights: float[H, W, 3, 3, in, out].
        biases: float[H, W, out].
        before: the number of rows and columns, of the three, before the position; 1 is correct.
        mode: the mode of `numpy.pad` beyond the border; "constant", for zeros, is correct.

    >>> connected(np.ones([1, 1, 2, 1]), np.ones([1, 2, 3, 3, 1, 1]), np.zeros([1, 2, 1])).ravel().tolist()
    [2.0, 2.0]
    """
    around: Any = [(0, 0), (before, 2 - before), (before, 2 - before), (0, 0)]
    padded, result = np.pad(values, around, mode=mode), np.empty([len(values), *biases.shape])  # type: ignore[call-overload]
    for row, column in np.ndindex(biases.shape[:2]):
        window = padded[:, row : row + 3, column : column + 3]
        result[:, row, column] = np.tensordot(window, weights[row, column], 3) + biases[row, column]
    return result


def mistakes(values: np.ndarray, weights: np.ndarray, biases: np.ndarray) -> dict[Advice, list[np.ndarray]]:
    """Returns the results of known mistakes by their advice; some mistakes have several forms."""
    rows, columns, _, _, inputs, outputs = weights.shape
    right, none = connected(values, weights, biases), np.zeros_like(biases)
    shared = [np.broadcast_to(one, weights.shape) for one in (weights[0, 0], weights[-1, -1], weights.mean((0, 1)))]
    by_channel, flat = weights.transpose(0, 1, 4, 2, 3, 5), (rows, columns, 3, 3, inputs, outputs)
    in_order = weights.reshape(rows, columns, inputs, 3, 3, outputs).transpose(0, 1, 3, 4, 2, 5)
    found = {
        _SHARED_WEIGHTS: [
            connected(values, one, bias)
            for one in shared
            for bias in (biases, none + biases[0, 0], none + biases.mean((0, 1)), none)
        ],
        _NO_BIASES: [right - biases],
        _SHARED_BIASES: [right - biases + one for one in (biases[0, 0], biases[-1, -1], biases.mean((0, 1)))],
        _RELU_INSIDE: [np.maximum(right, 0)],
        _ROTATED_FILTERS: [connected(values, weights[:, :, ::-1, ::-1], biases)],
        _ROWS_AND_COLUMNS_OF_FILTERS: [connected(values, weights.transpose(0, 1, 3, 2, 4, 5), biases)],
        _PATCH_ORDER: [connected(values, one, biases) for one in (by_channel.reshape(flat), in_order)],
    }
    if rows == columns:
        found |= {
            _WEIGHT_POSITIONS_SWAPPED: [
                connected(values, weights.swapaxes(0, 1), one) for one in (biases, biases.swapaxes(0, 1))
            ],
            _RESULT_TRANSPOSED: [
                right.swapaxes(1, 2),
                (right - biases).swapaxes(1, 2) + biases,
            ],
        }
    return found | _neighbor_mistakes(values, weights, biases)


def nearest(got: np.ndarray, found: Mapping[Advice, Sequence[np.ndarray]]) -> dict[Advice, np.ndarray]:
    """Returns, for each advice, the one of its results that is nearest to the actual result."""

    def distance(value: np.ndarray) -> float:
        return float(np.abs(value - got).max()) if value.shape == got.shape else np.inf

    return {advice: min(values, key=distance) for advice, values in found.items()}


def traced(function: Any, examples: int | None, shape: Sequence[int], variables: Sequence[tf.Variable]) -> Callable:
    """Returns a compiled function from `float32[examples, *shape]` to the result of `function` and its gradients."""

    @tf.function(input_signature=[tf.TensorSpec([examples, *shape], tf.float32)])
    def step(values: tf.Tensor) -> tuple:
        with tf.GradientTape() as tape:
            tape.watch(values)
            result = function(values)
        return result, tape.gradient(result, [values, *variables])

    return step


def _neighbor_mistakes(values: np.ndarray, weights: np.ndarray, biases: np.ndarray) -> dict[Advice, list[np.ndarray]]:
    summed = connected(values, weights, np.zeros_like(biases))
    return {
        _OFF_CENTER: [connected(values, weights, biases, before=before) for before in (0, 2)],
        _WRAPPED_BORDER: [connected(values, weights, biases, mode="wrap")],
        _REPEATED_BORDER: [connected(values, weights, biases, mode=mode) for mode in ("edge", "reflect")],
        _CENTER_ONLY: [np.einsum("bhwi,hwio->bhwo", values, weights[:, :, 1, 1]) + biases],
        _MEAN_FOR_SUM: [summed / count + biases for count in (9, 9 * values.shape[-1])],
    }


def _draw(examiner: Examiner, shape: tuple[int, int, int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    size, rows, columns, inputs, outputs = shape
    draw = examiner.random.normal
    shapes = ([size, rows, columns, inputs], [rows, columns, 3, 3, inputs, outputs], [rows, columns, outputs])
    values, weights, biases = (draw(0, 1, one) for one in shapes)
    return values, weights, biases


def _float32(array: np.ndarray) -> tf.Tensor:
    return tf.constant(array, tf.float32)


def _compare(examiner: Examiner, got: Any, values: np.ndarray, weights: np.ndarray, biases: np.ndarray) -> None:
    right, numbers = connected(values, weights, biases), examiner.as_array(got, "the result")
    size, rows, columns, outputs = right.shape
    if numbers.shape == (size, rows - 2, columns - 2, outputs):
        examiner.fail(
            "no-padding", "the border is missing: only inner positions have eight neighbors, so pad with zeros (SAME)."
        )
    if numbers.ndim == 5:
        examiner.fail(
            "no-sum",
            f"one axis too many, {list(numbers.shape)}: sum over the input channels and over the nine positions.",
        )
    examiner.assert_close(
        numbers,
        right,
        what="the result",
        misconceptions=nearest(numbers, mistakes(values, weights, biases)),
        fallback=_FALLBACK,
    )


def _train(examiner: Examiner, function: Any, values: np.ndarray, weights: np.ndarray, biases: np.ndarray) -> None:
    """Fails the check if a function cannot be used in a compiled training step."""
    variables = [tf.Variable(_float32(array)) for array in (weights, biases)]

    def use(values: tf.Tensor) -> tf.Tensor:
        return function(values, *variables)

    steps = {
        _VARIABLE_CHANGED: lambda values: (use(values), ()),
        _NUMPY_IN_GRAPH: traced(use, len(values), values.shape[1:], variables),
        _BATCH_SIZE_FIXED: traced(use, None, values.shape[1:], variables),
    }
    for advice, step in steps.items():
        outcome = examiner.call(capture_exception(step), _float32(values))
        if isinstance(outcome, Raised):
            examiner.fail(advice.id, f"{_TRAINS}{advice.words}. ({type(outcome.error).__name__})")
        result, gradients = outcome
        _compare(examiner, result, values, weights, biases)
        for name, gradient in zip(("values", "weights", "biases"), gradients, strict=False):
            if gradient is None:
                examiner.fail(
                    "no-gradient", f"{_TRAINS}no gradient reaches the {name}. Use only TensorFlow's operations."
                )
