"""Builds notebooks from their text sources: `make notebooks` for all, or with names of sources for some.

A source is a Python file in percent format. A file in lessons/ becomes a notebook with the same name in notebooks/, and
a file in lessons/exercises/ becomes one in solutions/, from which the student version in exercises/ is made. Notebooks
are executed in a new kernel on the drawn images, and their outputs are kept. All other metadata is removed or derived
from the source, so that two builds with the same outputs give the same bytes.
"""

import argparse
import copy
import hashlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbgrader import preprocessors
from traitlets.config import Config

ROOT = Path(__file__).parents[1]
LESSONS, NOTEBOOKS = ROOT / "lessons", ROOT / "notebooks"
SOLUTIONS, EXERCISES = ROOT / "solutions", ROOT / "exercises"
CELL_SECONDS = 300
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


# Defaults of nbgrader's cell metadata, which the sources of exercises need not repeat.
NBGRADER = {"schema_version": 3, "grade": False, "locked": False, "solution": False, "task": False}


def pairs() -> dict[Path, Path]:
    """Returns each source and the executed notebook that is built from it."""
    folders = {LESSONS: NOTEBOOKS, LESSONS / "exercises": SOLUTIONS}
    return {
        source: built / f"{source.stem}.ipynb"
        for folder, built in folders.items()
        for source in sorted(folder.glob("*.py"))
    }


def from_source(source: Path) -> nbformat.NotebookNode:
    """Returns the notebook of a source without outputs; the ids of cells depend only on their position and text."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    for place, cell in enumerate(notebook.cells):
        cell.id = hashlib.sha256(f"{place}\n{cell.source}".encode()).hexdigest()[:12]
        kept = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
        if "nbgrader" in cell.metadata:
            kept["nbgrader"] = {**NBGRADER, **cell.metadata["nbgrader"]}
        cell.metadata = nbformat.from_dict(kept)
    return notebook


def students_version(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Returns an exercise: its solution without answers, hidden tests and outputs, as nbgrader would release it."""
    notebook, config = copy.deepcopy(solution), Config()
    config.ClearSolutions.text_stub = "*Your answer, in place of this line.*"
    for step in (
        preprocessors.LockCells,
        preprocessors.ClearSolutions,
        preprocessors.ClearOutput,
        preprocessors.CheckCellMetadata,
        preprocessors.ClearHiddenTests,
        preprocessors.ClearMarkScheme,
        preprocessors.ComputeChecksums,
        preprocessors.CheckCellMetadata,
    ):
        notebook, _ = step(config=config).preprocess(notebook, {})
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def execute(notebook: nbformat.NotebookNode) -> None:
    """Runs all cells in a new kernel in the folder of the notebooks; raises if a cell fails."""
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # otherwise the number of output chunks depends on timing
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    client.execute()
    notebook.metadata = nbformat.from_dict({**METADATA, **widgets_without_dashboards(notebook)})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)


def as_text(notebook: nbformat.NotebookNode) -> str:
    """Returns the text of the notebook's file, with consecutive numbers instead of the widgets' random ids."""
    text = nbformat.writes(notebook)
    for number, name in enumerate(dict.fromkeys(_model_ids(notebook))):
        text = text.replace(name, f"{number:032x}")
    in_order = nbformat.writes(nbformat.reads(text, as_version=4))  # sorted by the numbers, not by the random ids
    return in_order.rstrip("\n") + "\n"


def widgets_without_dashboards(notebook: nbformat.NotebookNode) -> dict:
    """Returns the state of the widgets, which shows them without a kernel, except dashboards, which have a fallback."""
    widgets = notebook.metadata.get("widgets", {})
    for kind in widgets.values():
        models = kind["state"]
        gone = [name for name in models if "cifarlab-dashboard" in models[name]["state"].get("_dom_classes", ())]
        for name in gone:  # `gone` grows in the loop by the parts of each dashboard
            gone += re.findall(r"IPY_MODEL_([0-9a-f]{32})", str(models.pop(name, "")))
    return {"widgets": widgets} if any(kind["state"] for kind in widgets.values()) else {}


def _model_ids(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Yields the ids in their order of creation, which depends only on the cells."""
    for state in notebook.metadata.get("widgets", {}).values():
        yield from state["state"]
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            yield from re.findall(
                r"[0-9a-f]{32}", str(output.get("data", {}).get("application/vnd.jupyter.widget-view+json"))
            )


def main() -> None:
    """Builds the given sources, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", type=Path, help="files under lessons/; by default all of them")
    wanted = [path.resolve() for path in parser.parse_args().sources] or list(pairs())
    for source in wanted:
        if source not in pairs():
            sys.exit(f"build_notebooks: a source is a .py file in {LESSONS} or its exercises; got {source}.")
    os.environ.pop("CIFARLAB_DATASET", None)
    with tempfile.TemporaryDirectory() as data:  # holds the drawn pictures alone: no real one gets into a notebook
        os.environ["CIFARLAB_DATA"] = data
        for source in wanted:
            started, notebook = time.monotonic(), from_source(source)
            execute(notebook)
            pairs()[source].write_text(as_text(notebook))
            print(f"{pairs()[source].relative_to(ROOT)}: {time.monotonic() - started:.0f} s", flush=True)
            if source.parent.name == "exercises":
                (EXERCISES / f"{source.stem}.ipynb").write_text(as_text(students_version(from_source(source))))


if __name__ == "__main__":
    main()
