"""The base of all checks: draws cases from a key, compares arrays and recognizes known misconceptions."""

import hashlib
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from cifarlab.teaching.checks import student_calls
from cifarlab.teaching.checks.result import Advice, CheckFailedError, CheckPassed
from cifarlab.teaching.checks.student_calls import call_with_timeout, short_repr

GRADED_WITH_OTHER_NUMBERS = {
    "softmax",
    "gradients",
    "locally_connected",
    "local_network",
    "unevenness",
    "shuffled",
    "averages",
    "difference",
    "shares",
    "tower_gradients",
    "read_digits",
    "recognize",
}
"""The checks that a hidden test of their exercise repeats with the instructor's key."""

_COMPARE_NUMBERS = Advice("other", "compare the numbers below.")


class Examiner:
    """Calls a student's function and fails the check if its results are wrong.

    Without a key, the cases are always the same, and the expected and actual values are shown. With an instructor's
    key, the cases are different and cannot be known in advance, and only the advice is shown: the numbers stay hidden.

    Attributes:
        name: the check's name, with which the id of each advice begins.
        random: the generator that draws the cases, seeded with the check's name and the key.
        hidden: whether the cases are secret.
        seconds: the time limit of a call, in seconds.

    >>> examiner = Examiner("softmax")
    >>> examiner.call(abs, -3)
    3
    >>> examiner.assert_close(np.array([3.0, 4.0]), np.array([0.5, 0.5]), what="the probabilities",
    ...     misconceptions={Advice("still-logits", "these are the logits: normalize them."): np.array([3.0, 4.0])})
    Traceback (most recent call last):
    cifarlab.teaching.checks.result.CheckFailedError: Not yet: these are the logits: normalize them.
    expected [0.5 0.5]
    got      [3. 4.]
    """

    def __init__(self, name: str, key: str | None = None, *, seconds: float = 10.0) -> None:
        """Seeds the generator, without drawing anything yet.

        Args:
            name: the check's name; each check has different cases.
            key: the instructor's key; None for the visible cases.
            seconds: the time limit of each call of the student's function.
        """
        digest = hashlib.sha256(f"{name}\n{key or ''}".encode()).digest()
        self.random = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        self.name, self.hidden, self.seconds = name, key is not None, seconds

    def call(self, function: Any, *arguments: Any) -> Any:
        """Returns what a student's function returns.

        Raises:
            CheckFailedError: it raised an exception, took too long or printed too much.
        """
        try:
            return call_with_timeout(function, *arguments, timeout=self.seconds)
        except CheckFailedError as refusal:
            if self.hidden and refusal.from_exception:  # its message may contain the hidden numbers
                self.fail(
                    "raised-hidden",
                    "it raises an exception on inputs that are not shown in this notebook. Which special cases did "
                    "you miss?",
                )
            self.fail(refusal.advice_id, refusal.advice, refusal.evidence)

    def passed(self, words: str) -> CheckPassed:
        """Returns the result of a passed check, which says whether grading repeats the check with other numbers.

        Args:
            words: a summary of what is correct.
        """
        note = " Grading uses other numbers, too." if not self.hidden and self.name in GRADED_WITH_OTHER_NUMBERS else ""
        return CheckPassed(words + note)

    def fail(self, advice_id: str, words: str, evidence: str = "") -> NoReturn:
        """Ends the check; the evidence is shown only if the cases are not hidden.

        Args:
            advice_id: the advice's stable name within this check; see `Advice`.
            words: the likely cause, and what to do.
            evidence: the expected and the actual values.

        Raises:
            CheckFailedError: always.
        """
        raise CheckFailedError(words, "" if self.hidden else evidence, advice_id=f"{self.name}.{advice_id}") from None

    def as_array(self, value: Any, what: str) -> np.ndarray:
        """Converts a student's value to a float64 array.

        Args:
            value: anything.
            what: how messages refer to it, such as "the probabilities".

        Raises:
            CheckFailedError: it is None, a string, a ragged list, complex or otherwise not numeric.
        """
        if value is None:
            self.fail("no-result", f"{what} should be numbers; got None. Is `return` missing?")
        hook = student_calls.after_call_hook  # converting an object of the student's class calls the student's code
        try:
            if callable(value) or (isinstance(value, list | tuple) and len(value) > 1_000_000):
                raise TypeError
            numbers = np.asarray(value)
            if numbers.dtype.kind not in "biuf" and numbers.dtype.name != "bfloat16":
                raise TypeError
            return numbers.astype(np.float64)
        except Exception:  # the student's value may be an object of any class
            self.fail("not-numbers", f"{what} should be a tensor or array of numbers; got {short_repr(value)}.")
        finally:
            hook()

    def assert_close(
        self,
        actual: Any,
        expected: np.ndarray,
        *,
        what: str,
        misconceptions: Mapping[Advice, Any],
        fallback: Advice = _COMPARE_NUMBERS,
        tolerance: float = 1e-4,
    ) -> None:
        """Fails the check unless a value is correct, with the advice for the misconception that explains it.

        Args:
            actual: the student's value, which may be anything.
            expected: the correct value.
            what: how messages refer to it, such as "the probabilities".
            misconceptions: the values that known wrong answers give, by their advice; they may have other shapes.
            fallback: the advice if none of them matches.
            tolerance: the relative and absolute tolerance.

        Raises:
            CheckFailedError: it differs from the expected value.
        """
        numbers = self.as_array(actual, what)
        if _close(numbers, expected, tolerance):
            return
        evidence = f"expected {_numbers(expected, expected, numbers)}\ngot      {_numbers(numbers, expected, numbers)}"
        for advice, wrong in misconceptions.items():
            if _close(numbers, np.asarray(wrong), tolerance):
                self.fail(*advice, evidence)
        if numbers.shape != expected.shape:
            self.fail("wrong-shape", f"{what} should have the shape {list(expected.shape)}; got {list(numbers.shape)}.")
        if not np.isfinite(numbers).all():
            bad = "not a number" if np.isnan(numbers).any() else "infinite"
            self.fail(
                "not-finite",
                f"{what}: some values are {bad}. Is there an overflow or a division by 0?",
                evidence,
            )
        words = (
            "" if self.hidden and fallback is _COMPARE_NUMBERS else f" {fallback.words[:1].upper()}{fallback.words[1:]}"
        )
        self.fail(fallback.id, f"{what}: not correct.{words}", evidence)


def _close(numbers: np.ndarray, others: np.ndarray, tolerance: float) -> bool:
    return numbers.shape == others.shape and np.allclose(numbers, others, rtol=tolerance, atol=tolerance)


def _numbers(values: np.ndarray, right: np.ndarray, got: np.ndarray) -> str:
    """Formats the first few values of the row in which two arrays differ most."""
    if values.ndim and right.shape == got.shape and np.isfinite(got).any():
        *row, _ = np.unravel_index(np.nanargmax(np.abs(right - got)), right.shape)
        values = values[tuple(row)]
    flat = values.ravel()
    text = np.array2string(flat[:6], precision=4, suppress_small=True) if values.ndim else f"{float(values):.6g}"
    return text if flat.size <= 6 else f"{text[:-1]} ...]"
