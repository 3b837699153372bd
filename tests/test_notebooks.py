"""The committed notebooks match their sources, were executed, and are readable; nbval compares their outputs."""

import copy
import re
import subprocess
import sys

import nbformat
import pytest

from cifarlab.plotting import figures, plots
from tools.build_notebooks import ROOT, SOLUTIONS, execute, from_source, pairs, widgets_without_dashboards
from tools.check_notebooks import LARGEST_FILE, complaints, differences, exercise_complaints

pytestmark = pytest.mark.slow

PAIRS = pairs()
NAMES = [source.stem for source in PAIRS]
README = (ROOT / "README.md").read_text()
LESSON_SOURCES = [source for source, built in PAIRS.items() if built.parent != SOLUTIONS]
SOLVED = [built for built in PAIRS.values() if built.parent == SOLUTIONS]


@pytest.fixture(params=PAIRS.items(), ids=NAMES)
def source_and_notebook(request):
    source, built = request.param
    assert built.exists(), f"{built.name} is missing: run make notebooks"
    return from_source(source), nbformat.read(built, as_version=4)


def test_every_notebook_has_a_source():
    folders = {built.parent for built in PAIRS.values()}
    assert {path for folder in folders for path in folder.glob("*.ipynb")} == set(PAIRS.values())


def test_it_matches_its_source(source_and_notebook):
    source, notebook = source_and_notebook
    assert not list(differences(notebook, source))


def test_it_is_readable(source_and_notebook):
    assert not complaints(source_and_notebook[1])


@pytest.mark.parametrize("built", SOLVED, ids=lambda path: path.stem)
def test_the_readme_has_an_exercises_minutes(built):
    said = re.search(r"\*\*Time\*\*: (\d+) minutes", nbformat.read(built, as_version=4).cells[0].source)
    assert re.search(rf"\(exercises/{built.name}\) \|.*\| {said[1]} \|", README)


@pytest.mark.parametrize("built", SOLVED, ids=lambda path: path.stem)
def test_an_exercise_has_everything_that_a_student_needs(built):
    assert not exercise_complaints(nbformat.read(built, as_version=4))


@pytest.mark.parametrize("built", PAIRS.values(), ids=NAMES)
def test_its_file_is_valid_and_small(built):
    nbformat.validate(nbformat.read(built, as_version=4))
    assert built.read_text().endswith("}\n")
    assert built.stat().st_size < LARGEST_FILE


@pytest.mark.full
@pytest.mark.parametrize("source", LESSON_SOURCES, ids=lambda path: path.stem)
def test_a_lesson_runs_on_the_real_images(source, real_data_dir, monkeypatch, tmp_path):
    monkeypatch.setenv("CIFARLAB_DATA", str(real_data_dir))
    monkeypatch.setenv("CIFARLAB_DATASET", "cifar10")
    notebook = from_source(source)
    execute(notebook)
    printed = [output.get("text", "") for cell in code_cells(notebook) for output in cell.outputs]
    expected = ("Data: cifar10, 50,000 training images", "Data: cifar10, 10,000 test images")
    assert any(text.startswith(expected) for text in printed)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


# The checks themselves: each is seen to fail.


@pytest.fixture
def good():
    source = next(iter(PAIRS))
    return nbformat.read(PAIRS[source], as_version=4), from_source(source)


def test_a_good_notebook_causes_no_complaints(good):
    assert not complaints(good[0])
    assert not list(differences(*good))


def with_changed_source(notebook):
    notebook.cells[3].source += "\n# another line"


def with_an_extra_cell(notebook):
    notebook.cells.append(copy.deepcopy(notebook.cells[-1]))


def with_a_new_id(notebook):
    notebook.cells[2].id = "0123456789ab"


def with_another_kernel(notebook):
    notebook.metadata.kernelspec = {"name": "julia"}


@pytest.mark.parametrize("change", [with_changed_source, with_an_extra_cell, with_a_new_id, with_another_kernel])
def test_differences_from_the_source_are_found(good, change):
    notebook, source = good
    change(notebook)
    assert list(differences(notebook, source))


def unrun(notebook):
    code_cells(notebook)[1].execution_count = None


def out_of_order(notebook):
    code_cells(notebook)[0].execution_count = 9


def failed(notebook):
    code_cells(notebook)[0].outputs = [nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=[])]


def on_stderr(notebook):
    code_cells(notebook)[0].outputs = [nbformat.v4.new_output("stream", name="stderr", text="a warning\n")]


def two_titles(notebook):
    notebook.cells[-1].source = "# Another title"


def title_gone(notebook):
    notebook.cells[0].source = "Inputs"


def image_without_alt_text(notebook):
    code_cells(notebook)[0].outputs = [nbformat.v4.new_output("display_data", data={"image/png": "aaaa"})]


def widget_without_static_image(notebook):
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "0" * 32}, "text/plain": "HBox()"}
    code_cells(notebook)[0].outputs = [nbformat.v4.new_output("display_data", data=data)]


def html_image_without_alt_text(notebook):
    data = {"text/html": '<img src="data:image/png;base64,">', "text/plain": "a picture"}
    code_cells(notebook)[0].outputs = [nbformat.v4.new_output("display_data", data=data)]


def markdown_image_without_alt_text(notebook):
    notebook.cells[0].source += "\n\n![](picture.png)"


def long_cell(notebook):
    code_cells(notebook)[0].source = "\n".join(["pass"] * 16)


def median_too_long(notebook):
    for cell in code_cells(notebook):
        cell.source = "\n".join(["pass"] * 7)


def too_many_ignored(notebook):
    for cell in code_cells(notebook)[::3]:
        cell.source = "# NBVAL_IGNORE_OUTPUT\npass"


def path_of_this_machine(notebook):
    code_cells(notebook)[0].outputs = [nbformat.v4.new_output("stream", text="saved in /home/me/runs\n")]


def answer_left_open(notebook):
    notebook.cells[0].source += "\n\n<details><summary>Answer</summary>\n\n42"


@pytest.mark.parametrize(
    "change",
    [
        unrun,
        out_of_order,
        failed,
        on_stderr,
        two_titles,
        title_gone,
        image_without_alt_text,
        widget_without_static_image,
        html_image_without_alt_text,
        markdown_image_without_alt_text,
        long_cell,
        median_too_long,
        too_many_ignored,
        path_of_this_machine,
        answer_left_open,
    ],
)
def test_unreadable_notebooks_are_found(good, change):
    notebook = good[0]
    change(notebook)
    assert len(complaints(notebook)) == 1


# nbval in strict mode: what it must accept and what it must reject.


@pytest.fixture
def solved():
    return nbformat.read(SOLVED[0], as_version=4)


def no_minutes(notebook):
    notebook.cells[0].source = notebook.cells[0].source.replace("minutes", "hours")


def points_that_do_not_add_up(notebook):
    graded = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("points")]
    graded[0].metadata.nbgrader.points += 1


def one_hint(notebook):
    text = next(cell for cell in notebook.cells if "Hint 2" in cell.source)
    text.source = text.source.replace("Hint 2", "More")


def no_check(notebook):
    test = next(cell for cell in notebook.cells if "teaching.check_" in cell.source)
    test.source = "assert softmax"


def no_types(notebook):
    task = next(cell for cell in notebook.cells if "BEGIN SOLUTION" in cell.source)
    task.source = task.source.replace("->", ",")


@pytest.mark.parametrize("change", [no_minutes, points_that_do_not_add_up, one_hint, no_check, no_types])
def test_missing_parts_of_an_exercise_are_found(solved, change):
    change(solved)
    assert len(exercise_complaints(solved)) == 1


def printed(text, name="stdout"):
    return [nbformat.v4.new_output("stream", name=name, text=text)]


FIGURE = """from cifarlab.plotting import figures, plots
figure, (ax,) = figures.subplots()
plots.lines(ax, {"loss": ([0, 1, 2], [3.0, 2.0, LAST])}, title="Does it learn?", x="step", y="loss")
figures.show(figure, "It falls.", checksum=True)"""


def shown(*values):
    figure, (ax,) = figures.subplots()
    plots.lines(ax, {"loss": ([0, 1, 2], values)}, title="Does it learn?", x="step", y="loss")
    words = "\n".join(["It falls.", *(f"[{line}]" for line in figures.describe(figure, checksum=True))])
    data = {"text/plain": words, "image/png": "aaaa"}
    return [nbformat.v4.new_output("display_data", data=data, metadata={"image/png": {"alt": "It falls."}})]


STRICT = {
    "equal": ("print(4.676)", printed("4.676\n"), True),
    "changed_number": ("print(4.676)", printed("4.675\n"), False),
    "stderr": ("import sys; print('a warning', file=sys.stderr)", [], False),
    "semicolon": ("4.676;", [], True),
    "equal_figure": (FIGURE.replace("LAST", "1.0"), shown(3.0, 2.0, 1.0), True),
    "changed_figure": (FIGURE.replace("LAST", "1.0"), shown(3.0, 2.0, 1.5), False),
}
"""Notebooks with one cell: its source, its stored output, and whether that output is correct."""


@pytest.fixture(scope="module")
def nbval(tmp_path_factory):
    """Runs nbval on these notebooks as `make test` does, and returns its output, one line per cell."""
    folder = tmp_path_factory.mktemp("strict")
    for name, (code, output, _) in STRICT.items():
        cell = nbformat.v4.new_code_cell(code, outputs=output, execution_count=1)
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / f"{name}.ipynb")
    settings = ["-c", "pyproject.toml", "-p", "conftest", "-p", "no:cacheprovider", "-p", "no:xdist", "-rA"]
    command = [sys.executable, "-m", "pytest", *settings, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300).stdout


@pytest.mark.full
@pytest.mark.parametrize("name", STRICT)
def test_nbval_is_strict(nbval, name):
    passes = STRICT[name][2]
    assert re.search(rf"^{'PASSED' if passes else 'FAILED'} (\S*/)?{name}\.ipynb::Cell 0", nbval, re.MULTILINE), nbval


def test_a_dashboard_leaves_no_dead_buttons_in_a_notebook():
    """A dashboard's widget state is dropped, so its static image is shown without a kernel; other widgets stay."""
    ids = {name: f"{number:032x}" for number, name in enumerate(("board", "button", "slider"))}
    models = {
        ids["board"]: {"state": {"_dom_classes": ["cifarlab-dashboard"], "children": [f"IPY_MODEL_{ids['button']}"]}},
        ids["button"]: {"state": {}},
        ids["slider"]: {"state": {}},
    }
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": models}}
    (kept,) = widgets_without_dashboards(notebook)["widgets"].values()
    assert list(kept["state"]) == [ids["slider"]]
