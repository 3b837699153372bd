"""What a check says of an answer: right, and why; or not yet, and what to do."""

import textwrap

WIDTH = 88
"""Characters in a line of what a notebook shows."""


class CheckFailedError(Exception):
    """An answer that is not right yet.

    A notebook shows its words alone, without a traceback: where in the checker it was raised helps nobody.

    Attributes:
        advice: what is probably wrong, and what to do.
        evidence: what was expected and what was got; empty where there is nothing to show.
        from_exception: whether the advice quotes an exception of the student's code, which may hold hidden numbers.

    >>> print(CheckFailedError("the rows do not add up to 1: divide by their sums.", "expected 1.0, got 2.5"))
    Not yet: the rows do not add up to 1: divide by their sums.
    expected 1.0, got 2.5
    """

    def __init__(self, advice: str, evidence: str = "", *, from_exception: bool = False) -> None:
        """Takes the words as they are to be shown."""
        super().__init__(advice, evidence)
        self.advice, self.evidence, self.from_exception = advice, evidence, from_exception

    def __str__(self) -> str:
        """Advice first; the evidence below it."""
        return f"Not yet: {self.advice}" + (f"\n{self.evidence}" if self.evidence else "")

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback; nbgrader's pages do not wrap long lines."""
        return [part for line in str(self).splitlines() for part in textwrap.wrap(line, WIDTH) or [""]]


class CheckPassed:
    """An answer that is right.

    >>> CheckPassed("the rows add up to 1.")
    Right: the rows add up to 1.
    """

    def __init__(self, words: str) -> None:
        """Takes what was found right."""
        self.words = words

    def __repr__(self) -> str:
        """The words, marked as praise."""
        return f"Right: {self.words}"

    def _ipython_display_(self) -> None:
        """Shows the words as a display of their own; nbgrader takes a cell's result for a number of points."""
        from IPython.display import display

        display({"text/plain": repr(self)}, raw=True)
