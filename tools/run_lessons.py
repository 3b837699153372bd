"""Runs all lessons in new kernels and prints a table of their results: `make run-lessons`, or with names of sources.

In each lesson, the cell that prints the result has the tag "result". CIFARLAB_DATASET selects the dataset, as in
JupyterLab. The notebooks are not changed.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from tools.build_notebooks import LESSONS, execute, from_source


def result(notebook: nbformat.NotebookNode) -> str:
    """Returns the output of the cell with the tag "result" in one line, or "-" if there is none."""
    tagged = [cell for cell in notebook.cells if "result" in cell.metadata.get("tags", ())]
    lines = "".join(output.get("text", "") for cell in tagged for output in cell.outputs).splitlines()
    return "; ".join(lines) or "-"


def main() -> int:
    """Runs the given lessons, or all of them; returns 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", type=Path, help="files under lessons/; by default all of them")
    wanted = parser.parse_args().sources or sorted(LESSONS.glob("*.py"))
    print(f"Data: {os.environ.get('CIFARLAB_DATASET', 'drawn')}\n\n| lesson | seconds | figure reached |")
    print("| --- | ---: | --- |")
    total, failed = 0.0, 0
    for source in wanted:
        started, notebook = time.monotonic(), from_source(source)
        try:
            execute(notebook)
            reached = result(notebook)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            failed += 1
            reached = f"FAILED: {str(error).strip().splitlines()[-1]}"
        seconds = time.monotonic() - started
        total += seconds
        print(f"| {source.stem} | {seconds:.0f} | {reached} |", flush=True)
    print(f"| together | {total:.0f} | |")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
