"""The process that forks a kernel for each notebook: nothing passes from one notebook to the next."""

import os
import signal
import socket
import subprocess
import sys
import time

import nbformat
import psutil
import pytest

from cifarlab.teaching.sandbox import execution, kernel_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.full,
    pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked only on Linux"),
]


def outputs(*cells):
    """What each cell of a notebook prints."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    executed = nbformat.reads(execution.execute_notebook(nbformat.writes(notebook)), as_version=4)
    return ["".join(output.get("text", "") for output in cell.outputs) for cell in executed.cells]


def server():
    return execution.SERVER._process


def wait_until(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_two_notebooks_share_the_server_and_nothing_else():
    leave = (
        "import os, random, tempfile, numpy, cifarlab.config\n"
        "cifarlab.config.left, os.environ['LEFT'] = 1, '1'\n"
        "open('left', 'w').close()"
    )
    look = (
        "import os, random, tempfile, numpy, cifarlab.config\n"
        "print(hasattr(cifarlab.config, 'left'), 'LEFT' in os.environ, os.listdir())\n"
        "print(os.getcwd(), os.environ['HOME'], tempfile.gettempdir(), random.random(), numpy.random.rand(), sep='\\n')"
    )
    outputs(leave)
    first_server = server()
    seen = [outputs(look)[0].splitlines() for _ in range(2)]
    assert server() is first_server
    assert [lines[0] for lines in seen] == ["False False []"] * 2
    for first, second in zip(*(lines[1:] for lines in seen), strict=True):
        assert first != second, "directories and random numbers differ"


def test_a_notebook_has_no_connection_to_the_server():
    (seen,) = outputs(
        "import os\nprint([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if n != '3'])"
    )
    outside = f"socket:[{os.stat(execution.SERVER._socket.fileno()).st_ino}]"
    assert outside not in seen
    server_side = {link.path for link in psutil.Process(server().pid).open_files()}
    assert not server_side & set(seen.split("'"))


@pytest.mark.parametrize("forked", [True, False])
def test_a_notebook_imports_the_file_that_it_wrote(forked, monkeypatch):
    if not forked:
        monkeypatch.setattr(execution, "SERVER", None)  # as on other systems
    assert outputs("%%writefile helper.py\nNUMBER = 7", "import helper\nprint(helper.NUMBER)")[1] == "7\n"


def test_the_settings_of_an_instructor_do_not_reach_a_notebook(tmp_path, monkeypatch):
    (tmp_path / "matplotlibrc").write_text("savefig.dpi: 33\n")
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"floatx": "float16"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(execution, "SERVER", kernel_server.KernelServer())
    show = (
        "import matplotlib\nfrom cifarlab.backend import tf\n"
        "print(matplotlib.rcParamsDefault['savefig.dpi'] == matplotlib.rcParams['savefig.dpi'])\n"
        "print(tf.keras.backend.floatx())"
    )
    assert outputs(show) == ["True\nfloat32\n"]


def test_the_server_ends_if_the_grader_is_killed_within_a_request():
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", kernel_server.__name__, str(theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    with ours, theirs:
        socket.send_fds(ours, [(100).to_bytes(4, "big")], [sys.__stderr__.fileno()] * 2)
    assert process.wait(timeout=300) == 0


def test_tensorflow_computes_in_a_fork():
    compute = (
        "from cifarlab.backend import tf\nprint(tf.reduce_sum(tf.function(tf.square)(tf.ones([100, 100]))).numpy())"
    )
    assert [outputs(compute) for _ in range(2)] == [["10000.0\n"]] * 2


def test_the_server_refuses_to_fork_once_tensorflow_has_run():
    code = (
        "from cifarlab.backend import tf\n"
        "from cifarlab.teaching.sandbox.kernel_server import check_no_operation_was_executed as check\n"
        "check()\ntf.ones([2])\ncheck()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.endswith("so this process cannot be forked any more\n")
    assert "line 5" in done.stderr


def test_a_server_that_was_killed_is_started_again():
    assert outputs("print(1)") == ["1\n"]
    server().kill()
    server().wait()
    assert outputs("print(2)") == ["2\n"]


def test_a_server_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr(kernel_server, "__name__", "cifarlab.no_such_module")
    with pytest.raises(RuntimeError, match=r"the kernel server has ended: .*No module named cifarlab\.no_such_module"):
        kernel_server.KernelServer().fork([], cwd="/", env=os.environ, stdin=sys.__stderr__, stderr=sys.__stderr__)


@pytest.mark.parametrize("end", ["return", "signal.raise_signal(signal.SIGKILL)"])
def test_the_server_and_its_kernels_end_with_the_grader(end):
    code = f"""
import signal, sys, threading, time
import nbformat
from cifarlab.teaching.sandbox import execution

notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import time; time.sleep(1000)")])
threading.Thread(target=execution.execute_notebook, args=[nbformat.writes(notebook)], daemon=True).start()
while not execution.SERVER._process:
    time.sleep(0.05)
print(execution.SERVER._process.pid, flush=True)
sys.stdin.readline()
def end():
    {end}
end()
"""
    grader = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process = psutil.Process(int(grader.stdout.readline()))
    wait_until(lambda: len(process.children(recursive=True)) >= 2)
    processes = [process, *process.children(recursive=True)]
    grader.communicate("\n")
    wait_until(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes))


def test_an_interrupt_of_the_grader_does_not_end_the_server():
    before = signal.getsignal(signal.SIGINT)  # a shell's background job ignores it
    outputs("pass")
    assert os.getsid(server().pid) != os.getsid(0)
    assert signal.getsignal(signal.SIGINT) is before
