"""The file of the gradebook, an SQLite database: whether it can be used now, and copying it."""

import contextlib
import sqlite3
import urllib.parse
from pathlib import Path

from cifarlab.errors import UserError

GRADEBOOK_FILE = "gradebook.db"
LOCK_SECONDS = 5
"""How long to wait for another program that writes to the gradebook, in seconds."""


class AssignmentError(UserError):
    """An invalid assignment or course directory."""


class GradebookError(AssignmentError):
    """A gradebook that is locked by another program, or damaged."""


def gradebook_problem(text: str, course: Path) -> str:
    """Returns what is wrong with the gradebook, if an error's text says so, and what to do; otherwise ""."""
    path = course / GRADEBOOK_FILE
    if "database is locked" in text or "database table is locked" in text:
        return (
            f"{path} is locked by another program, such as nbgrader's formgrader or a database browser. Close that "
            "program, then run this command again; what was graded before is kept."
        )
    if "file is not a database" in text or "is malformed" in text:
        return (
            f"{path} is damaged: it must be an SQLite database. Put back a copy of yours; or move it away, then "
            "release and grade again (points and comments that you gave by hand are only in this file)."
        )
    if "readonly database" in text or "unable to open database file" in text:
        return f"{path} cannot be written. Make the file and its directory writable, then run this command again."
    return ""


def check_gradebook(course: Path) -> None:
    """Makes sure that the course's gradebook, if it exists, is not damaged and can be written now.

    Raises:
        GradebookError: it is damaged, locked or cannot be written.
    """
    path = course / GRADEBOOK_FILE
    if not path.exists():
        return
    address = f"file:{urllib.parse.quote(str(path.resolve()))}?mode=rw"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=LOCK_SECONDS)) as database:
            (state,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if state != "ok":
                raise sqlite3.DatabaseError(f"is malformed: {state}")
            database.execute("BEGIN IMMEDIATE")
            database.rollback()
    except sqlite3.Error as error:
        raise GradebookError(gradebook_problem(str(error), course) or f"{path}: {error}.") from error


def copy_gradebook(course: Path, copy: Path) -> None:
    """Copies the gradebook, if there is one, to another directory, even while other programs use it."""
    if (course / GRADEBOOK_FILE).exists():
        with (
            contextlib.closing(sqlite3.connect(course / GRADEBOOK_FILE, timeout=LOCK_SECONDS)) as one,
            contextlib.closing(sqlite3.connect(copy / GRADEBOOK_FILE)) as other,
        ):
            one.backup(other)
