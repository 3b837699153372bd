"""A class of 30 made-up students in a real gradebook, graded without running any notebook."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook

from cifarlab.teaching.grading import nbgrader_course
from cifarlab.teaching.grading.advice import comment_with

NAME = "01_softmax"
TASKS = {"softmax": (2, 1), "smallest-loss": (2,), "explanation": ()}
"""The points of the tests of each answer; the last answer is graded manually."""
BOTH = ["softmax.wrong-axis", "softmax.raised-hidden"]


def _known(grade_id, **more):
    return {"nbgrader": {"grade_id": grade_id, "schema_version": 3, "solution": False, "grade": False, **more}}


def release(course):
    """Writes a released notebook with the tasks."""
    cells = [new_markdown_cell("# Softmax")]
    for number, (name, points) in enumerate(TASKS.items(), 1):
        cells.append(new_markdown_cell(f"Text.\n\n## {number}. The {name}\n\nMore text."))
        make = new_code_cell if points else new_markdown_cell
        cells.append(make("", metadata=_known(name, solution=True, grade=not points, points=2)))
        for place, most in enumerate(points):
            cells.append(new_code_cell("", metadata=_known(f"{name}-{place}", grade=True, points=most)))
    cells.append(new_code_cell("", metadata=_known("private-x", grade=True, points=1)))
    folder = course / "release" / NAME
    folder.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells), folder / f"{NAME}.ipynb")


def students():
    """Yields the names of the students with their points by test and their advice by answer; a stub has None."""
    for number in range(30):
        points = {"softmax-0": 2, "softmax-1": 1, "smallest-loss-0": 2, "private-x": 1, "explanation": None}
        advice = {}
        if number < 7:  # wrong in both tests of a task, with different advice
            points |= {"softmax-0": 0, "softmax-1": 0}
            advice["softmax"] = BOTH
        if number in (5, 6, 7):  # wrong in a second task
            points["smallest-loss-0"] = 0
            advice["smallest-loss"] = ["smallest_loss.knows-nothing"]
        if number == 8:  # the check could not run
            points["smallest-loss-0"] = 0
        if number in (9, 10):  # left as it was
            points["smallest-loss-0"] = 0
            advice["smallest-loss"] = None
        if number == 13:  # a private test gives no advice
            points["private-x"] = 0
        if number == 11:  # changed, but not written
            points["smallest-loss-0"] = 0
            advice["smallest-loss"] = ["smallest_loss.not-written"]
        if number < 20:
            points["explanation"] = number % 3
        yield f"student {number:02}", points, advice


def fill_gradebook(course):
    """Writes the gradebook of the whole class, two students of which have submitted nothing."""
    (course / nbgrader_course.SETTINGS_FILE).write_text(nbgrader_course.DEFAULT_SETTINGS)
    with nbgrader_course._nbgrader_environment(), Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.add_assignment(NAME, duedate="2027-01-31 18:00:00")
        book.add_assignment("02_locally_connected")
        book.add_notebook(NAME, NAME)
        for name, points in TASKS.items():
            book.add_solution_cell(name, NAME, NAME)
            for place, most in enumerate(points):
                book.add_grade_cell(f"{name}-{place}", NAME, NAME, max_score=most, cell_type="code")
        book.add_grade_cell("explanation", NAME, NAME, max_score=2, cell_type="markdown")
        book.add_grade_cell("private-x", NAME, NAME, max_score=1, cell_type="code")
        for student, points, advice in students():
            book.add_student(student)
            book.add_submission(NAME, student)
            for test, score in points.items():
                grade = book.find_grade(test, NAME, NAME, student)
                if test == "explanation":
                    grade.manual_score, grade.needs_manual_grade = score, score is None
                else:
                    grade.auto_score, grade.needs_manual_grade = score, False
            for name, ids in advice.items():
                comment = book.find_comment(name, NAME, NAME, student)
                comment.auto_comment = "No response." if ids is None else comment_with(None, ids)
        for student in ("absent", "extended"):
            book.add_student(student)
        book.add_submission(NAME, "extended")  # an extension does that
        book.db.commit()


def make(course):
    """Writes the whole course; returns its directory."""
    release(course)
    fill_gradebook(course)
    return course
