"""The cells that hold tests: what is put into them before they are run, and what a student sees of them afterwards."""

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
"""How the names of an instructor's own tests begin."""

_KEY = re.compile(r'(?<=key=")[\w.-]{4,100}(?=")')
_MAX_ERROR_CHARS = 500  # characters of an error that is no verdict


def nbgrader_metadata(cell: NotebookNode) -> dict:
    """What nbgrader says of a cell; empty where it says nothing."""
    return cell.metadata.get("nbgrader", {})


def is_test(cell: NotebookNode) -> bool:
    """Whether a cell is the instructor's and gives points."""
    known = nbgrader_metadata(cell)
    return cell.cell_type == "code" and bool(known.get("grade")) and not known.get("solution")


def is_private(cell: NotebookNode) -> bool:
    """Whether nobody has seen a test, unlike those whose numbers alone are hidden."""
    return str(nbgrader_metadata(cell).get("grade_id", "")).startswith(PRIVATE_PREFIX)


def prepare_tests(notebook: NotebookNode, source: NotebookNode, submitted: bytes) -> NotebookNode:
    """A repaired notebook with tests that can be run and learnt from no more.

    Each test imports by itself what it uses of the assignment's imports: a student may have given these names to
    something else. The key becomes one that is of this submission only, so that whoever gets hold of it has nothing;
    the same file has always the same. Tests that nobody has seen are put last: no cell comes after them that could
    print them.

    Args:
        notebook: what `submissions.repair_submission` has made.
        source: the assignment with hidden tests.
        submitted: the file's bytes.
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
    """What the tests among cells import, and what they take from there, as lines of code that do nothing else."""
    lines: dict[str, None] = {}
    for cell in filter(is_test, cells):
        imports = _imports(cell.source)
        lines.update(dict.fromkeys(imports.values()))
        for node in ast.walk(_parsed(cell.source)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imports:
                lines[ast.unparse(node)] = None
    return list(lines)


def test_outputs(cell: NotebookNode, reply: dict, secret: str) -> list[NotebookNode]:
    """The outputs of a test, from what the kernel says came of it; without the kernel's signature, an error.

    Of a test that nobody has seen no words are shown but those of its own `assert`: all others could be words that a
    student's code has put there, such as the test's own text.

    Args:
        cell: the test, as it was run.
        reply: the content of the kernel's reply.
        secret: what the kernel signs with.
    """
    signed, private = str(reply.get("outcome", "")), is_private(cell)
    expected, got = sign(secret, cell.source, signed), str(reply.get("signature", ""))
    if not hmac.compare_digest(expected.encode(), got.encode("utf-8", "replace")):
        return [error_output("NotRunError", "the test did not come to its end")]
    outcome = json.loads(signed)
    outputs = [_note(outcome["replaced"], private)] if outcome["replaced"] else []
    if "error" in outcome:
        outputs.append(_refusal(*outcome["error"], raised_by=outcome["raised_by"], private=private))
    elif outcome["number"] is not None:
        outputs.append(_points(outcome["number"], nbgrader_metadata(cell).get("points", 0)))
    elif outcome["right"] and not private:
        outputs.append(nbformat.v4.new_output("display_data", data={"text/plain": repr(CheckPassed(outcome["right"]))}))
    return outputs


def error_output(name: str, words: str, lines: Iterable[str] = ()) -> NotebookNode:
    """An error's output."""
    return nbformat.v4.new_output("error", ename=name, evalue=words, traceback=[*lines] or [f"{name}: {words}"])


def _note(replaced: list[str], private: bool) -> NotebookNode:
    """What the student should know of what was put back."""
    what = "something" if private else ", ".join(f"`{name}`" for name in replaced[:3])
    more = f" and {len(replaced) - 3} more" if len(replaced) > 3 and not private else ""
    words = f"From the grader: {what}{more} had been replaced; the test was run with the original."
    return nbformat.v4.new_output("stream", name="stdout", text=words[:_MAX_ERROR_CHARS] + "\n")


def _refusal(name: str, words: str, evidence: str, *, raised_by: str, private: bool) -> NotebookNode:
    if private and (name, raised_by) != ("AssertionError", "test"):
        name, words, evidence, raised_by = "CheckFailedError", "this test of the instructor's own failed.", "", "check"
    if name != "CheckFailedError" or raised_by != "check":
        return error_output(name[:_MAX_ERROR_CHARS], words[:_MAX_ERROR_CHARS])
    refusal = CheckFailedError(words, evidence)
    return error_output(name, str(refusal), refusal._render_traceback_())


def _points(number: float, most: float) -> NotebookNode:
    """nbgrader takes a result that is a number for the points of the test."""
    if not 0 <= number <= most:
        return error_output("ValueError", f"a test gives 0 to {most:g} points; this one gave {number:g}")
    return nbformat.v4.new_output("execute_result", data={"text/plain": f"{number:g}"})


def _derive_key(key: str, submitted: bytes) -> str:
    """A key that nobody has use for but this submission."""
    return hmac.new(key.encode(), submitted, "sha256").hexdigest()[:16]


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):  # IPython's own commands, for example
        return ast.Module([], [])


def _imports(source: str) -> dict[str, str]:
    """The names that a cell imports, each with a line that imports it alone."""
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
    """Whether what a notebook holds under a kind of media is a picture's bytes in base64, which no page carries out.

    >>> is_base64_image("image/png", "iVBORw0KGgo="), is_base64_image("image/png", '"><script>')
    (True, False)
    >>> is_base64_image("text/html", "")
    False
    """
    letters = isinstance(value, str) and re.fullmatch(r"[\w+/=\s]*", value, re.ASCII) is not None
    return letters and kind in ("image/png", "image/jpeg")
