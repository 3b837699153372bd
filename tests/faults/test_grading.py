"""Grading: a submission gets the points of its honest part and cannot affect others, whatever it tries."""

import contextlib
import gc
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.utils import determine_grade

from cifarlab.data import registry
from cifarlab.teaching.sandbox import execution, landlock
from cifarlab.teaching.sandbox.execution import Limits, _Client, execute_notebook
from cifarlab.teaching.sandbox.kernel_server import KernelServer
from tests.faults.attacks import ANSWER, FORGED, HOOKED, LEAKS, MEANWHILE, READ, REPLACED, WRONG

pytestmark = [pytest.mark.slow, pytest.mark.full]

RIGHT = ANSWER.replace("def unevenness", "def right")
CHECK = "from cifarlab import teaching\nteaching.check_unevenness(unevenness)"


def a_test(source=CHECK, name="t"):
    known = {"grade_id": name, "grade": True, "locked": True, "solution": False, "points": 1}
    return new_code_cell(source, metadata={"nbgrader": known})


def executed(*cells, **limits):
    cells = [cell if isinstance(cell, dict) else new_code_cell(cell) for cell in cells]
    text = execute_notebook(
        nbformat.writes(new_notebook(cells=cells)), Limits(**{"cell_seconds": 20, "seconds": 60, **limits})
    )
    return nbformat.reads(text, as_version=4).cells


def points(cells):
    """The points of each test, 0 or 1."""
    return [determine_grade(cell)[0] for cell in cells if cell.metadata.get("nbgrader")]


def shown(cells):
    """All outputs that a student can read, as text."""
    return "\n".join(str(output) for cell in cells for output in cell.get("outputs", ()))


def passed_wrongly(attacks, **limits):
    """Runs attacks, each followed by a test of a wrong answer; returns those after which the test passed."""
    tried = [cell for attack in attacks.values() for cell in (attack, a_test())]
    *wrong, honest = points(executed(RIGHT, WRONG, *tried, a_test(CHECK.replace("(unevenness", "(right")), **limits))
    assert honest == 1
    return [name for name, point in zip(attacks, wrong, strict=True) if point]


@pytest.mark.fault(promise="grading", injection="tests, checks, NumPy or Python patched in an earlier cell")
def test_snapshot_undoes_monkey_patches_before_test(count_trial):
    assert passed_wrongly(REPLACED) == []
    cells = [cell for attack in REPLACED.values() for cell in (attack, a_test(CHECK.replace("(unevenness", "(right")))]
    cells = executed(RIGHT, *cells)
    assert points(cells) == [1] * len(REPLACED)
    assert "From the grader" not in shown(cells)  # importing pyplot replaces names, too, so no page may accuse
    count_trial(len(REPLACED))


def test_lazily_loaded_tensorflow_modules_are_not_tampering():
    softmax = "import tensorflow as tf\ndef softmax(logits): return tf.keras.activations.softmax(logits)"
    check = "from cifarlab import teaching\nteaching.check_softmax(softmax)"
    assert points(executed(softmax, a_test(check))) == [1]


@pytest.mark.fault(promise="grading", injection="hooks in IPython, Jupyter and Python")
def test_autograder_triggers_no_hooks(count_trial):
    assert passed_wrongly(HOOKED) == []
    count_trial(len(HOOKED))


@pytest.mark.fault(promise="grading", injection="a forged result sent to the grader")
def test_forged_result_is_rejected():
    assert points(executed(WRONG, FORGED, a_test())) == [0]


@pytest.mark.fault(promise="grading", injection="checks patched while they call the student's function")
def test_tampering_during_a_test_is_detected(count_trial):
    attacks = {name: f"def unevenness(labels, batch_size):{body}" for name, body in MEANWHILE.items()}
    assert passed_wrongly(attacks) == []
    count_trial(len(attacks))


# Secrets of tests.

HIDDEN = """### BEGIN HIDDEN TESTS
assert round(unevenness(np.array([0, 0, 1, 1]), 2) * 31_536, 1) == 15_768, 'two batches of one class'
### END HIDDEN TESTS"""


def private(source=HIDDEN):
    return a_test(source, name="private-one")


@pytest.mark.fault(promise="grading", injection="a private test read while it runs, and leaked in every possible way")
def test_text_of_a_private_test_does_not_leak(count_trial):
    answers = [f"def answer_{n}(labels, size):\n    {leak}\n    return 0.5" for n, leak in enumerate(LEAKS.values())]
    answers.append("def answer_99(labels, size):\n    global found\n    found = 'two batches' in spied() + seen()")
    tests = [private(HIDDEN.replace("unevenness", answer.split("(")[0][4:])) for answer in answers]
    before = ("import numpy as np", READ, "shown = display('', display_id=True)", *answers)
    cells = executed(*before, *tests, "print('it was there to read:', found)", output_mb=300)
    assert "it was there to read: True" in shown(cells)
    for told in ("15_768", "31_536", "15768", "two batches", "BEGIN HIDDEN"):
        assert told not in shown(cells)
    count_trial(len(LEAKS))


def test_private_test_shows_its_own_assertion_message():
    cells = executed("import numpy as np", "def unevenness(labels, size):\n    return 0", private())
    assert [output.traceback for output in cells[-1].outputs] == [["AssertionError: two batches of one class"]]


@pytest.mark.fault(promise="grading", injection="a test read by later cells")
def test_cells_after_a_test_find_nothing_of_it():
    hidden = CHECK.replace("unevenness)", "unevenness, key='00decafbad00')")
    cells = executed(ANSWER, READ, a_test(hidden), "print(spied())", "print(len(spied()) > 1000)", output_mb=300)
    assert points(cells) == [1]
    assert "True" in shown(cells)
    assert "00decafbad00" not in shown(cells)


# Processes, files and the grader itself.

MARK = f"86400.{os.getpid()}"
"""The argument of `sleep` that marks this run's processes."""

STAYS = {
    "a child": f"import subprocess; subprocess.Popen(['sleep', '{MARK}'])",
    "a child in a new session": f"import subprocess as s; s.Popen(['sleep', '{MARK}'], start_new_session=True)",
    "a grandchild without a parent": f"""
import os
if not os.fork():
    os.setsid()
    if not os.fork():
        os.execvpe('sleep', ['sleep', '{MARK}'], {{}})
    os._exit(0)
os.wait()""",
    "one that ignores signals": f"""
import os, subprocess, sys
code = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep({MARK})"
subprocess.Popen(['setsid', sys.executable, '-c', code])""",
    "one that multiplies": f"""
import subprocess
subprocess.Popen(['setsid', 'sh', '-c', 'while true; do setsid sleep {MARK} & sleep 0.05; done'])
import time; time.sleep(0.5)""",
    "one whose supervisor is killed": f"""
import os, signal, subprocess, time
subprocess.Popen(['setsid', 'sleep', '{MARK}'])
time.sleep(0.5)
os.kill(os.getppid(), signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)""",
    "one that outlives its kernel": f"""
import os, subprocess
subprocess.Popen(['setsid', 'sleep', '{MARK}'])
os._exit(0)""",
    "one started at exit": f"""
import atexit, subprocess
atexit.register(lambda: subprocess.Popen(['setsid', 'sleep', '{MARK}']))
exit()""",
}


def still_running(mark=MARK):
    """Running processes with this mark in their command."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if mark in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.fixture
def without_landlock(tmp_path, monkeypatch):
    """Simulates a system without Landlock."""
    (tmp_path / "sitecustomize.py").write_text(
        "from cifarlab.teaching.sandbox import landlock\nlandlock.abi_version = lambda: 0\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setattr(execution, "SERVER", KernelServer())  # the one that runs has imported landlock already


def require_landlock(version, what):
    if landlock.abi_version() < version:
        pytest.skip(f"no Landlock {version} here, which {what}; docs/grading-security.md explains the consequences")


@pytest.mark.fault(promise="grading", injection="processes that detach and keep running")
@pytest.mark.parametrize("attack", STAYS)
def test_no_process_outlives_its_notebook(attack, without_landlock):
    cells = executed("pass", STAYS[attack], a_test("1"), seconds=30)
    try:
        assert not still_running()
    finally:
        for process in still_running():
            process.kill()
    assert cells[-1].outputs


HEIR = """
import os
open({sign!r}, "w").write(str(os.getpgrp()))
while True:
    os.fork() and os._exit(0)
    os.utime({sign!r})"""
"""A process that forks and exits, as do its children, faster than anyone can list all processes."""


@pytest.mark.fault(promise="grading", injection="processes that detach and keep running")
def test_supervisor_kills_orphans(without_landlock, tmp_path):
    sign = tmp_path / "alive"
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {HEIR.format(sign=str(sign))!r}])"
    try:
        cells = executed("pass", f"{start}\nimport time; time.sleep(1)", a_test("1"), seconds=30)
        last = sign.stat().st_mtime_ns
        time.sleep(0.5)
        assert sign.stat().st_mtime_ns == last
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(sign.read_text()), signal.SIGKILL)
    assert points(cells) == [1]


GRADER = """
import sys
from cifarlab.teaching.sandbox.execution import execute_notebook
execute_notebook(open(sys.argv[1]).read())"""


@pytest.mark.fault(promise="grading", injection="the grader killed with SIGKILL at any moment")
def test_killed_grader_leaves_nothing_behind(tmp_path, count_trial):
    (tmp_path / "t").mkdir()
    cells = [new_code_cell("import os, time; os.makedirs('a/b')"), new_code_cell(f"time.sleep({MARK})")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "a.ipynb")
    scratch = tmp_path / "t"
    for seconds in (0, 1, 2, 3, 5):  # while the kernel server starts, while it forks, and while the notebook runs
        command = [sys.executable, "-c", GRADER, str(tmp_path / "a.ipynb")]
        grader = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(scratch)}, cwd=scratch)
        _wait(psutil.Process(grader.pid).children)
        server = psutil.Process(grader.pid).children()
        time.sleep(seconds)
        grader.kill()
        grader.wait()
        try:
            _wait(lambda: not list(scratch.glob("*/work")))
            _wait(lambda: not working_in(scratch))
            assert not psutil.wait_procs(server, timeout=120)[1]
        finally:
            for process in [*working_in(scratch), *filter(psutil.Process.is_running, server)]:
                process.kill()
        count_trial()


def working_in(directory):
    """Running processes whose working directory is in this one."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(directory) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _wait(until):
    give_up = time.monotonic() + 120
    while not until():
        assert time.monotonic() < give_up
        time.sleep(0.05)


SIGNALS = """
import os
for number in [os.getppid(), *{}]:
    try:
        print('reached', os.kill(number, 0))
    except PermissionError:
        print('refused')"""


@pytest.mark.fault(promise="grading", injection="signals sent to the grader's processes")
def test_no_process_of_the_graders_can_be_signalled():
    require_landlock(6, "keeps signals in")
    graders = [os.getpid(), *(process.pid for process in psutil.Process().parents() if process.pid > 1)]
    told = shown(executed(SIGNALS.format(graders)))
    assert told.count("refused") == 1 + len(graders)
    assert "reached" not in told


FILLS = {
    "its directory": """
for number in range(9): open(str(number), 'wb').write(bytes(5_000_000))""",
    "deleted files": """
import tempfile
kept = [tempfile.TemporaryFile(buffering=0) for _ in range(12)]
for file in kept: file.write(bytes(9_000_000))""",
    "the directory for temporary files": """
import tempfile
for _ in range(9): open(tempfile.mkstemp()[1], 'wb').write(bytes(5_000_000))""",
    "its home": """
import pathlib
for number in range(9): (pathlib.Path.home() / str(number)).write_bytes(bytes(5_000_000))""",
    "many empty files": """
for number in range(9000): open(str(number), 'w').close()""",
    "nested directories": """
import os
for _ in range(2500): os.mkdir('d'); os.chdir('d')
open('file', 'w').write('x')""",
    "directories without permissions": """
import os
for number in range(9):
    os.makedirs(f'{number}/in')
    open(f'{number}/in/file', 'wb').write(bytes(5_000_000))
    os.chmod(f'{number}/in', 0); os.chmod(str(number), 0)""",
}


OUTPUTS_REWRITTEN = """
kernel, more = get_ipython().kernel, {'metadata': {}, 'transient': {'display_id': 'x'}}
def send(kind, data):
    kernel.session.send(kernel.iopub_socket, kind, {'data': data, **more}, parent=kernel.get_parent('shell'))
for _ in range(100):
    send('display_data', {})
send('update_display_data', {'text/plain': 'y' * 500_000})
"""


@pytest.mark.fault(promise="grading", injection="outputs updated in many places")
def test_output_updated_in_many_places_counts_for_each():
    cells = executed(ANSWER, OUTPUTS_REWRITTEN, a_test())
    assert len(nbformat.writes(new_notebook(cells=cells))) < 2_000_000
    assert points(cells) == [1]


MANY_PARTS = """
import time, zmq
parts, line = bytes(20_000_000), get_ipython().kernel.iopub_thread.socket
for _ in range(40):
    line.send(parts, zmq.SNDMORE, copy=False)
line.send(b'')
time.sleep(9)"""


@pytest.mark.fault(promise="grading", injection="the grader's memory filled by a message with many parts")
def test_no_message_fills_the_graders_memory():
    cells = executed(ANSWER, a_test(), MANY_PARTS, a_test("1"), memory_mb=600)
    assert "sent more than 600 MB at once" in shown(cells)
    assert points(cells) == [1, 0]


def test_huge_execution_count_is_not_kept():
    client = _Client(new_notebook(), Limits(), Path())
    cell = new_code_cell()
    sent = {"msg_type": "execute_input", "content": {"code": "", "execution_count": "x" * 1000}, "header": {}}
    client.process_message(sent, cell, 0)
    assert cell.execution_count is None


STOPS_ITS_GUARDIAN = "import os, signal; os.kill(os.getppid(), signal.SIGSTOP)"


@pytest.mark.fault(promise="grading", injection="the supervisor stopped, so that it does not notice the kernel's exit")
def test_time_limit_holds_if_the_supervisor_is_stopped(without_landlock):
    started = time.monotonic()
    cells = executed(STOPS_ITS_GUARDIAN, *["import time; time.sleep(90)"] * 4, cell_seconds=90, seconds=5)
    assert time.monotonic() - started < 50
    assert "took more than 5 s" in shown(cells)


def test_endless_escape_codes_are_removed():
    cells = executed(r"print('\x1b[31mred\x1b[0m', '\x1b[' + ';' * 1000 + 'm', '\x1b[2Kx')")
    assert cells[0].outputs[0].text == f"\x1b[31mred\x1b[0m [{';' * 1000}m \x1b[2Kx\n"


def test_an_output_can_be_updated():
    cells = executed("shown = display('first', display_id=True)", "shown.update('second')")
    assert [output.data["text/plain"] for output in cells[0].outputs] == ["'second'"]


@pytest.mark.fault(promise="grading", injection="a line that would take the grader hours to process")
def test_a_long_line_takes_no_longer_than_a_short_one():
    started = time.monotonic()
    cells = executed(ANSWER, "print('50%\\r100%')\nprint('x' * 300_000)", a_test())
    assert time.monotonic() - started < 60
    assert cells[1].outputs[0].text == f"100%\n{'x' * 300_000}\n"
    assert points(cells) == [1]


@pytest.mark.fault(promise="grading", injection="the disk filled")
@pytest.mark.parametrize("attack", FILLS)
def test_no_notebook_fills_the_disk_or_leaves_a_file(attack, without_landlock, tmp_path, monkeypatch):
    (tmp_path / "t").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    cells = executed(f"{FILLS[attack]}\nimport time; time.sleep(20)", a_test("1"), disk_mb=20, seconds=30)
    assert "wrote more than 20 MB" in shown(cells)
    assert points(cells) == [0]
    assert list((tmp_path / "t").iterdir()) == []


@pytest.mark.fault(promise="grading", injection="the disk filled outside the notebook's directory")
def test_files_outside_the_notebooks_directory_count(without_landlock, tmp_path):
    if not _on_a_disk(tmp_path):
        pytest.skip("temporary files are in memory here, and Linux counts only what goes to a disk")
    fill = f"for number in range(20): open('{tmp_path}/' + str(number), 'wb').write(bytes(5_000_000))"
    cells = executed(f"{fill}\nimport time; time.sleep(20)", a_test("1"), disk_mb=20, seconds=30)
    assert "wrote more than 20 MB" in shown(cells)


def _on_a_disk(path):
    mounts = [mount for mount in psutil.disk_partitions(all=True) if path.is_relative_to(mount.mountpoint)]
    return max(mounts, key=lambda mount: len(mount.mountpoint)).fstype not in ("tmpfs", "ramfs")


@pytest.mark.fault(
    promise="grading", injection="other people's files read, or files written outside the notebook's directory"
)
def test_notebook_cannot_write_outside_its_directory_or_read_others_files(tmp_path, count_trial):
    require_landlock(1, "keeps to folders")
    (tmp_path / "key.txt").write_text("correct-horse")
    data, package, grader = registry.default_data_dir(), Path(landlock.__file__).parent, f"/proc/{os.getpid()}"
    read = [
        tmp_path / "key.txt",
        f"{grader}/environ",
        f"{grader}/cwd/pyproject.toml",
        Path.home() / ".profile",
        __file__,
    ]
    folders = [tmp_path, data, package, Path("/tmp"), Path("/dev/shm"), Path.home()]
    written = [folder / f"cifarlab-{secrets.token_hex(4)}" for folder in folders]
    done = "for path in {}:\n    try:\n        open(path, '{}')\n        print('DONE', path)\n    except OSError: pass"
    cells = executed(done.format([*map(str, read)], "r"), done.format([*map(str, written)], "w"), "print('to the end')")
    left = [path for path in written if path.exists()]
    for path in left:
        path.unlink()
    assert not left
    assert "DONE" not in shown(cells)
    assert "to the end" in shown(cells)
    count_trial(len(read) + len(written))


WAYS_OUT = {
    "a connection": "socket.create_connection(there)",
    "another program": """
subprocess.run([sys.executable, '-c', f'import socket; socket.create_connection({there})'], check=True)""",
    "another thread": "concurrent.futures.ThreadPoolExecutor().submit(socket.create_connection, there).result()",
    "a connection opened by sending": "socket.socket().sendto(b'key', 0x20000000, there)",
    "a message": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'key', there)",
    "a DNS request": "socket.getaddrinfo('key.example.org', 80)",
    "a Unix socket": "socket.socket(socket.AF_UNIX).connect(at_a_file)",
    "a message to a Unix socket": "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'key', at_a_file)",
    "listening": "socket.create_server(('127.0.0.1', 0))",
}
"""Ways to send or receive data."""


@pytest.mark.fault(promise="grading", injection="connections opened, or datagrams sent")
def test_nothing_is_sent(tmp_path, count_trial):
    asked = "import sys; from cifarlab.teaching.sandbox import seccomp; sys.exit(not seccomp.block_network())"
    if subprocess.run([sys.executable, "-c", asked], check=False).returncode:
        pytest.skip("this system cannot block connections; docs/grading-security.md explains the consequences")
    at_a_file = str(tmp_path / "socket")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(at_a_file)
        local.listen()
        before = "import concurrent.futures, socket, subprocess, sys\n"
        before += f"there, at_a_file = {server.getsockname()}, {at_a_file!r}"
        sent = [f"{way}\nprint('WAS', 'SENT')" for way in WAYS_OUT.values()]
        cells = executed(before, *sent, "a, b = socket.socketpair(); a.send(b'between us'); print(b.recv(10))")
    assert "WAS SENT" not in shown(cells)
    assert "between us" in shown(cells)
    count_trial(len(WAYS_OUT))


def test_notebook_gets_only_needed_environment_variables(monkeypatch, tmp_path):
    for name in ("PWD", "GITLAB_TOKEN", "OLDPWD"):
        monkeypatch.setenv(name, f"{tmp_path}/course")
    told = shown(executed("import os, sys; print(dict(os.environ), sys.argv, open('/proc/self/cmdline').read())"))
    assert "CIFARLAB_DATA" in told
    assert f"{tmp_path}/course" not in told


NO_KERNEL = {
    "its socket closed": "get_ipython().kernel.shell_stream.socket.close()",
    "its output socket closed": "get_ipython().kernel.iopub_thread.socket.close()",
    "messages of other types": """
kernel = get_ipython().kernel
for kind in 'status', 'stream', 'display_data', 'update_display_data', 'error', 'clear_output', 'comm_open', 'x':
    for content in {}, {'data': 5}, {'data': {'text/plain': 5}, 'metadata': 5, 'transient': {'display_id': 'x'}}:
        kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent('shell'))""",
    "outputs of other types": """
kernel = get_ipython().kernel
for content in ({'data': {'text/plain': [1], 'text/html': '<b>', 'image/png': '">x'}, 'metadata': {}},
                {'data': 5, 'metadata': {}}, {'data': {}, 'metadata': 7, 'execution_count': 10 ** 4000}):
    kernel.session.send(kernel.iopub_socket, 'display_data', content, parent=kernel.get_parent('shell'))
kernel.session.send(kernel.iopub_socket, 'error', {'ename': 5, 'evalue': {}, 'traceback': 7},
    parent=kernel.get_parent('shell'))""",
    "bytes that are not a message": """
get_ipython().kernel.iopub_thread.socket.send_multipart([b'x', b'<IDS|MSG>', b'y', b'{', b'', b'', b''])""",
    "an empty reply": """
kernel = get_ipython().kernel
ident = kernel.get_parent('shell')['header']['session'].encode()
kernel.session.send(kernel.shell_stream.socket, 'execute_reply', {}, parent=kernel.get_parent('shell'), ident=ident)""",
    "a message that is too large": "print('x' * 60_000_000)",
    "lone surrogates": "print('\\ud800'); display('\\udfff'); raise ValueError('\\ud800')",
    "a segmentation fault": "import ctypes; ctypes.string_at(0)",
    "an abort": "import os; os.abort()",
    "an endless recursion": "import sys; sys.setrecursionlimit(10 ** 9); f = lambda: f(); f()",
    "no memory": "import resource; resource.setrlimit(resource.RLIMIT_AS, (1, 1)); x = bytearray(10 ** 9)",
    "no output": "import sys; sys.stdout = sys.stderr = None; import os; os.close(1); os.close(2)",
    "no directory": "import os, shutil; shutil.rmtree(os.getcwd())",
}


@pytest.mark.fault(promise="grading", injection="a kernel that exits or sends invalid messages")
@pytest.mark.parametrize("attack", NO_KERNEL)
def test_execute_notebook_returns_whatever_the_kernel_sends(attack):
    cells = executed(
        ANSWER, a_test(), NO_KERNEL[attack], a_test(WRONG), a_test(), cell_seconds=3, seconds=12, memory_mb=700
    )
    notebook = new_notebook(cells=cells)
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()
    assert points(cells)[0] == 1
    assert cells[-1].outputs
    assert "<b>" not in shown(cells)


def test_no_task_keeps_waiting_for_a_dead_kernel(caplog):
    executed(NO_KERNEL["messages of other types"], cell_seconds=3)
    executed("import time; time.sleep(2)")  # a task that still waits would poll the kernel meanwhile and fail
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio"] == []
