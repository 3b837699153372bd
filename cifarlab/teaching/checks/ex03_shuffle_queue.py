"""The check of exercise 3's shuffle queue: feasible orders and uniform draws."""

import inspect
import itertools
import math
from typing import Any

import numpy as np

from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import CheckFailedError, CheckPassed

_MAX_DEVIATION = 7.0  # in standard deviations; a larger deviation from uniform draws is not due to chance


def check_shuffled(shuffled: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `shuffled(in_file, capacity, seed)`, a shuffle queue.

    Args:
        shuffled: takes int[N], an int of 1 or more, and an int; returns int[N], the same numbers in the order in which
            a queue of that capacity delivers them. Any uniform draws that depend only on the seed are accepted.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("shuffled", key, seconds=5)
    capacity, seeds = int(examiner.random.integers(5, 8)), examiner.random.permutation(10_000)[:60].tolist()
    in_file = examiner.random.permutation(90_000)[:500] + 1_000
    runs = np.array([_places(examiner, shuffled, in_file, capacity, seed) for seed in seeds[:24]])
    _check_feasible_order(examiner, runs, capacity)
    if not np.array_equal(_places(examiner, shuffled, in_file, capacity, seeds[0]), runs[0]):
        examiner.fail(
            "not-repeatable", "the same seed gave two orders. Take all draws from one generator, created from the seed."
        )
    if len(np.unique(runs, axis=0)) < len(runs):
        examiner.fail("seed-ignored", "different seeds gave the same order: create the generator from the given seed.")
    _check_uniform_draws(examiner, runs, capacity)
    _check_duplicates(examiner, shuffled, seeds[0])
    short = examiner.random.permutation(90_000)[:9] + 1_000
    for room in (9, 12):
        try:
            runs = np.array([_places(examiner, shuffled, short, room, seed) for seed in seeds])
            _check_uniform_draws(examiner, runs, 9)
            if len(np.unique(runs, axis=0)) < 3:
                examiner.fail(
                    "seed-ignored-at-end",
                    "different seeds gave the same order. Draw the remaining records with the generator too.",
                )
        except CheckFailedError as refusal:
            examiner.fail(
                "short-file",
                f"correct for a long file, but not for one that fits into the queue completely: {refusal.advice}",
                refusal.evidence,
            )
    return examiner.passed(
        "each record leaves once, after it was read, and all records in the queue are equally likely to be drawn."
    )


def _check_duplicates(examiner: Examiner, shuffled: Any, seed: int) -> None:
    """Fails the check if a queue loses or repeats records with equal values, such as labels."""
    in_file = examiner.random.integers(0, 5, 60)
    got = examiner.as_array(examiner.call(shuffled, in_file.copy(), 8, seed), "the order")
    if not np.array_equal(np.sort(got, axis=None), np.sort(in_file)):
        examiner.fail(
            "duplicates",
            "correct only if all records are different, but labels are not: of several equal records, only the one "
            "that was drawn should leave. Remove it by its position.",
            f"{len(in_file)} records in the file, {got.size} delivered",
        )


def _places(examiner: Examiner, shuffled: Any, in_file: np.ndarray, capacity: int, seed: int) -> np.ndarray:
    """Calls the student's function; returns each delivered record's position in the file, int[N].

    Raises:
        CheckFailedError: the order does not contain each record of the file exactly once.
    """
    given = in_file.copy()
    got = examiner.call(shuffled, given, capacity, seed)
    if not np.array_equal(given, in_file):
        examiner.fail("file-changed", "it changed the array that it was given. Work on a copy.")
    if inspect.isgenerator(got):
        examiner.fail("generator", "this is a generator. Collect all that it yields and return it as an array.")
    numbers = examiner.as_array(got, "the order")
    if numbers.ndim != 1:
        examiner.fail("order-shape", f"the order should have the shape [N]; got {list(numbers.shape)}.")
    if capacity < len(numbers) and np.asarray(got).dtype.kind not in "iu":  # joining an empty list gives floats
        examiner.fail(
            "not-integers",
            f"the order should be integers, as in the file; got {np.asarray(got).dtype.name}. Create empty arrays "
            "with `dtype=in_file.dtype`.",
        )
    if not np.isin(numbers, in_file).all():
        examiner.fail(
            "not-in-file", "it contains numbers that are not in the file. Return the records, not their positions."
        )
    different = len(np.unique(numbers))
    evidence = f"{len(in_file)} records in the file, {len(numbers)} delivered, {different} different ones"
    if different < len(numbers):
        examiner.fail(
            "twice-delivered",
            "some are delivered twice: a record that was drawn has to leave the queue.",
            evidence,
        )
    if abs(len(in_file) - different - capacity) <= 1:
        examiner.fail(
            "last-remain",
            "the last records stay in the queue. After the end of the file, keep drawing until it is empty.",
            evidence,
        )
    if different < len(in_file):
        examiner.fail(
            "some-missing",
            "some are missing: continue until the file has ended and the queue is empty.",
            evidence,
        )
    in_order = np.argsort(in_file)
    return in_order[np.searchsorted(in_file[in_order], numbers)]


def _check_feasible_order(examiner: Examiner, runs: np.ndarray, capacity: int) -> None:
    """Fails the check on orders, int[runs, N], that no queue of this capacity gives, or that are not random."""
    count = runs.shape[1]
    if (runs == np.arange(count)).all():
        examiner.fail("order-of-file", "this is the order of the file: draw a position in the queue at random.")
    ahead = int((runs - np.arange(count)).max())
    if ahead == capacity:
        examiner.fail("one-too-many", "the queue holds one record too many: one has to leave before the next enters.")
    if ahead > capacity:
        examiner.fail(
            "not-read-yet", "a record is delivered before the queue has read it. Draw only from what is in the queue."
        )
    if all((np.sort(runs[:, i : i + capacity]) // capacity == i // capacity).all() for i in range(0, count, capacity)):
        examiner.fail(
            "block-by-block",
            "shuffled block by block. The next record should enter when one has left, not when all have.",
        )
    for run in runs:
        ages = _drawn(run, capacity)[0, : count - capacity]
        if np.bincount(ages).max() > 0.8 * len(ages):
            examiner.fail(
                "same-position", "nearly always the same position is drawn. Create the generator once, before the loop."
            )


def _drawn(run: np.ndarray, capacity: int) -> np.ndarray:
    """Returns the positions in the queue from which the records of an order, int[N], were drawn, int[2, N].

    The first row counts by age, 0 for the oldest, as in a list from which records are removed. The second row counts
    by slot, as in an array in which the next record takes the slot of the one that left.
    """
    coming, queue, place_of, free, drawn = iter(range(len(run))), list[int](), {}, list(range(capacity)), []
    for record in run.tolist():
        for new in itertools.islice(coming, capacity - len(queue)):
            queue.append(new)
            place_of[new] = free.pop(0)
        drawn.append((queue.index(record), place_of[record]))
        queue.remove(record)
        free.append(place_of[record])
    return np.array(drawn).T


def _check_uniform_draws(examiner: Examiner, runs: np.ndarray, capacity: int) -> None:
    """Fails the check if the draws of feasible orders, int[runs, N], are not uniform."""
    drawn, count = np.stack([_drawn(run, capacity) for run in runs], axis=1), runs.shape[1]
    sizes = np.minimum(capacity, count - np.arange(count))
    if count > capacity:
        full = drawn[:, :, sizes == capacity]
        hits = np.array([np.bincount(ways.ravel(), minlength=capacity) for ways in full])
        fair = full[0].size / capacity
        if hits[0, -1] == 0:
            examiner.fail(
                "youngest-never",
                "the youngest is never drawn. Does the queue hold `capacity` records, and can each leave?",
            )
        if hits.min() < 0.1 * fair:
            examiner.fail(
                "one-position-never", "one position is never drawn: a generator's `integers(n)` draws from 0 to n - 1."
            )
        if np.abs(hits - fair).max() > _MAX_DEVIATION * math.sqrt(fair * (1 - 1 / capacity)):
            examiner.fail(
                "not-uniform", "some of the queue's records are more likely than others; all should be equally likely."
            )
    end = (np.arange(count) >= count - capacity) & (sizes > 1)
    ages, chances, last = drawn[0][:, end], 1 / sizes[end], sizes[end] - 1
    likely, width = len(runs) * chances.sum(), math.sqrt(len(runs) * (chances * (1 - chances)).sum())
    for hits in ((ages == 0).sum(), (ages == last).sum()):
        if abs(hits - likely) > _MAX_DEVIATION * width:
            examiner.fail(
                "end-not-drawn",
                "the records left in the queue at the end leave in a fixed order: draw them at random too.",
            )
