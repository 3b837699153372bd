"""Test cells: preparing them before they run, and the outputs that a student sees afterwards."""

import ast
import hmac
import json
import re
from collections.abc import Iterable

import nbformat
from nbformat import NotebookNode

from cifarlab.teaching.checks.result import CheckFailedError, CheckPassed
from cifarlab.teaching.sandbox.autograder import sign

HIDDEN_TESTS = "BEGIN HIDDEN TESTS"
PRIVATE_PREFIX = "private-"
"""The prefix of the names of an instructor's private tests."""

METADATA = "cifarlab"
"""The part of a cell's metadata that belongs to this package; its `advice_id` is the advice that a test gave."""

_ADVICE_ID = re.compile(r"[a-z\d_]{1,40}\.[a-z\d-]{1,60}")
_KEY = re.compile(r'(?<=key=")[\w.-]{4,100}(?=")')
_MAX_ERROR_CHARS = 500  # characters of an error that does not come from a check


def nbgrader_metadata(cell: NotebookNode) -> dict:
    """Returns nbgrader's metadata of a cell; an empty dict if there is none."""
    return cell.metadata.get("nbgrader", {})


def is_test(cell: NotebookNode) -> bool:
    """Returns whether a cell is an instructor's test that gives points."""
    known = nbgrader_metadata(cell)
    return cell.cell_type == "code" and bool(known.get("grade")) and not known.get("solution")


def is_private(cell: NotebookNode) -> bool:
    """Returns whether a test is private: its code is secret, not only its numbers as in hidden tests."""
    return str(nbgrader_metadata(cell).get("grade_id", "")).startswith(PRIVATE_PREFIX)


def prepare_tests(notebook: NotebookNode, source: NotebookNode, submitted: bytes) -> NotebookNode:
    """Prepares the tests of a repaired notebook to be run, without revealing anything reusable.

    Each test gets its own copies of the assignment's imports that it uses, because a student's code may have reassigned
    these names. The key is replaced by one derived for this submission only, so that a leaked key is useless; the same
    file always gets the same key. Private tests are moved to the end, so that no cell after them can print them.

    Args:
        notebook: the notebook from `submissions.repair_submission`.
        source: the assignment with hidden tests.
        submitted: the bytes of the submitted file.
    """
    imports: dict[str, str] = {}
    for cell in source.cells:
        if cell.cell_type == "code" and not nbgrader_metadata(cell).get("solution"):
            imports |= _imports(cell.source)
    for cell in filter(is_test, notebook.cells):
        if HIDDEN_TESTS in cell.source:
            cell.source = _KEY.sub(lambda key: _derive_key(key[0], submitted), cell.source)
        names = {node.id for node in ast.walk(_parsed(cell.source)) if isinstance(node, ast.Name)}
        cell.source = "\n".join([*(line for name, line in imports.items() if name in names), cell.source])
    notebook.cells.sort(key=is_private)
    return notebook


def test_imports(cells: Iterable[NotebookNode]) -> list[str]:
    """Returns the imports of the tests among cells, and the attributes that they use of them, as lines of code."""
    lines: dict[str, None] = {}
    for cell in filter(is_test, cells):
        imports = _imports(cell.source)
        lines.update(dict.fromkeys(imports.values()))
        for node in ast.walk(_parsed(cell.source)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imports:
                lines[ast.unparse(node)] = None
    return list(lines)


def test_outputs(cell: NotebookNode, reply: dict, secret: str) -> list[NotebookNode]:
    """Returns the outputs of a test from the kernel's signed result; an error if the signature is missing or wrong.

    For a private test only its own assertion message is shown; any other text could have been placed there by the
    student's code. The id of a check's advice is stored in the cell's metadata.

    Args:
        cell: the test, as it was run.
        reply: the content of the kernel's reply.
        secret: the secret that the kernel signs with.
    """
    signed, private = str(reply.get("outcome", "")), is_private(cell)
    expected, got = sign(secret, cell.source, signed), str(reply.get("signature", ""))
    if not hmac.compare_digest(expected.encode(), got.encode("utf-8", "replace")):
        return [error_output("NotRunError", "the test did not finish")]
    outcome = json.loads(signed)
    outputs = []
    if "error" in outcome:
        _store_advice(cell, outcome)
        outputs.append(_refusal(*outcome["error"], raised_by=outcome["raised_by"], private=private))
    elif outcome["number"] is not None:
        outputs.append(_points(outcome["number"], nbgrader_metadata(cell).get("points", 0)))
    elif outcome["right"] and not private:
        outputs.append(nbformat.v4.new_output("display_data", data={"text/plain": repr(CheckPassed(outcome["right"]))}))
    return outputs


def error_output(name: str, words: str, lines: Iterable[str] = ()) -> NotebookNode:
    """Returns an error as a cell output."""
    return nbformat.v4.new_output("error", ename=name, evalue=words, traceback=[*lines] or [f"{name}: {words}"])


def advice_of(cell: NotebookNode) -> str:
    """Returns the id of the advice that a check gave in an executed test, such as "softmax.wrong-axis"; "" if none."""
    return cell.metadata.get(METADATA, {}).get("advice_id", "")


def _store_advice(cell: NotebookNode, outcome: dict) -> None:
    """Stores the id of a check's advice, unless the test is private or a student's code has made up the id."""
    if outcome["raised_by"] == "check" and not is_private(cell) and _ADVICE_ID.fullmatch(outcome["advice_id"]):
        cell.metadata[METADATA] = {"advice_id": outcome["advice_id"]}


def _refusal(name: str, words: str, evidence: str, *, raised_by: str, private: bool) -> NotebookNode:
    if private and (name, raised_by) != ("AssertionError", "test"):
        name, words, evidence, raised_by = "CheckFailedError", "a private test of the instructor failed.", "", "check"
    if name != "CheckFailedError" or raised_by != "check":
        return error_output(name[:_MAX_ERROR_CHARS], words[:_MAX_ERROR_CHARS])
    refusal = CheckFailedError(words, evidence)
    return error_output(name, str(refusal), refusal._render_traceback_())


def _points(number: float, most: float) -> NotebookNode:
    """Returns points as an execution result, which nbgrader interprets as the points of the test."""
    if not 0 <= number <= most:
        return error_output("ValueError", f"a test must give 0 to {most:g} points; got {number:g}")
    return nbformat.v4.new_output("execute_result", data={"text/plain": f"{number:g}"})


def _derive_key(key: str, submitted: bytes) -> str:
    """Derives a key that is valid for this submission only."""
    return hmac.new(key.encode(), submitted, "sha256").hexdigest()[:16]


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):  # IPython's magic commands, for example
        return ast.Module([], [])


def _imports(source: str) -> dict[str, str]:
    """Returns the names that a cell imports, each with a line that imports only this name."""
    lines = {}
    for node in ast.walk(_parsed(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                alone = (
                    ast.Import([alias])
                    if isinstance(node, ast.Import)
                    else ast.ImportFrom(node.module, [alias], node.level)
                )
                lines[alias.asname or alias.name.split(".")[0]] = ast.unparse(alone)
    return lines


def is_base64_image(kind: str, value: object) -> bool:
    """Returns whether a value of a MIME type is a base64-encoded image, which cannot contain a script.

    >>> is_base64_image("image/png", "iVBORw0KGgo="), is_base64_image("image/png", '"><script>')
    (True, False)
    >>> is_base64_image("text/html", "")
    False
    """
    letters = isinstance(value, str) and re.fullmatch(r"[\w+/=\s]*", value, re.ASCII) is not None
    return letters and kind in ("image/png", "image/jpeg")
