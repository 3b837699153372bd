"""Tests of executing notebooks with resource limits."""

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from cifarlab.teaching.sandbox.execution import Limits, execute_notebook

pytestmark = [pytest.mark.slow, pytest.mark.full]

TEST = {"nbgrader": {"grade_id": "t", "grade": True, "locked": True, "solution": False, "points": 1}}


def executed(*sources, hidden="", **limits):
    cells = [new_code_cell(source) for source in sources]
    test = f"{hidden}\nfrom cifarlab.teaching.checks.result import CheckPassed\nCheckPassed('still here')"
    cells.append(new_code_cell(test, metadata=TEST))
    return run(cells, **limits)


def run(cells, **limits):
    text = nbformat.writes(new_notebook(cells=cells))
    return nbformat.reads(execute_notebook(text, Limits(**limits)), as_version=4).cells


def errors(cell):
    return [f"{output.ename}: {output.evalue}" for output in cell.outputs if output.output_type == "error"]


def still_here(cell):
    return [output.data["text/plain"] for output in cell.outputs] == ["Right: still here"]


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def test_an_error_does_not_end_the_notebook():
    first, last = executed("1 / 0")
    assert errors(first) == ["ZeroDivisionError: division by zero"]
    assert still_here(last)


def test_an_endless_loop_is_interrupted_and_the_next_cell_runs():
    first, last = executed("while True: pass", cell_seconds=2)
    assert "CellTimeoutError: interrupted after 2 s: an endless loop?" in errors(first)
    assert still_here(last)


def test_a_loop_that_will_not_be_interrupted_ends_the_kernel():
    deaf = "import time\nwhile True:\n    try:\n        time.sleep(0.1)\n    except KeyboardInterrupt:\n        pass"
    last = executed(deaf, "1", cell_seconds=1, seconds=6)[-1]
    assert len(errors(last)) == 1
    assert "more than 6 s" in errors(last)[0]


@pytest.mark.parametrize("end", ["import os; os._exit(1)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_kernel_that_dies_leaves_no_test_without_an_error(end):
    first, last = executed(end)
    assert errors(first) == ["KernelEndedError: the kernel died in this cell"]
    assert errors(last) == ["NotRunError: not run: the kernel died in a cell above"]


def test_much_output_is_cut():
    first, last = executed("for _ in range(50): print('x' * 1_000_000)", output_mb=2)
    assert len(printed(first)) < 4_000_000
    assert "OutputError: more than 2 MB were printed" in errors(first)
    assert not errors(last)


def test_much_memory_ends_the_kernel():
    first, last = executed("import time; x = bytearray(600_000_000); time.sleep(60)", memory_mb=500)
    assert errors(first) == ["KernelEndedError: the notebook used more than 500 MB of memory"]
    assert errors(last) == ["NotRunError: not run: the notebook used more than 500 MB of memory"]


def test_large_files_are_refused_or_end_the_kernel():
    one = "file = open('big', 'wb')\nfor _ in range(100): file.write(bytes(1_000_000)); file.flush()"
    assert executed(one, disk_mb=20)[0].outputs[0].output_type == "error"
    many = "import time\nfor n in range(9):\n    open(str(n), 'wb').write(bytes(5_000_000))\ntime.sleep(60)"
    assert errors(executed(many, disk_mb=20)[0]) == ["KernelEndedError: the notebook wrote more than 20 MB to disk"]


def test_no_process_is_left():
    start = "import subprocess; print(subprocess.Popen(['sleep', '1000']).pid)"
    pid = int(printed(executed(start)[0]))
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_what_a_test_prints_is_left_out():
    assert still_here(executed(hidden="import sys; print('a warning', file=sys.stderr); print(1)")[-1])


def test_an_error_in_a_hidden_test_does_not_quote_it():
    last = executed(hidden="\n### BEGIN HIDDEN TESTS\nsoftmax(key='secret')\n### END HIDDEN TESTS")[-1]
    assert last.outputs[-1].traceback == ["NameError: name 'softmax' is not defined"]


def test_a_number_in_the_last_line_gives_points():
    test = new_code_cell("passed = 3\npassed / 4", metadata=TEST)
    (cell,) = run([test])
    assert [output.data["text/plain"] for output in cell.outputs] == ["0.75"]
    test.source = "7"
    assert errors(run([test])[0]) == ["ValueError: a test must give 0 to 1 points; got 7"]
