"""The summary of a feedback page: each task's points and state, and what to do next."""

import re
import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from nbformat import NotebookNode

from cifarlab.teaching.grading.advice import without_ids
from cifarlab.teaching.sandbox.nbgrader_cells import advice_of, is_private, is_test, nbgrader_metadata
from cifarlab.text import capitalized

STATES = {
    "passed": ("✓", "correct"),
    "partly": ("◐", "partly correct"),
    "failed": ("✗", "not correct yet"),
    "missing": ("○", "no answer"),
    "pending": ("…", "to be graded"),
}
"""The states of a check or task, each with its symbol and words; none is shown by its color alone."""
MAX_COMMENT_CHARS = 400
"""A longer comment is cut in the list of what to do next; the whole one is below the answer."""
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
        hidden: whether it is an instructor's private test, whose code is not shown.
    """

    anchor: str
    title: str
    state: str
    points: float
    most: float
    advice: str
    cause: bool = False
    hidden: bool = False


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
    answers = [cell.source for cell in cells if nbgrader_metadata(cell).get("solution")]
    names = set(re.findall(r"^(?:def|class) +(\w+)", "\n".join(answers), re.MULTILINE))
    for place, cell in enumerate(cells):
        if cell.cell_type == "markdown" and not nbgrader_metadata(cell).get("solution"):
            title = ([title, *re.findall(r"^##+ +(.+?) *#*$", cell.source, re.MULTILINE)])[-1]
        if not nbgrader_metadata(cell).get("grade"):
            continue
        heading = "More tests of your instructor" if is_private(cell) else re.sub(r"[`*]", "", title) or "This exercise"
        tasks.setdefault(heading, []).append(_check(cells, place, pending, names))
    found = [_task(heading, checks) for heading, checks in tasks.items()]
    return list(map(_without_answer, found)) if is_unanswered(found) else found


def anchor(place: int) -> str:
    """Returns the address of a cell on the page; its name would reveal that of an instructor's file."""
    return f"check-{place + 1}"


def _without_answer(task: Task) -> Task:
    """Returns a task of a notebook without answers: its private tests have failed because of that."""
    failed = [check.state == "failed" for check in task.checks]
    missing = [check._replace(state="missing", advice="", cause=False) for check in task.checks]
    checks = [new if changed else old for changed, new, old in zip(failed, missing, task.checks, strict=True)]
    return _task(task.title, checks)


def _task(title: str, checks: list[Check]) -> Task:
    states = {check.state for check in checks}
    if len(states) == 1:
        (state,) = states
    elif "pending" in states:
        state = "pending"
    else:
        state = "failed" if states == {"failed", "missing"} else "partly"
    return Task(title, state, sum(each.points for each in checks), sum(each.most for each in checks), checks)


def _check(cells: Sequence[NotebookNode], place: int, pending: Collection[str], names: Collection[str]) -> Check:
    cell = cells[place]
    known = nbgrader_metadata(cell)
    points, most = float(known.get("score") or 0), float(known.get("points") or 0)
    state = "passed" if points >= most else "failed" if points <= 0 else "partly"
    if not is_test(cell):
        return _words_check(cell, anchor(place), "pending" if known.get("grade_id") in pending else state)
    if known.get("grade_id") in pending:
        return Check(anchor(place), "your answer in words", "pending", 0.0, most, "")
    title = "the check that you saw"
    if is_private(cell):
        title = "a test that is not shown"
    elif str(known.get("grade_id", "")).endswith("-others"):
        title = "the same check with other numbers"
    check = Check(anchor(place), title, state, points, most, "", hidden=is_private(cell))
    if state == "passed":
        return check
    if state == "failed" and advice_of(cell).endswith(".not-written"):
        return check._replace(state="missing")
    cause = first_cause(cells, place)
    advice = cause or _told(cell, names) or _partial(points, most)
    return check._replace(advice=advice, cause=bool(cause))


def _words_check(cell: NotebookNode, address: str, state: str) -> Check:
    """Returns the result of an answer that is graded by hand; its advice is the comment on it."""
    known = nbgrader_metadata(cell)
    points, most = float(known.get("score") or 0), float(known.get("points") or 0)
    comment = " ".join(without_ids(str(known.get("comment") or "")).split())
    if state == "failed" and (comment == "No response." or not cell.source.strip()):
        state = "missing"
    check = Check(address, "your answer in words", state, points, most, "")
    if state == "pending":
        return check._replace(points=0.0)
    if state in ("passed", "missing"):
        return check
    advice = textwrap.shorten(comment, MAX_COMMENT_CHARS, placeholder=" [...]") if comment else _partial(points, most)
    return check._replace(advice=advice)


def _partial(points: float, most: float) -> str:
    return f"{points:g} of {most:g} points."


def is_unanswered(tasks: Sequence[Task]) -> bool:
    """Returns whether there is no answer at all; an instructor's private tests do not count."""
    states = {check.state for task in tasks for check in task.checks if not check.hidden}
    return states == {"missing"}


def notices(tasks: Sequence[Task], notes: Mapping[str, Any]) -> list[str]:
    """Returns the sentences above the table of tasks: what was repaired and not found, if the table does not say it.

    Args:
        tasks: the tasks.
        notes: the notes in a graded notebook's metadata; see `submissions.repair_submission`.

    >>> notices([], {"not_found": ["no answer to `half`", "cell 5 belongs to no task"]})
    ['No answer to `half`.', 'Cell 5 belongs to no task.']
    """
    told = [f"Repaired: {text}" for text in notes.get("repaired", ())]
    not_found = list(notes.get("not_found", ()))
    if not_found != [notes.get("attention")]:  # otherwise it says what is wrong with the whole file
        told += ["No answer was found in your notebook."] if is_unanswered(tasks) else []
        if any(check.state == "missing" for task in tasks for check in task.checks):
            not_found = [text for text in not_found if not text.startswith("no answer to ")]
    return told + [f"{capitalized(text).rstrip('.')}." for text in not_found]


def _told(cell: NotebookNode, names: Collection[str]) -> str:
    """Returns the message of a failed check, on one line; `names` are those that the answers define."""
    for output in cell.get("outputs", ()):
        if output.output_type == "error":
            name = "" if output.ename in ("CheckFailedError", "NotRunError") else f"{output.ename}: "
            text = output.evalue.split("\n")[0] or "a condition of this test does not hold."
            for prefix in _PREFIXES:
                text = text.removeprefix(prefix)
            return f"{name}{text}" if name else capitalized(text, names)
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
