"""Hostile names of classes, files, directories, runs and students are displayed, but never interpreted."""

import ast
import csv
import html.parser
import json
import os
import re
import subprocess
import sys
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
from jupyter_client.session import json_packer, json_unpacker
from matplotlib.text import Text
from nbgrader.api import Gradebook
from PIL import Image

from cifarlab import cli, doctor
from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.data.custom import from_arrays, from_folder
from cifarlab.data.dataset import DataSet
from cifarlab.data.records import read_records
from cifarlab.demos import distributions, graphs, record_plots
from cifarlab.monitoring import console
from cifarlab.monitoring.dashboard import fallback
from cifarlab.monitoring.dashboard.run_monitor import RunMonitor
from cifarlab.monitoring.dashboard.status import current_status
from cifarlab.monitoring.dashboard.widgets import DashboardWidgets
from cifarlab.plotting import evaluations, figures, image_grids, plots, runs
from cifarlab.teaching.grading import scores
from cifarlab.text import display_name, sanitize, sanitize_lines
from tests.faults.fuzz_targets import EVALUATION, STEP
from tests.sources import nodes

ROOT = Path(__file__).parents[2]

GROUPS = {
    "page": ["<img src=x onerror=a(1)>", "</pre><script>a(1)</script>", '"><svg onload=a(1)>', "' on='a", "&lt;"],
    "formula": ["$x$", r"$\frac{", "$", "$$", r"\$", "a_b", "*b*", "{{7*7}}", "%s %d", "'; DROP TABLE students; --"],
    "terminal": ["\x1b]0;owned\x07", "\x1b[2J\x1b[31mred", "\x9b2J", "\b", "a\rb", "a\nb", "\r\nb", "\0", "\t"],
    "turned": ["\u202egnp.exe", "\u2066a\u2069", "\u200f", "\u2028", "\ud800", "\udcff\udcfe", "\ufeff", "e\u0301" * 9],
    "other": ["", " ", "_nolegend_", "..", "--help", "=1+1", "@SUM(1)", "L" * 10_000, "\u732b", "\U0001f600", "\\"],
}  # fmt: skip
WORST = [group[number] for group in GROUPS.values() for number in (0, 1)] + ["_nolegend_", "L" * 10_000]
NAMES = [name for group in GROUPS.values() for name in group]
FILES = [name for name in NAMES if 0 < len(os.fsencode(name.replace("\ud800", ""))) < 250]
FILES = [name for name in FILES if not set("/\0\ud800") & set(name) and name != ".."]
"""Names that a Linux directory may have."""


class Elements(html.parser.HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.found]


def harmless(text: str) -> bool:
    """Returns whether a terminal shows a text unchanged on one line, and every Unicode encoding can represent it."""
    text.encode()
    return sanitize(text) == text and "\n" not in text


@pytest.mark.fault(promise="hostile names", injection="on the console")
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_sanitized_name_is_harmless_and_readable(name, capsys):
    assert harmless(sanitize(name))
    assert sanitize(sanitize(name)) == sanitize(name)
    assert name in sanitize(name) or len(sanitize(name)) > len(name)
    assert len(display_name(name)) <= 40
    console.echo(f"{name} and more")
    printed = capsys.readouterr().out
    assert printed.endswith(" and more\n")
    assert all(map(harmless, printed.split("\n")))
    assert sanitize_lines("a\nb") == "a\nb"


@pytest.mark.fault(promise="hostile names", injection="of classes, from directories, arrays and descriptions")
def test_dataset_accepts_any_class_names(tmp_path, count_trial, capsys):
    names = [name for name in FILES if name[0] not in "._"]
    for name in names:
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (4, 4)).save(tmp_path / "pictures" / name / f"{name[:50]}{number}.png")
    made = from_folder(tmp_path / "pictures", tmp_path / "made", size=8)
    again = DataSet.read_description(tmp_path / "made" / "dataset.json")
    composed = [unicodedata.normalize("NFC", name) for name in names]
    assert set(made.classes) == set(again.classes) == set(map(sanitize, composed))
    console.warn_if_imbalanced(again)
    assert len("\n".join(again.classes).encode().decode().split("\n")) == len(names)  # as `export` writes them
    count_trial(len(names))
    for name in NAMES:
        images, labels = np.zeros([9, 8, 8], np.uint8), np.arange(9) % 4 % 3
        dataset = from_arrays(images, labels, tmp_path / "a", classes=[name, "b", "c"])
        assert harmless(dataset.classes[0])
        console.warn_if_imbalanced(dataset)
        count_trial()
    assert all(map(harmless, capsys.readouterr().out.splitlines()))


@pytest.mark.fault(promise="hostile names", injection="of classes, from directories, arrays and descriptions")
@pytest.mark.parametrize("name", FILES, ids=ascii)
def test_an_error_that_names_a_file_is_one_plain_line(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "a.png").write_bytes(b"no picture")
    (tmp_path / name / "b.bin").write_bytes(b"no records")
    description = {"name": name, "classes": [name], "image_shape": [32, 32, 3], "crop_size": 24}
    (tmp_path / name / "dataset.json").write_text(json.dumps(description | {"train_files": [f"{name}.bin"]}))
    for read_it in (
        lambda: from_folder(tmp_path, tmp_path.with_name("made")),
        lambda: from_folder(tmp_path / name, tmp_path / "made"),
        lambda: DataSet.read_description(tmp_path / name).validate(),
        lambda: DataSet.read_description(tmp_path / name / "dataset.json").validate(),
        lambda: Image.open(tmp_path / name / "a.png") and None,
        lambda: read_records(tmp_path / name / "b.bin"),
    ):
        with pytest.raises((ValueError, OSError)) as error:
            read_it()
        assert harmless(str(error.value)) or isinstance(error.value, OSError)


# ---- figures


def drawings(names: list[str]):
    """Yields every figure of the package that shows names."""
    some, count, one = names[:7], len(names), np.zeros([1, 32, 32, 3], np.uint8)
    figure, axes = figures.subplots(1, 3, height=6)
    plots.bars(axes[0], dict.fromkeys(names, 1.0), title="t", y="y")
    plots.lines(axes[1], dict.fromkeys(names, ([1, 2], [1, 2])), title="t", x="x", y="y")
    plots.stacked_bars(axes[2], {name: dict.fromkeys(some, 1.0) for name in some}, title="t")
    yield figure
    figure, axes = figures.subplots(2, 2, height=6)
    evaluations.confusion(axes[0], np.eye(count, dtype=int), names)
    evaluations.per_class_accuracy(axes[1], np.eye(count, dtype=int), names)
    evaluations.misclassified(axes[2], one.repeat(count, 0), np.eye(count), np.arange(count), names)
    image_grids.image_grid(axes[3], {name: np.zeros([count, 24, 24, 3]) for name in some}, columns=names)
    yield figure
    figure, axes = figures.subplots(2, 4, height=6)
    evaluations.predictions(*axes[:2], one[0], [(name, 0.1) for name in names])
    runs.compare(axes[2:4], {name: [STEP, EVALUATION] for name in some})
    record_plots.color_planes(axes[4:], bytes(3073), names[-1:])
    yield figure
    figure, axes = figures.subplots(1, count)
    distributions.percentile_bands(axes, [0, 10], {name: [np.ones(9)] * 2 for name in names}, y="weights")
    yield figure
    yield fallback.static_figure("/".join(names), [STEP, EVALUATION])
    yield fallback.static_figure("/".join(names), [])


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.fault(promise="hostile names", injection="in figures and their alternative texts")
@pytest.mark.parametrize("names", [WORST, *GROUPS.values()], ids=["worst", *GROUPS])
def test_a_figure_shows_any_name_and_reads_none_as_a_formula(names, count_trial, soak):
    if names is not WORST and not soak:
        pytest.skip("takes a minute; make soak")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a warning would appear below a notebook's cell
        for figure in drawings(names):
            assert figures.png(figure).startswith(b"\x89PNG")
            assert all(map(harmless, "\n".join(figures.describe(figure)).split("\n")))
            read = [text.get_text() for text in figure.findobj(Text) if text.get_parse_math()]
            assert all(re.fullmatch(r"[\d.,\u2212]*|\$\\mathdefault\{.*\}\$", text) for text in read), "numbers alone"
            count_trial(len(names))


@pytest.mark.fault(promise="hostile names", injection="in figures and their alternative texts")
def test_the_powers_of_ten_along_an_axis_are_still_set_as_such():
    figure, (ax,) = figures.subplots()
    ax.plot([1, 2], [1, 1000], label="$x$")
    ax.set_yscale("log")
    figures.png(figure)
    powers = [text for text in ax.yaxis.get_ticklabels() if "mathdefault" in text.get_text()]
    assert powers
    assert all(text.get_parse_math() for text in powers)


@pytest.mark.fault(promise="hostile names", injection="in figures and their alternative texts")
@pytest.mark.parametrize("name", ["end", "click", "graph", "a>b", "a\\b", "a.b", "a-b", "subgraph", "__", "style"])
def test_a_layer_of_any_name_that_tensorflow_takes_is_drawn_as_a_node(name):
    def half(x):
        with tf.name_scope(name if name[0] != "_" else f"a{name}"):
            return x / 2

    graph = tf.function(half).get_concrete_function(tf.TensorSpec([4], name="x")).graph
    scope = name if name[0] != "_" else f"a{name}"
    lines = graphs.mermaid(graph, [scope]).splitlines()
    assert f'subgraph s_{re.sub("[^0-9A-Za-z]", "_", scope)}["{scope}"]' in [line.strip() for line in lines]
    assert all(line.count('"') in (0, 2) for line in lines[1:])


@pytest.mark.fault(promise="hostile names", injection="in figures and their alternative texts")
@pytest.mark.parametrize("name", ['a"]', "a<b", "a;b", "a\nb", "%%{init", "a b", "猫", "a#b", "a]"])
def test_a_name_that_could_leave_its_node_is_not_taken_by_tensorflow(name):
    def half(x):
        with tf.name_scope(name):
            return x / 2

    with pytest.raises(ValueError, match="not a valid"):
        tf.function(half).get_concrete_function(tf.TensorSpec([4], name="x"))


# ---- widgets and pages


@pytest.mark.full
@pytest.mark.fault(promise="hostile names", injection="in widgets, pages and alternative texts")
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_page_shows_any_name_as_text(name):
    figure, _ = figures.subplots(height=0.5)
    element = Elements(figures.html_image(figure, sanitize(name)))
    assert element.tags == ["img"]
    assert set(element.found[0][1]) == {"decoding", "alt", "src"}
    assert element.found[0][1]["alt"] == sanitize(name)
    bundle = fallback.mime_bundle(name, [])
    page = Elements(bundle["text/html"])
    assert page.tags == ["style", "div", "img"]
    assert sanitize(name) in page.found[-1][1]["alt"]
    assert all(map(harmless, bundle["text/plain"].split("\n")))


@pytest.mark.full
@pytest.mark.fault(promise="hostile names", injection="in widgets, pages and alternative texts")
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_dashboard_shows_any_name_as_text(name):
    shown = DashboardWidgets(TrainConfig(), None, {"rate": lambda: None, "compare": lambda: None})
    failed = type("BackgroundRun", (), {"error": name, "traceback": f"{name}\n  {name}", "evaluation_error": name})()
    failed.phase, failed.evaluating, failed.download_progress = "failed", False, ""
    status = current_status(TrainConfig(train_dir=f"runs/{name[:200]}".replace("\0", "")), RunMonitor(), failed, name)
    shown.show(status._replace(numbers=((("loss"), sanitize(name)),)))
    state, values = Elements(shown._state.value), Elements(shown._readings.value)
    assert state.tags == ["div", "strong"] + ["details", "summary", "pre"] * bool(status.details)
    assert values.tags == ["dl", "div", "dt", "dd"]
    assert {key for _, given in state.found + values.found for key in given} == {"class", "data-status", "role"}
    assert harmless(status.message)
    assert sanitize(name) in state.text
    shown.set_runs([sanitize(name), "b"])
    for widget in (shown._state, shown._readings, shown.chosen):
        state = json_unpacker(json_packer(widget.get_state()))  # as it is sent to the page
        assert state.get("value", "") == getattr(widget, "value", "") or "_options_labels" in state
    shown.close()


PAGES = {
    "cifarlab/monitoring/dashboard/fallback.py": {"text/html"},
    "cifarlab/monitoring/dashboard/widgets.py": {"HTML"},
    "cifarlab/demos/distortion_explorer.py": {"HTML"},
    "cifarlab/data/sources/download.py": {"text/html"},  # which it rejects
}
"""The files that create HTML, tested above and in tests/browser. None creates JavaScript."""


@pytest.mark.fault(promise="hostile names", injection="in widgets, pages and alternative texts")
def test_no_other_source_makes_pages():
    for folder in ("cifarlab", "lessons"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            names = {node.attr for node in nodes(path) if isinstance(node, ast.Attribute)}
            names |= {node.id for node in nodes(path) if isinstance(node, ast.Name)}
            words = {node.value for node in nodes(path) if isinstance(node, ast.Constant)}
            found = names & {"HTML", "HTMLMath", "Markdown", "Javascript", "SVG", "Latex", "IFrame"}
            found |= words & {"text/html", "text/markdown", "application/javascript", "image/svg+xml", "text/latex"}
            assert found == PAGES.get(str(path.relative_to(ROOT)), set()), path


GLOBS = {
    "cifarlab/monitoring/dashboard/widget_display.py",  # the parent of a run's directory, which was resolved before
    "cifarlab/teaching/sandbox/landlock.py",  # system directories
    "cifarlab/training/strategies/gpus.py",  # system directories and installed packages
}
"""The files in which `Path.glob` lists a directory that exists."""


@pytest.mark.fault(promise="hostile names", injection="on the command line and in error messages")
def test_a_folder_that_a_person_named_is_not_globbed():
    """On Python 3.13, `Path.glob` raises ValueError for an impossible directory name; `files.entries` does not."""
    called = re.compile(r"\.r?glob\(")
    paths = (ROOT / "cifarlab").rglob("*.py")
    assert {str(path.relative_to(ROOT)) for path in paths if called.search(path.read_text())} == GLOBS


# ---- the command line


@pytest.mark.fault(promise="hostile names", injection="on the command line and in error messages")
@pytest.mark.parametrize("name", [name for name in NAMES if name], ids=ascii)
def test_an_error_of_the_command_line_is_one_plain_line(name, capsys, tmp_path, monkeypatch, count_trial):
    monkeypatch.chdir(tmp_path)
    name = name.replace("\0", "")  # arguments cannot contain it
    for arguments in (
        ["data", name], ["data", name, "--as", "b"], ["data", "c", "--as", f"a{name}"],
        ["eval", "--run-once", "--checkpoint-dir", f"a{name}"], ["classify", f"a{name}.png"],
        ["train", "--dataset", f"a{name}"], ["train", f"--max-steps={name}"], ["train", f"--{name}"],
        ["train", "--strategy", f"a{name}"], ["assignments", "report", f"a{name}", "--course", f"a{name}"],
        [f"a{name}"],
    ):  # fmt: skip
        try:
            status = cli.main(arguments)
        except SystemExit as exit:
            status = exit.code
        said = capsys.readouterr()
        if arguments == ["train", "--help"] or (name == "--help" and status == 0):
            continue
        assert status == 2
        assert harmless(said.err.removesuffix("\n"))
        assert said.err.startswith("cifarlab")
        count_trial()


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.fault(promise="hostile names", injection="on the command line and in error messages")
def test_a_picture_of_any_name_is_classified_whatever_the_terminal_can_show(tmp_path):
    names = [name for name in FILES if name[0] != "-"]
    for name in names:
        Image.new("RGB", (8, 8)).save(tmp_path / name, "PNG")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cifarlab", "classify", *names]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    _, *lines = done.stdout.splitlines()
    assert len(lines) == len(names)
    assert all(map(harmless, lines))
    assert lines[names.index("猫")].startswith("\\u732b: ")


@pytest.mark.fault(promise="hostile names", injection="on the command line and in error messages")
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_the_doctor_and_the_table_of_points_take_one_line_each(name):
    report = doctor.format_report([doctor.Finding("data", name, f"advice {name}")]).split("\n")
    assert len(report) == 2
    table = scores.format_table([scores.Score(name, 1.0, 2.0, False), scores.Score("b", 2.5, 12.0, True)]).split("\n")
    assert len(table) == 3
    assert all(map(harmless, report + table))


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.fault(promise="hostile names", injection="of students, in CSV files for a learning platform")
def test_no_cell_of_a_csv_file_is_a_formula(tmp_path, count_trial, monkeypatch):
    monkeypatch.setenv(
        "PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )  # for nbgrader's programs
    names = ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", "\uff201"]
    names += [*GROUPS["page"], "a\nb", 'a"b', "a,b", "a;=b", "\x1b]0;owned\x07", "\u202ea"]
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        book.add_assignment("a")
        book.add_notebook("exercise", "a")
        book.add_grade_cell("task", "exercise", "a", max_score=1, cell_type="code")
        for name in names:
            book.add_student(name, first_name=name, last_name=name, email=name)
            with book.db.no_autoflush:  # nbgrader would flush a half-made submission, and SQLAlchemy warn of it
                book.add_submission("a", name)
            grade = book.find_grade("task", "exercise", "a", name)
            grade.auto_score, grade.needs_manual_grade = 1, False
        book.db.commit()
    for layout, heads in (("canvas", 2), ("moodle", 1), ("tasks", 1)):
        scores.export_csv("a", tmp_path, tmp_path / "points.csv", layout)
        with (tmp_path / "points.csv").open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
        assert len({len(row) for row in rows}) == 1
        assert len(rows) == len(names) + heads
        for cell in (cell for row in rows for cell in row):
            assert cell.strip()[:1] not in tuple("=+-@\uff1d\uff0b\uff0d\uff20")
            assert harmless(cell)
        count_trial(len(names))
