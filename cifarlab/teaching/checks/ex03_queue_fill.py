"""The checks of exercise 3's memory of a full shuffle queue and of the delay of its first batch."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cifarlab.data.records import record_bytes
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckPassed

_IMAGES_IN_FLOAT32 = Advice(
    "images-in-float32", "these are images in float32. The queue holds records as they are in the file."
)
_CROPS_IN_FLOAT32 = Advice(
    "crops-in-float32", "these are crops in float32, which are made only after records leave the queue."
)
_LABEL_MISSING = Advice("label-missing", "each record is one byte short: its label is in the queue too.")
_MEBIBYTES = Advice("mebibytes", "a megabyte is 1,000,000 bytes here, not 1,024 x 1,024.")
_BITS = Advice("bits", "this is eight times too large, as if in bits; a record is 3,073 bytes.")
_BYTES = Advice("bytes", "this is in bytes: divide by a million.")
_KILOBYTES = Advice("kilobytes", "this is a thousand times too large: is it in kilobytes?")
_RECORDS = Advice("records", "this is the number of records; multiply it by the bytes per record.")
_THREE_BATCHES_MISSING = Advice(
    "three-batches-missing",
    "three batches are missing: the queue holds them in addition to the fraction of an epoch.",
)
_ONE_BATCH_ADDED = Advice("one-batch-added", "one batch is added to the fraction; there is room for three.")
_THREE_RECORDS_ADDED = Advice(
    "three-records-added", "three records are added to the fraction; it should be three batches."
)
_FRACTION_OF_BATCH = Advice("fraction-of-batch", "this is a fraction of a batch; it should be of the epoch.")
_MORE_THAN_EPOCH = Advice("more-than-epoch", "this is more records than an epoch has.")
_NOT_TRUNCATED = Advice("not-truncated", "a queue holds whole records: truncate the product with `int`.")
_ROUNDED_UP = Advice("rounded-up", "the product is rounded up; truncate it with `int`.")
_WHOLE_EPOCH = Advice("whole-epoch", "this is the whole epoch; the queue holds a fraction of it.")
_FILLING_ONLY = Advice(
    "filling-only",
    "the queue is full by then, but each record that leaves it is replaced, which takes time too.",
)
_REPLACED_FROM_NOTHING = Advice(
    "replaced-from-nothing",
    "the whole epoch is in the queue: no records are left to replace those that leave.",
)
_BATCH_ONLY = Advice(
    "batch-only", "nothing leaves the queue before it is full; this is the time to read only one batch."
)
_ONE_TOO_MANY = Advice("one-too-many", "one record too many: nothing has to be read after the batch's last record.")
_READ_MORE_THAN_EPOCH = Advice(
    "more-than-epoch", "this is more records than an epoch has: after all are read, no more follow."
)
_READ_WHOLE_EPOCH = Advice("whole-epoch", "this is the whole epoch, which need not be read before the first batch.")
_RECORDS_READ = Advice("records", "this is the number of records read; how long does it take to read them?")
_MULTIPLIED = Advice(
    "multiplied", "this is multiplied by the speed; seconds are records divided by records per second."
)
_INVERTED = Advice("inverted", "this is inverted; seconds are records divided by records per second.")
_MILLISECONDS = Advice("milliseconds", "this is a thousand times too large: is it in milliseconds?")


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
            _IMAGES_IN_FLOAT32: 4 * (record - 1),
            _CROPS_IN_FLOAT32: 4 * 24 * 24 * 3,
            _LABEL_MISSING: record - 1,
            _MEBIBYTES: record * 1e6 / 2**20,
            _BITS: record * 8,
            _BYTES: record * 1e6,
            _KILOBYTES: record * 1e3,
            _RECORDS: 1e6,
        }
        records_held = {
            _THREE_BATCHES_MISSING: minimum,
            _ONE_BATCH_ADDED: minimum + batch_size,
            _THREE_RECORDS_ADDED: minimum + 3,
            _FRACTION_OF_BATCH: math.floor(batch_size * fraction) + rest,
            _MORE_THAN_EPOCH: minimum + rest,
            _NOT_TRUNCATED: num_examples * fraction + rest,
            _ROUNDED_UP: minimum + 1 + rest,
            _WHOLE_EPOCH: num_examples,
        }
        misconceptions = {advice: held * each / 1e6 for advice, each in bytes_each.items()}
        misconceptions |= {advice: count * record / 1e6 for advice, count in records_held.items()}
        examiner.assert_close(
            examiner.call(queue_megabytes, fraction, num_examples, batch_size),
            np.asarray(held * record / 1e6),
            what="the megabytes",
            misconceptions=misconceptions,
            fallback=Advice("other", "First count the records in a full queue, then their bytes; do not round."),
            tolerance=1e-6,
        )
    return examiner.passed("the queue holds as many records as fit, at most the whole epoch, of 3,073 bytes each.")


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
            _FILLING_ONLY: min(minimum + rest, num_examples),
            _REPLACED_FROM_NOTHING: num_examples + more,
            _THREE_BATCHES_MISSING: minimum + more,
            _BATCH_ONLY: batch_size,
            _ONE_TOO_MANY: minimum + rest + more + 1,
            _READ_MORE_THAN_EPOCH: minimum + rest + more,
            _FRACTION_OF_BATCH: math.floor(batch_size * fraction) + rest + more,
            _READ_WHOLE_EPOCH: num_examples,
            _RECORDS_READ: reads * rate,
            _MULTIPLIED: reads * rate**2,
            _INVERTED: rate**2 / reads,
            _MILLISECONDS: reads * 1000,
        }
        examiner.assert_close(
            examiner.call(first_batch_delay, fraction, num_examples, batch_size, rate),
            np.asarray(reads / rate),
            what="the seconds",
            misconceptions={advice: count / rate for advice, count in records_read.items()},
            fallback=Advice(
                "other", "Count the records that are read until the last one of the first batch leaves; do not round."
            ),
            tolerance=1e-6,
        )
    return examiner.passed("it is the time to fill the queue and to replace all but the last record of the batch.")


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
