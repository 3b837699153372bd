"""The check of exercise 2's parameters and multiply-adds, with and without shared weights."""

from typing import Any

import numpy as np

from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckPassed

_NO_BIASES = Advice(
    "no-biases",
    "the biases are missing: each output channel has one, and without sharing each position has its own.",
)
_AS_A_CONVOLUTION = Advice(
    "as-a-convolution",
    "this is the number for a convolution: here each position has its own weights and biases.",
)
_AS_LOCALLY_CONNECTED = Advice(
    "as-locally-connected",
    "this is the number for a locally connected layer: in a convolution all positions share the weights.",
)
_BIASES_OF_CHANNELS = Advice(
    "biases-of-channels", "the weights are correct, but without sharing each position has its own biases."
)
_BIASES_OF_POSITIONS = Advice(
    "biases-of-positions", "the weights are correct, but a convolution has one bias per output channel."
)
_ONE_WEIGHT_PER_PAIR = Advice(
    "one-weight-per-pair", "there is one weight for each pair of channels; there should be 3 x 3."
)
_WORK_OF_ONE_POSITION = Advice("work-of-one-position", "this is the work at one position: count all positions.")
_POSITIONS_COUNTED_TWICE = Advice(
    "positions-counted-twice",
    "the positions count twice. Without sharing, each weight is used at one position only.",
)
_BIASES_COUNTED = Advice(
    "biases-counted", "do not count the addition of the biases, as in lesson 2: count the weights only."
)
_ADDITIONS_COUNTED = Advice("additions-counted", "count a multiplication and the addition after it as one.")
_BORDER_LEFT_OUT = Advice("border-left-out", "count the border like the rest, including its zeros, as in lesson 2.")
_ONE_WEIGHT_PER_PAIR_IN_WORK = Advice(
    "one-weight-per-pair-in-work",
    "there is one weight for each pair of channels; there should be 3 x 3 at each position.",
)


def check_size_and_work(size_and_work: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `size_and_work(rows, columns, inputs, outputs, shared)`.

    Args:
        size_and_work: takes four ints and a bool; returns the number of parameters, including biases, and of the
            multiply-adds for one image, for a layer with 3 x 3 weights, stride 1 and SAME padding: a convolution if
            shared, else locally connected.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("size_and_work", key)
    for shared in (False, True, False, True):
        rows, columns, inputs, outputs = _draw_sizes(examiner)
        kind = "of a convolution" if shared else "of a locally connected layer"
        case = "" if examiner.hidden else f", {rows} x {columns} positions, {inputs} to {outputs} channels"
        got = examiner.call(size_and_work, rows, columns, inputs, outputs, shared)
        if not isinstance(got, tuple | list) or len(got) != 2:
            examiner.fail("not-a-pair", "return two numbers as a pair: the parameters first, then the multiply-adds.")
        numbers = [examiner.as_array(value, "the two numbers") for value in got]
        counts = _miscounts(rows, columns, inputs, outputs, shared)
        if [float(number) for number in numbers if number.ndim == 0] == [counts[1][0], counts[0][0]]:
            examiner.fail(
                "wrong-order", "the numbers are in the wrong order: the parameters come first, then the multiply-adds."
            )
        for what, number, (right, misconceptions) in zip(("parameters", "multiply-adds"), numbers, counts, strict=True):
            examiner.assert_close(
                number,
                np.asarray(right),
                what=f"the {what} {kind}{case}",
                misconceptions=misconceptions,
                fallback=Advice(
                    "other",
                    "How many sets of 3 x 3 x in x out weights, and how many biases, are there? How often is each "
                    "weight used for one image?",
                ),
                tolerance=1e-9,
            )
    return examiner.passed(
        "both do the same work, but a locally connected layer has separate weights and biases for each position."
    )


def _draw_sizes(examiner: Examiner) -> tuple[int, int, int, int]:
    """Draws sizes of a layer for which no two wrong counts are equal."""
    while True:
        rows, columns, inputs, outputs = (int(size) for size in examiner.random.integers(3, 10, 4))
        counts = [_miscounts(rows, columns, inputs, outputs, shared) for shared in (False, True)]
        if all(len({right, *wrong.values()}) == len(wrong) + 1 for one in counts for right, wrong in one):
            return rows, columns, inputs, outputs


def _miscounts(rows: int, columns: int, inputs: int, outputs: int, shared: bool) -> tuple:
    """Returns, for parameters and for multiply-adds, the correct number and those of known mistakes by their advice."""
    places, weights = rows * columns, 9 * inputs * outputs
    conv, local, work = weights + outputs, places * (weights + outputs), places * weights
    parameters = {
        _NO_BIASES: weights if shared else work,
        _AS_A_CONVOLUTION: conv,
        _AS_LOCALLY_CONNECTED: local,
        _BIASES_OF_CHANNELS: work + outputs,
        _BIASES_OF_POSITIONS: weights + places * outputs,
        _ONE_WEIGHT_PER_PAIR: (weights // 9 + outputs) * (1 if shared else places),
    }
    multiplied = {
        _WORK_OF_ONE_POSITION: weights,
        _POSITIONS_COUNTED_TWICE: work * places,
        _BIASES_COUNTED: work + places * outputs,
        _ADDITIONS_COUNTED: 2 * work,
        _BORDER_LEFT_OUT: (3 * rows - 2) * (3 * columns - 2) * inputs * outputs,
        _ONE_WEIGHT_PER_PAIR_IN_WORK: work // 9,
    }
    right = conv if shared else local
    return (
        (right, {advice: value for advice, value in parameters.items() if value != right}),
        (work, multiplied),
    )
