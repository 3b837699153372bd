"""Solutions of all exercises are matched whatever an editor dropped, and never with another exercise."""

import json

import nbformat
import pytest

from cifarlab.teaching.grading.submissions import repair_submission
from tools.build_notebooks import EXERCISES, SOLUTIONS

NAMES = sorted(path.stem for path in EXERCISES.glob("*.ipynb"))
RELEASES = {name: nbformat.read(EXERCISES / f"{name}.ipynb", as_version=4) for name in NAMES}


def solution(name):
    return nbformat.read(SOLUTIONS / f"{name}.ipynb", as_version=4)


def as_it_is(cell):
    pass


def names_dropped(cell):
    cell.metadata = {}


def ids_dropped(cell):
    del cell["id"]


def both_dropped(cell):
    names_dropped(cell)
    ids_dropped(cell)


def repaired(submitted, name, change=as_it_is):
    for cell in submitted.cells:
        change(cell)
    return repair_submission(json.dumps(submitted).encode(), RELEASES[name], solution(name))


@pytest.mark.parametrize("change", [as_it_is, names_dropped, ids_dropped, both_dropped])
@pytest.mark.parametrize("name", NAMES)
def test_solution_is_found(name, change):
    expected = repaired(solution(name), name)
    found = repaired(solution(name), name, change)
    assert (found.metadata.cifarlab.not_found, found.metadata.cifarlab.attention) == ([], "")
    assert expected.metadata.cifarlab.repaired == []
    cells = found.cells[1:] if found.metadata.cifarlab.repaired else found.cells
    assert [(cell.cell_type, cell.source, cell.metadata) for cell in cells] == [
        (cell.cell_type, cell.source, cell.metadata) for cell in expected.cells
    ]


@pytest.mark.parametrize("change", [as_it_is, both_dropped])
@pytest.mark.parametrize("name", NAMES)
def test_exercise_without_answers_appears_empty(name, change):
    found = repaired(nbformat.read(EXERCISES / f"{name}.ipynb", as_version=4), name, change)
    assert found.metadata.cifarlab.attention == "it appears to be empty"
    assert found.metadata.cifarlab.repaired == []


@pytest.mark.parametrize("change", [as_it_is, both_dropped])
@pytest.mark.parametrize("name", NAMES)
def test_another_exercise_is_not_matched(name, change):
    other = NAMES[NAMES.index(name) - 1]
    found = repaired(solution(other), name, change)
    answers = [cell for cell in RELEASES[name].cells if cell.metadata.get("nbgrader", {}).get("solution")]
    by_name = {cell.metadata.nbgrader.grade_id: cell.source for cell in found.cells if "nbgrader" in cell.metadata}
    assert all(by_name[cell.metadata.nbgrader.grade_id] == cell.source for cell in answers)
    assert found.metadata.cifarlab.attention
