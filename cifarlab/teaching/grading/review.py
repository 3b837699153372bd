"""What grading had to repair in each submission, and which submissions an instructor should look at."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cifarlab.files import entries
from cifarlab.teaching.grading.intake import find_misplaced
from cifarlab.teaching.grading.scores import Score, Unscored, format_table
from cifarlab.text import counted, sanitize


class Review(NamedTuple):
    """What is known about a student's graded submission, from the metadata of the graded notebook.

    Attributes:
        repaired: what was repaired, a phrase each.
        not_found: what could not be found, a phrase each.
        attention: why an instructor should look at the submission, or "".
    """

    repaired: Sequence[str] = ()
    not_found: Sequence[str] = ()
    attention: str = ""


def read_reviews(name: str, course: Path) -> dict[str, Review]:
    """Returns the reviews of an assignment's graded submissions, by student."""
    reviews = {}
    for student in entries(course / "autograded"):
        path = student / name / f"{name}.ipynb"
        if path.is_file():
            metadata = json.loads(path.read_bytes())["metadata"]
            found = metadata.get("cifarlab", {})  # none if nbgrader's command graded it
            reviews[student.name] = Review(**{field: found[field] for field in Review._fields if field in found})
    return reviews


def misplaced(name: str, course: Path) -> list[str]:
    """Returns a line for each notebook in `submitted` that is not graded because of its place, with what to do."""
    known = {path.name for path in entries(course / "release") if path.is_dir()} | {name}
    return find_misplaced(course / "submitted", name, known)


def format_points(points: Iterable[Score], reviews: Mapping[str, Review], unscored: Sequence[Unscored] = ()) -> str:
    """Formats the points of a class as a table, with what was repaired and not found below each student.

    >>> print(format_points([Score("ada", 10.0, 12.0, True), Score("bob", 0.0, 12.0, False)],
    ...     {"ada": Review(["answers were recognized by what they define: softmax"]),
    ...      "bob": Review([], ["no answer to softmax"], "it appears to be empty")}))
    student  points
    ada          10 of 12, manual grading pending
      repaired: answers were recognized by what they define: softmax
    bob           0 of 12
      not found: no answer to softmax
    """
    points = list(points)
    head, *rows = format_table(points, unscored).split("\n")
    lines = [head]
    for row, score in zip(rows, points, strict=False):
        review = reviews.get(score.student, Review())
        lines.append(row)
        lines += [f"  repaired: {sanitize(words)}" for words in review.repaired]
        lines += [f"  not found: {sanitize(words)}" for words in review.not_found]
    return "\n".join(lines + rows[len(points) :])


def format_attention(points: Iterable[Score], reviews: Mapping[str, Review], misplaced: Sequence[str] = ()) -> str:
    """Formats the list of submissions that an instructor should look at; returns "" if there is none.

    Besides those whose review says so, it contains those that have answers and no points.

    >>> print(format_attention([Score("ada", 10.0, 12.0, True), Score("bob", 0.0, 12.0, False)],
    ...     {"bob": Review([], ["no answer to softmax"], "it appears to be empty")}))
    Look at 1 submission:
      bob: it appears to be empty
    """
    lines = []
    for score in points:
        why = reviews.get(score.student, Review()).attention
        if not why and not score.score and not score.needs_manual_grade:
            why = "it contains answers, and none of them gets a point"
        if why:
            lines.append(f"  {sanitize(score.student)}: {sanitize(why)}")
    lines += [f"  {line}" for line in misplaced]
    if not lines:
        return ""
    return "\n".join([f"Look at {counted(len(lines), 'submission')}:", *lines])
