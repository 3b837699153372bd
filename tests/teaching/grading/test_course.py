"""A course over a term: releases that change, names, times, a gradebook in use, and points given by hand."""

import csv
import os
import re
import shutil
import sqlite3
import stat
import sys
from pathlib import Path

import nbformat
import pytest
from traitlets.config import Config

from cifarlab import cli
from cifarlab.teaching.grading import assignments, gradebook_file, nbgrader_course, releasing, scores
from cifarlab.teaching.grading.gradebook_file import AssignmentError, GradebookError
from tests.teaching.grading.small_course import (
    ANSWER,
    KEY,
    NAME,
    grade,
    not_executed,
    solution,
    submit,
    write_solution,
)

pytestmark = pytest.mark.slow
DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A released course, to be copied."""
    folder = tmp_path_factory.mktemp("fresh")
    assignments.release(NAME, folder / "course", solutions=write_solution(folder / "solutions"), key=KEY)
    return folder


@pytest.fixture
def course(fresh, tmp_path, monkeypatch):
    shutil.copytree(fresh, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(assignments, "execute_notebook", not_executed)
    monkeypatch.setattr(releasing.private_tests, "try_tests", lambda source: None)
    monkeypatch.setattr(assignments.feedback_pages, "write_pages", write_pages)
    return tmp_path / "course"


def write_pages(course, name, students):
    """Writes pages in this process, without limits."""
    for student in students:
        assignments.feedback_pages._write_one(course, name, student, 60)
    return []


def release(course, notebook=None, **settings):
    lines = []
    write_solution(course.parent / "solutions", notebook)
    path = assignments.release(NAME, course, solutions=course.parent / "solutions", say=lines.append, **settings)
    return nbformat.read(path, as_version=4), lines


def own_tests(course, **files):
    folder = course.parent / "own"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / NAME).mkdir(parents=True)
    for name, text in files.items():
        (folder / NAME / f"{name}.py").write_text(text)
    return folder


def contents(course):
    """All files of a course; the gradebook as SQL, because opening it may change bytes."""
    database = sqlite3.connect(course / "gradebook.db")
    paths = (path for path in course.rglob("*") if path.is_file() and path.suffix != ".db")
    files = {path.relative_to(course): path.read_bytes() for path in paths}
    return files | {"gradebook": list(database.iterdump())}


def set_grade(course, student, cell, points):
    """Grades an answer by hand, as the formgrader does."""
    with nbgrader_course.gradebook(course, NAME) as book:
        grade = book.find_grade(cell, NAME, NAME, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        book.db.commit()


# Releases.

STALE = (
    "1 submission was graded with other tests or another key than the assignment has now. Run `cifarlab assignments "
    "grade small` to grade it again."
)


def test_a_private_test_can_be_added_and_dropped_after_submissions_were_graded(course, capsys):
    submit(course, "ada")
    grade(course)
    set_grade(course, "ada", "words", 1.5)
    tests = own_tests(course, two="# points: 3\nassert double(2) == 4\n")
    released, lines = release(course, extra_tests=tests)
    assert lines == [STALE]
    for option in ([], ["--tasks"], ["--csv", str(course.parent / "a.csv"), "--format", "canvas"]):
        assert cli.main(["assignments", "report", NAME, "--course", str(course), *option]) == 0
        assert STALE in capsys.readouterr().out.splitlines()
    assert cli.main(["assignments", "report", "--student", "ada", "--course", str(course)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == STALE
    assert "**Points**: 9, 3 of them for tests of your instructor that are not shown." in released.cells[0].source
    graded, lines, found = grade(course)
    assert (graded, lines) == (["ada"], [])
    assert (found["ada"].score, found["ada"].max_score) == (4 + 1.5 + 3, 9)
    assert not found["ada"].needs_manual_grade, "what was graded by hand stays graded"
    released, lines = release(course)
    assert lines == ["kept your private tests: two.py. To release without them, pass --drop-extra-tests."]
    assert "**Points**: 9, " in released.cells[0].source
    assert grade(course)[0] == [], "nothing has changed"
    released, lines = release(course, drop_extra_tests=True)
    assert "**Points**: 6." in released.cells[0].source
    assert (found := grade(course)[2])["ada"].score == 5.5
    assert found["ada"].max_score == 6


def test_an_old_notebook_is_not_said_to_lack_a_private_test(course):
    submit(course, "ada")
    release(course, extra_tests=own_tests(course, nothing_lost="# points: 1\nassert double\n"))
    grade(course)
    graded = (course / "autograded" / "ada" / NAME / f"{NAME}.ipynb").read_text()
    assert "From the grader" not in graded
    (page,) = assignments.feedback(NAME, course)
    assert "nothing_lost" not in page.read_text()


def names_of_tests(notebook):
    names = [cell.metadata.get("nbgrader", {}).get("grade_id", "") for cell in notebook.cells]
    return [name for name in names if name.startswith("private-")]


def test_students_see_numbers_of_private_tests_which_stay_with_their_files(course):
    submit(course, "ada")
    released, _ = release(course, extra_tests=own_tests(course, secret="# points: 1\n", b="# points: 2\n"))
    assert names_of_tests(released) == ["private-1", "private-2"]  # in the order of the files' names
    assert "secret" not in nbformat.writes(released)
    grade(course)
    set_grade(course, "ada", "private-2", 0.5)
    files = {"secret": "# points: 3\n", "a": "# points: 2\n", "c": "# points: 2\n"}
    set_grade(course, "ada", "private-1", 0.5)
    without_b = own_tests(course, **files)
    with pytest.raises(AssignmentError, match="private-1 is no longer in the assignment, but you gave points"):
        release(course, extra_tests=without_b)
    set_grade(course, "ada", "private-1", None)
    released, _ = release(course, extra_tests=without_b)
    assert names_of_tests(released) == ["private-3", "private-4", "private-2"]
    assert grade(course)[2]["ada"].score == 4 + 2 + 2 + 0.5
    _, lines = release(course)
    assert lines == [
        "kept your private tests: a.py, c.py, secret.py. To release without them, pass --drop-extra-tests."
    ]


def test_the_private_tests_of_a_course_from_an_earlier_version_keep_their_names(course):
    release(course, extra_tests=own_tests(course, old="# points: 1\n"))
    path = course / "source" / NAME / f"{NAME}.ipynb"
    path.write_text(path.read_text().replace("private-1", "private-old").replace(r"# old.py\n", ""))
    released, lines = release(course)
    assert names_of_tests(released) == ["private-old"]
    assert lines == ["kept your private tests: old.py. To release without them, pass --drop-extra-tests."]
    released, _ = release(course, extra_tests=own_tests(course, new="# points: 1\n", old="# points: 1\n"))
    assert names_of_tests(released) == ["private-1", "private-old"]


def test_the_solution_of_the_repository_is_not_said_to_have_changed_tests(course):
    submit(course, "ada")
    shutil.copy(course.parent / "solutions" / f"{NAME}.ipynb", course / "submitted" / "ada" / NAME)
    grade(course)
    assert "From the grader" not in (course / "autograded" / "ada" / NAME / f"{NAME}.ipynb").read_text()


def test_changed_points_and_cells_are_released(course):
    submit(course, "ada")
    grade(course)
    changed = solution(points=4)
    del changed.cells[4]
    release(course, changed)
    (score,) = grade(course)[2].values()
    assert (score.score, score.max_score) == (4, 6)


@pytest.mark.parametrize("problem", ["key", "test", "nbgrader", "graded by hand", "reference", "locked"])
def test_a_release_that_fails_changes_nothing(course, monkeypatch, problem):
    submit(course, "ada")
    grade(course)
    settings = {"extra_tests": own_tests(course, a="# points: 1\nassert double(1) == 2\n")}
    changed, message = solution(), ""
    if problem == "key":
        settings, message = {"key": "short"}, r"key must be 16 to 100 .*; got 5 characters\. Leave out --key"
    elif problem == "test":
        settings, message = {"extra_tests": own_tests(course, a="# points: 1\n1 +\n")}, "a.py, line 2"
    elif problem == "nbgrader":
        changed.cells[3].metadata.nbgrader.points = -1
        changed.cells[4].metadata.nbgrader.grade_id = "double-check"
        message = "nbgrader failed"
    elif problem == "graded by hand":
        set_grade(course, "ada", "words", 1)
        del changed.cells[-1]
        message = r"the cell words is no longer in the assignment, but you gave points"
    elif problem == "reference":

        def fail(source):
            raise AssignmentError("your private test a.py must give")

        monkeypatch.setattr(releasing.private_tests, "try_tests", fail)
        message = "your private test"
    else:
        monkeypatch.setattr(gradebook_file, "LOCK_SECONDS", 0.1)
        database = sqlite3.connect(course / "gradebook.db")
        database.execute("BEGIN IMMEDIATE")
        message = "is locked by another program"
    before = contents(course)
    with pytest.raises(AssignmentError, match=message):
        release(course, changed, **settings)
    assert contents(course) == before


def test_an_error_within_the_release_puts_everything_back(course, monkeypatch):
    before = contents(course)
    real = nbgrader_course.generate_assignment

    def fail(folder, name):
        real(folder, name)
        if folder == course:
            raise KeyboardInterrupt

    monkeypatch.setattr(nbgrader_course, "generate_assignment", fail)
    with pytest.raises(KeyboardInterrupt):
        release(course, key="another-key-of-16-letters")
    after = contents(course)
    assert {path: after[path] for path in after if path != "gradebook"} == {
        path: before[path] for path in before if path != "gradebook"
    }


def test_a_new_key_grades_again_and_names_other_assignments(course):
    submit(course, "ada")
    grade(course)
    (course / "source" / "other").mkdir()
    shutil.copy(course / "source" / NAME / f"{NAME}.ipynb", course / "source" / "other" / "other.ipynb")
    _, lines = release(course, key="another-key-of-16-letters")
    assert lines == [
        "released with the old key: other. Release them again if they should use the new one.",
        STALE,
    ]
    assert grade(course)[0] == ["ada"]
    assert grade(course)[0] == []


def test_only_the_owner_can_read_what_contains_the_key(course):
    submit(course, "ada")
    grade(course)
    for path in ("key.txt", "gradebook.db", "source", "autograded"):
        assert not stat.S_IMODE((course / path).stat().st_mode) & 0o077, path


def test_a_name_that_nbgrader_reserves_is_refused(tmp_path):
    with pytest.raises(AssignmentError, match=r"must not contain '\+'"):
        assignments.release("a+b", tmp_path)


# Names, times and repeated grading.

NAMES = [
    "ada [1]",
    " müller, jürgen ",
    "a*b?c",
    "o'neil+x",
    "{x}",
    "100% %s",
    "(b) $1 ^2",
    "-x",
    "李雷",
    "a.b|c",
    "x" * 200,
]


@pytest.mark.full
def test_students_may_have_any_name(course):
    for name in NAMES:
        submit(course, name)
    graded, _, found = grade(course)
    assert sorted(graded) == sorted(NAMES) == sorted(found)
    assert {score.score for score in found.values()} == {4}
    assert sorted(page.parent.parent.name for page in assignments.feedback(NAME, course)) == sorted(NAMES)


def test_a_question_mark_in_the_name_of_a_course_is_refused(course, capsys):
    course = shutil.move(course, course.with_name("what?"))
    assert cli.main(["assignments", "report", NAME, "--course", str(course)]) == 2
    assert "the path of a course must not contain '?'" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["course [1]* #1", " kürs, 100% a+b (x) {y} "])
def test_courses_may_have_any_name(course, folder):
    course = shutil.move(course, course.with_name(folder))
    submit(course, "ada")
    assert grade(course)[2]["ada"].score == 4
    assert {path.name for path in course.parent.iterdir()} == {folder, "solutions"}


def test_a_temporary_directory_may_have_any_name(course, tmp_path, monkeypatch):
    (tmp_path / "t (1) [+]").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t (1) [+]"))
    submit(course, "ada")
    assert grade(course)[0] == ["ada"]


def set_due(course, due):
    with nbgrader_course.gradebook(course, NAME) as book:
        book.update_or_create_assignment(NAME, duedate=due)


def test_lateness_is_shown_and_a_corrected_time_grades_again(course):
    set_due(course, "2026-12-01 12:00:00 UTC")
    rule = (DOCS / "instructors.md").read_text().split("```python\n")[1].split("```")[0]
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(rule)
    submit(course, "ada", timestamp="2026-12-01 12:59:00 +0100")
    submit(course, "bob", timestamp="2026-12-01 14:30:00 Europe/Berlin")
    submit(course, "cleo", timestamp="tomorrow")
    submit(course, "dan")
    graded, lines, found = grade(course)
    assert graded == ["ada", "bob", "cleo", "dan"]
    assert lines == [
        "cleo: timestamp.txt must be like '2026-11-30 14:05:00 +0100'; got 'tomorrow'; graded as submitted in time. "
        "Correct it, then run `grade` again."
    ]
    assert {name: (score.score, score.seconds_late) for name, score in found.items()} == {
        "ada": (4, 0),
        "bob": (3, 5400),
        "cleo": (4, 0),
        "dan": (4, 0),
    }
    table = scores.format_table(list(found.values()))
    assert "3 of 6, manual grading pending, late by 1 h 30 min (1 point subtracted)" in table
    pages = {page.parent.parent.name: page.read_text() for page in assignments.feedback(NAME, course)}
    assert "Submitted late by 1 h 30 min (1 point subtracted)." in pages["bob"]
    assert "late" not in pages["ada"].split("</style>")[1]
    submit(course, "bob", timestamp="2026-12-01 12:30:00 Europe/Berlin")
    submit(course, "cleo", timestamp="2026-12-01 13:00:01 +0100")
    graded, lines, found = grade(course)
    assert (graded, lines) == (["bob", "cleo"], [])
    assert (found["bob"].score, found["cleo"].score, found["cleo"].seconds_late) == (4, 3, 1)
    (course / "submitted" / "cleo" / NAME / "timestamp.txt").unlink()
    assert grade(course)[2]["cleo"].score == 4, "nbgrader would keep the old time"


def test_an_extension_leaves_the_penalty_and_its_reason_until_it_is_graded_again(course, capsys):
    set_due(course, "2026-12-01 12:00:00 UTC")
    with (course / "nbgrader_config.py").open("a") as file:
        file.write((DOCS / "instructors.md").read_text().split("```python\n")[1].split("```")[0])
        file.write('\nc.NbGraderAPI.timezone = "Asia/Tokyo"\n')
    submit(course, "ada", timestamp="2026-12-01 14:06:00 UTC")
    grade(course)
    assert cli.main(["assignments", "extend", "ada", NAME, "--hours", "24", "--course", str(course)]) == 0
    assert "is due at 2026-12-02 21:00 JST (2026-12-02 12:00 UTC). The graded" in capsys.readouterr().out
    words = "pending, 1 point subtracted for lateness before the due date was changed: grade it again with --regrade"
    for which in ([NAME], ["--student", "ada"]):
        assert cli.main(["assignments", "report", *which, "--course", str(course)]) == 0
        assert words in capsys.readouterr().out
    (page,) = assignments.feedback(NAME, course)
    assert "1 point subtracted for lateness before the due date was changed." in page.read_text()
    grade(course, regrade=True)
    assert cli.main(["assignments", "report", NAME, "--course", str(course)]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith(" 4 of 6, manual grading pending")


def test_students_without_a_submission_are_named(course, capsys, tmp_path):
    submit(course, "ada")
    folders = course / "submitted"
    for path in (f"hans/{NAME}", "ida", f"jo/{NAME}", "kim/other", f".ipynb_checkpoints/{NAME}", f"{NAME}/leo"):
        (folders / path).mkdir(parents=True)
    (folders / "jo" / NAME / ".DS_Store").touch()
    (folders / "kim" / "other" / "a.ipynb").touch()
    graded, _, found = grade(course)
    assert (graded, list(found)) == (["ada"], ["ada"])
    with nbgrader_course.gradebook(course, NAME) as book:
        book.add_student("emil", first_name="Emil", last_name="Ernst")
    submit(course, "zoe")
    report = ["assignments", "report", NAME, "--course", str(course), "--csv", str(tmp_path / "a.csv"), "--format"]
    assert cli.main([*report, "tasks"]) == 0
    expected = [
        "ada           4 of 6, manual grading pending",
        "emil     no submission",
        f"hans     no submission, submitted/hans/{NAME} is empty",
        "ida      no submission, submitted/ida is empty",
        f"jo       no submission, submitted/jo/{NAME} is empty",
        "kim      no submission",
        "zoe      not graded yet",
    ]
    assert capsys.readouterr().out.splitlines()[1:8] == expected
    table = rows(tmp_path / "a.csv")
    assert [row[0] for row in table[1:]] == ["ada", "emil", "hans", "ida", "jo", "kim", "zoe"]
    assert table[2] == ["emil", "Ernst, Emil", "", "6", "no submission", *[""] * 5]
    assert len({*map(len, table)}) == 1
    for platform in ("canvas", "moodle"):
        assert cli.main([*report, platform]) == 0
        assert "emil" not in (tmp_path / "a.csv").read_text().lower()
    shutil.rmtree(folders / NAME)
    capsys.readouterr()
    assert cli.main(["assignments", "grade", NAME, "--course", str(course), "--workers", "1", "--student", "ada"]) == 0
    assert "emil" not in capsys.readouterr().out


def test_only_empty_directories_are_nothing_submitted(course):
    (course / "submitted" / "hans" / NAME).mkdir(parents=True)
    with pytest.raises(AssignmentError, match="nothing was submitted; expected"):
        grade(course)


def test_points_given_by_hand_stay_final_unless_the_answer_changed(course):
    for student in ("ada", "bob", "cleo"):
        submit(course, student)
    grade(course)
    for student in ("ada", "bob", "cleo"):
        set_grade(course, student, "words", 2)
    set_grade(course, "ada", "double-check", 1)
    submit(course, "bob", answer=f"{ANSWER}  # tidied up")
    submit(course, "cleo", words="Because I thought again.")
    found = grade(course, regrade=True)[2]
    assert {name: (score.score, score.needs_manual_grade) for name, score in found.items()} == {
        "ada": (1 + 2 + 2, False),
        "bob": (6, False),
        "cleo": (6, True),
    }


def test_a_file_that_was_only_touched_is_not_graded_again(course):
    submit(course, "ada")
    grade(course)
    os.utime(course / "submitted" / "ada" / NAME / f"{NAME}.ipynb", (0, 0))
    assert grade(course)[0] == []
    submit(course, "ada", answer="wrong")
    os.utime(course / "submitted" / "ada" / NAME / f"{NAME}.ipynb", (0, 0))
    assert grade(course)[0] == ["ada"]


CANVAS, MOODLE = "lovelaceada_12345_678901_", "Ada Lovelace_4711_assignsubmission_file"


@pytest.mark.parametrize(
    ("platform", "file", "student", "collected"),
    [
        ("canvas", f"{CANVAS}small.ipynb", "12345", "small.ipynb"),
        ("canvas", "lovelaceada_LATE_12345_678901_small-2.ipynb", "12345", "small.ipynb"),
        ("canvas", f"{CANVAS}small.zip", "12345", "small.zip"),
        ("canvas", f"{CANVAS}work/sub/small.ipynb", "12345", "work/sub/small.ipynb"),  # zip_collect extracts archives
        ("canvas", f"{CANVAS}small.py", "12345", "small.py"),
        ("moodle", f"{MOODLE}_small.ipynb", "Ada Lovelace", "small.ipynb"),
        ("moodle", f"{MOODLE}/small.ipynb", "Ada Lovelace", "small.ipynb"),
        ("moodle", f"{MOODLE}_/small.ipynb", "Ada Lovelace", "small.ipynb"),
        ("moodle", f"all/{MOODLE}_/sub/small.ipynb", "Ada Lovelace", "sub/small.ipynb"),
        ("moodle", f"{MOODLE}_/my work.v2.zip", "Ada Lovelace", "my work.v2.zip"),
        ("moodle", f"{MOODLE}_/SMALL.IPYNB", "Ada Lovelace", "SMALL.IPYNB"),
        ("moodle", f"{MOODLE}_/small.Rmd", "Ada Lovelace", "small.Rmd"),
        ("moodle", "Jean_Luc P_4711_assignsubmission_file_/a.ipynb", "Jean_Luc P", "a.ipynb"),
        ("moodle", "Ada Lovelace_4711_assignsubmission_onlinetext/onlinetext.html", None, None),
    ],
)
def test_the_patterns_for_archives_find_student_and_file(platform, file, student, collected):
    settings = nbgrader_course.DEFAULT_SETTINGS.replace("get_config()", "Config()")
    names = {"Config": Config}
    exec(settings, names)
    found = re.match(names[platform], f"/course/downloaded/small/extracted/archive/{file}")
    assert bool(found) == bool(student)
    extension = os.path.splitext(file)[1]
    assert extension in names["c"].FileNameCollectorPlugin.valid_ext
    if found:  # what nbgrader does with the groups
        assert found["student_id"] == student
        assert os.path.splitext(found["file_id"])[0] + extension == collected


def test_a_student_who_was_renamed_or_removed(course):
    submit(course, "ada")
    submit(course, "bob")
    grade(course)
    (course / "submitted" / "ada").rename(course / "submitted" / "ada.lovelace")
    found = grade(course)[2]
    assert ", no longer in submitted/" in scores.format_table(list(found.values())).splitlines()[1]
    with nbgrader_course.gradebook(course, NAME) as book:
        book.remove_student("ada")
    lines = []
    pages = assignments.feedback(NAME, course, say=lines.append)
    assert [page.parent.parent.name for page in pages] == ["ada.lovelace", "bob"]
    assert lines == ["not in the gradebook, so without a page: ada. Remove autograded/STUDENT, or grade again."]


# The gradebook.


def test_a_locked_gradebook_stops_grading_in_one_line_and_keeps_what_is_graded(course, monkeypatch, capsys):
    submit(course, "ada")
    grade(course)
    submit(course, "bob")
    monkeypatch.setattr(gradebook_file, "LOCK_SECONDS", 0.1)
    database = sqlite3.connect(course / "gradebook.db")
    database.execute("BEGIN EXCLUSIVE")
    for step in ("grade", "feedback"):
        assert cli.main(["assignments", step, NAME, "--course", str(course)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "gradebook.db is locked by another program, such as nbgrader's formgrader" in line
    database.rollback()
    assert grade(course)[0] == ["bob"]


@pytest.mark.full
def test_a_gradebook_that_is_locked_meanwhile_stops_grading_too(course, monkeypatch):
    submit(course, "ada")
    submit(course, "bob")
    locked = []

    def lock(text, limits=None):
        if "bob" in text:
            database = sqlite3.connect(course / "gradebook.db")
            database.execute("BEGIN EXCLUSIVE")
            locked.append(database)
        return not_executed(text)

    submit(course, "bob", words="I am bob.")
    monkeypatch.setattr(assignments, "execute_notebook", lock)
    with pytest.raises(GradebookError, match="is locked by another program"):
        grade(course)
    locked[0].rollback()
    monkeypatch.setattr(assignments, "execute_notebook", not_executed)
    assert grade(course)[0] == ["bob"]


@pytest.mark.parametrize("data", [b"not a database" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_gradebook_is_named(course, data, capsys):
    submit(course, "ada")
    (course / "gradebook.db").write_bytes(data)
    for step in ("release", "grade", "feedback", "report"):
        solutions = ["--solutions", str(course.parent / "solutions")] if step == "release" else []
        assert cli.main(["assignments", step, NAME, "--course", str(course), *solutions]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "gradebook.db is damaged: it must be an SQLite database. Put back a copy of yours" in line
    assert (course / "gradebook.db").read_bytes() == data


def test_everyone_is_graded_again_if_the_gradebook_was_moved_away_and_the_assignment_released(course, fresh):
    submit(course, "ada")
    grade(course)
    (course / "gradebook.db").unlink()
    with pytest.raises(AssignmentError, match=r"no gradebook in .* Run `cifarlab assignments release small` first"):
        grade(course)
    shutil.copy(fresh / "course" / "gradebook.db", course)  # as after a release, which takes seconds
    graded, _, found = grade(course)
    assert (graded, found["ada"].score) == (["ada"], 4)


# CSV files.


def rows(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


def test_provisional_totals_are_not_exported_as_final_ones(course, tmp_path, capsys):
    submit(course, "ada")
    submit(course, "bob", answer="wrong", words=None)
    submit(course, "cleo")
    grade(course)
    set_grade(course, "cleo", "words", 2)
    with nbgrader_course.gradebook(course, NAME) as book:
        book.update_or_create_student("cleo", first_name="Cléo", last_name="Lévy", email="c@x.org")
    report = ["assignments", "report", NAME, "--course", str(course), "--csv", str(tmp_path / "a.csv"), "--format"]
    assert cli.main([*report, "canvas"]) == 0
    assert "left out, because answers still wait to be graded by hand: ada." in capsys.readouterr().out
    assert rows(tmp_path / "a.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", NAME],
        ["Points Possible", "", "", "", "", "6"],
        ["bob", "", "", "bob", "", "0"],
        ["Lévy, Cléo", "", "", "cleo", "", "6"],
    ]
    assert cli.main([*report, "moodle"]) == 0
    assert rows(tmp_path / "a.csv")[1:] == [["bob", "bob", "", "0"], ["Lévy, Cléo", "cleo", "c@x.org", "6"]]
    assert cli.main([*report, "tasks"]) == 0
    assert "left out" not in capsys.readouterr().out.split("as moodle.")[1].split("\n", 2)[2]
    assert rows(tmp_path / "a.csv") == [
        [
            "student",
            "name",
            "points",
            "of",
            "status",
            "minutes late",
            "penalty",
            "double-check",
            "double-others",
            "words",
        ],
        ["ada", "ada", "4", "6", "provisional", "0", "0", "2", "2", ""],
        ["bob", "bob", "0", "6", "final", "0", "0", "0", "0", "0"],
        ["cleo", "Lévy, Cléo", "6", "6", "final", "0", "0", "2", "2", "2"],
    ]
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf"), "or Excel takes umlauts for two letters"


def test_report_names_nearly_equal_answers(course, capsys):
    words = "The sum of a number and itself is twice that number, because both terms are equal and addition is defined "
    words += "on pairs; so it does not matter which of them is written first in the code."
    submit(course, "ada", words=words)
    submit(course, "bob", words=words.replace("sum", "Sum"))
    submit(course, "cleo")
    grade(course)
    assert cli.main(["assignments", "report", NAME, "--course", str(course)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "- ada and bob: words identical"


@pytest.mark.skipif(sys.platform != "linux", reason="file systems elsewhere know no such names")
def test_a_name_in_another_encoding_is_refused_in_one_line(course):
    submit(course, "ada")
    (course / "submitted" / "ada").rename(course / "submitted" / os.fsdecode("müller".encode("latin-1")))
    with pytest.raises(AssignmentError, match=r"'m\\udcfcller' in .*submitted is not UTF-8; rename it") as error:
        grade(course)
    assert "PYTHONUTF8=1" in str(error.value)


def test_nbgrader_is_imported_in_one_module():
    """Its format and its gradebook are what the package depends on."""
    package = Path(nbgrader_course.__file__).parents[2]
    pattern = re.compile(r"^\s*(from|import) nbgrader\b", re.MULTILINE)
    assert [path.stem for path in package.rglob("*.py") if pattern.search(path.read_text())] == ["nbgrader_course"]
