"""An honest class, from release to the learning platform's file; `test_assignments.py` has the dishonest ones."""

import csv

import pytest

from cifarlab.teaching.grading import assignments, scores
from tests.teaching.grading.test_assignments import KEY, LIMITS, NAME, blank, half, hand_in, right, solutions

__all__ = ["solutions"]  # a fixture

pytestmark = pytest.mark.slow

POINTS = {right: 10, half: 5, blank: 0}


def test_an_honest_class_is_graded(tmp_path, solutions, data_dir):
    assignments.release(NAME, tmp_path, solutions=solutions, key=KEY)
    hand_in(tmp_path, POINTS)
    graded = assignments.grade(NAME, tmp_path, limits=LIMITS)
    assert {entry.student: entry.score for entry in graded} == {change.__name__: due for change, due in POINTS.items()}
    pages = {page.parent.parent.name: page.read_text() for page in assignments.feedback(NAME, tmp_path)}
    assert "Right:" in pages["right"]
    assert "is not written yet" in pages["half"]
    scores.export_csv(NAME, tmp_path, tmp_path / "grades.csv", "moodle")
    with (tmp_path / "grades.csv").open(newline="") as file:
        assert {row[0] for row in csv.reader(file)} >= {"right", "half", "blank"}
