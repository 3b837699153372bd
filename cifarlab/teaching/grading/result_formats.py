"""The result of a notebook in the JSON formats of platforms that start the grader themselves."""

from collections.abc import Callable
from typing import Any

from cifarlab.teaching.grading.grade_one import GradedTest, NotebookResult


def plain(result: NotebookResult) -> dict[str, Any]:
    """Returns a result as a JSON object in cifarlab's own format; docs/platforms describes it.

    >>> from cifarlab.teaching.grading.grade_one import UNFINISHED
    >>> plain(UNFINISHED)["status"], plain(UNFINISHED)["score"]
    ('error', 0.0)
    """
    tests = [test._asdict() | {"status": _status(test)} for test in result.tests]
    return {
        "assignment": result.assignment,
        "status": "error" if result.error else "graded",
        "error": result.error,
        "score": float(sum(test.score or 0.0 for test in result.tests)),
        "max_score": float(sum(test.max_score for test in result.tests)),
        "needs_manual_grade": any(test.score is None for test in result.tests),
        "seconds": round(result.seconds, 1),
        "notes": result.notes,
        "tests": tests,
    }


def gradescope(result: NotebookResult) -> dict[str, Any]:
    """Returns a result as the JSON object that Gradescope reads; answers to be graded manually are only mentioned.

    >>> from cifarlab.teaching.grading.grade_one import UNFINISHED
    >>> gradescope(UNFINISHED)["score"], gradescope(UNFINISHED)["tests"]
    (0.0, [])
    """
    lines = list(result.notes)
    if result.error:
        lines.append(f"This notebook could not be graded: {result.error}. Please tell your instructor.")
    if waiting := sum(test.max_score for test in result.tests if test.score is None):
        lines.append(f"{waiting:g} more points are given manually, for the written answer.")
    tests: list[dict[str, Any]] = []
    for test in (test for test in result.tests if test.score is not None):
        tests.append({"name": test.name, "score": test.score, "max_score": test.max_score, "output": test.words})
        tests[-1] |= {"status": "passed" if _status(test) == "passed" else "failed", "output_format": "text"}
        tests[-1] |= {"extra_data": {"advice_id": test.advice_id}} if test.advice_id else {}
    return {
        "score": float(sum(test.score or 0.0 for test in result.tests)),
        "execution_time": round(result.seconds),
        "output": "\n".join(lines),
        "output_format": "text",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _status(test: GradedTest) -> str:
    if test.score is None:
        return "pending"
    if test.score >= test.max_score:
        return "passed"
    return "partial" if test.score > 0 else "failed"


FORMATS: dict[str, Callable[[NotebookResult], dict[str, Any]]] = {"gradescope": gradescope, "plain": plain}
"""The formats by the name of their option."""
