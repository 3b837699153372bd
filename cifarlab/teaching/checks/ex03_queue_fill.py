"""The checks of exercise 3: how well a shuffle queue mixes, its memory, and the delay of the first batch."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cifarlab.data.records import record_bytes
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import CheckFailedError, CheckPassed
from cifarlab.teaching.checks.student_calls import short_repr

_LAST_MISSING = "the last full batch is missing if no labels are left over: it counts too."
_CLASSES = "classes are missing: labels go up to 9, and some of the classes may not occur."
_NOT_STEADY = "unevenness need not fall steadily as the fraction grows: check every fraction separately."
_LEAST_GOOD = "this is the fraction that is barely good enough; return the smallest that is good enough."


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
            examiner.fail("it changed the labels that it was given. Only read them.")
        examiner.assert_close(
            got,
            np.asarray(right),
            what="the unevenness",
            misconceptions=misconceptions,
            fallback="Compute the distance of each full batch as defined in the text, then the mean.",
        )
    _check_edges(examiner, unevenness)
    return CheckPassed(
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
            examiner.fail("it changed the dictionary that it was given. Only read it.")
        if got is None:
            examiner.fail("got None, but some fraction mixes well enough. Is `return` missing?")
        misconceptions = {
            "this is the largest fraction. Which is the smallest that mixes well enough?": fractions[-1],
            "an unevenness equal to the limit is still good enough.": math.nan if above else fractions[1 - good],
            "this is an unevenness; return the fraction that it belongs to.": values[-good],
            "this is the smallest unevenness; return the smallest fraction that is good enough.": values[-1],
            "the dictionary is not sorted: the first good fraction in it may not be the smallest.": fractions[-2],
            "it mixes too little: its unevenness is above the limit. Less unevenness is better.": fractions[0],
            "this is the largest fraction that is not good enough.": ([fractions[0], *fractions])[-good - 1],
        }
        examiner.assert_close(
            got,
            np.asarray(fractions[-good]),
            what="the smallest fraction",
            misconceptions=misconceptions,
            fallback="Return one of the dictionary's keys, the smallest whose unevenness is at most the limit.",
        )
    jumping, limit, top_down, least_good = _jumping(examiner)
    examiner.assert_close(
        examiner.call(smallest_fraction, dict(jumping), limit),
        np.asarray(min(fraction for fraction, value in jumping.items() if value <= limit)),
        what="the smallest fraction",
        misconceptions={_NOT_STEADY: top_down, _LEAST_GOOD: least_good},
        fallback=_NOT_STEADY,
    )
    measured, _, values = _measured(examiner)
    try:
        got = examiner.call(smallest_fraction, dict(measured), values[-1] - 0.0004)
    except CheckFailedError as refusal:
        examiner.fail(f"correct if there is such a fraction, but if none mixes well enough: {refusal.advice}")
    if got is not None:
        examiner.fail(f"if none mixes well enough, it should return None; got {short_repr(got)}.")
    return CheckPassed("it is the smallest fraction that is good enough, or None if there is none.")


def check_queue_megabytes(queue_megabytes: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `queue_megabytes(fraction, num_examples, batch_size)`, the size of a full queue's records.

    Args:
        queue_megabytes: takes a float in 0-1 and two ints; returns a float, in units of 1,000,000 bytes.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner, record = Examiner("queue_megabytes", key), record_bytes()
    for fraction, num_examples, batch_size in _queues(examiner):
        minimum, rest = math.floor(num_examples * fraction), 3 * batch_size
        held = min(minimum + rest, num_examples)
        bytes_each = {
            "these are images in float32. The queue holds records as they are in the file.": 4 * (record - 1),
            "these are crops in float32, which are made only after records leave the queue.": 4 * 24 * 24 * 3,
            "each record is one byte short: its label is in the queue too.": record - 1,
            "a megabyte is 1,000,000 bytes here, not 1,024 x 1,024.": record * 1e6 / 2**20,
            "this is eight times too large, as if in bits; a record is 3,073 bytes.": record * 8,
            "this is in bytes: divide by a million.": record * 1e6,
            "this is a thousand times too large: is it in kilobytes?": record * 1e3,
            "this is the number of records; multiply it by the bytes per record.": 1e6,
        }
        records_held = {
            "three batches are missing: the queue holds them in addition to the fraction of an epoch.": minimum,
            "one batch is added to the fraction; there is room for three.": minimum + batch_size,
            "three records are added to the fraction; it should be three batches.": minimum + 3,
            "this is a fraction of a batch; it should be of the epoch.": math.floor(batch_size * fraction) + rest,
            "this is more records than an epoch has.": minimum + rest,
            "a queue holds whole records: truncate the product with `int`.": num_examples * fraction + rest,
            "the product is rounded up; truncate it with `int`.": minimum + 1 + rest,
            "this is the whole epoch; the queue holds a fraction of it.": num_examples,
        }
        misconceptions = {advice: held * each / 1e6 for advice, each in bytes_each.items()}
        misconceptions |= {advice: count * record / 1e6 for advice, count in records_held.items()}
        examiner.assert_close(
            examiner.call(queue_megabytes, fraction, num_examples, batch_size),
            np.asarray(held * record / 1e6),
            what="the megabytes",
            misconceptions=misconceptions,
            fallback="First count the records in a full queue, then their bytes; do not round.",
            tolerance=1e-6,
        )
    return CheckPassed("the queue holds as many records as fit, at most the whole epoch, of 3,073 bytes each.")


def check_first_batch_delay(first_batch_delay: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `first_batch_delay(fraction, num_examples, batch_size, records_per_second)`.

    Args:
        first_batch_delay: takes a float in 0-1, two ints and a float; returns a float, in seconds.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("first_batch_delay", key)
    for fraction, num_examples, batch_size in _queues(examiner):
        rate = float(examiner.random.integers(20, 90) * 100 + 50)
        minimum, rest, more = math.floor(num_examples * fraction), 3 * batch_size, batch_size - 1
        reads = min(minimum + rest + more, num_examples)
        records_read = {
            "the queue is full by then, but each record that leaves it is replaced, which takes time too.": min(
                minimum + rest, num_examples
            ),
            "the whole epoch is in the queue: no records are left to replace those that leave.": num_examples + more,
            "three batches are missing: the queue holds them in addition to the fraction of an epoch.": minimum + more,
            "nothing leaves the queue before it is full; this is the time to read only one batch.": batch_size,
            "one record too many: nothing has to be read after the batch's last record.": minimum + rest + more + 1,
            "this is more records than an epoch has: after all are read, no more follow.": minimum + rest + more,
            "this is a fraction of a batch; it should be of the epoch.": math.floor(batch_size * fraction)
            + rest
            + more,
            "this is the whole epoch, which need not be read before the first batch.": num_examples,
            "this is the number of records read; how long does it take to read them?": reads * rate,
            "this is multiplied by the speed; seconds are records divided by records per second.": reads * rate**2,
            "this is inverted; seconds are records divided by records per second.": rate**2 / reads,
            "this is a thousand times too large: is it in milliseconds?": reads * 1000,
        }
        examiner.assert_close(
            examiner.call(first_batch_delay, fraction, num_examples, batch_size, rate),
            np.asarray(reads / rate),
            what="the seconds",
            misconceptions={advice: count / rate for advice, count in records_read.items()},
            fallback="Count the records that are read until the last one of the first batch leaves; do not round.",
            tolerance=1e-6,
        )
    return CheckPassed("it is the time to fill the queue and to replace all but the last record of the batch.")


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
            f"{_CLASSES} (Do you use the number of different labels as the number of classes?)": np.abs(apart[:, :3])
            .sum(1)
            .mean()
            / 2,
        }
        got = examiner.call(unevenness, labels.copy(), batch_size)
        if batches == 1 and not np.isfinite(examiner.as_array(got, "the unevenness")).all():
            examiner.fail(f"exactly `batch_size` labels make one full batch. {_LAST_MISSING.capitalize()}")
        examiner.assert_close(
            got, np.asarray(each.mean()), what="the unevenness", misconceptions=misconceptions, fallback=_CLASSES
        )


def _discriminating_labels(
    examiner: Examiner, batch_size: int, batches: int, rest: int, classes: int
) -> tuple[np.ndarray, float, dict[str, Any]]:
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


def _wrong_results(labels: np.ndarray, batch_size: int, batches: int, each: np.ndarray) -> dict[str, Any]:
    """Returns the results of known mistakes by advice, given the correct unevenness of each batch."""
    used, left = np.split(labels, [batches * batch_size])
    cut, classes, right = used.reshape(batches, batch_size), int(labels.max()) + 1, each.mean()
    shares = np.array([_shares(batch) for batch in cut])
    apart = shares - _shares(labels)
    squares = (apart**2).sum(1)
    numbers = {
        "this is twice as large: an excess in one class is a lack in another, hence the factor 1/2.": 2 * right,
        "the distances are added up: take the mean over the batches.": each.sum(),
        "this is a distance for each batch: return their mean, one number.": each,
        "this is the distance of the first batch only: take the mean over all full batches.": each[0],
        "this is the worst batch: take the mean over all full batches.": each.max(),
        "positive and negative differences cancel each other: take their absolute values.": 0.0,
        "the differences are squared: take their absolute values.": squares.mean() / 2,
        "this is the Euclidean distance: use absolute values instead of squares and roots.": np.sqrt(squares).mean(),
        "this is the mean over the classes: add up the differences and halve the sum.": 2 * right / classes,
        "this is half of the mean over the classes: add up the differences instead.": right / classes,
        "this compares numbers of records: divide by the batch size to compare shares.": right * batch_size,
        "a class that is missing in a batch counts too, with its whole share of the epoch.": (
            np.where(shares > 0, np.abs(apart), 0).sum(1).mean() / 2
        ),
        "this is 1 minus the unevenness: 0 should be perfect.": 1 - right,
        "this is the number of classes in a batch; compare their shares.": (shares > 0).sum(1).mean(),
    }
    others: dict[str, tuple[Any, np.ndarray]] = {
        "this compares with equal shares of all classes: use the classes' shares of this epoch.": (
            cut,
            np.arange(classes),
        ),
        "this compares with a tenth for each class: use the classes' shares of this epoch.": (cut, np.arange(10)),
        "labels left over at the end were treated as a batch; only full batches count.": ([*cut, left], labels),
        "labels left over at the end belong to the epoch: they count in its shares.": (cut, used),
        "a batch consists of consecutive records; here it consists of every n-th record.": (
            used.reshape(batch_size, batches).T,
            labels,
        ),
        "number and size of the batches are swapped: each should hold `batch_size` records.": (
            used.reshape(batch_size, batches),
            labels,
        ),
    }
    return numbers | {advice: _surplus(*pair).mean() for advice, pair in others.items()}


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


def _queues(examiner: Examiner) -> Iterator[tuple[float, int, int]]:
    """Yields fraction, examples per epoch and batch size of queues smaller than an epoch, then of larger ones."""
    if not examiner.hidden:
        yield 0.4, 50_000, 128
    found = 0
    while found < 2:
        num_examples, batch_size = (int(number) for number in examiner.random.integers([1_000, 10], [6_000, 100]))
        fraction = round(float(examiner.random.uniform(0.05, 0.6)), 3)
        minimum = num_examples * fraction
        if 0.55 < minimum % 1 < 0.9 and 4 * batch_size < minimum < num_examples - 5 * batch_size:
            found += 1
            yield fraction, num_examples, batch_size
    yield 1.0, num_examples, batch_size
    yield 0.97, 1_000, 20 + batch_size // 10  # the fraction and three batches are more than an epoch
    yield (2_000 - 3.5 * batch_size) / 2_000, 2_000, batch_size  # the epoch ends while the batch is replaced
