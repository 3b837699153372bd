"""The checks of exercise 3's unevenness of batches, and of the smallest fraction that mixes well enough."""

import math
from typing import Any

import numpy as np

from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckFailedError, CheckPassed
from cifarlab.teaching.checks.student_calls import short_repr

_LARGEST_FRACTION = Advice(
    "largest-fraction", "this is the largest fraction. Which is the smallest that mixes well enough?"
)
_LIMIT_EXCLUDED = Advice("limit-excluded", "an unevenness equal to the limit is still good enough.")
_UNEVENNESS_RETURNED = Advice("unevenness-returned", "this is an unevenness; return the fraction that it belongs to.")
_SMALLEST_UNEVENNESS = Advice(
    "smallest-unevenness",
    "this is the smallest unevenness; return the smallest fraction that is good enough.",
)
_FIRST_IN_DICTIONARY = Advice(
    "first-in-dictionary",
    "the dictionary is not sorted: the first good fraction in it may not be the smallest.",
)
_MIXES_TOO_LITTLE = Advice(
    "mixes-too-little", "it mixes too little: its unevenness is above the limit. Less unevenness is better."
)
_LARGEST_NOT_GOOD = Advice("largest-not-good", "this is the largest fraction that is not good enough.")
_NOT_HALVED = Advice(
    "not-halved", "this is twice as large: an excess in one class is a lack in another, hence the factor 1/2."
)
_SUM_OVER_BATCHES = Advice("sum-over-batches", "the distances are added up: take the mean over the batches.")
_EACH_BATCH = Advice("each-batch", "this is a distance for each batch: return their mean, one number.")
_FIRST_BATCH = Advice(
    "first-batch", "this is the distance of the first batch only: take the mean over all full batches."
)
_WORST_BATCH = Advice("worst-batch", "this is the worst batch: take the mean over all full batches.")
_SIGNED_DIFFERENCES = Advice(
    "signed-differences", "positive and negative differences cancel each other: take their absolute values."
)
_SQUARED = Advice("squared", "the differences are squared: take their absolute values.")
_EUCLIDEAN = Advice("euclidean", "this is the Euclidean distance: use absolute values instead of squares and roots.")
_MEAN_OVER_CLASSES = Advice(
    "mean-over-classes", "this is the mean over the classes: add up the differences and halve the sum."
)
_HALF_MEAN_OVER_CLASSES = Advice(
    "half-mean-over-classes", "this is half of the mean over the classes: add up the differences instead."
)
_NUMBERS_OF_RECORDS = Advice(
    "numbers-of-records", "this compares numbers of records: divide by the batch size to compare shares."
)
_MISSING_CLASS_SKIPPED = Advice(
    "missing-class-skipped", "a class that is missing in a batch counts too, with its whole share of the epoch."
)
_ONE_MINUS = Advice("one-minus", "this is 1 minus the unevenness: 0 should be perfect.")
_NUMBER_OF_CLASSES = Advice("number-of-classes", "this is the number of classes in a batch; compare their shares.")
_EQUAL_SHARES = Advice(
    "equal-shares", "this compares with equal shares of all classes: use the classes' shares of this epoch."
)
_TENTHS = Advice("tenths", "this compares with a tenth for each class: use the classes' shares of this epoch.")
_REST_AS_BATCH = Advice(
    "rest-as-batch", "labels left over at the end were treated as a batch; only full batches count."
)
_REST_NOT_IN_EPOCH = Advice(
    "rest-not-in-epoch", "labels left over at the end belong to the epoch: they count in its shares."
)
_EVERY_NTH = Advice("every-nth", "a batch consists of consecutive records; here it consists of every n-th record.")
_SWAPPED_SIZES = Advice(
    "swapped-sizes", "number and size of the batches are swapped: each should hold `batch_size` records."
)

_LAST_MISSING = Advice(
    "last-batch-missing", "the last full batch is missing if no labels are left over: it counts too."
)
_CLASSES = Advice("classes-missing", "classes are missing: labels go up to 9, and some of the classes may not occur.")
_NOT_STEADY = Advice(
    "not-steady", "unevenness need not fall steadily as the fraction grows: check every fraction separately."
)
_LEAST_GOOD = Advice(
    "least-good", "this is the fraction that is barely good enough; return the smallest that is good enough."
)

_OTHER_FRACTION = Advice(
    "other", "Return one of the dictionary's keys, the smallest whose unevenness is at most the limit."
)


def check_unevenness(unevenness: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `unevenness(labels, batch_size)`, the mean distance of batches from their epoch.

    Args:
        unevenness: takes int32[N], each in 0-9, and an int of at most N; returns a float, the mean over the full
            batches of the total variation distance between their class shares and those of all labels.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.

    >>> check_unevenness(None)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cifarlab.teaching.checks.result.CheckFailedError: Not yet: expected a function; got None...
    """
    examiner = Examiner("unevenness", key)
    for sizes in ((8, 3, 5, 3), (10, 6, 7, 4), (16, 5, 9, 6)):
        labels, right, misconceptions = _discriminating_labels(examiner, *sizes)
        given = labels.copy()
        got = examiner.call(unevenness, given, sizes[0])
        if not np.array_equal(given, labels):
            examiner.fail("labels-changed", "it changed the labels that it was given. Only read them.")
        examiner.assert_close(
            got,
            np.asarray(right),
            what="the unevenness",
            misconceptions=misconceptions,
            fallback=Advice("other", "Compute the distance of each full batch as defined in the text, then the mean."),
        )
    _check_edges(examiner, unevenness)
    return examiner.passed(
        "it is the mean distance of the full batches from the epoch; labels left over count only in the epoch."
    )


def check_smallest_fraction(smallest_fraction: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `smallest_fraction(measured, limit)`.

    Args:
        smallest_fraction: takes a dict of unevenness by fraction and a limit, a float; returns the smallest fraction
            whose unevenness is at most the limit, a float, or None if there is none.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("smallest_fraction", key)
    for good, above in ((4, 0.0004), (5, 0.0), (6, 0.0004), (7, 0.0004)):
        measured, fractions, values = _measured(examiner)
        given = dict(measured)
        got = examiner.call(smallest_fraction, given, values[-good] + above)
        if given != measured:
            examiner.fail("dictionary-changed", "it changed the dictionary that it was given. Only read it.")
        if got is None:
            examiner.fail("none-returned", "got None, but some fraction mixes well enough. Is `return` missing?")
        misconceptions = {
            _LARGEST_FRACTION: fractions[-1],
            _LIMIT_EXCLUDED: math.nan if above else fractions[1 - good],
            _UNEVENNESS_RETURNED: values[-good],
            _SMALLEST_UNEVENNESS: values[-1],
            _FIRST_IN_DICTIONARY: fractions[-2],
            _MIXES_TOO_LITTLE: fractions[0],
            _LARGEST_NOT_GOOD: ([fractions[0], *fractions])[-good - 1],
        }
        examiner.assert_close(
            got,
            np.asarray(fractions[-good]),
            what="the smallest fraction",
            misconceptions=misconceptions,
            fallback=_OTHER_FRACTION,
        )
    jumping, limit, top_down, least_good = _jumping(examiner)
    examiner.assert_close(
        examiner.call(smallest_fraction, dict(jumping), limit),
        np.asarray(min(fraction for fraction, value in jumping.items() if value <= limit)),
        what="the smallest fraction",
        misconceptions={_NOT_STEADY: top_down, _LEAST_GOOD: least_good},
        fallback=_NOT_STEADY,
    )
    _check_none_good(examiner, smallest_fraction)
    return examiner.passed("it is the smallest fraction that is good enough, or None if there is none.")


def _check_none_good(examiner: Examiner, smallest_fraction: Any) -> None:
    """Fails the check unless the function returns None if no fraction mixes well enough."""
    measured, _, values = _measured(examiner)
    try:
        got = examiner.call(smallest_fraction, dict(measured), values[-1] - 0.0004)
    except CheckFailedError as refusal:
        examiner.fail(
            "fails-if-none", f"correct if there is such a fraction, but if none mixes well enough: {refusal.advice}"
        )
    if got is not None:
        examiner.fail("not-none", f"if none mixes well enough, it should return None; got {short_repr(got)}.")


def _check_edges(examiner: Examiner, unevenness: Any) -> None:
    """Checks labels that fill all batches exactly, and labels with missing classes."""
    for batch_size, batches in ((6, 5), (7, 1)):
        labels = np.sort(np.resize([0, 2, 9, 9], batch_size * batches)).astype(np.int32)
        labels[:3] = examiner.random.permutation([0, 2, 9])
        apart = np.array([_shares(batch) - _shares(labels) for batch in np.split(labels, batches)])
        each = np.abs(apart).sum(1) / 2
        misconceptions = {
            _LAST_MISSING: each[:-1].mean() if batches > 1 else math.nan,
            _CLASSES: np.abs(apart[:, :9]).sum(1).mean() / 2,
            Advice(
                "classes-counted",
                f"{_CLASSES.words} (Do you use the number of different labels as the number of classes?)",
            ): np.abs(apart[:, :3]).sum(1).mean() / 2,
        }
        got = examiner.call(unevenness, labels.copy(), batch_size)
        if batches == 1 and not np.isfinite(examiner.as_array(got, "the unevenness")).all():
            examiner.fail(
                "one-full-batch", f"exactly `batch_size` labels make one full batch. {_LAST_MISSING.words.capitalize()}"
            )
        examiner.assert_close(
            got, np.asarray(each.mean()), what="the unevenness", misconceptions=misconceptions, fallback=_CLASSES
        )


def _discriminating_labels(
    examiner: Examiner, batch_size: int, batches: int, rest: int, classes: int
) -> tuple[np.ndarray, float, dict[Advice, Any]]:
    """Draws partly sorted labels, int32[N], of imbalanced classes, for which all known mistakes differ.

    Returns:
        The labels, their unevenness, and the results of known mistakes by advice.
    """
    while True:
        shares = examiner.random.dirichlet([3.0] * classes)
        drawn = examiner.random.choice(classes, batches * batch_size + rest, p=shares)
        labels = drawn[np.argsort(drawn + examiner.random.normal(0, 1, len(drawn)))].astype(np.int32)
        each = _surplus(np.split(labels[: len(labels) - rest], batches), labels)
        mistaken = _wrong_results(labels, batch_size, batches, each)
        values = np.sort([float(each.mean()), *(value for value in mistaken.values() if np.ndim(value) == 0)])
        if len(set(labels.tolist())) == classes and np.diff(values).min() > 1e-3:
            return labels, float(each.mean()), mistaken


def _surplus(batches: Any, epoch: np.ndarray) -> np.ndarray:
    """Returns the part of each batch, int[n], that exceeds the class shares of the epoch, int[N]; float64[batches]."""
    return np.array([np.maximum(_shares(batch) - _shares(epoch), 0).sum() for batch in batches])


def _shares(labels: np.ndarray) -> np.ndarray:
    return np.bincount(labels, minlength=10) / len(labels)


def _wrong_results(labels: np.ndarray, batch_size: int, batches: int, each: np.ndarray) -> dict[Advice, Any]:
    """Returns the results of known mistakes by advice, given the correct unevenness of each batch."""
    cut = labels[: batches * batch_size].reshape(batches, batch_size)
    classes, right = int(labels.max()) + 1, each.mean()
    shares = np.array([_shares(batch) for batch in cut])
    apart = shares - _shares(labels)
    squares = (apart**2).sum(1)
    numbers = {
        _NOT_HALVED: 2 * right,
        _SUM_OVER_BATCHES: each.sum(),
        _EACH_BATCH: each,
        _FIRST_BATCH: each[0],
        _WORST_BATCH: each.max(),
        _SIGNED_DIFFERENCES: 0.0,
        _SQUARED: squares.mean() / 2,
        _EUCLIDEAN: np.sqrt(squares).mean(),
        _MEAN_OVER_CLASSES: 2 * right / classes,
        _HALF_MEAN_OVER_CLASSES: right / classes,
        _NUMBERS_OF_RECORDS: right * batch_size,
        _MISSING_CLASS_SKIPPED: np.where(shares > 0, np.abs(apart), 0).sum(1).mean() / 2,
        _ONE_MINUS: 1 - right,
        _NUMBER_OF_CLASSES: (shares > 0).sum(1).mean(),
    }
    return numbers | _wrong_batches(labels, batch_size, batches)


def _wrong_batches(labels: np.ndarray, batch_size: int, batches: int) -> dict[Advice, float]:
    """Returns the results, by advice, of comparing other batches, or comparing batches with something else."""
    used, left = np.split(labels, [batches * batch_size])
    cut, classes = used.reshape(batches, batch_size), int(labels.max()) + 1
    others: dict[Advice, tuple[Any, np.ndarray]] = {
        _EQUAL_SHARES: (cut, np.arange(classes)),
        _TENTHS: (cut, np.arange(10)),
        _REST_AS_BATCH: ([*cut, left], labels),
        _REST_NOT_IN_EPOCH: (cut, used),
        _EVERY_NTH: (used.reshape(batch_size, batches).T, labels),
        _SWAPPED_SIZES: (used.reshape(batch_size, batches), labels),
    }
    return {advice: float(_surplus(*pair).mean()) for advice, pair in others.items()}


def _measured(examiner: Examiner) -> tuple[dict[float, float], list[float], list[float]]:
    """Draws the unevenness by fraction, unsorted; returns it with the rising fractions and the falling unevenness."""
    fractions = np.sort(examiner.random.permutation(np.arange(1, 1000))[:7]) / 1000
    values = np.sort(examiner.random.permutation(np.arange(100, 900))[:7])[::-1] / 1000 + 0.0005
    places = [5, *examiner.random.permutation([0, 1, 2, 3, 4, 6]).tolist()]
    return {float(fractions[i]): float(values[i]) for i in places}, fractions.tolist(), values.tolist()


def _jumping(examiner: Examiner) -> tuple[dict[float, float], float, float, float]:
    """Draws the unevenness by fraction, not falling steadily; returns it, a limit and the results of two mistakes."""
    fractions = (np.sort(examiner.random.permutation(np.arange(1, 1000))[:6]) / 1000).tolist()
    step = float(examiner.random.uniform(0.01, 0.03))
    values = [0.5, 0.3 - 2 * step, 0.3 + step, 0.3 - 3 * step, 0.3 - step, 0.3 - 4 * step]
    places = examiner.random.permutation(6).tolist()
    return {fractions[i]: values[i] for i in places}, 0.3, fractions[3], fractions[4]
