"""Files as editors, platforms and people save them, built here from their documented formats."""

import json
import sys

import pytest

from cifarlab.teaching.grading import notebook_files
from cifarlab.teaching.grading.notebook_files import read_notebook

CODE, TEXT = "def f(x):\n    return x / 2  # Größe", "Weil es größer ist."


def notebook(*cells, **more):
    cells = cells or (code(), {"cell_type": "markdown", "metadata": {}, "source": TEXT, "id": "b"})
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}


def code(source=CODE, metadata=None, **more):
    metadata = {"nbgrader": {"grade_id": "f"}} if metadata is None else metadata
    return {"cell_type": "code", "id": "a", "metadata": metadata, "source": source, "outputs": [], **more}


def saved(content=None, **how):
    return json.dumps(content or notebook(), ensure_ascii=False, **how)


def texts(content, name="a.ipynb"):
    found = read_notebook(content, name)
    assert not found.problem
    return [cell.text for cell in found.cells], found.repaired


ENCODINGS = {
    "UTF-8": ("utf-8", ""),
    "UTF-8 with a byte order mark": ("utf-8-sig", ""),
    "UTF-16, by PowerShell (nbdime 506)": ("utf-16", "UTF-16"),
    "UTF-16 without a byte order mark": ("utf-16-le", "UTF-16-LE"),
    "UTF-16, the other byte order": ("utf-16-be", "UTF-16-BE"),
    "UTF-32": ("utf-32", "UTF-32"),
    "a Windows code page (papermill 160)": ("cp1252", "cp125"),
}


@pytest.mark.parametrize(("encoding", "named"), ENCODINGS.values(), ids=ENCODINGS)
def test_any_encoding(encoding, named):
    found, repaired = texts(saved().encode(encoding))
    assert found == [CODE, TEXT]
    assert [f"the file was saved as {named}" in words for words in repaired] == ([True] if named else [])


@pytest.mark.parametrize(
    "language", ["cp1251 Градиент исчезает, сеть учится медленно", "cp1250 Sieć uczy się źle, źródło"]
)
def test_code_pages_of_other_languages(language):
    page, text = language.split(" ", 1)
    assert texts(saved(notebook(code(f"# {text}"))).encode(page))[0] == [f"# {text}"]


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_line_ends_of_the_file_and_of_the_cells(end):
    cells = notebook(code(CODE.replace("\n", end)), code([line + end for line in CODE.split("\n")]))
    found, _ = texts(saved(cells, indent=1).replace("\n", end).encode())
    assert [text.rstrip("\n") for text in found] == [CODE, CODE]


OLD = [
    {"cell_type": "heading", "level": 2, "metadata": {}, "source": "Halves"},
    {"cell_type": "code", "language": "python", "collapsed": False, "metadata": {}, "input": ["def f(x):\n", "  x"]},
    {"cell_type": "markdown", "metadata": {}, "source": ["Because."]},
]
VERSIONS = {
    "format 2": {"nbformat": 2, "metadata": {}, "worksheets": [{"cells": OLD}]},
    "format 3": {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {},
        "worksheets": [{"cells": OLD[:1]}, {"cells": OLD[1:]}],
    },
    "a later format": {"nbformat": 5, "metadata": {}, "cells": OLD},
}


@pytest.mark.parametrize("content", VERSIONS.values(), ids=VERSIONS)
def test_versions_of_the_format(content):
    found = read_notebook(json.dumps(content).encode()).cells
    assert [cell.kind for cell in found] == ["markdown", "code", "markdown"]
    assert [cell.text for cell in found] == ["## Halves", "def f(x):\n  x", "Because."]


@pytest.mark.parametrize("minor", range(6))
def test_minor_versions(minor):
    cell = code()
    if minor < 5:
        del cell["id"]
    (found,) = read_notebook(json.dumps(notebook(cell, nbformat_minor=minor)).encode()).cells
    assert (found.text, found.grade_id, found.cell_id) == (CODE, "f", "a" if minor == 5 else "")


EDITORS = {
    "Colab": (code(metadata={"id": "xY3", "colab": {"base_uri": "https://localhost"}}, id=None), "xY3"),
    "Kaggle": (code(metadata={"_uuid": "8f2", "_cell_guid": "b1", "trusted": True, "execution": {}}), "a"),
    "VS Code": (code(metadata={"vscode": {"languageId": "python"}}), "a"),
    "PyCharm": (code(metadata={"collapsed": False, "pycharm": {"name": "#%%\n", "is_executing": False}}), "a"),
    "Deepnote": (code(metadata={"cell_id": "00-1", "deepnote_cell_type": "code", "source_hash": "1"}, id=None), ""),
    "papermill": (code(metadata={"papermill": {"duration": 1.5, "status": "completed"}, "tags": ["x"]}), "a"),
    "nbstripout": (code(metadata={}, id="0", execution_count=None), "0"),
    "no metadata": ({"cell_type": "code", "source": CODE}, ""),
    "widgets": (code(outputs=[{"data": {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}}]), "a"),
    "values of other types": (code(metadata=[], id=7, outputs="?"), ""),
}


@pytest.mark.parametrize(("cell", "cell_id"), EDITORS.values(), ids=EDITORS)
def test_cells_of_editors_and_platforms(cell, cell_id):
    state = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"1": {}}, "version_major": 2}}}
    (found,) = read_notebook(json.dumps(notebook(cell, metadata=state)).encode()).cells
    assert (found.kind, found.text) == ("code", CODE)
    assert found.cell_id == cell_id


PERCENT = """# ---
# jupyter:
#   kernelspec: {name: python3}
# ---

# %% [markdown]
# Because.

# %% deletable=false nbgrader={"grade_id": "f", "solution": true}
def f(x):
    return x / 2

# %%
# %time f(3)
"""
MARKDOWN = 'Because.\n\n```python nbgrader={"grade_id": "f"}\ndef f(x):\n    return x / 2\n```\n'
LIGHT = '# Because.\n\n# + nbgrader={"grade_id": "f"}\ndef f(x):\n    return x / 2\n'
SCRIPTS = {"percent": (PERCENT, "a.py"), "markdown": (MARKDOWN, "A.MD"), "light": (LIGHT, "a.py")}


@pytest.mark.parametrize(("text", "name"), SCRIPTS.values(), ids=SCRIPTS)
def test_scripts_of_jupytext(text, name):
    for content in (text.encode(), text.encode("utf-8-sig"), text.replace("\n", "\r\n").encode()):  # jupytext 191
        found = read_notebook(content, name).cells
        assert [(cell.kind, cell.text) for cell in found][:2] == [
            ("markdown", "Because."),
            ("code", "def f(x):\n    return x / 2"),
        ]
        assert found[1].grade_id == "f"


def test_scripts_without_jupytext(monkeypatch):
    monkeypatch.setitem(sys.modules, "jupytext", None)
    assert read_notebook(b"x = 1", "a.py").problem == (
        "a file such as a.py can be read if jupytext is installed: pip install jupytext."
    )


def test_huge_outputs_are_left_out(monkeypatch):
    monkeypatch.setattr(notebook_files, "MAX_FILE_BYTES", 2000)
    outputs = [{"data": {"image/png": "A" * 5000, "text/plain": ['a "[" \\']}}, {"text": ["[]\n"] * 500}]
    first, second = code(outputs=outputs), code('x = ["outputs"]\ny = "\\"outputs\\": ["', outputs=outputs)
    found = read_notebook(json.dumps(notebook(first, second), indent=1).encode())
    assert [cell.text for cell in found.cells] == [CODE, second["source"]]
    monkeypatch.setattr(notebook_files, "MAX_OUTPUT_TOKENS", 100)
    assert "clear its outputs" in read_notebook(json.dumps(notebook(first)).encode()).problem


DAMAGED = {
    "nothing": (b"", "missing, empty or a link"),
    "zeros, after a full disk": (b"\0" * 5000, "missing, empty or a link"),
    "a PDF file": (b"%PDF-1.7 ...", "not a Jupyter notebook but a PDF file: submit the .ipynb file"),
    "an Office file": (b"PK\x03\x04...", "not a Jupyter notebook but a zip or Office file"),
    "the page of GitHub": (b"\n<!DOCTYPE html><html>", "not a Jupyter notebook but a web page"),
    "a pointer of Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid",
        "not a Jupyter notebook but a pointer",
    ),
    "an interrupted upload": (saved().encode()[:150], "its JSON is incomplete or damaged at line 1"),
    "a merge conflict": (
        b'{"cells": [\n<<<<<<< HEAD\n{}\n=======\n[]\n>>>>>>> main\n]}',
        "contains Git's conflict markers. Resolve the conflict",
    ),
    "another JSON file": (b'{"name": "x"}', "not a Jupyter notebook: submit"),
    "a list": (b"[1, 2]", "not a Jupyter notebook: submit"),
    "cells of another type": (b'{"cells": 3, "nbformat": 4}', "not a Jupyter notebook: submit"),
    "plain text": (b"my solution", "not a Jupyter notebook: submit the .ipynb file."),
    "brackets": (b"[" * 100_000, "not a Jupyter notebook"),
    "too many cells": (json.dumps(notebook(*[code("1")] * 1001)).encode(), "more than 1,000 cells"),
    "too large": (b"x" * 20_000_001, "more than 20 MB"),
}


@pytest.mark.parametrize(("content", "problem"), DAMAGED.values(), ids=DAMAGED)
def test_what_cannot_be_read_is_named_in_one_line(content, problem):
    found = read_notebook(content, "a.ipynb")
    assert problem in found.problem
    assert "\n" not in found.problem
    assert found.cells == []
