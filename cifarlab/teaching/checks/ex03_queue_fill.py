"""The checks of exercise 3: how well a shuffle queue mixes, what it holds, and how late the first batch is."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cifarlab.data.records import record_bytes
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import CheckFailedError, CheckPassed
from cifarlab.teaching.checks.student_calls import short_repr

_LAST_MISSING = "the last whole batch is missing where no label is left over: it counts, too."
_CLASSES = "classes are missing: labels go up to 9, and a class between two others need not occur."
_NOT_STEADY = "unevenness need not fall steadily as the fraction grows: look at every fraction by itself."
_LEAST_GOOD = "that is the fraction that is only just good enough; return the smallest that is good enough."


def check_unevenness(unevenness: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `unevenness(labels, batch_size)`, the mean distance of batches from their epoch.

    Args:
        unevenness: takes int32[N], each in 0-9, and an int of at most N; returns a float, the mean over the whole
            batches of their total variation distance from the shares of the classes among all labels.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.

    >>> check_unevenness(None)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cifarlab.teaching.checks.result.CheckFailedError: Not yet: a function is checked here; got None...
    """
    examiner = Examiner("unevenness", key)
    for sizes in ((8, 3, 5, 3), (10, 6, 7, 4), (16, 5, 9, 6)):
        labels, right, misconceptions = _telling_labels(examiner, *sizes)
        given = labels.copy()
        got = examiner.call(unevenness, given, sizes[0])
        if not np.array_equal(given, labels):
            examiner.fail("it changed the labels that it was given. Only compute with them.")
        examiner.assert_close(
            got,
            np.asarray(right),
            what="the unevenness",
            misconceptions=misconceptions,
            fallback="Compute the distance of each whole batch as the text defines it, then their mean.",
        )
    _look_at_edges(examiner, unevenness)
    return CheckPassed(
        "the mean distance of the whole batches from the epoch; labels left over count in the epoch alone."
    )


def check_smallest_fraction(smallest_fraction: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `smallest_fraction(measured, limit)`.

    Args:
        smallest_fraction: takes a dict of unevenness by fraction and a float; returns the smallest fraction whose
            unevenness is at most that, a float, or None where there is none.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.
    """
    examiner = Examiner("smallest_fraction", key)
    for good, above in ((4, 0.0004), (5, 0.0), (6, 0.0004), (7, 0.0004)):
        measured, fractions, values = _measured(examiner)
        given = dict(measured)
        got = examiner.call(smallest_fraction, given, values[-good] + above)
        if given != measured:
            examiner.fail("it changed the dictionary that it was given. Only look into it.")
        if got is None:
            examiner.fail("got None, though some fraction mixes well enough. Is `return` missing?")
        misconceptions = {
            "that is the largest fraction. Which is the smallest that mixes well enough?": fractions[-1],
            "an unevenness that is just the limit is still good enough.": math.nan if above else fractions[1 - good],
            "that is an unevenness; return the fraction that it belongs to.": values[-good],
            "that is the least unevenness; return the smallest fraction that is good enough.": values[-1],
            "the dictionary is in no special order: the first good fraction in it need not be the smallest.": fractions[
                -2
            ],
            "it mixes too little: its unevenness is above the limit. Less unevenness is better.": fractions[0],
            "that is the last fraction that is not good enough.": ([fractions[0], *fractions])[-good - 1],
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
        examiner.fail(f"right where there is one, but where none mixes well enough: {refusal.advice}")
    if got is not None:
        examiner.fail(f"where none mixes well enough it should return None; got {short_repr(got)}.")
    return CheckPassed("the smallest fraction that is good enough, and None where there is none.")


def check_queue_megabytes(queue_megabytes: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `queue_megabytes(fraction, num_examples, batch_size)`, the records in a full queue.

    Args:
        queue_megabytes: takes a float in 0-1 and two ints; returns a float, in units of 1,000,000 bytes.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.
    """
    examiner, record = Examiner("queue_megabytes", key), record_bytes()
    for fraction, num_examples, batch_size in _queues(examiner):
        minimum, rest = math.floor(num_examples * fraction), 3 * batch_size
        held = min(minimum + rest, num_examples)
        bytes_each = {
            "those are pictures in float32. The queue holds records, as they are in the file.": 4 * (record - 1),
            "those are crops in float32, which are made only of what has left the queue.": 4 * 24 * 24 * 3,
            "each record is a byte short: its label is in the queue too.": record - 1,
            "a megabyte is 1,000,000 bytes here, not 1,024 x 1,024.": record * 1e6 / 2**20,
            "eight times too much, as if in bits; a record is 3,073 bytes.": record * 8,
            "that is in bytes: divide by a million.": record * 1e6,
            "a thousand times too much: is it in kilobytes?": record * 1e3,
            "that is how many records it holds; each has bytes.": 1e6,
        }
        records_held = {
            "the three batches are missing that it holds beside the fraction of an epoch.": minimum,
            "one batch is added to the fraction; there is room for three.": minimum + batch_size,
            "three records are added to the fraction; it should be three batches.": minimum + 3,
            "the fraction is one of the epoch, not of a batch.": math.floor(batch_size * fraction) + rest,
            "those are more records than an epoch has.": minimum + rest,
            "a queue holds whole records: cut the product off with `int`.": num_examples * fraction + rest,
            "the product is rounded up, where `int` cuts it off.": minimum + 1 + rest,
            "that is the whole epoch; the queue holds a fraction of it.": num_examples,
        }
        misconceptions = {advice: held * each / 1e6 for advice, each in bytes_each.items()}
        misconceptions |= {advice: count * record / 1e6 for advice, count in records_held.items()}
        examiner.assert_close(
            examiner.call(queue_megabytes, fraction, num_examples, batch_size),
            np.asarray(held * record / 1e6),
            what="the megabytes",
            misconceptions=misconceptions,
            fallback="Count the records in a full queue first, then their bytes; round nothing.",
            tolerance=1e-6,
        )
    return CheckPassed("as many records as there is room for, or as the epoch has, of 3,073 bytes each.")


def check_first_batch_delay(first_batch_delay: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `first_batch_delay(fraction, num_examples, batch_size, records_per_second)`.

    Args:
        first_batch_delay: takes a float in 0-1, two ints and a float; returns a float, in seconds.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.
    """
    examiner = Examiner("first_batch_delay", key)
    for fraction, num_examples, batch_size in _queues(examiner):
        rate = float(examiner.random.integers(20, 90) * 100 + 50)
        minimum, rest, more = math.floor(num_examples * fraction), 3 * batch_size, batch_size - 1
        reads = min(minimum + rest + more, num_examples)
        records_read = {
            "the queue is full by then; but what leaves it for the batch is replaced, which takes time too.": min(
                minimum + rest, num_examples
            ),
            "all of the epoch is in the queue: nothing is left to replace what leaves it.": num_examples + more,
            "the three batches are missing that the queue holds beside the fraction of an epoch.": minimum + more,
            "nothing leaves the queue before it is full; that is the reading of one batch alone.": batch_size,
            "one record too many: nothing has to be read after the last one of the batch.": minimum + rest + more + 1,
            "those are more records than an epoch has: when all are read, none follows.": minimum + rest + more,
            "the fraction is one of the epoch, not of a batch.": math.floor(batch_size * fraction) + rest + more,
            "that is the whole epoch, which need not be read before the first batch.": num_examples,
            "that is how many records are read; how long does it take?": reads * rate,
            "multiplied by the speed; seconds are records divided by records per second.": reads * rate**2,
            "upside down; seconds are records divided by records per second.": rate**2 / reads,
            "a thousand times too much: is it in milliseconds?": reads * 1000,
        }
        examiner.assert_close(
            examiner.call(first_batch_delay, fraction, num_examples, batch_size, rate),
            np.asarray(reads / rate),
            what="the seconds",
            misconceptions={advice: count / rate for advice, count in records_read.items()},
            fallback="Count the records that are read until the last one of the first batch leaves; round nothing.",
            tolerance=1e-6,
        )
    return CheckPassed(
        "the queue is filled, and a record follows each one of the batch but the last, while there are any."
    )


def _look_at_edges(examiner: Examiner, unevenness: Any) -> None:
    """Asks for labels that fill all batches, in which classes are missing between others, up to the last one."""
    for batch_size, batches in ((6, 5), (7, 1)):
        labels = np.sort(np.resize([0, 2, 9, 9], batch_size * batches)).astype(np.int32)
        labels[:3] = examiner.random.permutation([0, 2, 9])
        apart = np.array([_shares(batch) - _shares(labels) for batch in np.split(labels, batches)])
        each = np.abs(apart).sum(1) / 2
        misconceptions = {
            _LAST_MISSING: each[:-1].mean() if batches > 1 else math.nan,
            _CLASSES: np.abs(apart[:, :9]).sum(1).mean() / 2,
            f"{_CLASSES} (Are they counted by how many different ones there are?)": np.abs(apart[:, :3]).sum(1).mean()
            / 2,
        }
        got = examiner.call(unevenness, labels.copy(), batch_size)
        if batches == 1 and not np.isfinite(examiner.as_array(got, "the unevenness")).all():
            examiner.fail(f"as many labels as a batch holds make one batch. {_LAST_MISSING.capitalize()}")
        examiner.assert_close(
            got, np.asarray(each.mean()), what="the unevenness", misconceptions=misconceptions, fallback=_CLASSES
        )


def _telling_labels(
    examiner: Examiner, batch_size: int, batches: int, rest: int, classes: int
) -> tuple[np.ndarray, float, dict[str, Any]]:
    """Labels, int32[N], half sorted, of unequal classes; their unevenness; what mistakes make of it, all different."""
    while True:
        shares = examiner.random.dirichlet([3.0] * classes)
        drawn = examiner.random.choice(classes, batches * batch_size + rest, p=shares)
        labels = drawn[np.argsort(drawn + examiner.random.normal(0, 1, len(drawn)))].astype(np.int32)
        each = _surplus(np.split(labels[: len(labels) - rest], batches), labels)
        mistaken = _mistaken(labels, batch_size, batches, each)
        values = np.sort([float(each.mean()), *(value for value in mistaken.values() if np.ndim(value) == 0)])
        if len(set(labels.tolist())) == classes and np.diff(values).min() > 1e-3:
            return labels, float(each.mean()), mistaken


def _surplus(batches: Any, epoch: np.ndarray) -> np.ndarray:
    """The part of each batch, int[n], that is in excess of the shares of the epoch, int[N]; float64[batches]."""
    return np.array([np.maximum(_shares(batch) - _shares(epoch), 0).sum() for batch in batches])


def _shares(labels: np.ndarray) -> np.ndarray:
    return np.bincount(labels, minlength=10) / len(labels)


def _mistaken(labels: np.ndarray, batch_size: int, batches: int, each: np.ndarray) -> dict[str, Any]:
    """What known mistakes make of the unevenness, whose value for each batch is given."""
    used, left = np.split(labels, [batches * batch_size])
    cut, classes, right = used.reshape(batches, batch_size), int(labels.max()) + 1, each.mean()
    shares = np.array([_shares(batch) for batch in cut])
    apart = shares - _shares(labels)
    squares = (apart**2).sum(1)
    numbers = {
        "twice as large: what one class has too much another has too little of, hence the factor 1/2.": 2 * right,
        "the distances are added up: take the mean over the batches.": each.sum(),
        "that is a distance for each batch: return the mean of all, one number.": each,
        "that is the distance of the first batch alone: take the mean over all whole ones.": each[0],
        "that is the worst batch: take the mean over all whole ones.": each.max(),
        "differences of both signs cancel each other: take their absolute values.": 0.0,
        "the differences are squared: take their absolute values.": squares.mean() / 2,
        "that is the Euclidean distance: take absolute values, no squares and roots.": np.sqrt(squares).mean(),
        "the mean over the classes is taken: add their differences up, and halve the sum.": 2 * right / classes,
        "halved, but the mean over the classes is taken, where they should be added up.": right / classes,
        "numbers of records are compared: divide by the size of the batch, to compare shares.": right * batch_size,
        "a class that is missing in a batch counts too, with its whole share of the epoch.": (
            np.where(shares > 0, np.abs(apart), 0).sum(1).mean() / 2
        ),
        "that is 1 minus the unevenness: 0 should be perfect.": 1 - right,
        "that is how many classes a batch holds; compare their shares.": (shares > 0).sum(1).mean(),
    }
    others: dict[str, tuple[Any, np.ndarray]] = {
        "compared with equal shares of all classes: take those that they have in this epoch.": (
            cut,
            np.arange(classes),
        ),
        "compared with a tenth for each class: take the shares that they have in this epoch.": (cut, np.arange(10)),
        "labels that are left at the end were taken for a batch; only whole ones count.": ([*cut, left], labels),
        "labels that are left at the end belong to the epoch: they count in its shares.": (cut, used),
        "a batch is records that follow one another; here it is records at equal distances.": (
            used.reshape(batch_size, batches).T,
            labels,
        ),
        "number and size of the batches are confused: each should hold `batch_size` records.": (
            used.reshape(batch_size, batches),
            labels,
        ),
    }
    return numbers | {advice: _surplus(*pair).mean() for advice, pair in others.items()}


def _measured(examiner: Examiner) -> tuple[dict[float, float], list[float], list[float]]:
    """Unevenness by fraction, in no order; the fractions, rising; their unevenness, falling."""
    fractions = np.sort(examiner.random.permutation(np.arange(1, 1000))[:7]) / 1000
    values = np.sort(examiner.random.permutation(np.arange(100, 900))[:7])[::-1] / 1000 + 0.0005
    places = [5, *examiner.random.permutation([0, 1, 2, 3, 4, 6]).tolist()]
    return {float(fractions[i]): float(values[i]) for i in places}, fractions.tolist(), values.tolist()


def _jumping(examiner: Examiner) -> tuple[dict[float, float], float, float, float]:
    """Unevenness by fraction that does not fall steadily; a limit; and what two mistakes make of them."""
    fractions = (np.sort(examiner.random.permutation(np.arange(1, 1000))[:6]) / 1000).tolist()
    step = float(examiner.random.uniform(0.01, 0.03))
    values = [0.5, 0.3 - 2 * step, 0.3 + step, 0.3 - 3 * step, 0.3 - step, 0.3 - 4 * step]
    places = examiner.random.permutation(6).tolist()
    return {fractions[i]: values[i] for i in places}, 0.3, fractions[3], fractions[4]


def _queues(examiner: Examiner) -> Iterator[tuple[float, int, int]]:
    """Fractions, records of an epoch, sizes of a batch: of queues below an epoch, then of one that would exceed it."""
    if not examiner.hidden:
        yield 0.4, 50_000, 128
    telling = 0
    while telling < 2:
        num_examples, batch_size = (int(number) for number in examiner.random.integers([1_000, 10], [6_000, 100]))
        fraction = round(float(examiner.random.uniform(0.05, 0.6)), 3)
        minimum = num_examples * fraction
        if 0.55 < minimum % 1 < 0.9 and 4 * batch_size < minimum < num_examples - 5 * batch_size:
            telling += 1
            yield fraction, num_examples, batch_size
    yield 1.0, num_examples, batch_size
    yield 0.97, 1_000, 20 + batch_size // 10  # room for more than an epoch, though it holds a fraction of it
    yield (2_000 - 3.5 * batch_size) / 2_000, 2_000, batch_size  # an epoch that ends while the batch is replaced
