"""An honest class, from release to the learning platform's file; `test_assignments.py` has the dishonest ones."""

import csv

import nbformat
import pytest

from cifarlab.teaching.grading import assignments, scores
from tests.teaching.grading.test_assignments import KEY, LIMITS, NAME, blank, half, hand_in, right, solutions

__all__ = ["solutions"]  # a fixture

pytestmark = pytest.mark.slow

POINTS = {right: 10, half: 5, blank: 0}
PYPLOT = "import matplotlib.pyplot as plt"


def import_pyplot(path):
    """Imports it in a cell and, for the first time in another notebook, in an answer; it replaces functions."""
    notebook = nbformat.read(path, as_version=4)
    cell = next(cell for cell in notebook.cells if "def softmax" in cell.source)
    cell.source = cell.source.replace("def softmax(", f"def plot():\n    {PYPLOT}\n\n\ndef softmax(", 1)
    head, _, body = cell.source.rpartition("    return ")
    cell.source = f"{head}    plot()\n    return {body}"
    notebook.cells.append(nbformat.v4.new_code_cell(PYPLOT))
    nbformat.write(notebook, path)


def test_an_honest_class_is_graded(tmp_path, solutions, data_dir):
    assignments.release(NAME, tmp_path, solutions=solutions, key=KEY)
    hand_in(tmp_path, POINTS)
    import_pyplot(tmp_path / "submitted" / "right" / NAME / f"{NAME}.ipynb")
    graded = assignments.grade(NAME, tmp_path, limits=LIMITS)
    assert {entry.student: entry.score for entry in graded} == {change.__name__: due for change, due in POINTS.items()}
    pages = {page.parent.parent.name: page.read_text() for page in assignments.feedback(NAME, tmp_path)}
    assert "Right:" in pages["right"]
    assert PYPLOT.split()[1] in pages["right"]
    for page in pages.values():
        for note in ("From the grader", "had been replaced", "was changed", "missing cells", 'class="note"'):
            assert note not in page
    assert "is not written yet" in pages["half"]
    scores.export_csv(NAME, tmp_path, tmp_path / "grades.csv", "tasks")
    with (tmp_path / "grades.csv").open(newline="", encoding="utf-8-sig") as file:
        assert {row[0] for row in csv.reader(file)} >= {"right", "half", "blank"}
