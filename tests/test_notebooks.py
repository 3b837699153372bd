"""The committed notebooks come from their sources, were run, and are fit to be read; nbval compares their outputs."""

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
    assert built.exists(), f"{built.name} is missing: make notebooks"
    return from_source(source), nbformat.read(built, as_version=4)


def test_there_is_no_notebook_without_a_source():
    folders = {built.parent for built in PAIRS.values()}
    assert {path for folder in folders for path in folder.glob("*.ipynb")} == set(PAIRS.values())


def test_it_comes_from_its_source(source_and_notebook):
    source, notebook = source_and_notebook
    assert not list(differences(notebook, source))


def test_it_is_fit_to_be_read(source_and_notebook):
    assert not complaints(source_and_notebook[1])


@pytest.mark.parametrize("built", SOLVED, ids=lambda path: path.stem)
def test_the_readme_tells_an_exercises_minutes(built):
    said = re.search(r"\*\*Time\*\*: (\d+) minutes", nbformat.read(built, as_version=4).cells[0].source)
    assert re.search(rf"\(exercises/{built.name}\) \|.*\| {said[1]} \|", README)


@pytest.mark.parametrize("built", SOLVED, ids=lambda path: path.stem)
def test_an_exercise_has_all_that_a_student_needs(built):
    assert not exercise_complaints(nbformat.read(built, as_version=4))


@pytest.mark.parametrize("built", PAIRS.values(), ids=NAMES)
def test_its_file_is_valid_and_small(built):
    nbformat.validate(nbformat.read(built, as_version=4))
    assert built.read_text().endswith("}\n")
    assert built.stat().st_size < LARGEST_FILE


@pytest.mark.parametrize("source", LESSON_SOURCES, ids=lambda path: path.stem)
def test_a_lesson_runs_on_the_real_pictures(source, real_data_dir, monkeypatch, tmp_path):
    monkeypatch.setenv("CIFARLAB_DATA", str(real_data_dir))
    monkeypatch.setenv("CIFARLAB_DATASET", "cifar10")
    notebook = from_source(source)
    execute(notebook)
    printed = [output.get("text", "") for cell in code_cells(notebook) for output in cell.outputs]
    expected = ("Data: cifar10, 50,000 training images", "Data: cifar10, 10,000 test images")
    assert any(text.startswith(expected) for text in printed)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


# The checks themselves, each seen to fail.


@pytest.fixture
def good():
    source = next(iter(PAIRS))
    return nbformat.read(PAIRS[source], as_version=4), from_source(source)


def test_a_good_notebook_is_not_complained_of(good):
    assert not complaints(good[0])
    assert not list(differences(*good))


def with_changed_source(notebook):
    notebook.cells[3].source += "\n# another line"


def with_a_cell_too_many(notebook):
    notebook.cells.append(copy.deepcopy(notebook.cells[-1]))


def with_a_new_id(notebook):
    notebook.cells[2].id = "0123456789ab"


def with_another_kernel(notebook):
    notebook.metadata.kernelspec = {"name": "julia"}


@pytest.mark.parametrize("change", [with_changed_source, with_a_cell_too_many, with_a_new_id, with_another_kernel])
def test_what_is_not_of_the_source_is_found(good, change):
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


def picture_without_words(notebook):
    code_cells(notebook)[0].outputs = [nbformat.v4.new_output("display_data", data={"image/png": "aaaa"})]


def widget_without_twin(notebook):
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "0" * 32}, "text/plain": "HBox()"}
    code_cells(notebook)[0].outputs = [nbformat.v4.new_output("display_data", data=data)]


def html_picture_without_words(notebook):
    data = {"text/html": '<img src="data:image/png;base64,">', "text/plain": "a picture"}
    code_cells(notebook)[0].outputs = [nbformat.v4.new_output("display_data", data=data)]


def markdown_picture_without_words(notebook):
    notebook.cells[0].source += "\n\n![](picture.png)"


def long_cell(notebook):
    code_cells(notebook)[0].source = "\n".join(["pass"] * 16)


def all_rather_long(notebook):
    for cell in code_cells(notebook):
        cell.source = "\n".join(["pass"] * 7)


def much_ignored(notebook):
    for cell in code_cells(notebook)[::3]:
        cell.source = "# NBVAL_IGNORE_OUTPUT\npass"


def path_of_a_machine(notebook):
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
        picture_without_words,
        widget_without_twin,
        html_picture_without_words,
        markdown_picture_without_words,
        long_cell,
        all_rather_long,
        much_ignored,
        path_of_a_machine,
        answer_left_open,
    ],
)
def test_what_makes_a_notebook_unfit_is_found(good, change):
    notebook = good[0]
    change(notebook)
    assert len(complaints(notebook)) == 1


# nbval, strict: what it must and must not let through.


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
def test_what_an_exercise_lacks_is_found(solved, change):
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
"""Notebooks of one cell: its text, its output, and whether that is what the cell does."""


@pytest.fixture(scope="module")
def nbval(tmp_path_factory):
    """What nbval, called as `make test` does, says of those notebooks, a line for each."""
    folder = tmp_path_factory.mktemp("strict")
    for name, (code, output, _) in STRICT.items():
        cell = nbformat.v4.new_code_cell(code, outputs=output, execution_count=1)
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / f"{name}.ipynb")
    settings = ["-c", "pyproject.toml", "-p", "conftest", "-p", "no:cacheprovider", "-p", "no:xdist", "-rA"]
    command = [sys.executable, "-m", "pytest", *settings, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300).stdout


@pytest.mark.parametrize("name", STRICT)
def test_nbval_is_strict(nbval, name):
    passes = STRICT[name][2]
    assert re.search(rf"^{'PASSED' if passes else 'FAILED'} (\S*/)?{name}\.ipynb::Cell 0", nbval, re.MULTILINE), nbval


def test_a_dashboard_leaves_no_dead_buttons_in_a_notebook():
    """Its widgets' state is left out, so that without a kernel its static twin is seen; that of others is kept."""
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
