"""Finds the notebook in what a student submitted, whatever its name and wherever it is in the directory or archive."""

import difflib
import hashlib
import os
import re
import stat
import time
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from cifarlab.files import entries
from cifarlab.teaching.grading.notebook_files import MAX_OUTPUT_BYTES, SCRIPTS, Notebook, read_notebook
from cifarlab.teaching.grading.stated_points import without_number
from cifarlab.text import sanitize

_IGNORED = ("timestamp.txt", "thumbs.db", "desktop.ini")
_MAX_DEPTH, _MAX_FILES = 4, 100
"""How deep and at how many files of a submission is looked."""


class Submission(NamedTuple):
    """What a student submitted for an assignment.

    Attributes:
        content: the bytes of the file that is graded; b"" if there is none.
        notebook: what was read from it.
    """

    content: bytes
    notebook: Notebook


class _File(NamedTuple):
    name: str  # its path in the submission, with that of its archive
    modified: float
    content: bytes


def find_submission(directory: Path, assignment: str, released: Collection[str]) -> Submission:
    """Returns the notebook in a student's directory for an assignment.

    If there are several, it is the latest one that differs from the release; all of them are named. Scripts and
    Markdown files count only if there is no notebook.

    Args:
        directory: the directory `submitted/STUDENT/ASSIGNMENT`.
        assignment: the assignment's name.
        released: the texts of the cells that students received.
    """
    lines = {line.strip() for text in released for line in without_number(text).split("\n")}
    problems: dict[str, Submission] = {}
    for scripts in (False, True):
        names, best = dict[bytes, str](), None  # one for each content: zip_collect copies an archive and what is in it
        for file in _files(directory, problems):
            if file.name.lower().endswith(SCRIPTS) != scripts:
                continue
            notebook = read_notebook(file.content, file.name)
            if notebook.problem:
                problems[file.name] = Submission(file.content, notebook)
                continue
            texts = [without_number(cell.text) for cell in notebook.cells]
            written = any(line.strip() not in lines for text in texts for line in text.split("\n"))
            rank = written, file.modified, _natural(file.name)
            digest = hashlib.sha256(file.content).digest()
            names.setdefault(digest, file.name)
            if best is None or rank > best[0]:
                best = rank, file, notebook
                names[digest] = file.name
        if best:
            _, file, notebook = best
            repaired = _how_found(file.name, sorted(names.values()), f"{assignment}.ipynb")
            return Submission(file.content, notebook._replace(repaired=repaired + notebook.repaired))
    return _unusable(directory, f"{assignment}.ipynb", problems)


def _how_found(name: str, names: list[str], expected: str) -> list[str]:
    """Returns which of the notebooks was used, if it is not the only one and of the expected name."""
    if len(names) > 1:
        which = f"of {len(names)} notebooks ({_listed(names)}) the latest one that differs from the assignment was used"
        return [f"{which}: {sanitize(name)}"]
    return [] if name == expected else [f"the notebook was read from {sanitize(name)}"]


def _unusable(folder: Path, expected: str, problems: dict[str, Submission]) -> Submission:
    """Returns the submission if no file in it can be used; it says why."""
    best = min(problems, key=lambda name: (name != expected, ".ipynb" not in name.lower(), name), default="")
    if best:
        found = problems[best]
        problem = found.notebook.problem
        if best != expected:
            problem = f"{problem[:-1]} ({sanitize(best)})."
        return found._replace(notebook=Notebook([], [], problem))
    others = [path.name for path in entries(folder) if path.name.lower() not in _IGNORED]
    if others and not (folder / expected).is_symlink():
        problem = f"there is no notebook, but {_listed(others)}: submit the .ipynb file."
        return Submission(b"", Notebook([], [], problem))
    return Submission(b"", read_notebook(b""))


def _files(folder: Path, problems: dict[str, Submission]) -> Iterator[_File]:
    """Yields the files that may be notebooks; adds archives that cannot be read to the problems."""
    for path in _paths(folder):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            is_archive = file.read(4) == b"PK\x03\x04"
            file.seek(0)
            content = b"" if is_archive else file.read(MAX_OUTPUT_BYTES + 1)
        if is_archive:
            try:
                yield from _members(path, name)
            except Exception as error:  # zipfile raises many, for damaged and for encrypted archives
                words = "is protected by a password" if "encrypted" in str(error) else "is damaged"
                problem = f"the archive {words}: submit the .ipynb file."
                problems[name] = Submission(path.read_bytes()[:MAX_OUTPUT_BYTES], Notebook([], [], problem))
        elif _may_be_notebook(name, content):
            yield _File(name, path.stat().st_mtime, content)


def _paths(folder: Path) -> list[Path]:
    """Returns the regular files in a directory; links may point to other people's files."""
    found = []
    for directory, folders, files in os.walk(folder):
        deep = len(Path(directory).relative_to(folder).parts) >= _MAX_DEPTH
        folders[:] = [] if deep else sorted(name for name in folders if not _is_hidden(name))
        for name in sorted(files):
            path = Path(directory) / name
            if not _is_hidden(name) and stat.S_ISREG(path.lstat().st_mode) and os.access(path, os.R_OK):
                found.append(path)
    return found[:_MAX_FILES]


def _members(path: Path, name: str) -> Iterator[_File]:
    """Yields the members of a zip file that may be notebooks; nothing is extracted to the disk."""
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        for info in members[:_MAX_FILES]:
            if any(map(_is_hidden, info.filename.split("/"))) or not _may_be_notebook(info.filename, b"{"):
                continue
            with zipfile.ZipFile.open(archive, info) as file:
                content = file.read(MAX_OUTPUT_BYTES + 1)
            if _may_be_notebook(info.filename, content):
                yield _File(f"{name}/{info.filename}", time.mktime((*info.date_time, 0, 0, -1)), content)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX")) or name.lower() in _IGNORED


def _may_be_notebook(name: str, content: bytes) -> bool:
    """Returns whether a file may be a notebook by its name and, if that does not decide, by its first character."""
    name = name.lower()
    if ".ipynb" in name or name.endswith(SCRIPTS):
        return True
    return name.endswith((".json", ".txt")) and content[:40].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \r\n\t").startswith(b"{")


def _natural(name: str) -> list[tuple[int, str]]:
    """Returns a key by which "a" comes before "a (2)", and that before "a (10)"."""
    parts = re.split(r"([0-9]+)", name.rpartition(".")[0])
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(map(sanitize, names[:6])) + more


def student_directories(submitted: Path, known: Collection[str]) -> list[Path]:
    """Returns the directories of students in the course's directory of submissions.

    Args:
        submitted: the directory.
        known: the names of all assignments of the course; a directory with such a name is in the wrong place.
    """
    folders = [path for path in entries(submitted) if path.is_dir()]
    return [path for path in folders if path.name not in known and not _is_hidden(path.name)]


def is_empty(directory: Path) -> bool:
    """Returns whether a student's directory does not exist, or contains nothing that a student has put there."""
    if directory.is_dir():
        return all(map(_is_hidden, (path.name for path in entries(directory))))
    return not os.path.lexists(directory)


def find_misplaced(submitted: Path, assignment: str, known: Collection[str]) -> list[str]:
    """Returns a line for each notebook that is not graded because it is in the wrong place, with what to do.

    Args:
        submitted: the course's directory of submissions.
        assignment: the assignment that is graded.
        known: the names of all assignments of the course.
    """
    lines = []
    for student in entries(submitted):
        if _is_file(student):
            lines.append(f"{student} belongs to no student: move it to {submitted}/STUDENT/{assignment}/.")
        elif student.is_dir() and student.name in known:
            lines.append(f"{student} is in the wrong order: expected {submitted}/STUDENT/{student.name}/.")
        elif student.is_dir() and not _is_hidden(student.name):
            lines += _misplaced_of(student, assignment, known)
    return [sanitize(line) for line in lines]


def _misplaced_of(student: Path, assignment: str, known: Collection[str]) -> list[str]:
    lines = []
    for path in entries(student):
        of_others = [name for name in known if name != assignment and name in path.name]
        if _is_file(path) and not of_others:
            lines.append(f"{path} is not graded: move it to {student / assignment}/.")
        elif path.is_dir() and path.name not in known and not of_others and any(map(_is_file, _paths(path))):
            meant = difflib.get_close_matches(path.name.casefold(), known, 1, 0) or [assignment]
            if meant[0] == assignment:
                lines.append(f"{path} is not graded: rename it to {assignment} if it is a submission of that.")
    return lines


def _is_file(path: Path) -> bool:
    """Returns whether a path is a file that may be a notebook or an archive with one."""
    name = path.name.lower()
    return path.is_file() and not _is_hidden(name) and (".ipynb" in name or name.endswith(".zip"))
