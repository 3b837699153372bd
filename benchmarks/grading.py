"""The time needed to grade a class: `python -m benchmarks.grading --students 100`.

Every student submits the solution, which takes longest, except for notebooks with endless loops.
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import tempfile
import time
from pathlib import Path

import nbformat

from benchmarks.machine import machine
from cifarlab.monitoring.console import echo
from cifarlab.teaching.grading import assignments


def submit(course: Path, solution: Path, students: int) -> None:
    """Submits the assignment with the answers of the solution, for each student."""
    answers = {cell.id: cell.source for cell in nbformat.read(solution, as_version=4).cells}
    notebook = nbformat.read(course / "release" / solution.stem / solution.name, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers[cell.id]
    for number in range(students):
        folder = course / "submitted" / f"student-{number:03d}" / solution.stem
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / solution.name)


def main() -> None:
    """Releases and grades an assignment, writes feedback, and prints the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--exercise", default="01_softmax")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    options = parser.parse_args()
    solution = Path("solutions") / f"{options.exercise}.ipynb"
    with tempfile.TemporaryDirectory() as folder:
        course, clock = Path(folder), time.monotonic
        assignments.release(options.exercise, course)
        submit(course, solution, options.students)
        context, started = multiprocessing.get_context("spawn"), clock()
        with concurrent.futures.ProcessPoolExecutor(options.workers, mp_context=context) as executor:
            points = assignments.grade(options.exercise, course, executor=executor)
        graded = clock() - started
        assignments.feedback(options.exercise, course)
        pages = clock() - started - graded
    measured = {
        "machine": machine(),
        "exercise": options.exercise,
        "students": options.students,
        "at once": options.workers,
        "minutes": round(graded / 60, 1),
        "seconds a notebook": round(graded / options.students, 1),
        "seconds of feedback": round(pages),
        "points": sorted({entry.score for entry in points}),
    }
    echo(json.dumps(measured, indent=1))
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
