"""The checks of exercise 5: splitting a batch among towers, and averaging their gradients."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckPassed
from cifarlab.teaching.checks.student_calls import Raised, capture_exception, short_repr

_NUMBER = Advice(
    "fixed-number-of-towers", "the list should have one entry per tower: take their number from the argument."
)
_PARTS = Advice(
    "size-for-parts", "the list should have one entry per tower: `tf.split` takes the number of parts, not their size."
)
_FIXED = Advice(
    "fixed-size",
    "the share's size is a fixed number, larger than this batch: compute it from the batch and the towers.",
)
_NOT_PAIRED = Advice(
    "not-paired", "these are all shares of the images, then all of the labels: return one pair per tower; see zip."
)
_WHOLE = Advice("whole-batch", "every tower gets the whole batch: each image should be in one share only.")
_SAME = Advice(
    "same-images",
    "all towers get the first share of the images, as in an early version of the tutorial: they learn only from it.",
)
_EVERY_NTH = Advice(
    "every-nth", "each tower gets every n-th image. It should get consecutive images, in the batch's order."
)
_LABELS_WHOLE = Advice("labels-not-split", "the labels are not split: each tower needs the labels of its images.")
_LABELS_DEALT = Advice(
    "labels-every-nth",
    "the images are consecutive, but each tower gets every n-th label: these belong to other images.",
)
_LABELS_SAME = Advice(
    "same-labels", "all towers get the first share of the labels: each needs the labels of its images."
)
_SWAPPED = Advice("labels-first", "the labels come first; in each pair the images should.")

_SUM = Advice("sum", "this is the sum over the towers. Divide it by their number; otherwise every step is too long.")
_LAST = Advice("last-tower", "this is only the last tower's gradient. Is a name overwritten in a loop?")
_FIRST = Advice("first-tower", "this is only the first tower's gradient. Does a function return from inside its loop?")
_HALVED = Advice(
    "always-halved", "the sum over the towers is always divided by 2: take their number from the argument."
)
_FIRST_TWO = Advice("first-two", "only the first two towers count: there may be more.")
_LESS_ONE = Advice(
    "one-less", "the sum over the towers is divided by one less than their number: divide it by the number."
)
_BY_VARIABLES = Advice(
    "by-variables", "the sum over the towers is divided by the number of variables: divide it by the number of towers."
)
_ONE_NUMBER = Advice(
    "one-number", "the mean of a whole gradient is a single number: take the mean over the towers only, the first axis."
)
_IN_PAIRS = Advice(
    "in-pairs",
    "this averages a mean and the next tower's gradient, so the last tower counts most. Add up all, then divide.",
)
_OVER_VARIABLES = Advice(
    "over-variables",
    "this is one mean per tower, over its variables. Return one per variable, over the towers: see zip(*...).",
)


def check_shares(shares: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `shares(images, labels, towers)`.

    Args:
        shares: takes float32[B, ...], int32[B] and an int; returns a list with a pair (images, labels) for each tower,
            with B / towers consecutive examples each, or raises a ValueError that names both numbers if B is not a
            multiple of towers.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.

    >>> check_shares(lambda images, labels, towers: [(images, labels)] * towers)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cifarlab.teaching.checks.result.CheckFailedError: Not yet: every tower gets the whole batch: each image should be...
    """
    examiner = Examiner("shares", key)
    for towers in (int(examiner.random.integers(3, 6)), 2, 1):
        size = towers + int(examiner.random.integers(1, 4))  # differs from the number of towers
        images, labels = batch(examiner, towers * size, pixels=2)
        _compare_shares(examiner, examiner.call(shares, images, labels, towers), images, labels, towers)
        _compare_shares(examiner, compiled(examiner, shares, images, labels, towers), images, labels, towers)
    for towers, size in ((2, 3), (4, 1), (3, 0)):
        images, labels = batch(examiner, towers * size + int(examiner.random.integers(1, towers)), pixels=2)
        outcome = examiner.call(capture_exception(shares), images, labels, towers)
        case = "" if examiner.hidden else f"{len(labels)} images for {towers} towers: "
        if not (isinstance(outcome, Raised) and isinstance(outcome.error, ValueError)):
            advice = _advice_on_remainder(outcome, len(labels))
            examiner.fail(advice.id, case + advice.words)
        words = examiner.call(str, outcome.error)
        if not {str(len(labels)), str(towers)} <= set(re.findall(r"\d+", words)):
            examiner.fail(
                "numbers-not-named",
                f"{case}raises a ValueError, as it should, but the message should say what does not fit: name both "
                "numbers, of images and of towers.",
                f"it says: {words[:200]}",
            )
    return examiner.passed("equal, consecutive shares with matching labels; a batch that cannot be split is rejected.")


def check_mean_gradients(mean_gradients: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `mean_gradients(tower_gradients)`.

    Args:
        mean_gradients: takes a list by tower of lists by variable of float32 tensors; returns a list by variable.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("mean_gradients", key)
    draw = examiner.random
    alike = [tuple(draw.integers(2, 5, 2))] * 3
    unlike: list[tuple] = [(2, 3), (3,), (2, 1, 2)]
    # Many towers first: with two, dividing by 2 is correct, and dividing by one less gives the sum.
    for towers, shapes in ((int(draw.integers(5, 8)), alike), (2, alike), (3, unlike), (1, unlike)):
        gradients = [[tf.constant(draw.normal(0, 1, shape), tf.float32) for shape in shapes] for _ in range(towers)]
        asked = capture_exception(mean_gradients) if shapes is unlike else mean_gradients
        got = examiner.call(asked, [list(of_tower) for of_tower in gradients])  # copies, because they may be modified
        if isinstance(got, Raised):
            examiner.fail(
                "one-array",
                "correct only if all variables have the same shape. A network's weights and biases have different "
                f"shapes and do not fit into one array: average them one by one. ({type(got.error).__name__})",
            )
        _compare_means(examiner, got, gradients)
        again = compiled(examiner, mean_gradients, [list(of_tower) for of_tower in gradients])
        _compare_means(examiner, again, gradients)
    return examiner.passed("it is the mean over the towers for each variable, for any number of towers.")


def batch(examiner: Examiner, count: int, pixels: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws a batch, float32[count, pixels, pixels, 3] and int32[count]; all labels are different."""
    images = examiner.random.normal(0, 1, [count, pixels, pixels, 3])
    labels = examiner.random.permutation(max(10, count))[:count]
    return tf.constant(images, tf.float32), tf.constant(labels, tf.int32)


def compiled(examiner: Examiner, function: Any, *arguments: Any) -> Any:
    """Returns what a function returns inside a compiled step."""
    takes_images = any(isinstance(value, tf.Tensor) for value in arguments)

    @tf.function
    def step(*given: Any) -> Any:
        return function(*given)

    outcome = examiner.call(capture_exception(step), *arguments)
    if isinstance(outcome, Raised):
        examiner.fail(
            "not-compiled",
            "correct when called directly, but it cannot be compiled by tf.function "
            f"({type(outcome.error).__name__}), as the step will be. There, tensors have no values yet: use "
            "TensorFlow's operations, not NumPy's or .numpy(), also in what it "
            f"calls{', and images.shape[0] for the batch size' * takes_images}.",
        )
    return outcome


def require_float32(examiner: Examiner, gradients: Any) -> None:
    """Fails the check if gradients have a dtype that cannot update float32 variables."""
    kinds = sorted({np.asarray(value).dtype.name for value in gradients} - {"float32"})
    if kinds:
        examiner.fail(
            "wrong-dtype",
            f"the numbers are correct, but the variables need float32 gradients: got {kinds[0]}. Do not change the "
            "gradients' dtype.",
        )


def _compare_shares(examiner: Examiner, got: Any, images: tf.Tensor, labels: tf.Tensor, towers: int) -> None:
    pictures, classes, size = images.numpy(), labels.numpy(), len(labels) // towers
    if not isinstance(got, list | tuple):
        examiner.fail(
            "not-a-list", f"return a list with a pair (images, labels) for each tower; got {short_repr(got)}."
        )
    if len(got) == 2 < towers and all(isinstance(part, list | tuple) and len(part) == towers for part in got):
        examiner.fail(*_NOT_PAIRED)
    if len(got) != towers:
        examiner.fail(*(_PARTS if len(got) == size else _NUMBER))
    last_size = capture_exception(lambda: len(got[-1][0]))()
    for tower, pair in enumerate(got):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            examiner.fail("not-a-pair", f"a share should be a pair, images and labels; got {short_repr(pair)}.")
        mine, nth = slice(tower * size, (tower + 1) * size), slice(tower, None, towers)
        wrong = {
            _FIXED if last_size == 0 else _WHOLE: pictures,
            _SAME: pictures[:size],
            _EVERY_NTH: pictures[nth],
            _SWAPPED: classes[mine],
        }
        _compare_part(examiner, pair[0], pictures[mine], f"tower {tower}'s images", wrong)
        wrong = {_LABELS_WHOLE: classes, _LABELS_SAME: classes[:size], _LABELS_DEALT: classes[nth]}
        _compare_part(examiner, pair[1], classes[mine], f"tower {tower}'s labels", wrong)
        kinds = [np.asarray(part).dtype.name for part in pair]
        if kinds != ["float32", "int32"]:
            examiner.fail(
                "dtype-changed",
                f"the numbers are correct, but images should stay float32 and labels int32; got {kinds}.",
            )


def _compare_part(
    examiner: Examiner, got: Any, right: np.ndarray, what: str, wrong: Mapping[Advice, np.ndarray]
) -> None:
    """Compares an array as the examiner does, but shows the shapes if they are wrong, as the numbers may look alike."""
    numbers = examiner.as_array(got, what)
    for advice, values in wrong.items():
        if numbers.shape == values.shape != right.shape and np.allclose(numbers, values):
            examiner.fail(*advice, f"{what}: expected the shape {list(right.shape)}, got {list(numbers.shape)}")
    examiner.assert_close(got, right, what=what, misconceptions=wrong)


def _advice_on_remainder(outcome: Any, count: int) -> Advice:
    """Returns the advice for an answer to a batch that cannot be split equally."""
    if isinstance(outcome, Raised):
        return Advice(
            "other-exception",
            "it should raise a ValueError that says what is wrong with the batch; got "
            f"{type(outcome.error).__name__}. Check the size first, and raise a ValueError.",
        )
    if isinstance(outcome, Exception):
        return Advice("exception-returned", "the exception was returned; `raise` it.")
    try:
        shared = sum(len(labels) for _, labels in outcome)
    except Exception:  # the student's value may be an object of any class
        return Advice("no-exception", f"it should raise a ValueError; got {short_repr(outcome)}.")
    if shared < count:
        return Advice(
            "rest-dropped",
            "the remaining images were silently dropped, so training never uses them: raise a ValueError.",
        )
    if shared > count:
        return Advice(
            "images-used-twice",
            "some images were used twice to fill the shares, so they count double: raise a ValueError.",
        )
    return Advice(
        "unequal-shares",
        "the shares have unequal sizes, so their mean gradient is not that of the batch: raise a ValueError.",
    )


def _compare_means(examiner: Examiner, got: Any, gradients: list[list[tf.Tensor]]) -> None:
    towers, variables = len(gradients), len(gradients[0])
    if not isinstance(got, list | tuple):
        examiner.fail("not-a-list", f"return a list with one mean for each variable; got {short_repr(got)}.")
    if len(got) != variables:
        if len(got) == towers:
            examiner.fail(*_OVER_VARIABLES)
        examiner.fail(
            "wrong-count", f"return {variables} mean gradients for {variables} variables; got a list of {len(got)}."
        )
    for number, value in enumerate(got):
        parts = np.array([by_variable[number].numpy() for by_variable in gradients], np.float64)
        total, in_pairs = parts.sum(0), parts[0]
        for part in parts[1:]:
            in_pairs = (in_pairs + part) / 2
        misconceptions = {
            _SUM: total,
            _LAST: parts[-1],
            _FIRST: parts[0],
            _HALVED: total / 2,
            _FIRST_TWO: parts[:2].sum(0) / 2,
            _LESS_ONE: total / max(towers - 1, 1),
            _BY_VARIABLES: total / variables,
            _ONE_NUMBER: parts.mean(),
            _IN_PAIRS: in_pairs,
        }
        examiner.assert_close(
            value, total / towers, what=f"mean {number} of {variables}", misconceptions=misconceptions
        )
    require_float32(examiner, got)
