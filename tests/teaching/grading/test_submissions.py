"""Tests of repairing submissions: any file becomes the assignment with the student's answers."""

import json

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from cifarlab.teaching.grading.submissions import repair_submission


def known(name, **more):
    return {"nbgrader": {"grade_id": name, "grade": False, "solution": False, "locked": False, **more}}


def assignment(hidden=""):
    cells = [
        new_markdown_cell("# Exercise"),
        new_code_cell("import math"),
        new_code_cell("raise NotImplementedError()", metadata=known("answer", solution=True)),
        new_code_cell(f"check(answer){hidden}", metadata=known("test", grade=True, locked=True, points=2)),
        new_markdown_cell("*Your answer*", metadata=known("words", grade=True, solution=True, points=1)),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


RELEASE, SOURCE = assignment(), assignment("\ncheck_hidden(answer)")


def graded(notebook):
    return repair_submission(json.dumps(notebook).encode(), RELEASE, SOURCE)


def handed_in(change):
    notebook = assignment()
    notebook.cells[2].source = "def answer(): return 1"
    change(notebook)
    return graded(notebook)


def texts(notebook):
    return [cell.source for cell in notebook.cells]


def test_answers_and_added_cells_are_kept_and_hidden_tests_inserted():
    def change(notebook):
        notebook.cells[-1].source = "Because."
        notebook.cells.insert(3, new_code_cell("answer()  # tried"))

    result = handed_in(change)
    assert texts(result) == [
        "# Exercise",
        "import math",
        "def answer(): return 1",
        "answer()  # tried",
        "check(answer)\ncheck_hidden(answer)",
        "Because.",
    ]
    assert result.metadata.cifarlab == {"repaired": [], "not_found": [], "attention": ""}
    assert result.metadata.kernelspec.name == "python3"


def test_edited_test_is_replaced_and_reported():
    result = handed_in(lambda notebook: notebook.cells[3].update(source="pass"))
    assert texts(result)[4] == "check(answer)\ncheck_hidden(answer)"
    assert "the originals were used: test" in texts(result)[0]


def test_deleted_cells_are_restored_in_place():
    def delete(notebook):
        del notebook.cells[2:4]

    result = handed_in(delete)
    assert [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in result.cells[-3:]] == [
        "answer",
        "test",
        "words",
    ]
    assert result.cells[-3].source == "raise NotImplementedError()"
    assert "restored: answer, tests of answer" in texts(result)[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda cell: cell.metadata.clear(),
        lambda cell: cell.metadata.update(nbgrader="?"),
        lambda cell: cell.metadata.nbgrader.update(grade=False, points=0),
        lambda cell: cell.metadata.nbgrader.update(points=100),
    ],
)
def test_changed_metadata_changes_no_points(change):
    result = handed_in(lambda notebook: change(notebook.cells[3]))
    tests = [cell for cell in result.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "test"]
    assert [cell.metadata.nbgrader.points for cell in tests] == [2]


def test_a_copied_cell_counts_once():
    result = handed_in(lambda notebook: notebook.cells.append(notebook.cells[2].copy()))
    assert sum(cell.metadata.get("nbgrader", {}).get("grade_id") == "answer" for cell in result.cells) == 1


def test_outputs_and_another_kernel_are_left_out():
    def change(notebook):
        notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="x" * 1000)]
        notebook.metadata.kernelspec.name = "julia"

    result = handed_in(change)
    assert result.metadata.kernelspec.name == "python3"
    assert not any(cell.get("outputs") for cell in result.cells)


@pytest.mark.parametrize(
    "file", [b"PK\x03\x04", b"{}", b"[1, 2]", b'{"cells": 3}', "é".encode("latin-1"), b"x" * 30_000_000]
)
def test_invalid_file_becomes_an_assignment_without_answers(file):
    result = repair_submission(file, RELEASE, SOURCE)
    assert result.cells[0].source.startswith("**From the grader:** the file")
    assert texts(result)[1:] == texts(SOURCE)
    nbformat.validate(result)


def test_missing_notebook_has_its_own_message():
    assert "the notebook is missing, empty or a link" in repair_submission(b"", RELEASE, SOURCE).cells[0].source


def test_long_texts_are_cut_and_reported():
    def long_words(notebook):
        long = [new_markdown_cell("[" * length) for length in (50_000, 19_000, *[20_000] * 20)]
        notebook.cells[-1].source = "an answer"
        notebook.cells = [*long, *notebook.cells]

    told, *found = texts(handed_in(long_words))
    assert "cells of more than 20,000 characters" in told
    assert "(number 1, number 11, number 12, number 13, number 14 and 10 more)" in told
    assert "an answer" in found
    lengths = [len(text) for text in found if text.startswith("[[")]
    assert lengths[:3] == [20_000, 19_000, 20_000]
    assert sum(lengths) == 200_000
    assert "check(answer)\ncheck_hidden(answer)" in found


def test_only_images_are_kept_among_attachments():
    pasted = {"p.png": {"image/png": "iVBORw0KGgo=", "text/html": "<script>"}, "q.svg": {"image/svg+xml": "<svg/>"}}

    def change(notebook):
        notebook.cells[-1].attachments = nbformat.from_dict(pasted)
        notebook.cells.append(nbformat.v4.new_markdown_cell("![](attachment:p.png)", attachments=pasted))
        notebook.cells[1]["attachments"] = nbformat.from_dict(pasted)

    result = handed_in(change)
    found = [cell.attachments for cell in result.cells if "attachments" in cell]
    assert found == [{"p.png": {"image/png": "iVBORw0KGgo="}}] * 2
    nbformat.validate(result)


def test_page_is_written_if_images_are_missing():
    names = ["p.png", "p.png.gif", "\ud800", "ü 1.png", "", "&lt;"]
    words = " ".join(f"![{name}](attachment:{name.replace(' ', '%20')})" for name in names)
    words += " ![](attachment:p.png 'title')"
    pasted = {name: {"image/png": f"AAA{number}"} for number, name in enumerate(names)} | {"": {"image/gif": "R0lG"}}
    notebook = assignment()
    notebook.cells += [new_markdown_cell(words), new_markdown_cell(words, attachments=pasted)]
    result = repair_submission(json.dumps(notebook).encode(), RELEASE, SOURCE)
    nbformat.writes(result).encode()
    page, _ = HTMLExporter().from_notebook_node(result)
    assert [page.count(f"base64,AAA{number}") for number in range(len(names))] == [2, 1, 1, 1, 0, 1]
