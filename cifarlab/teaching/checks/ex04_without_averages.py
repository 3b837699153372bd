"""The checks of exercise 4: the averages of a weight along a run, and what averages bring over several seeds."""

from typing import Any

import numpy as np

from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import CheckFailedError, CheckPassed

_NOT_AVERAGED = "these are the values themselves: nothing is averaged."
_COUNTED_BEFORE = "the first decay used is 1/10, that of step 0. The step counts updates done: after the first it is 1."
_COUNTED_TWICE = "the first decay used is 3/12, that of step 2. After the first update the step is 1."
_NO_WARM_UP = "the full decay is used from the first update on. The warm-up makes it 2/11 there; mind the brackets."
_NO_BOUND = "right at first, but the warm-up goes on without end: the decay should never exceed `bound`."
_LARGER = "of the two decays the larger one is taken; it should be the smaller one."
_SWAPPED = "the decay is what is kept of the old average; here it is what is taken of the new value."
_FROM_ZERO = "the average starts from 0; it should start from the initial value of the weight."
_FIRST = "the first average should be the initial value of the weight: before any update nothing is averaged."
_LATE = "each average sees the weight as it was before the update. It should see the new value."
_OF_ALL = "that is the mean of all values so far. A moving average moves a part of the way to the new value instead."
_NOT_ITERATED = "each value is mixed with the value before it. It should be mixed with the average before it."
_DECAYS = "those are the decays; use them to move the average."
_NO_FIRST = "the first one is missing: before any update the average is the initial value."
_LAST_ONLY = "that is the last average only; return those of all moments, the initial one included."
_LAST_MISSING = "the last one is missing: there should be as many averages as values."

_SIGN = "the sign: what averages bring is averaged minus raw."
_SHARES = "the differences are shares of pictures; return points, 100 times as many."
_RELATIVE = "that is relative to the raw precision; points are 100 times the difference of two shares."
_QUOTIENT = "that is the quotient of two means, less 1; points are 100 times the difference of two shares."
_OVER_STEPS = "the mean is taken over the steps; take it over the seeds, the first axis."
_OVER_ALL = "the mean is taken over seeds and steps; keep the steps apart: over the first axis only."
_NO_MEAN = "there is a difference for each seed and step; take the mean over the seeds."
_ERRORS_FIRST = "the standard errors come first; the means should."
_ADDED_UP = "the differences are added up over the seeds; take their mean."

_SPREAD = "that is how far single seeds lie apart. Their mean is surer than one of them, by the square root of n."
_POPULATION_SPREAD = (
    "that is how far these seeds lie apart, with n where n - 1 belongs. See `ddof`, and then which error a mean has."
)
_POPULATION = "the squares are divided by n; they are a sample's, so divide by n - 1: see `ddof`."
_WITHOUT_ROOT = "the deviation is divided by n; a mean is surer than one seed by the square root of n only."
_LESS_IN_BOTH = "n - 1 belongs into the deviation, n under the root; here n - 1 is in both of them."
_UNPAIRED = (
    "that is the error of two sets of runs that have nothing to do with each other. Here raw and averaged belong to "
    "one run and rise and fall together: take each run's difference first, then the deviation of the differences."
)
_OF_RAW = "that is the error of the raw precisions; take that of the differences."
_OF_AVERAGED = "that is the error of the averaged precisions; take that of the differences."
_ERRORS_APART = "the error of one is taken off that of the other; take the differences first, then their error."
_VARIANCE = "that is the square of it: take the root."
_VARIANCE_SPREAD = "that is the variance of single seeds: take its root. And which error has their mean?"
_ROOT_OF_STEPS = "divided by the root of the number of steps; each mean is one over the seeds."
_ERROR_OVER_STEPS = "the deviation is taken over the steps; take it over the seeds, the first axis."
_ERROR_IN_SHARES = "right, but as a share of the pictures; give it in points like the mean."
_TWICE = "twice the standard error is half of an interval of 95 %; return the error itself."
_INTERVAL = "1.96 times the standard error is half of an interval of 95 %; return the error itself."
_MEANS_AGAIN = "those are the means once more; the second array should be their standard errors."


def check_averages(averages: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `averages(values, bound)`: those of one weight along a run, with the tutorial's warm-up.

    Args:
        averages: takes float64[N + 1], a weight's initial value and that after each update, and a float in 0-1, the
            upper bound of the decay; returns float[N + 1], the average at the same moments.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.

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
        examiner.fail(f"right along a run, but before its first update, with one value: {refusal.advice}")
    return CheckPassed(
        "it starts from the initial value, and each decay is the smaller one, of the warm-up or the bound."
    )


def check_difference(difference: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `difference(raw, averaged)`: what averages bring, in points, and how sure that is.

    Args:
        difference: takes two float64[seeds, steps] in 0-1; returns two float[steps], the mean over the seeds of
            averaged minus raw in points, and the standard error of that mean.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.
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
            examiner.fail("it changed the precisions that it was given. Only compute with them.")
        mean, error = _pair(examiner, got)
        _compare_means(examiner, mean, raw, averaged)
        _compare_errors(examiner, error, raw, averaged)
    return CheckPassed("the mean of the differences in points, and its standard error: each run is its own comparison.")


def rounded(right: np.ndarray) -> dict[str, np.ndarray]:
    """What is left of a right answer that a student rounds, by the advice for it."""
    advice = "right, but rounded (decimals: {}). Do not round: others compute with it."
    return {advice.format(decimals): right.round(decimals) for decimals in (1, 2, 3)}


def _compare_averages(examiner: Examiner, averages: Any, values: np.ndarray, bound: float) -> None:
    """Asks for the averages of some values and compares them."""
    given, steps = values.copy(), np.arange(1, len(values))
    got = examiner.call(averages, given, bound)
    if not np.array_equal(given, values):
        examiner.fail("it changed the values that it was given. Make an array or a list of your own.")
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
    advice = "work out by hand what the average is after the first update, and after the second."
    numbers = examiner.as_array(got, "the averages")
    if numbers.shape == right.shape and not np.isclose(numbers[0], right[0]):
        advice = _FIRST
    examiner.assert_close(got, right, what="the averages", misconceptions=misconceptions, fallback=advice)


def _blended(values: np.ndarray, decays: np.ndarray) -> np.ndarray:
    """Moving averages, each as the mean of all values so far, weighted by what is left of their shares in it."""
    shares, blended = np.ones(1), [values[0]]
    for decay in decays:
        shares = np.append(decay * shares, 1 - decay)
        blended.append(shares @ values[: len(shares)])
    return np.array(blended)


def _pair(examiner: Examiner, got: Any) -> tuple[Any, Any]:
    """The two arrays of an answer, given as a tuple, as a list or as one array."""
    if not isinstance(got, tuple | list):
        got = examiner.as_array(got, "means and standard errors")
        got = got if got.ndim else [got]
    if len(got) != 2:
        examiner.fail(f"return two arrays as a pair, the means and their standard errors; got {len(got)} of them.")
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
    advice = "take the difference of each run, in points, and then the mean over the seeds."
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
    advice = "take the deviation of the differences over the seeds, and from it the error of their mean."
    examiner.assert_close(got, right, what="the standard errors", misconceptions=misconceptions, fallback=advice)


def _error(values: np.ndarray) -> np.ndarray:
    """The standard error of the mean over the first axis."""
    off, number = values - values.mean(0), len(values)
    return np.sqrt(np.sum(off**2, 0) / (number * (number - 1)))
