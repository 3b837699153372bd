"""A class with different submissions: each gets the expected points, and no page runs scripts or reveals secrets."""

import concurrent.futures
import json
import multiprocessing
import os
import re
import time

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from cifarlab.teaching.grading import assignments, feedback, nbgrader_course, scores
from cifarlab.teaching.grading.gradebook_file import AssignmentError
from cifarlab.teaching.grading.submissions import repair_submission
from cifarlab.teaching.sandbox.execution import mark_not_run
from cifarlab.teaching.sandbox.limits import Limits
from cifarlab.teaching.sandbox.nbgrader_cells import prepare_tests
from tests.faults import attacks
from tests.faults.attacks import ANSWER, READ, REPLACED, WRONG

pytestmark = [pytest.mark.slow, pytest.mark.full]

RIGHT = ANSWER.replace("def unevenness", "def right")
CHECK = "teaching.check_unevenness(unevenness)"
NAME, KEY, OWN_TEST = (
    "small",
    "correct-horse-battery",
    "assert round(unevenness(np.array([0, 0, 1, 1]), 2) * 31_536) == 15_768",
)


def assignment():
    """A quick solution: one function, a check, the same check with other numbers, and a question."""

    def cell(source, make=new_code_cell, **known):
        known = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3, **known}
        return make(source, metadata={"nbgrader": known})

    code = f"{ANSWER.splitlines()[1]}\n    ### BEGIN SOLUTION\n" + "\n".join(ANSWER.splitlines()[2:])
    hidden = f'### BEGIN HIDDEN TESTS\n{CHECK[:-1]}, key="public")\n### END HIDDEN TESTS'
    test = {"grade": True, "locked": True}
    return new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        cells=[
            new_code_cell("import numpy as np\nfrom cifarlab import teaching"),
            cell(f"{code}\n    ### END SOLUTION", grade_id="answer", solution=True),
            cell(CHECK, grade_id="check", points=2, **test),
            cell(f"# With other numbers.\n{hidden}", grade_id="others", points=3, **test),
            cell("Because.", new_markdown_cell, grade_id="words", points=1, grade=True, solution=True),
        ],
    )


def right(notebook):
    notebook.cells[1].source = ANSWER


def wrong(notebook):
    notebook.cells[1].source = WRONG


def edited_tests(notebook):
    wrong(notebook)
    notebook.cells[2].source = notebook.cells[3].source = "pass"


def deleted_tests(notebook):
    wrong(notebook)
    del notebook.cells[2:4]


def disguised_tests(notebook):
    wrong(notebook)
    notebook.cells[2].metadata.nbgrader.update(grade=False, points=100)
    notebook.cells.append(
        new_code_cell("1", metadata={"nbgrader": {**notebook.cells[3].metadata.nbgrader, "grade_id": "more"}})
    )


def name_shadowed(notebook):
    wrong(notebook)
    notebook.cells.insert(2, new_code_cell(REPLACED["the name of the checks"]))


def everything_kept_and_printed(notebook):
    notebook.cells[1].source = f"""{READ}
{RIGHT}
kept = []
def unevenness(labels, size):
    kept.append(spied())
    return right(labels, size)"""
    notebook.cells += [new_code_cell("print(len(kept) > 3, kept, spied())"), new_markdown_cell("end")]


def own_tests_moved_up(notebook):
    everything_kept_and_printed(notebook)
    own = next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "private-1")
    notebook.cells.remove(own)
    notebook.cells.insert(2, own)


def kernel_ended(notebook):
    right(notebook)
    notebook.cells.insert(3, new_code_cell("import os; os._exit(0)"))


def a_page_that_acts(notebook):
    right(notebook)
    script = "<script>alert(1)</script><img src=x onerror=alert(1)> a<b, `c<d`"
    notebook.cells[4].source = script
    notebook.cells += [new_markdown_cell(script), nbformat.v4.new_raw_cell(script, metadata={"format": "text/html"})]
    notebook.cells.append(
        new_code_cell(f"from IPython.display import *\ndisplay(HTML({script!r}), Javascript('alert(1)'))")
    )
    notebook.cells.append(
        new_code_cell(f"display({{'image/png': '\"><script>alert(1)</script>'}}, raw=True); print({script!r})")
    )
    notebook.cells[-2].attachments = {"x": {"text/html": script}}
    notebook.metadata["title"] = notebook.metadata["authors"] = script


def marks_of_nbgrader(notebook):
    right(notebook)
    notebook.cells[1].source += "\n### BEGIN HIDDEN TESTS\n### BEGIN SOLUTION"
    notebook.cells.append(new_code_cell("### BEGIN HIDDEN TESTS"))


def halves_of_characters(notebook):
    right(notebook)
    notebook.cells[1].source += "\n# \ud800"
    notebook.cells[4].source = "\udfff"


def sources_of_other_kinds(notebook):
    right(notebook)
    notebook.cells[0].source, notebook.cells[4].source = None, 5


def a_count_that_is_none(notebook):
    notebook.cells[1].source = f"""{RIGHT}
def unevenness(labels, size):
    kernel, content = get_ipython().kernel, {{"code": "", "execution_count": "<img src=x>"}}
    kernel.session.send(kernel.iopub_socket, "execute_input", content, parent=kernel.get_parent("shell"))
    return right(labels, size)"""


def too_many_cells(notebook):
    notebook.cells += [new_code_cell("1") for _ in range(1000)]


POINTS = {
    right: 7,
    wrong: 0,
    edited_tests: 0,
    deleted_tests: 0,
    disguised_tests: 0,
    name_shadowed: 0,
    everything_kept_and_printed: 7,
    own_tests_moved_up: 7,
    kernel_ended: 2,
    a_page_that_acts: 7,
    marks_of_nbgrader: 7,
    halves_of_characters: 7,
    sources_of_other_kinds: 7,
    a_count_that_is_none: 7,
    too_many_cells: 0,
}
"""Points out of 8, one of which is graded manually."""


def hand_in(course, changes):
    for change in changes:
        notebook = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
        change(notebook)
        folder = course / "submitted" / change.__name__ / NAME
        folder.mkdir(parents=True)
        (folder / f"{NAME}.ipynb").write_text(json.dumps(notebook))


def released(folder):
    (folder / "solutions").mkdir()
    (folder / "own" / NAME).mkdir(parents=True)
    nbformat.write(assignment(), folder / "solutions" / f"{NAME}.ipynb")
    (folder / "own" / NAME / "own.py").write_text(f"# points: 2\n{OWN_TEST}\n")
    where = {"solutions": folder / "solutions", "extra_tests": folder / "own"}
    assignments.release(NAME, folder / "course", key=KEY, **where)
    return folder / "course"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A graded class."""
    folder = released(tmp_path_factory.mktemp("class"))
    hand_in(folder, POINTS)
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        assignments.grade(NAME, folder, executor=executor, limits=Limits(cell_seconds=20, seconds=60))
    return folder


@pytest.mark.fault(promise="grading", injection="submissions that cheat, among honest ones")
def test_each_submission_gets_the_points_of_its_honest_part(course, count_trial):
    points = {entry.student: entry.score for entry in scores.list_scores(NAME, course)}
    assert points == {change.__name__: due for change, due in POINTS.items()}
    count_trial(len(POINTS))


@pytest.mark.fault(promise="grading", injection="feedback pages that contain scripts, a key or a hidden test")
def test_feedback_pages_hold_no_scripts_or_hidden_tests(course, count_trial):
    found = {page.parent.parent.name: page.read_text() for page in assignments.feedback(NAME, course)}
    assert set(found) == {change.__name__ for change in POINTS}
    for page in found.values():
        for told in (KEY, "31_536", "15_768", "alert(1)</script>", "<img src=x"):
            assert told not in page
    assert "alert(1)" in found["a_page_that_acts"]
    assert "True" in found["everything_kept_and_printed"]
    assert "more than 1,000 cells" in found["too_many_cells"]
    assert "the kernel died in this cell" in found["kernel_ended"]
    count_trial(len(found))


def test_each_submission_has_a_different_key():
    source = assignment()
    keys = [
        re.search('key="(.*)"', prepare_tests(assignment(), source, submitted).cells[3].source)[1]
        for submitted in (b"one", b"two", b"one")
    ]
    assert keys[0] == keys[2] != keys[1]
    assert "public" not in keys


@pytest.mark.fault(promise="grading", injection="text that would take hours to convert to a page")
@pytest.mark.parametrize("words", ["[", "\\begin{a}", "> http://a[", "*a_ "])
def test_page_of_long_text_is_written_quickly(words):
    notebook = assignment()
    notebook.cells.append(new_markdown_cell(words * 1_000_000))
    notebook = repair_submission(json.dumps(notebook).encode(), assignment(), assignment())
    assert "were cut" in notebook.cells[0].source
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "were cut" in page


def code_of_another_language(notebook):
    notebook.cells.append(new_markdown_cell("```csharp\n" + "a\n" * 9_900 + "```"))


def a_picture_many_times(notebook):
    picture = {"a": {"image/png": "A" * 1_000_000}}
    notebook.cells.append(new_markdown_cell("![](attachment:a)" * 100, attachments=picture))


def a_picture_without_end(notebook):
    picture = {"a": {"image/png": "A" * 10_000_000}}
    notebook.cells.append(new_markdown_cell("![](attachment:a)" * 1000, attachments=picture))


@pytest.mark.fault(promise="grading", injection="a page that takes hours or gigabytes to write")
def test_endless_page_does_not_affect_other_pages(tmp_path, monkeypatch, count_trial):
    folder = released(tmp_path)
    attacks = [code_of_another_language, a_picture_many_times, a_picture_without_end]
    hand_in(folder, [right, *attacks, wrong])
    monkeypatch.setattr(
        assignments, "execute_notebook", lambda text, limits: mark_not_run(text, "only its page is tried")
    )
    assignments.grade(NAME, folder)
    monkeypatch.setattr(feedback, "SECONDS", 10)
    with pytest.raises(AssignmentError, match="page for code_of_another_language takes more than 10 s") as error:
        assignments.feedback(NAME, folder)
    for attack in attacks:
        assert f"for {attack.__name__}" in str(error.value)
    assert "\n" not in str(error.value)
    assert [page.parent.parent.name for page in sorted(folder.glob("feedback/*/*/*.html"))] == ["right", "wrong"]
    count_trial(len(attacks))


def test_submission_that_is_slow_to_validate_is_not_validated():
    tags = [{"a": number} for number in range(100_000)]
    old = {"cell_type": "markdown", "source": "", "metadata": {"tags": tags}}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"metadata": {}, "cells": [old]}]}
    started = time.monotonic()
    result = repair_submission(json.dumps(old).encode(), assignment(), assignment())
    assert time.monotonic() - started < 20
    assert result.metadata.cifarlab.attention == "it appears to be empty"


@pytest.mark.parametrize("name", ["fifo", "folder", "loop", "link"])
def test_timestamp_that_is_not_a_file_is_ignored(tmp_path, name):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to("/dev/zero")
    assert assignments._file(tmp_path / name, 100) == b""


@pytest.mark.fault(promise="grading", injection="the process that executes notebooks killed")
def test_grader_survives_killed_worker(tmp_path, monkeypatch):
    folder = released(tmp_path)
    hand_in(folder, [kernel_ended, right])
    monkeypatch.setattr(assignments, "execute_notebook", attacks.run_or_end)
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        points = assignments.grade(NAME, folder, executor=executor, limits=Limits(cell_seconds=20, seconds=60))
    assert [(entry.student, entry.score) for entry in points] == [("kernel_ended", 0), ("right", 7)]


@pytest.mark.fault(promise="grading", injection="a file that nbgrader cannot process")
def test_submission_that_nbgrader_rejects_does_not_affect_others(tmp_path, monkeypatch, count_trial):
    folder = released(tmp_path)
    hand_in(folder, [right, wrong])
    autograde = nbgrader_course.autograde

    def refuse(course, assignment, student, executed):
        if student == "right":
            raise AssignmentError(f"nbgrader failed for {student}: KeyError: 'cells'")
        autograde(course, assignment, student, executed)

    monkeypatch.setattr(nbgrader_course, "autograde", refuse)
    with pytest.raises(AssignmentError, match=r"for right: .*\. All others are graded\.") as error:
        assignments.grade(NAME, folder, limits=Limits(cell_seconds=20, seconds=60))
    assert "\n" not in str(error.value)
    assert [(entry.student, entry.score) for entry in scores.list_scores(NAME, folder)] == [("wrong", 0)]
    count_trial()
