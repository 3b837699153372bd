"""A small course for tests: nbgrader grades it, but no notebook is executed, so that it takes milliseconds."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from cifarlab.teaching.grading import assignments
from cifarlab.teaching.sandbox.nbgrader_cells import error_output, is_test

NAME, KEY = "small", "correct-horse-battery"
ANSWER = "def double(x):\n    return 2 * x"


def solution(points=2):
    """An exercise with an answer, a check, a hidden check and a question; the points of the check vary."""

    def cell(source, grade_id, make=new_code_cell, **known):
        known = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3, **known}
        return make(source, metadata={"nbgrader": {"grade_id": grade_id, **known}}, id=grade_id)

    hidden = '# With other numbers.\n### BEGIN HIDDEN TESTS\ncheck(double, key="public")\n### END HIDDEN TESTS'
    code = ANSWER.replace("    return", "    ### BEGIN SOLUTION\n    return") + "\n    ### END SOLUTION"
    words = "### BEGIN SOLUTION\nBecause.\n### END SOLUTION"
    return new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        cells=[
            new_markdown_cell("# Doubling\n\n**Points**: 6.\n\n<details><summary>Hint</summary>\n\nAdd.\n\n</details>"),
            new_markdown_cell("## 1. `double`\n\nIt is $2 x$."),
            cell(code, "double", solution=True),
            cell("check(double)", "double-check", grade=True, locked=True, points=points),
            cell(hidden, "double-others", grade=True, locked=True, points=2),
            new_markdown_cell("## 2. Why"),
            cell(words, "words", new_markdown_cell, grade=True, solution=True, points=2),
        ],
    )


def write_solution(folder, notebook=None):
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook or solution(), folder / f"{NAME}.ipynb")
    return folder


def not_executed(text, limits=None):
    """Instead of executing a notebook: a test fails if the answer above says so."""
    notebook = nbformat.reads(text, as_version=4)
    for cell in filter(is_test, notebook.cells):
        wrong = any("wrong" in other.source for other in notebook.cells if other.cell_type == "code")
        cell.outputs = [error_output("CheckFailedError", "Not yet: double it.")] if wrong else []
    return nbformat.writes(notebook)


def submit(course, student, answer=ANSWER, words="Because of it.", timestamp=None):
    """Puts a student's notebook into the course."""
    notebook = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    cells["double"].source, cells["words"].source = answer, words or cells["words"].source
    folder = course / "submitted" / student / NAME
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / f"{NAME}.ipynb")
    if timestamp:
        (folder / "timestamp.txt").write_text(timestamp, encoding="utf-8")


def grade(course, **settings):
    """Grades the course; returns the students that were graded, the lines for the instructor, and the scores."""
    graded, lines = [], []
    scores = assignments.grade(NAME, course, on_graded=graded.append, say=lines.append, **settings)
    return graded, lines, {score.student: score for score in scores}
