"""What all checks have in common: cases drawn from a key, arrays compared, and known misconceptions recognised."""

import hashlib
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from cifarlab.teaching.checks import student_calls
from cifarlab.teaching.checks.result import CheckFailedError
from cifarlab.teaching.checks.student_calls import call_with_timeout, short_repr


class Examiner:
    """Asks a student's function and refuses what is not right.

    Without a key the cases are always the same, and what was expected and got is shown. With an instructor's key they
    are others, which nobody can know beforehand, and only the advice is shown: the numbers stay hidden.

    Attributes:
        random: draws the cases; a function of the check's name and the key.

    >>> examiner = Examiner("softmax")
    >>> examiner.call(abs, -3)
    3
    >>> examiner.assert_close(np.array([3.0, 4.0]), np.array([0.5, 0.5]), what="the probabilities",
    ...                  misconceptions={"these are the logits: normalize them.": np.array([3.0, 4.0])})
    Traceback (most recent call last):
    cifarlab.teaching.checks.result.CheckFailedError: Not yet: these are the logits: normalize them.
    expected [0.5 0.5]
    got      [3. 4.]
    """

    def __init__(self, name: str, key: str | None = None, *, seconds: float = 10.0) -> None:
        """Draws nothing yet.

        Args:
            name: of the check; each has cases of its own.
            key: the instructor's; None for the visible cases.
            seconds: that each call of the student's function may take.
        """
        digest = hashlib.sha256(f"{name}\n{key or ''}".encode()).digest()
        self.random = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        self.hidden, self.seconds = key is not None, seconds

    def call(self, function: Any, *arguments: Any) -> Any:
        """What a student's function returns; its exceptions, endless loops and floods are refused politely.

        Raises:
            CheckFailedError: it did not return.
        """
        try:
            return call_with_timeout(function, *arguments, timeout=self.seconds)
        except CheckFailedError as refusal:
            if self.hidden and refusal.from_exception:  # its words may hold the hidden numbers
                self.fail("it raised an exception on numbers that are not in this notebook. Which are special?")
            self.fail(refusal.advice, refusal.evidence)

    def fail(self, advice: str, evidence: str = "") -> NoReturn:
        """Ends the check; the evidence is shown where the cases are no secret.

        Raises:
            CheckFailedError: always.
        """
        raise CheckFailedError(advice, "" if self.hidden else evidence) from None

    def as_array(self, value: Any, what: str) -> np.ndarray:
        """A student's value as float64[...], or a refusal: None, strings, ragged lists, complex numbers and the like.

        Args:
            value: anything.
            what: the words for it, such as "the probabilities".
        """
        if value is None:
            self.fail(f"{what} should be numbers; got None. Is `return` missing?")
        looked = student_calls.after_call_hook  # to convert a value of the student's class calls the student's code
        try:
            if callable(value) or (isinstance(value, list | tuple) and len(value) > 1_000_000):
                raise TypeError
            numbers = np.asarray(value)
            if numbers.dtype.kind not in "biuf" and numbers.dtype.name != "bfloat16":
                raise TypeError
            return numbers.astype(np.float64)
        except Exception:  # of whatever class the student's value is
            self.fail(f"{what} should be a tensor or array of numbers; got {short_repr(value)}.")
        finally:
            looked()

    def assert_close(
        self,
        actual: Any,
        expected: np.ndarray,
        *,
        what: str,
        misconceptions: Mapping[str, Any],
        fallback: str = "compare the numbers below.",
        tolerance: float = 1e-4,
    ) -> None:
        """Returns if a value is right; else refuses it with the advice of the misconception that gives it.

        Args:
            actual: the student's value, anything.
            expected: what it should be.
            what: the words for it, such as "the probabilities".
            misconceptions: by their advice, the values that known wrong answers give; also of other shapes.
            fallback: the advice where none of them matches.
            tolerance: relative and absolute.

        Raises:
            CheckFailedError: it is not right.
        """
        numbers = self.as_array(actual, what)
        if _close(numbers, expected, tolerance):
            return
        evidence = f"expected {_numbers(expected, expected, numbers)}\ngot      {_numbers(numbers, expected, numbers)}"
        for advice, wrong in misconceptions.items():
            if _close(numbers, np.asarray(wrong), tolerance):
                self.fail(advice, evidence)
        if numbers.shape != expected.shape:
            self.fail(f"{what} should have the shape {list(expected.shape)}; got {list(numbers.shape)}.")
        if not np.isfinite(numbers).all():
            bad = "not a number" if np.isnan(numbers).any() else "infinite"
            self.fail(f"{what}: some are {bad}. Does something overflow, or is something divided by 0?", evidence)
        self.fail(f"{what}: not right. {fallback[:1].upper()}{fallback[1:]}", evidence)


def _close(numbers: np.ndarray, others: np.ndarray, tolerance: float) -> bool:
    return numbers.shape == others.shape and np.allclose(numbers, others, rtol=tolerance, atol=tolerance)


def _numbers(values: np.ndarray, right: np.ndarray, got: np.ndarray) -> str:
    """The first few of the row in which two arrays differ most."""
    if values.ndim and right.shape == got.shape and np.isfinite(got).any():
        *row, _ = np.unravel_index(np.nanargmax(np.abs(right - got)), right.shape)
        values = values[tuple(row)]
    flat = values.ravel()
    text = np.array2string(flat[:6], precision=4, suppress_small=True) if values.ndim else f"{float(values):.6g}"
    return text if flat.size <= 6 else f"{text[:-1]} ...]"
