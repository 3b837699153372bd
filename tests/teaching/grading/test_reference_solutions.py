"""Every exercise's reference solution, graded as a student's: all points, and a page without any note."""

import nbformat
import pytest

from cifarlab.teaching.grading import assignments
from tools.build_notebooks import EXERCISES, SOLUTIONS

pytestmark = [pytest.mark.slow, pytest.mark.full]

NOTES = ("From the grader", "had been replaced", "was changed", "were restored", "replaces", 'class="note"')


@pytest.mark.parametrize("name", sorted(path.stem for path in EXERCISES.glob("*.ipynb")))
def test_the_page_of_a_reference_solution_has_no_note(name, tmp_path, data_dir):
    released = nbformat.read(assignments.release(name, tmp_path, solutions=SOLUTIONS), as_version=4)
    solution = nbformat.read(SOLUTIONS / f"{name}.ipynb", as_version=4)
    answers = {cell.metadata.nbgrader.grade_id: cell.source for cell in solution.cells if "nbgrader" in cell.metadata}
    for cell in released.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers[cell.metadata.nbgrader.grade_id]
    folder = tmp_path / "submitted" / "ada" / name
    folder.mkdir(parents=True)
    nbformat.write(released, folder / f"{name}.ipynb")
    (score,) = assignments.grade(name, tmp_path)
    by_hand = sum(
        cell.metadata.nbgrader.points
        for cell in solution.cells
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("grade")
    )
    assert (score.score, score.needs_manual_grade) == (score.max_score - by_hand, True)
    (page,) = assignments.feedback(name, tmp_path)
    text = page.read_text().split("</style>")[1]
    assert not [note for note in NOTES if note in text]
    assert "not correct yet" not in text
    assert "What to do next" not in text
