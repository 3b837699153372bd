"""What people submit: notebooks of any name, archives, directories of learning platforms, and the wrong place."""

import io
import json
import os
import zipfile

import pytest

from cifarlab.teaching.grading.intake import find_misplaced, find_submission

NAME, STUB = "01_softmax", "def softmax(x):\n    raise NotImplementedError()"


def notebook(text):
    return json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": text}]}).encode()


RIGHT, OTHER, BLANK = notebook("right = 1"), notebook("other = 1"), notebook(STUB)


def zipped(**files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, (name, content) in enumerate(files.items()):
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, number, 0)), content)
    return file.getvalue()


def find(tmp_path, files):
    """Puts files, each a minute later than the one before it, into a student's directory, and finds the notebook."""
    for number, (name, content) in enumerate(files.items()):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (60 * number, 60 * number))
    return find_submission(tmp_path, NAME, [STUB])


EXPECTED = f"{NAME}.ipynb"
ONE = {
    "as released": EXPECTED,
    "downloaded twice (nbgrader 416)": f"{NAME} (1).ipynb",
    "copied in Jupyter": f"{NAME}-Copy1.ipynb",
    "copied in Colab": f"Copy of {NAME}.ipynb",
    "the student's name added (nbgrader 1302)": f"Ada Lovelace {NAME}.ipynb",
    "renamed": "homework.ipynb",
    "upper case": f"{NAME.upper()}.IPYNB",
    "a text file, as Safari saves it": f"{NAME}.ipynb.txt",
    "JSON, as Edge saves it": f"{NAME}.ipynb.json",
    "JSON": f"{NAME}.json",
    "text": f"{NAME}.txt",
    "umlauts and brackets": "Übung [final], Ä.ipynb",
    "one directory too deep": f"{NAME}/{NAME}.ipynb",
    "Moodle's layout": "Ada Lovelace_4711_assignsubmission_file_/work.ipynb",
    "Canvas's layout": f"submissions/lovelaceada_4711_815_{NAME}-2.ipynb",
}


@pytest.mark.parametrize("name", ONE.values(), ids=ONE)
def test_the_only_notebook_whatever_its_name(tmp_path, name):
    found = find(tmp_path, {name: RIGHT, "timestamp.txt": b"2026-01-01", ".DS_Store": b"x", "plot.png": b"x"})
    assert found.content == RIGHT
    assert [cell.text for cell in found.notebook.cells] == ["right = 1"]
    assert found.notebook.repaired == ([] if name == EXPECTED else [f"the notebook was read from {name}"])


SEVERAL = {
    "the latest": ({EXPECTED: OTHER, "new.ipynb": RIGHT}, RIGHT),
    "the expected name is the latest": ({"old.ipynb": OTHER, EXPECTED: RIGHT}, RIGHT),
    "the latest is blank": ({EXPECTED: RIGHT, f"{NAME} (1).ipynb": BLANK}, RIGHT),
    "all are blank": ({EXPECTED: BLANK, f"{NAME} (1).ipynb": BLANK}, BLANK),
    "scripts beside it": ({EXPECTED: RIGHT, "helpers.py": b"x = 1", "README.md": b"# Read me"}, RIGHT),
    "a file that cannot be read": ({EXPECTED: RIGHT, "broken.ipynb": b"{"}, RIGHT),
    "a checkpoint of Jupyter": ({EXPECTED: RIGHT, f".ipynb_checkpoints/{NAME}-checkpoint.ipynb": OTHER}, RIGHT),
    "a file of macOS": ({EXPECTED: RIGHT, f"__MACOSX/._{EXPECTED}": OTHER, f"._{EXPECTED}": b"Mac OS X"}, RIGHT),
    "the expected file is empty": ({EXPECTED: b"", "new.ipynb": RIGHT}, RIGHT),
    "the same again, later": ({EXPECTED: RIGHT, "b.ipynb": OTHER, "c.ipynb": RIGHT}, RIGHT),
    "other JSON and text": ({EXPECTED: RIGHT, "data.json": b'{"a": 1}', "notes.txt": b"Hello"}, RIGHT),
}


@pytest.mark.parametrize(("files", "expected"), SEVERAL.values(), ids=SEVERAL)
def test_the_latest_of_several_that_differs_from_the_release(tmp_path, files, expected):
    assert find(tmp_path, files).content == expected


def test_all_of_several_are_named(tmp_path):
    found = find(tmp_path, {f"{NAME} (2).ipynb": OTHER, f"{NAME} (10).ipynb": RIGHT, EXPECTED: BLANK})
    assert found.notebook.repaired == [
        f"of 3 notebooks ({NAME} (10).ipynb, {NAME} (2).ipynb, {EXPECTED}) the latest one that differs from the "
        f"assignment was used: {NAME} (10).ipynb"
    ]


def test_an_archive_and_what_is_in_it_are_one_notebook(tmp_path):
    found = find(tmp_path, {"work/a.ipynb": RIGHT, "work.zip": zipped(**{"a.ipynb": RIGHT})})
    assert found.notebook.repaired == ["the notebook was read from work.zip/a.ipynb"]


def test_the_higher_number_counts_for_files_of_the_same_time(tmp_path):
    for name, content in ((" (9)", OTHER), (" (10)", RIGHT), ("", OTHER)):
        (tmp_path / f"{NAME}{name}.ipynb").write_bytes(content)
        os.utime(tmp_path / f"{NAME}{name}.ipynb", (0, 0))
    assert find_submission(tmp_path, NAME, [STUB]).content == RIGHT


ARCHIVES = {
    "a zip file": ({"work.zip": zipped(**{EXPECTED: RIGHT})}, f"work.zip/{EXPECTED}"),
    "a directory in it": ({"work.zip": zipped(**{f"week 1/{EXPECTED}": RIGHT})}, f"work.zip/week 1/{EXPECTED}"),
    "macOS's additions": (
        {"work.zip": zipped(**{"a.ipynb": RIGHT, "__MACOSX/._a.ipynb": b"Mac OS X"})},
        "work.zip/a.ipynb",
    ),
    "the name of a notebook": ({EXPECTED: zipped(**{"a.ipynb": RIGHT})}, f"{EXPECTED}/a.ipynb"),
    "a path outside": ({"work.zip": zipped(**{"../../a.ipynb": RIGHT})}, "work.zip/../../a.ipynb"),
}


@pytest.mark.parametrize(("files", "name"), ARCHIVES.values(), ids=ARCHIVES)
def test_zip_files(tmp_path, files, name):
    (tmp_path / "in" / "it").mkdir(parents=True)
    found = find(tmp_path / "in" / "it", files)
    if ".." in name:  # hidden names are skipped, and nothing is written outside
        assert "no notebook, but work.zip" in found.notebook.problem
        assert [path.name for path in tmp_path.rglob("*.ipynb")] == []
    else:
        assert (found.content, found.notebook.repaired) == (RIGHT, [f"the notebook was read from {name}"])


def test_the_latest_in_a_zip_file(tmp_path):
    assert (
        find(tmp_path, {"work.zip": zipped(**{"a.ipynb": OTHER, "b.ipynb": RIGHT, "c.ipynb": BLANK})}).content == RIGHT
    )


def encrypted():
    content = bytearray(zipped(**{EXPECTED: RIGHT}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


UNUSABLE = {
    "nothing": ({}, "the notebook is missing, empty or a link: submit the .ipynb file."),
    "only a timestamp": (
        {"timestamp.txt": b"2026"},
        "the notebook is missing, empty or a link: submit the .ipynb file.",
    ),
    "a PDF file": ({"work.pdf": b"%PDF"}, "there is no notebook, but work.pdf: submit the .ipynb file."),
    "a page": ({f"{NAME}.html": b"<html>"}, f"there is no notebook, but {NAME}.html: submit the .ipynb file."),
    "other archives": ({"work.rar": b"Rar!", "b.7z": b"7z"}, "there is no notebook, but b.7z, work.rar: submit"),
    "an Office file": ({"work.docx": zipped(**{"word/document.xml": b"<w>"})}, "there is no notebook, but work.docx"),
    "a damaged notebook": (
        {EXPECTED: RIGHT[:30]},
        "the file is not a Jupyter notebook: its JSON is incomplete or damaged at line 1. Save it in Jupyter and "
        "submit it again.",
    ),
    "a renamed page": ({"a.ipynb": b"<html>"}, "but a web page: submit the .ipynb file (a.ipynb)."),
    "a damaged zip file": (
        {"work.zip": zipped(a=RIGHT)[:40]},
        "the archive is damaged: submit the .ipynb file (work.zip).",
    ),
    "a zip file with a password": (
        {"work.zip": encrypted()},
        "is protected by a password: submit the .ipynb file (work.zip).",
    ),
}


@pytest.mark.parametrize(("files", "problem"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_used_is_named(tmp_path, files, problem):
    found = find(tmp_path, files)
    assert problem in found.notebook.problem
    assert "\n" not in found.notebook.problem
    assert found.notebook.cells == []


def test_a_changed_file_that_cannot_be_used_has_other_content(tmp_path):
    first = find(tmp_path, {EXPECTED: b"{1"}).content
    assert find(tmp_path, {EXPECTED: b"{2"}).content != first


def test_scripts_count_without_a_notebook(tmp_path):
    found = find(tmp_path, {"work.py": b"# %%\nright = 1\n"})
    assert [cell.text for cell in found.notebook.cells] == ["right = 1"]


def test_links_are_not_followed(tmp_path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "a.ipynb").write_bytes(RIGHT)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / EXPECTED).symlink_to(tmp_path / "others" / "a.ipynb")
    (tmp_path / "own" / "more").symlink_to(tmp_path / "others")
    os.mkfifo(tmp_path / "own" / "b.ipynb")
    assert "a link" in find_submission(tmp_path / "own", NAME, [STUB]).notebook.problem


MISPLACED = {
    "without a directory for the assignment": ("ada/x.ipynb", f"is not graded: move it to {{}}/ada/{NAME}/."),
    "a zip file there": (f"ada/{NAME}.zip", f"is not graded: move it to {{}}/ada/{NAME}/."),
    "without a student": (f"ada_{NAME}.ipynb", f"belongs to no student: move it to {{}}/STUDENT/{NAME}/."),
    "a platform's archive": ("submissions.zip", f"belongs to no student: move it to {{}}/STUDENT/{NAME}/."),
    "in the wrong order": (f"{NAME}/ada/{NAME}.ipynb", f"is in the wrong order: expected {{}}/STUDENT/{NAME}/."),
    "upper case": ("ada/01_Softmax/x.ipynb", f"is not graded: rename it to {NAME} if it is a submission of that."),
    "misspelled": ("ada/01-sofmax/x.ipynb", f"is not graded: rename it to {NAME} if it is a submission of that."),
    "another name": ("ada/homework/x.ipynb", f"is not graded: rename it to {NAME} if it is a submission of that."),
}


@pytest.mark.parametrize(("name", "line"), MISPLACED.values(), ids=MISPLACED)
def test_misplaced_submissions_are_named(tmp_path, name, line):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(RIGHT)
    (found,) = find_misplaced(tmp_path, NAME, {NAME, "02_queue"})
    path, _, _ = found.partition(" is ") if " is " in found else found.partition(" belongs ")
    assert (tmp_path / name).is_relative_to(path)
    assert found.endswith(line.format(tmp_path))


def test_other_assignments_are_in_their_place(tmp_path):
    for name in (
        f"ada/{NAME}/x.ipynb",
        "ada/02_queue/x.ipynb",
        "bob/notes/todo.txt",
        "bob/02_queue (1).ipynb",
        ".git/a.ipynb",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(RIGHT)
    assert find_misplaced(tmp_path, NAME, {NAME, "02_queue"}) == []
