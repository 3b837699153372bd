"""The results of a check: passed, with a summary; or failed, with advice."""

import textwrap
from typing import NamedTuple

WIDTH = 88
"""Maximum length of a line of a failed check's message in a notebook, in characters."""


class Advice(NamedTuple):
    """The likely cause of a wrong answer, and what to do about it.

    Attributes:
        id: its name within the check. Gradebooks contain it, so it must never change; it must not reveal numbers.
        words: what the student reads.

    >>> Advice("first-images", "this is the precision on the first {} images only.").format(64).words
    'this is the precision on the first 64 images only.'
    """

    id: str
    words: str

    def format(self, *values: object) -> "Advice":
        """Fills in the placeholders of the words."""
        return self._replace(words=self.words.format(*values))


class CheckFailedError(Exception):
    """An answer that is not correct yet.

    A notebook shows only its message. The traceback would point into the checker, which does not help a student.

    Attributes:
        advice: the words of the advice: the likely cause, and what to do.
        advice_id: the advice's stable name with that of its check, such as "softmax.wrong-axis"; empty if it has none.
        evidence: the expected and the actual values; empty if there is nothing to show.
        from_exception: whether the advice quotes an exception of the student's code, which may contain hidden numbers.

    >>> print(CheckFailedError("the rows do not add up to 1: divide by their sums.", "expected 1.0, got 2.5"))
    Not yet: the rows do not add up to 1: divide by their sums.
    expected 1.0, got 2.5
    """

    def __init__(self, advice: str, evidence: str = "", *, advice_id: str = "", from_exception: bool = False) -> None:
        """Takes the texts as they will be shown."""
        super().__init__(advice, evidence)
        self.advice, self.evidence = advice, evidence
        self.advice_id, self.from_exception = advice_id, from_exception

    def __str__(self) -> str:
        """Returns the advice, followed by the evidence on the next line."""
        return f"Not yet: {self.advice}" + (f"\n{self.evidence}" if self.evidence else "")

    def _render_traceback_(self) -> list[str]:
        """Returns the lines that IPython shows instead of a traceback, wrapped because nbgrader's pages do not wrap."""
        return [part for line in str(self).splitlines() for part in textwrap.wrap(line, WIDTH) or [""]]


class CheckPassed:
    """An answer that is correct.

    >>> CheckPassed("the rows add up to 1.")
    Right: the rows add up to 1.
    """

    def __init__(self, words: str) -> None:
        """Takes a summary of what is correct."""
        self.words = words

    def __repr__(self) -> str:
        """Returns the summary, marked as a success."""
        return f"Right: {self.words}"

    def _ipython_display_(self) -> None:
        """Shows the summary as display output, because nbgrader would treat a cell's result as a number of points."""
        from IPython.display import display

        display({"text/plain": repr(self)}, raw=True)
