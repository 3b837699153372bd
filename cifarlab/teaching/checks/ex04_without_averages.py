"""The checks of exercise 4: the averages of a weight during a run, and the benefit of averages over several seeds."""

from typing import Any

import numpy as np

from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckFailedError, CheckPassed

_NOT_AVERAGED = Advice("not-averaged", "these are the values themselves: nothing is averaged.")
_COUNTED_BEFORE = Advice(
    "counted-before",
    "the first decay is 1/10, that of step 0. The step counts completed updates: after the first it is 1.",
)
_COUNTED_TWICE = Advice(
    "counted-twice", "the first decay is 3/12, that of step 2. After the first update the step is 1."
)
_NO_WARM_UP = Advice(
    "no-warm-up",
    "the full decay is used from the first update on. The warm-up should make it 2/11; check the parentheses.",
)
_NO_BOUND = Advice("no-bound", "correct at first, but the warm-up never ends: the decay should never exceed `bound`.")
_LARGER = Advice("larger-decay", "this uses the larger of the two decays; use the smaller one.")
_SWAPPED = Advice(
    "swapped-weights", "the decay is the weight of the old average; here it is the weight of the new value."
)
_FROM_ZERO = Advice(
    "starts-from-zero", "the average starts from 0; it should start from the initial value of the weight."
)
_FIRST = Advice(
    "first-not-initial",
    "the first average should be the initial value of the weight: before any update nothing is averaged.",
)
_LATE = Advice("old-value", "each average uses the weight from before the update. It should use the new value.")
_OF_ALL = Advice(
    "mean-of-all",
    "this is the mean of all values so far. A moving average moves part of the way to the new value instead.",
)
_NOT_ITERATED = Advice(
    "not-iterated", "each value is mixed with the previous value. It should be mixed with the previous average."
)
_DECAYS = Advice("decays-returned", "these are the decays; use them to update the average.")
_NO_FIRST = Advice("first-missing", "the first one is missing: before any update the average is the initial value.")
_LAST_ONLY = Advice("last-only", "this is only the last average; return all of them, including the initial one.")
_LAST_MISSING = Advice("last-missing", "the last one is missing: there should be as many averages as values.")

_SIGN = Advice("wrong-sign", "the sign is wrong: the benefit is averaged minus raw.")
_SHARES = Advice("fractions", "the differences are fractions; return percentage points, 100 times as large.")
_RELATIVE = Advice(
    "relative", "this is relative to the raw precision; points are 100 times the difference of two fractions."
)
_QUOTIENT = Advice(
    "quotient", "this is the quotient of two means, minus 1; points are 100 times the difference of two fractions."
)
_OVER_STEPS = Advice("over-steps", "this is the mean over the steps; take it over the seeds, the first axis.")
_OVER_ALL = Advice(
    "over-all", "this is the mean over seeds and steps; keep the steps separate and take it over the first axis only."
)
_NO_MEAN = Advice("no-mean", "there is a difference for each seed and step; take the mean over the seeds.")
_ERRORS_FIRST = Advice("errors-first", "the standard errors come first; the means should.")
_ADDED_UP = Advice("sum-over-seeds", "the differences are added up over the seeds; take their mean.")

_SPREAD = Advice(
    "spread", "this is the spread of single seeds. The error of their mean is smaller, by the square root of n."
)
_POPULATION_SPREAD = Advice(
    "population-spread",
    "this is the spread of single seeds, with n instead of n - 1. See `ddof`, and then: what is the error of the mean?",
)
_POPULATION = Advice("population", "the sum of squares is divided by n; for a sample, divide it by n - 1: see `ddof`.")
_WITHOUT_ROOT = Advice("no-root", "the deviation is divided by n; divide it by the square root of n.")
_LESS_IN_BOTH = Advice(
    "n-minus-one-twice", "here n - 1 is used twice: use n - 1 in the deviation, but n under the square root."
)
_UNPAIRED = Advice(
    "unpaired",
    "this is the error for two unrelated sets of runs. Here raw and averaged belong to the same run and rise and fall "
    "together: take each run's difference first, then the deviation of the differences.",
)
_OF_RAW = Advice("error-of-raw", "this is the error of the raw precisions; return that of the differences.")
_OF_AVERAGED = Advice(
    "error-of-averaged", "this is the error of the averaged precisions; return that of the differences."
)
_ERRORS_APART = Advice(
    "difference-of-errors", "this is the difference of two errors; take the differences first, then their error."
)
_VARIANCE = Advice("variance", "this is the square of the standard error: take the root.")
_VARIANCE_SPREAD = Advice(
    "variance-of-seeds", "this is the variance of single seeds: take its root. And what is the error of their mean?"
)
_ROOT_OF_STEPS = Advice(
    "root-of-steps", "this is divided by the root of the number of steps; each mean is taken over the seeds."
)
_ERROR_OVER_STEPS = Advice(
    "error-over-steps", "the deviation is taken over the steps; take it over the seeds, the first axis."
)
_ERROR_IN_SHARES = Advice(
    "error-as-fraction", "correct, but as a fraction; return it in percentage points like the mean."
)
_TWICE = Advice(
    "twice-the-error", "twice the standard error is half the width of a 95% interval; return the error itself."
)
_INTERVAL = Advice(
    "interval", "1.96 times the standard error is half the width of a 95% interval; return the error itself."
)
_MEANS_AGAIN = Advice("means-again", "these are the means again; the second array should be their standard errors.")


def check_averages(averages: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `averages(values, bound)`, the averages of one weight during a run, with warm-up.

    Args:
        averages: takes float64[N + 1], a weight's initial value and its value after each update, and a float in 0-1,
            the upper bound of the decay; returns float[N + 1], the average at the same times.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.

    >>> check_averages(lambda values, bound: values)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cifarlab.teaching.checks.result.CheckFailedError: Not yet: these are the values themselves: nothing is averaged.
    expected ...
    """
    examiner = Examiner("averages", key)
    draw = examiner.random
    for updates, bound in (
        (int(draw.integers(16, 24)), float(draw.uniform(0.4, 0.6))),
        (int(draw.integers(6, 12)), 0.9999),
        (int(draw.integers(120, 160)), 0.9),
    ):
        values = draw.choice([-2, 2]) + np.cumsum(draw.normal(0, 1, updates + 1))
        _compare_averages(examiner, averages, values, bound)
    try:
        _compare_averages(examiner, averages, values[:1], 0.9)
    except CheckFailedError as refusal:
        examiner.fail(
            "one-value", f"correct during a run, but not before its first update, with one value: {refusal.advice}"
        )
    return examiner.passed(
        "the average starts from the initial value, and each decay is the smaller of the warm-up's and the bound."
    )


def check_difference(difference: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `difference(raw, averaged)`, the benefit of averages in percentage points and its error.

    Args:
        difference: takes two float64[seeds, steps] in 0-1; returns two float[steps], the mean over the seeds of
            averaged minus raw in percentage points, and the standard error of that mean.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("difference", key)
    draw = examiner.random
    for seeds in (6, 3, int(draw.integers(7, 10))):
        steps = seeds + int(draw.integers(2, 6))
        raw = draw.uniform(0.4, 0.6, steps) + draw.normal(0, 0.05, [seeds, 1])
        averaged = raw + draw.uniform(0.01, 0.03, steps) + draw.normal(0, 0.01, [seeds, steps])
        given = raw.copy(), averaged.copy()
        got = examiner.call(difference, *given)
        if not (np.array_equal(given[0], raw) and np.array_equal(given[1], averaged)):
            examiner.fail("precisions-changed", "it changed the precisions that it was given. Only read them.")
        mean, error = _pair(examiner, got)
        _compare_means(examiner, mean, raw, averaged)
        _compare_errors(examiner, error, raw, averaged)
    return examiner.passed(
        "the mean difference in percentage points and its standard error, from each run's difference."
    )


def rounded(right: np.ndarray) -> dict[Advice, np.ndarray]:
    """Returns a correct answer rounded to several decimals, by the advice against it."""
    advice = Advice("rounded", "correct, but rounded (decimals: {}). Do not round: other code computes with it.")
    return {advice.format(decimals): right.round(decimals) for decimals in (1, 2, 3)}


def _compare_averages(examiner: Examiner, averages: Any, values: np.ndarray, bound: float) -> None:
    """Calls the student's function with some values and compares its averages."""
    given, steps = values.copy(), np.arange(1, len(values))
    got = examiner.call(averages, given, bound)
    if not np.array_equal(given, values):
        examiner.fail("values-changed", "it changed the values that it was given. Create a new array or list.")
    warm_up = (1 + steps) / (10 + steps)
    decays = np.minimum(warm_up, bound)
    right = _blended(values, decays)
    misconceptions = {
        _NOT_AVERAGED: values,
        _COUNTED_BEFORE: _blended(values, np.minimum(steps / (9 + steps), bound)),
        _COUNTED_TWICE: _blended(values, np.minimum((2 + steps) / (11 + steps), bound)),
        _NO_WARM_UP: _blended(values, np.full(len(steps), bound)),
        _NO_BOUND: _blended(values, warm_up),
        _LARGER: _blended(values, np.maximum(warm_up, bound)),
        _SWAPPED: _blended(values, 1 - decays),
        _FROM_ZERO: _blended(np.append(0, values[1:]), decays),
        _LATE: _blended(np.append(values[:1], values[:-1]), decays),
        _OF_ALL: np.cumsum(values) / np.arange(1, len(values) + 1),
        _NOT_ITERATED: np.append(values[:1], decays * values[:-1] + (1 - decays) * values[1:]),
        _NO_FIRST: right[1:],
        _DECAYS: decays,
        _LAST_ONLY: right[-1],
        _LAST_MISSING: right[:-1],
        **rounded(right),
    }
    advice = Advice("other", "work out by hand the average after the first update and after the second.")
    numbers = examiner.as_array(got, "the averages")
    if numbers.shape == right.shape and not np.isclose(numbers[0], right[0]):
        advice = _FIRST
    examiner.assert_close(got, right, what="the averages", misconceptions=misconceptions, fallback=advice)


def _blended(values: np.ndarray, decays: np.ndarray) -> np.ndarray:
    """Returns moving averages, each computed as a weighted mean of all values so far."""
    shares, blended = np.ones(1), [values[0]]
    for decay in decays:
        shares = np.append(decay * shares, 1 - decay)
        blended.append(shares @ values[: len(shares)])
    return np.array(blended)


def _pair(examiner: Examiner, got: Any) -> tuple[Any, Any]:
    """Returns the two arrays of an answer, which may be a tuple, a list or one array."""
    if not isinstance(got, tuple | list):
        got = examiner.as_array(got, "means and standard errors")
        got = got if got.ndim else [got]
    if len(got) != 2:
        examiner.fail(
            "not-a-pair", f"return two arrays as a pair, the means and their standard errors; got {len(got)}."
        )
    return got[0], got[1]


def _compare_means(examiner: Examiner, got: Any, raw: np.ndarray, averaged: np.ndarray) -> None:
    brought = 100 * averaged - 100 * raw
    right = brought.mean(0)
    misconceptions = {
        _SIGN: -right,
        _SHARES: right / 100,
        _RELATIVE: 100 * (averaged / raw - 1).mean(0),
        _QUOTIENT: 100 * (averaged.mean(0) / raw.mean(0) - 1),
        _OVER_STEPS: brought.mean(1),
        _OVER_ALL: brought.mean(),
        _NO_MEAN: brought,
        _ERRORS_FIRST: _error(brought),
        _ADDED_UP: brought.sum(0),
        **rounded(right),
    }
    advice = Advice(
        "other-means", "take the difference of each run in percentage points, and then the mean over the seeds."
    )
    examiner.assert_close(got, right, what="the means", misconceptions=misconceptions, fallback=advice)


def _compare_errors(examiner: Examiner, got: Any, raw: np.ndarray, averaged: np.ndarray) -> None:
    brought, (seeds, steps) = 100 * averaged - 100 * raw, raw.shape
    right, of_raw, of_averaged = _error(brought), _error(100 * raw), _error(100 * averaged)
    spread = right * np.sqrt(seeds)
    misconceptions = {
        _SPREAD: spread,
        _POPULATION_SPREAD: np.std(brought, 0),
        _POPULATION: np.std(brought, 0) / np.sqrt(seeds),
        _WITHOUT_ROOT: spread / seeds,
        _LESS_IN_BOTH: spread / np.sqrt(seeds - 1),
        _UNPAIRED: np.hypot(of_raw, of_averaged),
        _OF_RAW: of_raw,
        _OF_AVERAGED: of_averaged,
        _ERRORS_APART: of_averaged - of_raw,
        _VARIANCE: right**2,
        _VARIANCE_SPREAD: spread**2,
        _ROOT_OF_STEPS: spread / np.sqrt(steps),
        _ERROR_OVER_STEPS: _error(brought.T),
        _ERROR_IN_SHARES: right / 100,
        _TWICE: 2 * right,
        _INTERVAL: 1.96 * right,
        _MEANS_AGAIN: brought.mean(0),
        **rounded(right),
    }
    advice = Advice(
        "other-errors",
        "take the deviation of the differences over the seeds, and compute the error of their mean from it.",
    )
    examiner.assert_close(got, right, what="the standard errors", misconceptions=misconceptions, fallback=advice)


def _error(values: np.ndarray) -> np.ndarray:
    """Returns the standard error of the mean over the first axis."""
    off, number = values - values.mean(0), len(values)
    return np.sqrt(np.sum(off**2, 0) / (number * (number - 1)))
