"""Which version of a submission was graded with which version of the tests, so that changes are graded again."""

import hashlib
from pathlib import Path

from nbformat import NotebookNode

from cifarlab.files import entries
from cifarlab.teaching.sandbox.nbgrader_cells import nbgrader_metadata
from cifarlab.text import counted

FILE = "submitted.sha256"
"""The file, next to the graded notebook, with three hashes: of the notebook, its timestamp, and the tests."""


def version(submitted: bytes, timestamp: bytes, source: NotebookNode) -> str:
    """Returns the hashes of a submission and of the tests, a line each.

    Args:
        submitted: the bytes of the submitted notebook.
        timestamp: the bytes of its `timestamp.txt`; empty if there is none.
        source: the assignment with hidden tests.
    """
    return "\n".join([_digest(submitted), _digest(timestamp), _of_tests(source)])


def graded_version(course: Path, student: str, name: str) -> str:
    """Returns the version that was graded, or "" if none was."""
    try:
        return (course / "autograded" / student / name / FILE).read_text(encoding="utf-8")
    except OSError:
        return ""


def graded_with_other_tests(course: Path, name: str, source: NotebookNode) -> list[str]:
    """Returns the students whose submissions were graded with other tests than these."""
    graded = {each.name: graded_version(course, each.name, name) for each in entries(course / "autograded")}
    return [student for student, lines in graded.items() if lines and lines.splitlines()[-1] != _of_tests(source)]


def stale_note(course: Path, name: str, source: NotebookNode, student: str | None = None) -> str:
    """Returns a line about submissions that were graded with other tests than these; "" if there are none.

    Args:
        course: the course directory.
        name: the assignment's name.
        source: the assignment with hidden tests.
        student: the only student whose submission counts; by default all.
    """
    old = [each for each in graded_with_other_tests(course, name, source) if student in (None, each)]
    old = [each for each in old if (course / "submitted" / each / name).exists()]  # others cannot be graded again
    if not old:
        return ""
    was, them = ("was", "it") if len(old) == 1 else ("were", "them")
    return (
        f"{counted(len(old), 'submission')} {was} graded with other tests or another key than the assignment has now. "
        f"Run `cifarlab assignments grade {name}` to grade {them} again."
    )


def _digest(file: bytes) -> str:
    return hashlib.sha256(file).hexdigest()


def _of_tests(source: NotebookNode) -> str:
    graded = [cell for cell in source.cells if nbgrader_metadata(cell).get("grade")]
    texts = [(cell.metadata.nbgrader.grade_id, cell.metadata.nbgrader.points, cell.source) for cell in graded]
    return _digest(repr(texts).encode())
