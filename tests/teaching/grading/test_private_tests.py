"""An instructor's private tests: how they may be written, and what is refused before anything is released."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from cifarlab.teaching.grading.gradebook_file import AssignmentError
from cifarlab.teaching.grading.private_tests import file_name, read_tests, state_points, try_tests


def write(folder, **files):
    (folder / "small").mkdir()
    for name, text in files.items():
        data = text if isinstance(text, bytes) else text.encode()
        (folder / "small" / name.replace("_py", ".py")).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("first", "points"),
    [
        ("# points: 2", 2),
        ("#points:2", 2),
        ("# Points: 2.5", 2.5),
        ("# points: 2,5", 2.5),
        ("# points = 3 ", 3),
        ("\ufeff# points: 2", 2),
        ("# points: 2\r", 2),
    ],
)
def test_the_first_line_states_the_points(tmp_path, first, points):
    (cell,) = read_tests(write(tmp_path, a_py=f"{first}\nassert True\n"), "small")
    assert cell.metadata.nbgrader.points == points
    assert cell.metadata.nbgrader.grade_id == "private-1"
    assert file_name(cell) == "a.py"
    assert "assert True" in cell.source


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("assert True\n", "a.py: the first line must be like '# points: 2'; got 'assert True'"),
        ("", "the first line must be like '# points: 2'; got ''"),
        ("# points: -1\n", "the first line must be like"),
        ("# points: two\n", "the first line must be like"),
        ("# points: 2\nassert f(1 == 1\n", r"a.py, line 2: '\(' was never closed. Nothing was released"),
        ("# points: 2\n\nif True:\nassert 1\n", "a.py, line 4: expected an indented block"),
        ("# points: 2\n%timeit f()\n", "a.py, line 2: invalid syntax"),
        ("# points: 2\n# ä".encode("latin-1"), "a.py must be a UTF-8 text"),
    ],
)
def test_a_file_that_is_not_a_test_is_named(tmp_path, text, message):
    with pytest.raises(AssignmentError, match=message) as error:
        read_tests(write(tmp_path, a_py=text), "small")
    assert "\n" not in str(error.value)


def test_other_files_and_empty_directories(tmp_path):
    with pytest.raises(AssignmentError, match=r"no tests in .*small; expected \.py files"):
        read_tests(tmp_path, "small")
    write(tmp_path, **{"notes.txt": "x", "._b_py": b"\xff", "b_py": "# points: 1\n", "a_py": "# points: 2\n"})
    assert list(map(file_name, read_tests(tmp_path, "small"))) == ["a.py", "b.py"]


def test_the_exercise_states_the_new_total(tmp_path):
    tests = read_tests(write(tmp_path, a_py="# points: 2\n", b_py="# points: 0.5\n"), "small")
    told = "**Hand in** this. **Points**: 12.\n\n| 1 | 12 |"
    notebook = new_notebook(cells=[new_markdown_cell(told), new_markdown_cell(told), *tests])
    state_points(notebook)
    assert notebook.cells[0].source == told.replace(
        "12.", "14.5, 2.5 of them for tests of your instructor that are not shown.", 1
    )
    assert notebook.cells[1].source == told
    without = new_notebook(cells=[new_markdown_cell(told)])
    state_points(without)
    assert without.cells[0].source == told


@pytest.mark.slow
def test_a_test_that_the_reference_solution_fails_is_refused(tmp_path):
    answer = new_code_cell("def double(x):\n    return 2 * x", metadata={"nbgrader": {"grade_id": "double"}})
    files = {
        "fails_py": "# points: 2\nassert double(2) == 5, 'two times two'\n",
        "plain_py": "# points: 2\nx = [double(1),\n     2]\n\nassert double(  # twice\n    2) == 5\n",
        "name_py": "# points: 1\nfrom_another_exercise(1)\n",
        "less_py": "# points: 2\n1.5\n",
        "right_py": "# points: 2\nassert double(2) == 4\n",
        "number_py": "# points: 2\n2\n",
    }
    tests = {file_name(cell)[:-3]: cell for cell in read_tests(write(tmp_path, **files), "small")}
    first = nbformat.from_dict(answer)
    try_tests(new_notebook(cells=[first, tests["right"], tests["number"]]))
    for name, message in {
        "fails": r"fails\.py must .*; AssertionError: two times two\. Correct",
        "plain": r"plain\.py must .*; line 5: assert double\(2\) == 5 fails\. Correct",
        "name": r"name\.py must .*; NameError: name 'from_another_exercise' is not defined\. Correct",
        "less": r"less\.py must .*; it gave 1\.5 of 2\. Correct",
    }.items():
        with pytest.raises(AssignmentError, match=message):
            try_tests(new_notebook(cells=[first, tests["right"], tests[name]]))
