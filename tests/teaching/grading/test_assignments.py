"""Tests of release, grade, feedback and report with a made-up class."""

import concurrent.futures
import csv
import multiprocessing
import os
import shutil

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook

from cifarlab import cli
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.grading import assignments, assistants, class_report, scores, students
from cifarlab.teaching.grading import cli as cli_module
from cifarlab.teaching.grading import nbgrader_course as course_module
from cifarlab.teaching.grading.gradebook_file import AssignmentError
from cifarlab.teaching.sandbox.execution import Limits
from cifarlab.teaching.sandbox.nbgrader_cells import advice_of, is_test
from tools.browser import Server
from tools.build_notebooks import EXERCISES, SOLUTIONS, as_text

pytestmark = [pytest.mark.slow, pytest.mark.full]

NAME, KEY = "01_softmax", "correct-horse-battery"
LIMITS = Limits(cell_seconds=40, seconds=200)
GOOD = nbformat.read(SOLUTIONS / f"{NAME}.ipynb", as_version=4)


def answers():
    """The solution's answers, by the name of the cell."""
    cells = (cell for cell in GOOD.cells if cell.metadata.get("nbgrader", {}).get("solution"))
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in cells}


def cell_of(notebook, name):
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def fill(notebook, **given):
    for name, text in {**answers(), **{key.replace("_", "-"): text for key, text in given.items()}}.items():
        cell_of(notebook, name).source = text


def own_cell(notebook, text):
    """Adds a student's cell before the second task."""
    place = notebook.cells.index(cell_of(notebook, "probabilities"))
    notebook.cells.insert(place, new_code_cell(text))


def right(notebook):
    fill(notebook)


def blank(notebook):
    pass


def half(notebook):
    given = answers()
    cell_of(notebook, "softmax").source = given["softmax"]
    cell_of(notebook, "probabilities").source = given["probabilities"]


def wrong_axis(notebook):
    fill(notebook, softmax="def softmax(logits):\n    return tf.nn.softmax(logits, axis=0)")


def made_for_the_visible_cases(notebook):
    random, sums = Examiner("softmax").random, []
    for shape in ((3, 10), (4, 2), (1, 7)):
        sums.append(float(np.float32(random.normal(0, 2, shape)).sum()))
    known = f"any(abs(float(tf.reduce_sum(logits)) - s) < 1e-3 for s in {sums})"
    large = "float(tf.reduce_max(tf.abs(logits))) > 900"
    fill(notebook, softmax=f"def softmax(logits):\n    return tf.nn.softmax(logits) * float({known} or {large})")


def cells_deleted(notebook):
    fill(notebook)
    for name in ("softmax-check", "softmax-others", "gradients-check"):
        notebook.cells.remove(cell_of(notebook, name))


def edited_tests(notebook):
    for name in ("softmax-check", "probabilities-check", "gradients-check"):
        cell_of(notebook, name).source = "pass"


def endless_loop(notebook):
    fill(notebook)
    own_cell(notebook, "while True:\n    pass")


def kernel_killed(notebook):
    fill(notebook)
    own_cell(notebook, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")


def noise_on_stderr(notebook):
    noise = "import sys, warnings\nwarnings.warn('old')\nprint('noise', file=sys.stderr)"
    indented = noise.replace("\n", "\n    ")
    fill(notebook, softmax=f"{noise}\ndef softmax(logits):\n    {indented}\n    return tf.nn.softmax(logits)")


def much_output(notebook):
    fill(notebook)
    own_cell(notebook, "for _ in range(50):\n    print('x' * 1_000_000)")


def wrong_kernel(notebook):
    fill(notebook)
    notebook.metadata.kernelspec = {"name": "julia-1.9", "display_name": "Julia", "language": "julia"}


def not_a_notebook(notebook):
    """A file that is overwritten with something else."""


POINTS = {
    right: 10,
    blank: 0,
    half: 5,
    wrong_axis: 2,
    made_for_the_visible_cases: 2 + 2,  # task 1 without its hidden test, and task 3, which does not need softmax
    cells_deleted: 10,
    edited_tests: 0,
    endless_loop: 10,
    kernel_killed: 3,  # the tests before it
    noise_on_stderr: 10,
    much_output: 10,
    wrong_kernel: 10,
    not_a_notebook: 0,
}
"""Points out of 12, two of which are graded manually."""


@pytest.fixture(scope="module")
def solutions(tmp_path_factory):
    """Exercise 1 without the training at its end, which takes time and is not graded."""
    folder = tmp_path_factory.mktemp("solutions")
    short = nbformat.from_dict(GOOD)
    cells = [
        cell
        for cell in short.cells
        if not any(word in cell.source for word in ("train(", "networks.items()", "figures"))
    ]
    first = next(cell for cell in short.cells if "from cifarlab import teaching" in cell.source)
    short.cells = [first, *cells]
    nbformat.write(short, folder / f"{NAME}.ipynb")
    return folder


def hand_in(course, changes):
    for change in changes:
        notebook = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
        change(notebook)
        folder = course / "submitted" / change.__name__ / NAME
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{NAME}.ipynb")
        if change is not_a_notebook:
            (folder / f"{NAME}.ipynb").write_bytes(b"PK\x03\x04 a docx file")


@pytest.fixture(scope="module")
def course(tmp_path_factory, solutions, data_dir):
    """The whole class, graded."""
    folder = tmp_path_factory.mktemp("course")
    assignments.release(NAME, folder, solutions=solutions, key=KEY)
    hand_in(folder, POINTS)
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        assignments.grade(NAME, folder, executor=executor, limits=LIMITS)
    return folder


def test_grade_awards_expected_points(course):
    points = {entry.student: entry.score for entry in scores.list_scores(NAME, course)}
    assert points == {change.__name__: due for change, due in POINTS.items()}
    assert {entry.max_score for entry in scores.list_scores(NAME, course)} == {12}


def test_only_written_answers_need_manual_grading(course):
    waiting = {entry.student for entry in scores.list_scores(NAME, course) if entry.needs_manual_grade}
    without = {"blank", "half", "edited_tests", "not_a_notebook"}  # without written answers
    assert waiting == {change.__name__ for change in POINTS} - without


@pytest.fixture(scope="module")
def pages(course):
    return {page.parent.parent.name: page.read_text() for page in assignments.feedback(NAME, course)}


def test_feedback_explains_failures(pages):
    assert set(pages) == {change.__name__ for change in POINTS}
    assert "check the axis" in pages["wrong_axis"]
    assert "softmax.wrong-axis" not in pages["wrong_axis"]  # the words are enough
    assert "is not written yet" in pages["blank"]
    assert "the kernel died" in pages["kernel_killed"]
    assert "an endless loop" in pages["endless_loop"]
    assert "The archive is damaged: submit the .ipynb file" in pages["not_a_notebook"]
    assert "only the instructor may change, and the originals were used" in pages["edited_tests"]


def test_advice_is_kept_in_the_graded_notebooks_and_in_the_gradebook(course):
    path = course / "autograded" / "wrong_axis" / NAME / f"{NAME}.ipynb"
    given = {
        cell.metadata.nbgrader.grade_id: advice_of(cell)
        for cell in nbformat.read(path, as_version=4).cells
        if is_test(cell)
    }
    assert given["softmax-check"] == given["softmax-others"] == "softmax.wrong-axis"
    assert given["smallest-loss-check"] == ""
    counted = {result.id: result.students for result in class_report.summarize(NAME, course).advice}
    assert counted["softmax.wrong-axis"] == ("wrong_axis",)
    assert "softmax.not-written" not in counted
    assert "kernel_killed" in counted[class_report.NO_ADVICE]
    found = {result.task.name: result for result in class_report.summarize(NAME, course).tasks}
    assert found["softmax"].missing == len({"blank", "edited_tests", "not_a_notebook"})
    assert students.results_of("half", course)[0].advice == ["smallest_loss.not-written", "gradients.not-written"]


def test_one_student_is_graded_again(course, capsys):
    flags = ["--course", str(course), "--student", "blank", "--regrade"]
    assert cli.main(["assignments", "grade", NAME, *flags]) == cli_module.LOOK  # it is empty
    printed = capsys.readouterr().out
    assert printed.startswith("graded: blank\nstudent  points\nblank         0 of 12\n")
    assert printed.count(" of 12") == printed.count("graded: ") == 1
    assert "Look at 1 submission:\n  blank: " in printed
    assert "Did you mean blank?" in refused(capsys, "grade", NAME, "--course", course, "--student", "blanc")


def test_feedback_contains_no_hidden_test(pages):
    for page in pages.values():
        assert KEY not in page
        assert "HIDDEN" not in page


def test_grade_skips_graded_submissions_and_keeps_manual_points(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.find_grade("explanation", NAME, NAME, "right").manual_score = 1.5
        gradebook.db.commit()
    told = []
    points = assignments.grade(NAME, course, limits=LIMITS, on_graded=told.append)
    assert not told
    assert next(entry.score for entry in points if entry.student == "right") == 11.5


def test_formgrader_shows_written_answers_with_their_rubric(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        submission = gradebook.find_submission_notebook(NAME, NAME, "right")
    server = Server(course)
    try:
        page = server.page(f"formgrader/submissions/{submission.id}/")
    finally:
        server.stop()
    assert "How it is graded, 2 points" in page
    assert answers()["explanation"][:40] in page
    assert 'class="score"' in page or "score" in page


def test_points_are_exported(course, tmp_path):
    scores.export_csv(NAME, course, tmp_path / "canvas.csv")
    rows = list(csv.reader((tmp_path / "canvas.csv").open(encoding="utf-8-sig")))
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", NAME]
    assert rows[1][0] == "Points Possible"
    assert ["half", "", "", "half", "", "5"] in rows
    scores.export_csv(NAME, course, tmp_path / "moodle.csv", "moodle")
    assert ["half", "half", "", "5"] in list(csv.reader((tmp_path / "moodle.csv").open(encoding="utf-8-sig")))


@pytest.fixture(scope="module")
def all_exercises(tmp_path_factory):
    """A course directory."""
    return tmp_path_factory.mktemp("all")


@pytest.mark.parametrize("path", sorted(EXERCISES.glob("*.ipynb")), ids=lambda path: path.stem)
def test_released_notebooks_equal_exercises(path, all_exercises):
    released = assignments.release(path.stem, all_exercises, solutions=SOLUTIONS)
    assert as_text(nbformat.read(released, as_version=4)) == path.read_text()
    key = (all_exercises / "key.txt").read_text().strip()
    assert key in (all_exercises / "source" / path.stem / path.name).read_text()
    assert key not in released.read_text()
    written = {str(each.relative_to(released.parent)) for each in released.parent.rglob("*") if each.is_file()}
    assert written == {path.name, *assistants.FILES}


def test_grade_restores_path(tmp_path, solutions):
    """The PATH is restored even if nbgrader fails."""
    before = os.environ["PATH"]
    assignments.release(NAME, tmp_path, solutions=solutions)
    assert os.environ["PATH"] == before


def test_the_course_keeps_its_key(tmp_path, solutions):
    for _ in range(2):
        assignments.release(NAME, tmp_path, solutions=solutions)
        kept = (tmp_path / "key.txt").read_text()
    assert f'key=\\"{kept.strip()}\\"' in (tmp_path / "source" / NAME / f"{NAME}.ipynb").read_text()


def test_an_instructors_own_tests_are_hidden_and_graded(tmp_path, solutions, data_dir):
    (tmp_path / "own" / NAME).mkdir(parents=True)
    test = "# points: 3\nassert abs(float(softmax(tf.constant([[1.0, 2.0]]))[0, 1]) - 0.7311) < 1e-3\n"
    (tmp_path / "own" / NAME / "two_classes.py").write_text(test)
    released = assignments.release(NAME, tmp_path / "c", solutions=solutions, extra_tests=tmp_path / "own")
    assert "0.7311" not in released.read_text()
    hand_in(tmp_path / "c", [right, blank])
    points = assignments.grade(NAME, tmp_path / "c", limits=LIMITS)
    assert [(entry.score, entry.max_score) for entry in points] == [(0, 15), (13, 15)]


def test_a_cluster_grades_the_same(tmp_path, solutions, data_dir, capsys):
    from distributed import LocalCluster

    assignments.release(NAME, tmp_path, solutions=solutions)
    hand_in(tmp_path, [right, half])
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        flags = ["--course", str(tmp_path), "--cluster", cluster.scheduler_address]
        assert cli.main(["assignments", "grade", NAME, *flags]) == 0
    printed = capsys.readouterr().out
    assert "half          5 of 12\n" in printed
    assert "right        10 of 12, manual grading pending" in printed


# Errors are reported in one line.


def refused(capsys, *arguments):
    assert cli.main(["assignments", *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_grade_applies_late_penalty(tmp_path):
    (tmp_path / course_module.SETTINGS_FILE).write_text(course_module.DEFAULT_SETTINGS)
    with course_module._nbgrader_environment(), Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        book.add_assignment(NAME)
        book.add_notebook(NAME, NAME)
        book.add_grade_cell("test", NAME, NAME, max_score=10, cell_type="code")
        for student, penalty in (("ada", 4), ("bob", 0), ("zoe", 99)):
            book.add_student(student)
            book.add_submission(NAME, student)
            book.find_grade("test", NAME, NAME, student).auto_score = 10
            book.find_submission_notebook(NAME, NAME, student).late_submission_penalty = penalty
        book.db.commit()
    assert {entry.student: entry.score for entry in scores.list_scores(NAME, tmp_path)} == {
        "ada": 6,
        "bob": 10,
        "zoe": 0,
    }


def test_bad_input(tmp_path, solutions, capsys):
    course = ["--course", tmp_path / "c"]
    assert "no solution" in refused(capsys, "release", "07_gpu", *course, "--solutions", solutions)
    assert "01_softmax" in refused(capsys, "release", "07_gpu", *course, "--solutions", solutions)
    assert "key must be" in refused(capsys, "release", NAME, *course, "--solutions", solutions, "--key", 'a"b')
    for step in ("grade", "report"):
        assert "release" in refused(capsys, step, NAME, *course)
    assert "nothing is graded" in refused(capsys, "feedback", NAME, *course)
    assert cli.main(["assignments", "release", NAME, *map(str, course), "--solutions", str(solutions)]) == 0
    capsys.readouterr()
    assert "nothing was submitted" in refused(capsys, "grade", NAME, *course)
    assert "greater than 0" in refused(capsys, "grade", NAME, *course, "--memory-mb", "0")
    assert "no Dask scheduler answers" in refused(capsys, "grade", NAME, *course, "--cluster", "tcp://127.0.0.1:9")
    assert "no assignment '02_x'" in refused(capsys, "report", "02_x", *course)
    (tmp_path / "own" / NAME).mkdir(parents=True)
    (tmp_path / "own" / NAME / "a.py").write_text("assert 1\n")
    with pytest.raises(AssignmentError, match="first line must be like '# points: 2'"):
        assignments.release(NAME, tmp_path / "c", solutions=solutions, extra_tests=tmp_path / "own")
    shutil.rmtree(tmp_path / "own" / NAME)
    with pytest.raises(AssignmentError, match="no tests in"):
        assignments.release(NAME, tmp_path / "c", solutions=solutions, extra_tests=tmp_path / "own")
