"""The summary of a feedback page: each task's points and state, and what to do next."""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from nbformat import NotebookNode

from cifarlab.teaching.sandbox.nbgrader_cells import is_private, is_test, nbgrader_metadata

STATES = {
    "passed": ("✓", "correct"),
    "partly": ("◐", "partly correct"),
    "failed": ("✗", "not correct yet"),
    "pending": ("…", "to be graded"),
}
"""The states of a check or task, each with its symbol and words; none is shown by its color alone."""
_PREFIXES = ("Not yet: ", "CheckFailedError: ")


class Check(NamedTuple):
    """A graded cell.

    Attributes:
        anchor: its address on the page.
        title: what it is, for the page's index.
        state: a key of `STATES`.
        points: its points; 0 while it is pending.
        most: the points that it gives at most.
        advice: what to do; "" if nothing.
        cause: whether the advice names a cause elsewhere in the notebook, which the check's own message does not.
    """

    anchor: str
    title: str
    state: str
    points: float
    most: float
    advice: str
    cause: bool = False


class Task(NamedTuple):
    """A task of the exercise, the checks below one heading; the attributes are those of a check, summed up."""

    title: str
    state: str
    points: float
    most: float
    checks: list[Check]


def summarize(cells: Sequence[NotebookNode], pending: Collection[str]) -> list[Task]:
    """Returns the tasks of a graded notebook.

    Args:
        cells: its cells; nbgrader has written the points into their metadata.
        pending: the names of the cells that wait to be graded by hand.
    """
    title, tasks = "", {}  # type: str, dict[str, list[Check]]
    for place, cell in enumerate(cells):
        if cell.cell_type == "markdown" and not nbgrader_metadata(cell).get("solution"):
            title = ([title, *re.findall(r"^##+ +(.+?) *#*$", cell.source, re.MULTILINE)])[-1]
        if not nbgrader_metadata(cell).get("grade"):
            continue
        heading = "More tests of your instructor" if is_private(cell) else re.sub(r"[`*]", "", title) or "This exercise"
        tasks.setdefault(heading, []).append(_check(cells, place, pending))
    return [_task(heading, checks) for heading, checks in tasks.items()]


def anchor(place: int) -> str:
    """Returns the address of a cell on the page; its name would reveal that of an instructor's file."""
    return f"check-{place + 1}"


def _task(title: str, checks: list[Check]) -> Task:
    states = [check.state for check in checks]
    state = states[0] if len(set(states)) == 1 else "pending" if "pending" in states else "partly"
    if set(states) == {"failed", "partly"}:
        state = "partly"
    return Task(title, state, sum(each.points for each in checks), sum(each.most for each in checks), checks)


def _check(cells: Sequence[NotebookNode], place: int, pending: Collection[str]) -> Check:
    cell = cells[place]
    known = nbgrader_metadata(cell)
    points, most = float(known.get("score") or 0), float(known.get("points") or 0)
    if known.get("grade_id") in pending:
        return Check(anchor(place), "your answer in words", "pending", 0.0, most, "")
    state = "passed" if points >= most else "failed" if points <= 0 else "partly"
    if not is_test(cell):
        empty = state == "failed" and known.get("comment") in (None, "", "No response.")
        advice = "No answer was found here." if empty else ""
        return Check(anchor(place), "your answer in words", state, points, most, advice)
    title = "the check that you saw"
    if is_private(cell):
        title = "a test that is not shown"
    elif str(known.get("grade_id", "")).endswith("-others"):
        title = "the same check with other numbers"
    if state == "passed":
        return Check(anchor(place), title, state, points, most, "")
    cause = first_cause(cells, place)
    return Check(anchor(place), title, state, points, most, cause or _told(cell), bool(cause))


def _told(cell: NotebookNode) -> str:
    """Returns the message of a failed check, on one line."""
    for output in cell.get("outputs", ()):
        if output.output_type == "error":
            name = "" if output.ename in ("CheckFailedError", "NotRunError") else f"{output.ename}: "
            text = output.evalue.split("\n")[0] or "a condition of this test does not hold."
            for prefix in _PREFIXES:
                text = text.removeprefix(prefix)
            return f"{name}{text[:1].upper() if not name else text[:1]}{text[1:]}"
    return ""


def first_cause(cells: Sequence[NotebookNode], place: int) -> str:
    """Returns why an answer is missing in a failed check, if a cell above shows that; otherwise "".

    After a syntax error in an answer, for example, the check only says that its function is not defined.

    >>> from nbformat.v4 import new_code_cell, new_output
    >>> broken = new_code_cell("def softmax(x)\\n    return x", outputs=[
    ...     new_output("error", ename="SyntaxError", evalue="expected ':' (1234.py, line 1)", traceback=[])])
    >>> check = new_code_cell("check(softmax)", outputs=[
    ...     new_output("error", ename="NameError", evalue="name 'softmax' is not defined", traceback=[])])
    >>> first_cause([broken, check], 1)
    "The cell that defines `softmax` stopped with SyntaxError: expected ':' (line 1). Correct that first."
    """
    missing = None
    for output in cells[place].get("outputs", ()):
        if output.output_type == "error" and output.ename in ("NameError", "UnboundLocalError"):
            missing = re.search(r"name '(\w+)' is not defined", output.evalue)
    if not missing:
        return ""
    definition = re.compile(rf"\b(def|class)\s+{missing[1]}\b|^\s*{missing[1]}\b.*=", re.MULTILINE)
    for cell in reversed([cell for cell in cells[:place] if not is_test(cell)]):
        errors = [output for output in cell.get("outputs", ()) if output.output_type == "error"]
        if errors and definition.search(cell.source):
            text = re.sub(r"\([^()]*, line (\d+)\)", r"(line \1)", errors[0].evalue.split("\n")[0])
            what = f"{errors[0].ename}: {text}".rstrip(".")
            return f"The cell that defines `{missing[1]}` stopped with {what}. Correct that first."
    return ""
