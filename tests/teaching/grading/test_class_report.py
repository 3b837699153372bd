"""The report on a class, as text, CSV and page, for a made-up class of 30."""

import csv
import datetime
import re
import shutil
from html.parser import HTMLParser

import nbformat
import numpy as np
import pytest

from cifarlab import cli
from cifarlab.plotting import class_results, figures
from cifarlab.teaching.checks import catalog
from cifarlab.teaching.grading import class_page, class_report, class_tables, scores, students
from cifarlab.teaching.grading.advice import tasks
from cifarlab.teaching.grading.class_tables import DASH
from cifarlab.teaching.grading.nbgrader_course import AssignmentError
from tests.teaching.grading.made_up_class import NAME, make


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return make(tmp_path_factory.mktemp("class"))


@pytest.fixture(scope="module")
def report(course):
    return class_report.summarize(NAME, course)


def test_tasks_are_counted(report):
    found = {result.task.name: result for result in report.tasks}
    assert list(found) == ["softmax", "smallest-loss", "explanation", "private tests"]
    assert [result.task.title for result in report.tasks][:2] == ["1. The softmax", "2. The smallest-loss"]
    softmax, loss, explanation, private = found.values()
    assert (softmax.graded, softmax.correct, softmax.max_points, softmax.missing) == (30, 23, 3, 0)
    assert softmax.mean_points == pytest.approx(23 * 3 / 30)
    assert (loss.graded, loss.correct, loss.missing) == (30, 30 - 3 - 1 - 2 - 1, 3)
    assert (explanation.graded, explanation.waiting) == (20, 10)
    assert (softmax.waiting, private.waiting) == (0, 0)
    assert (explanation.graded, explanation.correct) == (20, len([n for n in range(20) if n % 3 == 2]))
    assert explanation.mean_points == pytest.approx(np.mean([n % 3 for n in range(20)]))
    assert (private.correct, private.max_points) == (29, 1)
    assert report.not_submitted == 2  # also the one who has only an extension
    assert len(report.points) == 30


def test_advice_is_counted_by_student_the_most_frequent_first(report):
    counts = [(result.id, result.task, len(result.students)) for result in report.advice]
    assert counts == [
        ("softmax.raised-hidden", "1. The softmax", 7),  # the same number: in the order of the tasks, then of the ids
        ("softmax.wrong-axis", "1. The softmax", 7),
        ("smallest_loss.knows-nothing", "2. The smallest-loss", 3),
        ("no advice", "2. The smallest-loss", 1),
    ]
    assert report.advice[2].students == ("student 05", "student 06", "student 07")


def test_nobody_is_named_unless_asked(report, tmp_path):
    for names in (False, True):
        text = class_tables.format_report(report, names=names)
        class_tables.write_csv(report, tmp_path / "a.csv", names=names)
        class_page.write_page(report, tmp_path / "a.html", names=names)
        for found in (text, (tmp_path / "a.csv").read_text(), (tmp_path / "a.html").read_text()):
            assert ("student 05" in found) == names


def test_the_text_fits_its_width_and_says_what_matters(report):
    lines = class_tables.format_report(report, names=True).splitlines()
    assert lines[0] == "01_softmax: 30 graded submissions; 2 students of the course without one."
    assert lines[1] == "Least understood: 1. The softmax (77% all correct)."  # the third task is not graded yet
    assert max(map(len, lines)) <= class_tables.WIDTH
    assert "3. The explanation" in lines[6]
    assert re.search(rf" {DASH} +{DASH} of 2 +0  \(10 to grade manually\)$", lines[6])
    assert re.search(r"^ +7  softmax.wrong-axis\n +each column adds up to 1", "\n".join(lines), re.MULTILINE)


def test_the_csv_file_has_a_row_for_each_task_and_advice(report, tmp_path):
    class_tables.write_csv(report, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["kind"] for row in rows] == ["task"] * 4 + ["advice"] * 4
    assert (rows[0]["students"], rows[0]["share"], rows[0]["mean points"]) == ("23", "0.767", "2.300")
    assert rows[2]["to grade manually"] == "10"
    assert (rows[2]["students"], rows[2]["share"], rows[2]["mean points"]) == ("", "", "")
    assert (rows[5]["name"], rows[5]["students"], rows[5]["share"]) == ("softmax.wrong-axis", "7", "0.233")
    assert None not in rows[5]


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.images = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))


def test_the_page_is_self_contained_and_described(report, tmp_path):
    class_page.write_page(report, tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text()
    page = Page(text)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert not re.search(r"https?://|url\(", text)
    assert [image["class"] for image in page.images] == ["light", "dark"] * 2
    assert all(image["src"].startswith("data:image/png;base64,") and len(image["alt"]) > 40 for image in page.images)
    assert "reread lesson 3, “Two parts”" in text
    assert "<h1>What has the class understood? Softmax</h1>" in text
    assert "Each column adds up to 1" in text


def test_hostile_names_are_escaped(report, tmp_path):
    bad = report.advice[0]._replace(id="<script>", students=("<b>x</b>", "=1+1"))
    class_page.write_page(report._replace(name="<i>", advice=[bad]), tmp_path / "a.html", names=True)
    assert {"script", "b", "i"}.isdisjoint(Page((tmp_path / "a.html").read_text()).tags)
    class_tables.write_csv(report._replace(advice=[bad._replace(id="=1+1")]), tmp_path / "a.csv")
    assert "'=1+1" in (tmp_path / "a.csv").read_text()


def test_a_class_without_advice(report, tmp_path):
    perfect = report._replace(advice=[], tasks=[report.tasks[-1]._replace(correct=30)])
    assert class_tables.format_report(perfect).endswith("No check gave advice.")
    assert "Least understood" not in class_tables.format_report(perfect)
    class_page.write_page(perfect, tmp_path / "a.html")
    assert len(Page((tmp_path / "a.html").read_text()).images) == 2


@pytest.mark.parametrize(
    ("each", "most", "heights"),
    [
        ([0, 0, 1, 3], 3, [2, 1, 0, 1]),
        ([2.5, 3], 3, [0, 0, 0, 2]),  # half points stand at the next full ones
        ([10], 10, [0] * 10 + [1]),
        ([0.0], 0.5, [1]),
        ([100, 0, 51], 100, [1, *[0] * 9, 1, *[0] * 9, 1]),
    ],
)
def test_points_stand_above_their_value(each, most, heights):
    _, (ax,) = figures.subplots()
    class_results.points(ax, each, most)
    found = [int(bar.get_height()) for bar in ax.patches]
    assert found[: len(heights)] == heights
    assert sum(found) == len(each)


def test_only_the_most_frequent_advice_is_drawn():
    figure, (ax,) = figures.subplots()
    names = [f"Advice {number}." for number in range(20)]
    class_results.advice(ax, names, list(range(20, 0, -1)), ["a", "b"] * 6 + ["c"] * 8)
    assert [text.get_text() for text in ax.get_yticklabels()] == names[: class_results.MAX_BARS]
    widths = {round(bar.get_y() + bar.get_height() / 2): bar.get_width() for bar in ax.patches}
    assert [widths[place] for place in range(12)] == list(range(20, 8, -1))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    assert ax.yaxis_inverted()
    assert figures.png(figure)


# The command.


def run(capsys, *arguments):
    status = cli.main(["assignments", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert len(err.splitlines()) == (status != 0)
    return status, out + err


def test_the_command_prints_and_writes(course, tmp_path, capsys):
    files = ["--csv", tmp_path / "a.csv", "--html", tmp_path / "a.html"]
    status, out = run(capsys, "report", NAME, "--course", course, "--tasks", *files)
    assert status == 0
    assert "softmax.wrong-axis" in out
    assert "student 05" not in out
    assert all(path.exists() for path in files[1::2])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "needs the exercise's NAME, or --student"),
        ([NAME, "--html", "a"], "--html must be used with --tasks"),
        ([NAME, "--names"], "--names must be used with --tasks"),
        ([NAME, "--tasks", "--format", "moodle"], "--tasks has its own CSV format"),
        ([NAME, "--format", "moodle"], "--format must be used with --csv"),
        (["--student", "student 01", "--tasks"], "--tasks must be used without --student"),
        (["--student", "student 01", "--csv", "a"], "--csv must be used without --student"),
        (["--student", "student 1"], "STUDENT must be a name in the gradebook; got student 1. Did you mean student"),
        (["--student", ""], "STUDENT must be a name"),
        (["--student", "student 01", "02_x"], "no assignment '02_x'"),
        (["02_x", "--tasks"], "no assignment '02_x'"),
    ],
)
def test_options_that_do_not_fit_get_one_line(course, capsys, arguments, words):
    status, line = run(capsys, "report", "--course", course, *arguments)
    assert status == 2
    assert words in line


@pytest.mark.parametrize(("bars", "tasks"), [(1, 1), (2, 1), (2, 2), (12, 5), (30, 1)])
def test_a_bar_has_the_same_height_however_many_there_are(bars, tasks):
    counts, groups = list(range(bars, 0, -1)), [f"task {number % tasks}" for number in range(bars)]
    figure, (ax,) = figures.subplots(height=class_results.advice_height(counts, groups))
    class_results.advice(ax, ["word " * 40] * bars, counts, groups)
    figures.png(figure)  # lays it out
    inches = ax.get_window_extent().height / figure.dpi / (abs(np.diff(ax.get_ylim()).item()))
    assert inches == pytest.approx(0.41, abs=0.03)
    assert bool(figure.legends) == (tasks > 1)
    assert all(len(text.get_text().split("\n")) == 2 for text in ax.get_yticklabels())


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("# Exercise 3. Queue fill: how small may it be?", "Queue fill"),
        ("Text\n\n# `Softmax`", "Softmax"),
        ("## 1. Task", "01_softmax"),
    ],
)
def test_the_title_is_the_notebooks(own_course, heading, title):
    path = own_course / "release" / NAME / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = heading
    nbformat.write(notebook, path)
    assert class_report.summarize(NAME, own_course).title == title


def test_students_no_longer_in_submitted_are_left_out(own_course, capsys):
    for number in range(1, 30):
        (own_course / "submitted" / f"student {number:02}").mkdir(parents=True)
    report = class_report.summarize(NAME, own_course)
    assert ("student 00" in report.points, len(report.points), report.left_out) == (False, 29, 1)
    assert [len(result.students) for result in report.advice][:2] == [6, 6]
    out = run(capsys, "report", NAME, "--course", own_course, "--tasks")[1]
    assert "29 graded submissions; 2 students of the course without one; 1 student no longer in submitted/ left" in out


def test_nothing_graded_gets_one_line(course, capsys, monkeypatch):
    monkeypatch.setattr(class_report, "is_graded", lambda submission: False)
    assert run(capsys, "report", NAME, "--course", course, "--tasks")[1].endswith(
        "nothing is graded yet. Run `cifarlab assignments grade 01_softmax` first.\n"
    )


# One student.


@pytest.fixture
def own_course(course, tmp_path):
    """A copy of the course, which a test may change."""
    return shutil.copytree(course, tmp_path / "own")


def test_one_student_in_all_assignments(own_course, capsys):
    status, out = run(capsys, "report", "--student", "student 05", "--course", own_course)
    assert status == 0
    first, second, *advice, last = out.splitlines()
    assert first.split() == ["assignment", "points"]
    assert second.split() == ["01_softmax", "3", "of", "8"]
    assert [line.strip() for line in advice if re.fullmatch(r"  \S+", line)] == [
        "softmax.wrong-axis",
        "softmax.raised-hidden",
        "smallest_loss.knows-nothing",
    ]
    words = " ".join(line.strip() for line in advice)
    assert all(catalog.words_of(each) in words for each in ("softmax.wrong-axis", "smallest_loss.knows-nothing"))
    assert max(map(len, advice)) <= students.WIDTH
    assert last.split() == ["02_locally_connected", "not", "graded"]


def test_an_extension_is_kept_in_the_gradebook(own_course, capsys):
    status, out = run(capsys, "extend", "student 05", NAME, "--hours", 1.5, "--course", own_course)
    assert status == 0
    assert re.match(r"student 05: 01_softmax is due at .*2027-01-31 19:30 UTC\)?\. The graded submission keeps", out)
    (own_course / "submitted" / "new one" / NAME).mkdir(parents=True)
    status, out = run(capsys, "extend", "new one", NAME, "--hours", 24, "--course", own_course)
    assert re.fullmatch(r"new one: 01_softmax is due at .*2027-02-01 18:00 UTC\)?\.\n", out)
    result = students.results_of("new one", own_course)[0]
    assert (result.score, result.extension) == (None, datetime.timedelta(days=1))
    assert "new one" not in {score.student for score in scores.list_scores(NAME, own_course)}  # no 0 points yet
    assert run(capsys, "extend", "new one", NAME, "--hours", 0, "--course", own_course)[0] == 0
    assert students.results_of("new one", own_course)[0].extension is None


@pytest.mark.parametrize(
    ("student", "name", "hours", "words"),
    [
        ("student 05", NAME, "-1", "--hours must be a number from 0 to 10,000; got -1"),
        ("student 05", NAME, "nan", "--hours must be a number"),
        ("student 05", NAME, "inf", "--hours must be a number"),
        ("student 05", NAME, "20000", "--hours must be a number from 0 to 10,000; got 20000"),
        ("student 5", NAME, "1", "Did you mean student"),
        ("zoe", NAME, "1", "nbgrader db student add zoe"),
        ("zoe m.", NAME, "1", "nbgrader db student add 'zoe m.'"),
        ("student 05", "02_locally_connected", "1", "must have a due date to be extended; it has none"),
        ("student 05", "09_x", "1", "no assignment '09_x'"),
    ],
)
def test_an_extension_that_makes_no_sense_gets_one_line(own_course, capsys, student, name, hours, words):
    status, line = run(capsys, "extend", student, name, "--hours", hours, "--course", own_course)
    assert status == 2
    assert words in line


def test_a_course_without_a_gradebook(tmp_path):
    with pytest.raises(AssignmentError, match="no gradebook"):
        students.results_of("ada", tmp_path)


def test_a_test_above_all_answers_belongs_to_no_task(course):
    notebook = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    notebook.cells = notebook.cells[3:]
    assert [task.name for task in tasks(notebook)] == ["", "smallest-loss", "explanation", "private tests"]
