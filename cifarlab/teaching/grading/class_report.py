"""What a class has understood: the results of each task, and how many students received which advice."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import nbformat
from nbformat import NotebookNode

from cifarlab.files import as_path
from cifarlab.teaching.checks import catalog
from cifarlab.teaching.grading.advice import PRIVATE, Task, ids_in, tasks
from cifarlab.teaching.grading.gradebook_file import AssignmentError
from cifarlab.teaching.grading.nbgrader_course import gradebook
from cifarlab.teaching.grading.scores import is_graded, list_scores, list_unscored
from cifarlab.text import capitalized, sanitize

NO_ADVICE = "no advice"
"""Stands for the id if a test failed without a check's advice: the answer's cell failed, or a limit was exceeded."""


class TaskResult(NamedTuple):
    """The class's results in a task.

    Attributes:
        task: the task.
        graded: students whose points in it are final; the others' answers wait for manual grading.
        correct: those of them with all points.
        mean_points: their mean points; NaN if there are none.
        max_points: the maximum number of points.
        missing: students who left the answer unchanged or empty.
        waiting: students whose answer waits to be graded by hand.
    """

    task: Task
    graded: int
    correct: int
    mean_points: float
    max_points: float
    missing: int
    waiting: int = 0


class AdviceResult(NamedTuple):
    """The students who received a piece of advice.

    Attributes:
        id: the advice's id, or `NO_ADVICE`.
        task: the title of the task.
        students: the students' names, sorted.
    """

    id: str
    task: str
    students: tuple[str, ...]

    @property
    def words(self) -> str:
        """What a student reads."""
        if self.id == NO_ADVICE:
            return "the check could not run: the answer's cell failed, or a limit was exceeded."
        return catalog.words_of(self.id)

    @property
    def sentence(self) -> str:
        """The same with a capital letter, unless it begins with a name in code."""
        return capitalized(self.words)


class ClassReport(NamedTuple):
    """The results of a class in an assignment.

    Attributes:
        name: the assignment's name.
        points: the points of each graded student in the automatically and manually graded tasks, by name.
        max_points: the maximum number of points.
        tasks: the tasks in the assignment's order.
        advice: the advice, the most frequent first.
        not_submitted: students without a graded submission.
        left_out: graded students who are not counted, as they are no longer in submitted/.
        title: what the notebook calls the exercise, such as "Softmax".
    """

    name: str
    points: dict[str, float]
    max_points: float
    tasks: list[TaskResult]
    advice: list[AdviceResult]
    not_submitted: int
    left_out: int = 0
    title: str = ""


def summarize(name: str, course: str | os.PathLike) -> ClassReport:
    """Returns the results of a class.

    Args:
        name: the assignment's name.
        course: the course directory.

    Raises:
        AssignmentError: the assignment was not released, or nothing is graded yet.
    """
    course = as_path(course)
    gone = {score.student for score in list_scores(name, course) if not score.submitted}
    with gradebook(course, name) as book:
        release = nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)
        graded = [each for each in book.assignment_submissions(name) if is_graded(each)]
        graded = [each for each in graded if each.student.id not in gone]
        cells = {each.student.id: _cells(each) for each in graded}
        points = {each.student.id: each.score for each in graded}
        max_points = book.find_assignment(name).max_score
    if not cells:
        raise AssignmentError(f"nothing is graded yet. Run `cifarlab assignments grade {name}` first.")
    there = {test for grades, _ in cells.values() for test in grades}
    parts = [task for task in tasks(release) if there.intersection(task.tests)]
    return ClassReport(
        name,
        points,
        max_points,
        [_task_result(task, list(cells.values())) for task in parts],
        _advice_results(parts, cells),
        len(list_unscored(name, course)),
        len(gone),
        _title(release) or name,
    )


def _title(release: NotebookNode) -> str:
    """Returns the exercise's name in its notebook's heading, without its number and its question."""
    headings = [re.search(r"^# +(.+)$", cell.source, re.MULTILINE) for cell in release.cells]
    text = next((found[1] for found in headings if found), "")
    return re.sub(r"^Exercise \d+[.:] *|: .*|[`*]", "", text).strip()


class _Grade(NamedTuple):
    score: float
    max_score: float
    pending: bool


_Cells = tuple[dict[str, _Grade], dict[str, str]]  # a submission's grades and comments, by the names of their cells


def _cells(submission: Any) -> _Cells:
    grades: dict[str, _Grade] = {}
    comments: dict[str, str] = {}
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            grades[grade.name] = _Grade(grade.score, grade.max_score, grade.needs_manual_grade)
        comments |= {comment.name: comment.auto_comment or "" for comment in notebook.comments}
    return grades, comments


def _task_result(task: Task, cells: Sequence[_Cells]) -> TaskResult:
    of_each = [[grades[test] for test in task.tests if test in grades] for grades, _ in cells]
    final = [grades for grades in of_each if not any(grade.pending for grade in grades)]
    scores = [sum(grade.score for grade in grades) for grades in final]
    most = max(sum(grade.max_score for grade in grades) for grades in of_each)
    return TaskResult(
        task,
        graded=len(final),
        correct=sum(score >= most - 1e-9 for score in scores),
        mean_points=sum(scores) / len(scores) if scores else float("nan"),
        max_points=most,
        waiting=len(of_each) - len(final),
        missing=sum(_is_missing(comments.get(task.name, "")) for _, comments in cells),
    )


def _is_missing(comment: str) -> bool:
    """Returns whether an answer is still the stub, according to nbgrader's comment or to the check's advice."""
    ids = ids_in(comment)
    return comment.startswith("No response.") or (bool(ids) and all(each.endswith(".not-written") for each in ids))


def _advice_results(parts: Sequence[Task], cells: dict[str, _Cells]) -> list[AdviceResult]:
    """Returns the advice on wrong answers; stubs, which `TaskResult.missing` counts, received none worth counting."""
    found = defaultdict(list)
    for student, (grades, comments) in sorted(cells.items()):
        for task in (task for task in parts if task.name != PRIVATE):  # private tests give no advice
            comment = comments.get(task.name, "")
            failed = [test for test in task.tests if test in grades and test != task.name]
            failed = [test for test in failed if grades[test].score < grades[test].max_score]
            if failed and not _is_missing(comment):
                for each in ids_in(comment) or [NO_ADVICE]:
                    found[sanitize(each), task.title].append(student)
    results = [AdviceResult(each, title, tuple(students)) for (each, title), students in found.items()]
    order = {task.title: place for place, task in enumerate(parts)}
    return sorted(results, key=lambda result: (-len(result.students), order[result.task], result.id))
