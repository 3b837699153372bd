"""One notebook is graded without a gradebook, and a result is written whatever happens."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import pytest

from cifarlab import cli
from cifarlab.teaching.grading import assignments, grade_one
from cifarlab.teaching.grading.grade_one import GradedTest, NotebookResult
from cifarlab.teaching.grading.result_formats import gradescope, plain
from cifarlab.teaching.sandbox.execution import mark_not_run
from tests.teaching.grading.test_assignments import KEY, NAME, right, solutions, wrong_axis

__all__ = ["solutions"]  # a fixture

RESULT = NotebookResult(
    NAME,
    [
        GradedTest("1. Softmax: check", 2.0, 2.0, "", "Right: yes."),
        GradedTest("1. Softmax: other numbers", 0.0, 1.0, "softmax.wrong-axis", "Not yet: check the axis."),
        GradedTest("private tests: test 1", 0.5, 1.0, "", ""),
        GradedTest("2. Text: written answer", None, 2.0, "", "To be graded manually."),
    ],
    ["cells were restored."],
    12.345,
)


def test_the_plain_format():
    found = plain(RESULT)
    assert [test["status"] for test in found["tests"]] == ["passed", "failed", "partial", "pending"]
    assert (found["score"], found["max_score"], found["needs_manual_grade"]) == (2.5, 6.0, True)
    assert (found["status"], found["seconds"], found["notes"]) == ("graded", 12.3, ["cells were restored."])
    assert found["tests"][1]["advice_id"] == "softmax.wrong-axis"


def test_gradescopes_format():
    """The keys and types of https://gradescope-autograders.readthedocs.io, "Autograder Specifications"."""
    found = gradescope(RESULT)
    assert found["score"] == 2.5  # of 4, because the written answer is left out
    assert found["execution_time"] == 12
    assert [test["status"] for test in found["tests"]] == ["passed", "failed", "failed"]
    assert [test["max_score"] for test in found["tests"]] == [2, 1, 1]
    assert found["tests"][1]["extra_data"] == {"advice_id": "softmax.wrong-axis"}
    assert "cells were restored." in found["output"]
    assert "2 more points are given manually" in found["output"]
    assert set(found) == {"score", "execution_time", "output", "output_format", "stdout_visibility", "tests"}


@pytest.mark.parametrize("form", [plain, gradescope])
def test_an_error_of_the_grader_is_told_to_the_student(form):
    words = json.dumps(form(grade_one.failed(ValueError("no disk"))))
    assert "ValueError: no disk" in words


@pytest.fixture(scope="module")
def course(tmp_path_factory, solutions):
    """A course from which only what grading one notebook needs is kept, without gradebook and key."""
    folder = tmp_path_factory.mktemp("course")
    assignments.release(NAME, folder, solutions=solutions, key=KEY)
    for name in ("gradebook.db", "key.txt", "nbgrader_config.py"):
        (folder / name).unlink()
    return folder


@pytest.fixture
def command(course, tmp_path, capsys):
    """Runs grade-one; returns its status, its only line and the result."""

    def run(notebook, *options):
        target = tmp_path / "result.json"
        status = cli.main(
            ["assignments", "grade-one", str(notebook), "--course", str(course), "--json", str(target), *options]
        )
        printed = capsys.readouterr()
        assert len((printed.out + printed.err).splitlines()) == 1
        return status, printed.out + printed.err, json.loads(target.read_text())

    return run


def submit(course, folder, change=right, name=f"{NAME}.ipynb"):
    notebook = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    change(notebook)
    nbformat.write(notebook, folder / name)
    return folder / name


@pytest.mark.slow
def test_what_can_go_wrong_is_in_the_result(course, tmp_path, command, monkeypatch):
    """Notebooks that cannot be read, limits that are exceeded, and errors of the grader itself."""
    monkeypatch.setattr(grade_one, "execute_notebook", lambda text, limits: mark_not_run(text, "more than 600 s"))
    for content in (b"", b"PK\x03\x04", b"\xff\xfe\x00", b"[]", b"{}", b"null", b"%PDF-1.7"):
        (tmp_path / "x.ipynb").write_bytes(content)
        status, line, found = command(tmp_path / "x.ipynb")
        assert (status, found["status"], found["score"], found["max_score"]) == (0, "graded", 0, 12), content
        assert found["notes"], content
    path = submit(course, tmp_path)
    status, line, found = command(path)
    assert line.startswith("01_softmax: 0 of 12 points; wrote ")
    assert "not run: more than 600 s" in found["tests"][0]["words"]
    assert not found["notes"]
    for error, words in ((RuntimeError("no kernel"), "RuntimeError: no kernel"), (OSError(28, "no space"), "no space")):

        def broken(text, limits, error=error):
            raise error

        monkeypatch.setattr(grade_one, "execute_notebook", broken)
        status, line, found = command(path)
        assert (status, found["status"], found["score"]) == (2, "error", 0)
        assert words in line
        assert words in found["error"]


@pytest.mark.slow
def test_a_submission_is_found_as_in_a_class(course, tmp_path, command, monkeypatch):
    """A directory, one without a notebook, and a zip file; a platform may pass any of them."""
    monkeypatch.setattr(grade_one, "execute_notebook", lambda text, limits: mark_not_run(text, "not tried"))
    folder = tmp_path / "submission"
    folder.mkdir()
    assert "empty" in command(folder)[2]["notes"][0]
    submit(course, folder, name="Copy of it (1).ipynb")
    assert command(folder)[2]["notes"] == ["the notebook was read from Copy of it (1).ipynb"]
    archive = shutil.make_archive(str(tmp_path / "all"), "zip", folder)
    assert "Copy of it (1).ipynb" in command(archive)[2]["notes"][0]


@pytest.mark.slow
def test_what_is_graded_is_named_in_one_line(course, tmp_path, command):
    path = submit(course, tmp_path)
    for notebook, options, words in (
        (tmp_path / "gone.ipynb", [], "NOTEBOOK must be a file, or the directory that contains it"),
        (path, ["--name", "09_x"], "release/09_x/09_x.ipynb does not exist"),
        (path, ["--seconds", "0"], "must be greater than 0"),
    ):
        status, line, found = command(notebook, *options)
        assert (status, found["status"]) == (2, "error")
        assert words in line
        assert words in found["error"]


@pytest.mark.slow
@pytest.mark.full
def test_a_notebook_is_graded(course, tmp_path, command, data_dir):
    status, line, found = command(submit(course, tmp_path, wrong_axis, "Copy of it.ipynb"), "--cell-seconds", "60")
    assert status == 0
    assert line.startswith("01_softmax: 2 of 12 points; wrote ")
    names = [test["name"].split(": ")[1] for test in found["tests"]]
    assert names == ["check", "other numbers", "check", "check", "check", "other numbers", "written answer"]
    checked, hidden = found["tests"][:2]
    assert checked["advice_id"] == hidden["advice_id"] == "softmax.wrong-axis"
    assert "expected [" in checked["words"]
    assert not any(character.isdigit() for character in hidden["words"].replace("up to 1", ""))
    assert found["needs_manual_grade"]
    assert found["seconds"] > 0


@pytest.mark.slow
@pytest.mark.full
def test_a_result_is_there_even_if_the_grader_is_killed(course, tmp_path):
    path, target = submit(course, tmp_path), tmp_path / "result.json"
    arguments = ["assignments", "grade-one", path, "--course", course, "--json", target, "--format", "gradescope"]
    process = subprocess.Popen([sys.executable, "-m", "cifarlab", *map(str, arguments)])
    deadline = time.monotonic() + 120
    while not target.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    found = json.loads(target.read_text())
    assert found["score"] == 0
    assert "stopped before it had finished" in found["output"]
