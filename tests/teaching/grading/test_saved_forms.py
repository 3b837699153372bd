"""The same right solution of exercise 1, saved and submitted in many ways: the grader gives the same points to each."""

import concurrent.futures
import io
import json
import multiprocessing
import zipfile

import jupytext
import nbformat
import pytest

from cifarlab import cli
from cifarlab.teaching.grading import assignments, review
from cifarlab.text import inline_code
from tests.teaching.grading.test_assignments import KEY, LIMITS, NAME, answers, cell_of, fill, solutions

__all__ = ["solutions"]  # a fixture

pytestmark = [pytest.mark.slow, pytest.mark.full]


def text(notebook, **changes):
    return json.dumps({**notebook, **changes}, indent=1, ensure_ascii=False)


def encoded(encoding):
    def form(notebook):
        notebook.cells[0].source += "\nGrüße"
        return text(notebook).encode(encoding)

    return form


def rewritten(notebook):
    """One answer cell is deleted and its answer is in a new cell, as in all forms below where it matters."""
    place = notebook.cells.index(cell_of(notebook, "softmax"))
    notebook.cells[place] = nbformat.v4.new_code_cell(answers()["softmax"])


def as_rewritten(notebook):
    rewritten(notebook)
    return text(notebook).encode()


def without_metadata(notebook):
    for cell in notebook.cells:
        cell.metadata = {}
    return text(notebook).encode()


def without_ids(notebook):
    for cell in notebook.cells:
        cell.metadata = {}
        del cell["id"]
    return text(notebook, nbformat_minor=4).encode()


def format_3(notebook):
    cells = []
    for cell in notebook.cells:
        source = {"input" if cell.cell_type == "code" else "source": cell.source}
        cells.append({"cell_type": cell.cell_type, "metadata": {}, "outputs": [], "language": "python", **source})
    return json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]}).encode()


def zipped(notebook):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"work/{NAME} (2).ipynb", text(notebook))
    return file.getvalue()


def as_script(notebook):
    without_metadata(notebook)
    return jupytext.writes(notebook, "py:percent").encode()


def below_the_stub(notebook):
    for name, source in answers().items():
        cell_of(notebook, name).source = cell_of(RELEASED, name).source
        place = notebook.cells.index(cell_of(notebook, name))
        kind = cell_of(notebook, name).cell_type
        new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        notebook.cells.insert(place + 1, new(source))
    return text(notebook).encode()


def everything_at_the_end(notebook):
    moved = [cell_of(notebook, name) for name in answers()]
    notebook.cells = [cell for cell in notebook.cells if cell not in moved] + moved
    return text(notebook).encode()


RELEASED = nbformat.v4.new_notebook()
"""What the students received; the fixture fills it."""

SAME = f"{NAME}.ipynb"
FORMS = {
    "released": (SAME, lambda notebook: text(notebook).encode()),
    "crlf": (SAME, lambda notebook: text(notebook).replace("\n", "\r\n").encode()),
    "rewritten": (SAME, as_rewritten),
    "no-metadata": (SAME, without_metadata),
    "no-ids": (SAME, without_ids),
    "renamed": (f"{NAME} (1).ipynb", lambda notebook: text(notebook).encode()),
    "bom": (SAME, encoded("utf-8-sig")),
    "utf-16": (SAME, encoded("utf-16")),
    "code-page": (SAME, encoded("cp1252")),
    "format-3": (SAME, format_3),
    "zip": ("work.zip", zipped),
    "script": ("work.py", as_script),
    "below-the-stub": (SAME, below_the_stub),
    "at-the-end": (SAME, everything_at_the_end),
}
"""The first eight are those with which this was found."""


@pytest.fixture(scope="module")
def course(tmp_path_factory, solutions, data_dir):
    folder = tmp_path_factory.mktemp("forms")
    released = assignments.release(NAME, folder, solutions=solutions, key=KEY)
    RELEASED.cells = nbformat.read(released, as_version=4).cells
    for student, (filename, form) in FORMS.items():
        notebook = nbformat.read(released, as_version=4)
        fill(notebook)
        path = folder / "submitted" / student / NAME / filename
        path.parent.mkdir(parents=True)
        path.write_bytes(form(notebook))
    for student, content in (("blank", released.read_bytes()), ("pdf", b"%PDF-1.7")):
        path = folder / "submitted" / student / NAME / SAME
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    (folder / "submitted" / "zoe").mkdir()
    (folder / "submitted" / "zoe" / "softmax.ipynb").write_bytes(released.read_bytes())
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        assignments.grade(NAME, folder, executor=executor, limits=LIMITS)
    return folder


def test_each_form_gets_the_same_points(course):
    points = {entry.student: entry.score for entry in assignments.grade(NAME, course)}
    assert points == {**dict.fromkeys(FORMS, 10), "blank": 0, "pdf": 0}


def test_words_wait_for_a_person_in_each_form(course):
    waiting = {entry.student for entry in assignments.grade(NAME, course) if entry.needs_manual_grade}
    assert waiting == set(FORMS)


def test_grade_says_what_was_repaired_and_whom_to_look_at(course, capsys):
    assert cli.main(["assignments", "grade", NAME, "--course", str(course)]) == 3
    printed = capsys.readouterr().out
    head, _, attention = printed.partition("Look at 3 submissions:\n")
    assert attention.splitlines() == [
        "  blank: it appears to be empty",
        "  pdf: the file is not a Jupyter notebook but a PDF file: submit the .ipynb file.",
        f"  {course}/submitted/zoe/softmax.ipynb is not graded: move it to {course}/submitted/zoe/{NAME}/.",
    ]
    assert f"  repaired: the notebook was read from {NAME} (1).ipynb\n" in head
    assert "  repaired: the file was saved as UTF-16, not as UTF-8\n" in head
    assert "  not found: no answer to any task; the notebook appears to be empty\n" in head


def test_feedback_says_the_same(course):
    pages = {page.parent.parent.name: page.read_text() for page in assignments.feedback(NAME, course)}
    for student, found in review.read_reviews(NAME, course).items():
        assert all(inline_code(words) in pages[student] for words in found.repaired)
    assert "From the grader" not in pages["released"]
    assert "No answer was found in your notebook." in pages["blank"]
    assert "The file is not a Jupyter notebook but a PDF file: submit the .ipynb file." in pages["pdf"]
