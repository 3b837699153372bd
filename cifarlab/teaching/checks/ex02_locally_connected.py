"""The checks of exercise 2's function: a set of weights for each position; and of what it holds and does."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import CheckPassed
from cifarlab.teaching.checks.student_calls import Raised, capture_exception

_OTHERWISE = (
    "at each position: the nine positions around it, all input channels, times the weights that stand at this "
    "position, summed; then this position's biases."
)
_TRAINS = "it is right by itself, but training cannot use it: "


def check_locally_connected(locally_connected: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `locally_connected(values, weights, biases)`.

    Args:
        locally_connected: takes float32[B, H, W, in], float32[H, W, 3, 3, in, out] and float32[H, W, out], also as
            variables and with B unknown; returns float32[B, H, W, out], no activation, with its gradients.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.

    >>> check_locally_connected(lambda values, weights, biases: tf.nn.conv2d(values, weights[0, 0], 1, "SAME") + biases)
    ... # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cifarlab.teaching.checks.result.CheckFailedError: Not yet: every position is computed with the weights of one of...
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
    examiner.assert_close(got, convolved, what="the result with tied weights", misconceptions={}, fallback=_OTHERWISE)
    _train(examiner, locally_connected, *_draw(examiner, (3, rows, columns, 2, 4)))
    return CheckPassed("weights and biases of its own at each position; with tied weights, tf.nn.conv2d.")


def check_size_and_work(size_and_work: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `size_and_work(rows, columns, inputs, outputs, shared)`.

    Args:
        size_and_work: takes four ints and a bool; returns the parameters, biases included, and the multiply-adds for
            one picture of a layer of 3 x 3, stride 1, SAME padding: a convolution if shared, else locally connected.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.
    """
    examiner = Examiner("size_and_work", key)
    for shared in (False, True, False, True):
        rows, columns, inputs, outputs = _draw_sizes(examiner)
        kind = "of a convolution" if shared else "of a locally connected layer"
        case = "" if examiner.hidden else f", {rows} x {columns} positions, {inputs} to {outputs} channels"
        got = examiner.call(size_and_work, rows, columns, inputs, outputs, shared)
        if not isinstance(got, tuple | list) or len(got) != 2:
            examiner.fail("return two numbers, as a pair: the parameters first, then the multiply-adds.")
        numbers = [examiner.as_array(value, "the two numbers") for value in got]
        counts = _miscounts(rows, columns, inputs, outputs, shared)
        if [float(number) for number in numbers if number.ndim == 0] == [counts[1][0], counts[0][0]]:
            examiner.fail("the right numbers in the wrong order: the parameters first, then the multiply-adds.")
        for what, number, (right, misconceptions) in zip(("parameters", "multiply-adds"), numbers, counts, strict=True):
            examiner.assert_close(
                number,
                np.asarray(right),
                what=f"the {what} {kind}{case}",
                misconceptions=misconceptions,
                fallback="How many sets of 3 x 3 x in x out weights, and how many biases, are there? How often is "
                "each weight used for one picture?",
                tolerance=1e-9,
            )
    return CheckPassed(
        "the same work; but a locally connected layer has a set of weights and biases for each position."
    )


def connected(
    values: np.ndarray, weights: np.ndarray, biases: np.ndarray, *, before: int = 1, mode: str = "constant"
) -> np.ndarray:
    """What a locally connected layer computes, float64[B, H, W, out], position by position.

    Args:
        values: float[B, H, W, in].
        weights: float[H, W, 3, 3, in, out].
        biases: float[H, W, out].
        before: how many of the three rows and columns lie before the position; right is 1.
        mode: what lies beyond the border, of `numpy.pad`; right is zeros, "constant".

    >>> connected(np.ones([1, 1, 2, 1]), np.ones([1, 2, 3, 3, 1, 1]), np.zeros([1, 2, 1])).ravel().tolist()
    [2.0, 2.0]
    """
    around: Any = [(0, 0), (before, 2 - before), (before, 2 - before), (0, 0)]
    padded, result = np.pad(values, around, mode=mode), np.empty([len(values), *biases.shape])  # type: ignore[call-overload]
    for row, column in np.ndindex(biases.shape[:2]):
        window = padded[:, row : row + 3, column : column + 3]
        result[:, row, column] = np.tensordot(window, weights[row, column], 3) + biases[row, column]
    return result


def mistakes(values: np.ndarray, weights: np.ndarray, biases: np.ndarray) -> dict[str, list[np.ndarray]]:
    """By the advice that they should get, the results of known mistakes; some come in several forms."""
    rows, columns, _, _, inputs, outputs = weights.shape
    right, none = connected(values, weights, biases), np.zeros_like(biases)
    shared = [np.broadcast_to(one, weights.shape) for one in (weights[0, 0], weights[-1, -1], weights.mean((0, 1)))]
    by_channel, flat = weights.transpose(0, 1, 4, 2, 3, 5), (rows, columns, 3, 3, inputs, outputs)
    in_order = weights.reshape(rows, columns, inputs, 3, 3, outputs).transpose(0, 1, 3, 4, 2, 5)
    found = {
        "every position is computed with the weights of one of them: that is a convolution. Each has its own set.": [
            connected(values, one, bias)
            for one in shared
            for bias in (biases, none + biases[0, 0], none + biases.mean((0, 1)), none)
        ],
        "the biases are missing.": [right - biases],
        "every position got the same biases: biases[r, c] belong to position (r, c) alone.": [
            right - biases + one for one in (biases[0, 0], biases[-1, -1], biases.mean((0, 1)))
        ],
        "negative results became 0: leave the ReLU to the layer that calls this.": [np.maximum(right, 0)],
        "the filters are turned round by 180 degrees. TensorFlow's convolution does not do that: weights[r, c, 0, 0] "
        "meets the neighbour above and to the left.": [connected(values, weights[:, :, ::-1, ::-1], biases)],
        "rows and columns within the 3 x 3 weights are swapped: the first of the two threes goes down, the second to "
        "the right.": [connected(values, weights.transpose(0, 1, 3, 2, 4, 5), biases)],
        "patches and weights are in different orders where they are multiplied: one has its channels first, the other "
        "last. Print a small patch to see.": [
            connected(values, one, biases) for one in (by_channel.reshape(flat), in_order)
        ],
    }
    if rows == columns:
        found |= {
            "the sets of weights of rows and columns are swapped: position (r, c) takes weights[r, c].": [
                connected(values, weights.swapaxes(0, 1), one) for one in (biases, biases.swapaxes(0, 1))
            ],
            "rows and columns of the result are swapped: it is put together column by column.": [
                right.swapaxes(1, 2),
                (right - biases).swapaxes(1, 2) + biases,
            ],
        }
    return found | _mistakes_about_neighbours(values, weights, biases)


def nearest(got: np.ndarray, found: Mapping[str, Sequence[np.ndarray]]) -> dict[str, np.ndarray]:
    """For each advice the one of its results that is nearest to what was got."""

    def distance(value: np.ndarray) -> float:
        return float(np.abs(value - got).max()) if value.shape == got.shape else np.inf

    return {advice: min(values, key=distance) for advice, values in found.items()}


def traced(function: Any, examples: int | None, shape: Sequence[int], variables: Sequence[tf.Variable]) -> Callable:
    """A compiled function of values, `float32[examples, *shape]`: what `function` makes of them, and the gradients."""

    @tf.function(input_signature=[tf.TensorSpec([examples, *shape], tf.float32)])
    def step(values: tf.Tensor) -> tuple:
        with tf.GradientTape() as tape:
            tape.watch(values)
            result = function(values)
        return result, tape.gradient(result, [values, *variables])

    return step


def _mistakes_about_neighbours(
    values: np.ndarray, weights: np.ndarray, biases: np.ndarray
) -> dict[str, list[np.ndarray]]:
    summed = connected(values, weights, np.zeros_like(biases))
    return {
        "the nine neighbours are off-centre: pad one row and one column on each side, so that weights[r, c, 1, 1] "
        "meets the position itself.": [connected(values, weights, biases, before=before) for before in (0, 2)],
        "values from the opposite border come in at each border: beyond it there are zeros (SAME padding).": [
            connected(values, weights, biases, mode="wrap")
        ],
        "the border's own values go on beyond it: there should be zeros (SAME padding).": [
            connected(values, weights, biases, mode=mode) for mode in ("edge", "reflect")
        ],
        "only the position itself counts: its eight neighbours are missing.": [
            np.einsum("bhwi,hwio->bhwo", values, weights[:, :, 1, 1]) + biases
        ],
        "that is the mean over the neighbours; it should be their sum.": [
            summed / count + biases for count in (9, 9 * values.shape[-1])
        ],
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
        examiner.fail("the border is missing: without padding only the inner positions have eight neighbours (SAME).")
    if numbers.ndim == 5:
        examiner.fail(
            f"one axis too many, {list(numbers.shape)}: sum over the input channels, and over the nine neighbours."
        )
    examiner.assert_close(
        numbers,
        right,
        what="the result",
        misconceptions=nearest(numbers, mistakes(values, weights, biases)),
        fallback=_OTHERWISE,
    )


def _train(examiner: Examiner, function: Any, values: np.ndarray, weights: np.ndarray, biases: np.ndarray) -> None:
    """Refuses what is right by itself and fails inside of a compiled training step."""
    variables = [tf.Variable(_float32(array)) for array in (weights, biases)]

    def use(values: tf.Tensor) -> tf.Tensor:
        return function(values, *variables)

    steps = {
        "there weights and biases are variables, which `+=` on one of them would change: write total = total + ... or "
        "begin with a tensor": lambda values: (use(values), ()),
        "in tf.function tensors have no values yet: use TensorFlow's operations, not numpy's or .numpy()": traced(
            use, len(values), values.shape[1:], variables
        ),
        "there the size of the batch may be unknown, None: take no size from values.shape[0]; -1 in tf.reshape, or "
        "tf.shape(values)[0]": traced(use, None, values.shape[1:], variables),
    }
    for advice, step in steps.items():
        outcome = examiner.call(capture_exception(step), _float32(values))
        if isinstance(outcome, Raised):
            examiner.fail(f"{_TRAINS}{advice}. ({type(outcome.error).__name__})")
        result, gradients = outcome
        _compare(examiner, result, values, weights, biases)
        for name, gradient in zip(("values", "weights", "biases"), gradients, strict=False):
            if gradient is None:
                examiner.fail(f"{_TRAINS}no gradient reaches the {name}. Compute with TensorFlow's operations only.")


def _draw_sizes(examiner: Examiner) -> tuple[int, int, int, int]:
    """Sizes of a layer for which no two miscounts are equal."""
    while True:
        rows, columns, inputs, outputs = (int(size) for size in examiner.random.integers(3, 10, 4))
        counts = [_miscounts(rows, columns, inputs, outputs, shared) for shared in (False, True)]
        if all(len({right, *wrong.values()}) == len(wrong) + 1 for one in counts for right, wrong in one):
            return rows, columns, inputs, outputs


def _miscounts(rows: int, columns: int, inputs: int, outputs: int, shared: bool) -> tuple:
    """Parameters and multiply-adds: for each the right number, and what known mistakes make of it, by their advice."""
    places, weights = rows * columns, 9 * inputs * outputs
    conv, local, work = weights + outputs, places * (weights + outputs), places * weights
    parameters = {
        "the biases are missing: each output channel has one, and without sharing each position has its own.": weights
        if shared
        else work,
        "that is a convolution's number: here each position has a set of its own.": conv,
        "that is a locally connected layer's number: a convolution's weights are shared by all positions.": local,
        "the weights are right; but without sharing each position has biases of its own.": work + outputs,
        "the weights are right; but a convolution has one bias for each output channel.": weights + places * outputs,
        "one weight for each pair of channels; there are 3 x 3.": (weights // 9 + outputs) * (1 if shared else places),
    }
    multiplied = {
        "each position does the work of one set of weights: count all positions.": weights,
        "the positions count twice. Without sharing, each weight is used at one position only.": work * places,
        "adding the biases is not counted, as in lesson 2: weights only.": work + places * outputs,
        "a multiplication and the addition after it count as one.": 2 * work,
        "the border counts like the rest, its zeros included, as in lesson 2.": (3 * rows - 2)
        * (3 * columns - 2)
        * inputs
        * outputs,
        "one weight for each pair of channels; there are 3 x 3 at each position.": work // 9,
    }
    right = conv if shared else local
    return (
        (right, {advice: value for advice, value in parameters.items() if value != right}),
        (work, multiplied),
    )
