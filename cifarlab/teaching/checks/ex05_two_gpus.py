"""The checks of exercise 5: a batch shared out to towers, their gradients and the mean of them, the rate's decay."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import CheckPassed
from cifarlab.teaching.checks.student_calls import Raised, capture_exception, short_repr

_NUMBER = "the list should be as long as there are towers: take their number from the argument."
_PARTS = "the list should be as long as there are towers: `tf.split` takes the number of parts, not their size."
_FIXED = "the share's size is a fixed number, larger than this batch: work it out from the batch and the towers."
_NOT_PAIRED = "these are all shares of the images, then all of the labels: pair them, one pair for each tower; see zip."
_WHOLE = "every tower gets the whole batch: each image should be in one share only."
_SAME = "all towers get the first share of the images, as in an early version of the tutorial, and learn from it alone."
_EVERY_NTH = "the images are dealt out like cards. Let each tower have consecutive ones, in the batch's order."
_LABELS_WHOLE = "the labels are not shared out: a tower needs those of its own images."
_LABELS_DEALT = "consecutive images, but labels dealt out like cards: they are those of other images."
_LABELS_SAME = "all towers get the first share of the labels: each needs those of its own images."
_SWAPPED = "the labels come first; in each pair the images should."

_SUM = "that is the sum over the towers. Divide it by their number, or every step is too long."
_LAST = "that is the last tower's gradient alone. Is a name overwritten in a loop?"
_FIRST = "that is the first tower's gradient alone. Does a function return from inside of its loop?"
_HALVED = "the sum over the towers is divided by 2, whatever their number: take it from the argument."
_FIRST_TWO = "only the first two towers count: there may be more."
_LESS_ONE = "the sum over the towers is divided by one less than their number: a mean takes all of them."
_BY_VARIABLES = "the sum over the towers is divided by the number of variables; count the towers."
_ONE_NUMBER = (
    "one number is left of a whole gradient: take the mean over the towers only, the first axis, not over all."
)
_IN_PAIRS = "a mean of a mean and the next tower's gradient: the last tower counts most. Add up all, then divide."
_OVER_VARIABLES = (
    "one mean for each tower, over its variables. It should be one for each variable, over the towers: see zip(*...)."
)


def check_shares(shares: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `shares(images, labels, towers)`.

    Args:
        shares: takes float32[B, ...], int32[B] and an int; returns a list with a pair (images, labels) for each tower,
            B / towers consecutive ones each, or raises a ValueError that names both numbers if
            B is no multiple of towers.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.

    >>> check_shares(lambda images, labels, towers: [(images, labels)] * towers)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cifarlab.teaching.checks.result.CheckFailedError: Not yet: every tower gets the whole batch: each image should be...
    """
    examiner = Examiner("shares", key)
    for towers in (int(examiner.random.integers(3, 6)), 2, 1):
        size = towers + int(examiner.random.integers(1, 4))  # not their number: the two are mixed up
        images, labels = batch(examiner, towers * size, pixels=2)
        _compare_shares(examiner, examiner.call(shares, images, labels, towers), images, labels, towers)
        _compare_shares(examiner, compiled(examiner, shares, images, labels, towers), images, labels, towers)
    for towers, size in ((2, 3), (4, 1), (3, 0)):
        images, labels = batch(examiner, towers * size + int(examiner.random.integers(1, towers)), pixels=2)
        outcome = examiner.call(capture_exception(shares), images, labels, towers)
        case = "" if examiner.hidden else f"{len(labels)} images for {towers} towers: "
        if not (isinstance(outcome, Raised) and isinstance(outcome.error, ValueError)):
            examiner.fail(case + _advice_on_remainder(outcome, len(labels)))
        words = examiner.call(str, outcome.error)
        if not {str(len(labels)), str(towers)} <= set(re.findall(r"\d+", words)):
            examiner.fail(
                f"{case}a ValueError, as it should be, but whoever reads it wants to know what does not fit: name both "
                "numbers, of images and of towers.",
                f"it says: {words[:200]}",
            )
    return CheckPassed("equal, consecutive shares, labels with their images; and an unequal batch is refused.")


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
    # Many towers first: of two, the sum divided by 2 is right, and divided by one less is the sum.
    for towers, shapes in ((int(draw.integers(5, 8)), alike), (2, alike), (3, unlike), (1, unlike)):
        gradients = [[tf.constant(draw.normal(0, 1, shape), tf.float32) for shape in shapes] for _ in range(towers)]
        asked = capture_exception(mean_gradients) if shapes is unlike else mean_gradients
        got = examiner.call(asked, [list(of_tower) for of_tower in gradients])  # copies: they may be emptied
        if isinstance(got, Raised):
            examiner.fail(
                "right while all variables have one shape. A network's weights and biases have different ones and do "
                f"not fit into one array: go through them one by one. ({type(got.error).__name__})"
            )
        _compare_means(examiner, got, gradients)
        again = compiled(examiner, mean_gradients, [list(of_tower) for of_tower in gradients])
        _compare_means(examiner, again, gradients)
    return CheckPassed("for each variable the mean over the towers, however many they are.")


def check_decay_steps(decay_steps: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `decay_steps(batch_size, towers)`: when 350 epochs of 50,000 images are over.

    Args:
        decay_steps: takes two ints, the images of each tower and the number of towers; returns an int.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("decay_steps", key)
    for towers in (1, 2, int(examiner.random.integers(3, 9))):
        batch_size, right, misconceptions = _draw_decay(examiner, towers)
        case = "" if examiner.hidden else f", {towers} x {batch_size} images"
        got = examiner.call(decay_steps, batch_size, towers)
        examiner.assert_close(
            got,
            np.asarray(right),
            what=f"the number of steps{case}",
            misconceptions=misconceptions,
            fallback="How many images does one step take, of all towers? How many are 350 epochs of 50,000?",
            tolerance=1e-9,
        )
        if np.asarray(got).dtype.kind not in "iu":
            examiner.fail(f"the value is right, but steps are counted: return an int; got {type(got).__name__}.")
    return CheckPassed("350 epochs, however many towers share the images.")


def batch(examiner: Examiner, count: int, pixels: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Images and labels; all labels differ from one another, so that no two can be taken for each other."""
    images = examiner.random.normal(0, 1, [count, pixels, pixels, 3])
    labels = examiner.random.permutation(max(10, count))[:count]
    return tf.constant(images, tf.float32), tf.constant(labels, tf.int32)


def compiled(examiner: Examiner, function: Any, *arguments: Any) -> Any:
    """What a function that is right by itself returns inside of a compiled step."""
    takes_images = any(isinstance(value, tf.Tensor) for value in arguments)

    @tf.function
    def step(*given: Any) -> Any:
        return function(*given)

    outcome = examiner.call(capture_exception(step), *arguments)
    if isinstance(outcome, Raised):
        examiner.fail(
            f"right by itself, but it cannot be compiled by tf.function ({type(outcome.error).__name__}), as the step "
            "will be. There tensors have no values yet: use TensorFlow's operations, not numpy's or .numpy(), also in "
            f"what it calls{', and images.shape[0] for the size of a batch' * takes_images}."
        )
    return outcome


def require_float32(examiner: Examiner, gradients: Any) -> None:
    """Refuses gradients of the right values that no update of float32 variables would take."""
    kinds = sorted({np.asarray(value).dtype.name for value in gradients} - {"float32"})
    if kinds:
        examiner.fail(
            f"the right numbers, but the variables are float32 and take no others: got {kinds[0]}. Leave the "
            "gradients' type as it is."
        )


def _compare_shares(examiner: Examiner, got: Any, images: tf.Tensor, labels: tf.Tensor, towers: int) -> None:
    pictures, classes, size = images.numpy(), labels.numpy(), len(labels) // towers
    if not isinstance(got, list | tuple):
        examiner.fail(f"return a list with a pair (images, labels) for each tower; got {short_repr(got)}.")
    if len(got) == 2 < towers and all(isinstance(part, list | tuple) and len(part) == towers for part in got):
        examiner.fail(_NOT_PAIRED)
    if len(got) != towers:
        examiner.fail(_PARTS if len(got) == size else _NUMBER)
    last_size = capture_exception(lambda: len(got[-1][0]))()
    for tower, pair in enumerate(got):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            examiner.fail(f"a share should be a pair, images and labels; got {short_repr(pair)}.")
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
            examiner.fail(f"the right numbers, but images should stay float32 and labels int32; got {kinds}.")


def _compare_part(examiner: Examiner, got: Any, right: np.ndarray, what: str, wrong: Mapping[str, np.ndarray]) -> None:
    """As the examiner compares; but of a wrong shape the shapes are shown, the numbers may look alike."""
    numbers = examiner.as_array(got, what)
    for advice, values in wrong.items():
        if numbers.shape == values.shape != right.shape and np.allclose(numbers, values):
            examiner.fail(advice, f"{what}: expected the shape {list(right.shape)}, got {list(numbers.shape)}")
    examiner.assert_close(got, right, what=what, misconceptions=wrong)


def _advice_on_remainder(outcome: Any, count: int) -> str:
    """What to say of an answer to a batch that cannot be shared equally, and should have been refused."""
    if isinstance(outcome, Raised):
        return (
            f"it should raise a ValueError that says what is wrong with the batch, but {type(outcome.error).__name__} "
            "came. Look at the size first, and raise."
        )
    if isinstance(outcome, Exception):
        return "the exception was returned; `raise` it."
    try:
        shared = sum(len(labels) for _, labels in outcome)
    except Exception:  # of whatever class the student's value is
        return f"it should raise a ValueError; got {short_repr(outcome)}."
    if shared < count:
        return "the rest was left out in silence, and nobody would ever learn from it: raise a ValueError."
    if shared > count:
        return "images were used twice to fill up the shares, and count double: raise a ValueError."
    return "shares of unequal sizes, whose mean gradient is not that of the batch: raise a ValueError."


def _compare_means(examiner: Examiner, got: Any, gradients: list[list[tf.Tensor]]) -> None:
    towers, variables = len(gradients), len(gradients[0])
    if not isinstance(got, list | tuple):
        examiner.fail(f"return a list with one mean for each variable, whatever their shapes; got {short_repr(got)}.")
    if len(got) != variables:
        examiner.fail(
            _OVER_VARIABLES
            if len(got) == towers
            else f"{variables} variables have {variables} mean gradients; got a list of {len(got)}."
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


def _draw_decay(examiner: Examiner, towers: int) -> tuple[int, int, dict[str, float]]:
    """Images a tower, the right number of steps, and what known mistakes make of it; all of them differ."""
    images = 350 * 50_000
    while True:
        size = int(examiner.random.integers(30, 250))
        step, exact = size * towers, images / (size * towers)
        right = images // step
        wrong: dict[str, float] = {
            "rounded up. The rate falls at the whole step before: cut the fraction off, do not round.": right + 1,
            "steps are whole: cut the fraction off.": exact,
            "those are the steps of one epoch; the rate falls after 350 of them.": 50_000 // step,
            "the fraction was cut off an epoch's steps, and 350 times that is missing: cut it off at the end.": 350
            * (50_000 // step),
            "that is the number of epochs; steps are counted.": 350,
        }
        if towers > 1:
            wrong |= {
                "that is the tutorial's own fault: a step takes the images of all towers, not of one.": images // size,
                "the more towers, the fewer steps: divide by their number.": images * towers // size,
                "right for one tower, but divided by their number twice.": images // (step * towers),
            }
        if 0.55 < exact % 1 < 0.95 and len({right, *wrong.values()}) == len(wrong) + 1:
            return size, right, wrong
