"""A process that has imported what graded notebooks need, and forks a kernel for each of them.

Importing TensorFlow takes seconds of processor time, and a fork takes milliseconds. TensorFlow must not have executed
an operation before a fork, because the threads that it starts then would be missing in the child. The server checks
this. It never runs a student's code, and it never sees a kernel's job: the child reads that itself, after the fork.
"""

import contextlib
import gc
import importlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from typing import IO, Any

import psutil

IMPORTED = (
    *("ipykernel.kernelapp", "cifarlab.backend", "cifarlab.training.loop", "cifarlab.evaluation.evaluator"),
    *("cifarlab.plotting.figures", "cifarlab.plotting.plots", "cifarlab.plotting.runs"),
)
"""Modules that most notebooks use; `kernel.preload` imports what tests use."""


class KernelProcess:
    """A forked kernel's supervisor, with the methods of `subprocess.Popen` that Jupyter calls.

    Attributes:
        pid: its process ID, which is also that of its process group.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        """Refers to a process that the server has forked."""
        self.pid, self._process = pid, psutil.Process(pid)

    def poll(self) -> int | None:
        """Returns None while the process runs, else 1: only the server knows its exit status."""
        with contextlib.suppress(psutil.Error):
            if self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
                return None
        return 1

    def wait(self) -> int:
        """Waits for the end of the process."""
        with contextlib.suppress(psutil.Error):
            self._process.wait()
        return 1

    def send_signal(self, number: int) -> None:
        """Sends the process a signal."""
        with contextlib.suppress(psutil.Error):
            self._process.send_signal(number)

    def terminate(self) -> None:
        """Asks the process to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the process."""
        self.send_signal(signal.SIGKILL)


class KernelServer:
    """Starts the server process on first use. It ends with the process that started it."""

    def __init__(self) -> None:
        """Starts nothing yet."""
        self._process: subprocess.Popen | None = None
        self._lock = threading.Lock()

    def fork(
        self, arguments: Sequence[str], *, cwd: str, env: Mapping[str, str], stdin: IO, stderr: IO
    ) -> KernelProcess:
        """Forks a kernel.

        Args:
            arguments: the options of the kernel's command line.
            cwd: its working directory.
            env: its environment variables.
            stdin: a file with its job, which it reads once.
            stderr: a file for its output and errors.

        Raises:
            RuntimeError: the server did not start, or does not answer.
        """
        request = json.dumps({"arguments": list(arguments), "cwd": cwd, "env": dict(env)}).encode()
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start(env)
            try:
                socket.send_fds(self._socket, [len(request).to_bytes(4, "big")], [stdin.fileno(), stderr.fileno()])
                self._socket.sendall(request)
                return KernelProcess(int.from_bytes(self._socket.recv(4), "big"))
            except (OSError, psutil.NoSuchProcess) as problem:
                self._process.kill()  # type: ignore[union-attr]
                self._errors.seek(0)
                raise RuntimeError(f"the kernel server has ended: {self._errors.read()[-2000:]}") from problem

    def _start(self, env: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(300)  # the first request waits for the imports
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 (it is read when the server has ended)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                # Modules are imported without anyone's settings: ~/.keras/keras.json, matplotlibrc in this directory.
                env={**env, "HOME": os.devnull, "TMPDIR": tempfile.gettempdir()},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                start_new_session=True,  # Ctrl-C interrupts only the grader
            )


def serve(requests: socket.socket) -> None:
    """Forks a kernel for each request, until the process at the other end has ended."""
    from cifarlab.teaching.sandbox import kernel

    for module in IMPORTED:
        importlib.import_module(module)
    kernel.preload()
    check_no_operation_was_executed()
    gc.collect()
    gc.freeze()  # a child's garbage collector would otherwise write to every page that it shares with this process
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children that have ended leave no zombies
    while True:
        size, files, _, _ = socket.recv_fds(requests, 4, 2)
        if not size:
            return
        text = b""
        while len(text) < int.from_bytes(size, "big"):
            part = requests.recv(1 << 16)
            if not part:
                return
            text += part
        server, pid = os.getpid(), os.fork()
        if not pid:
            requests.close()
            _become_kernel(server, json.loads(text), *files)
        for file in files:
            os.close(file)
        requests.sendall(pid.to_bytes(4, "big"))


def check_no_operation_was_executed() -> None:
    """Makes sure that TensorFlow can be forked.

    Raises:
        RuntimeError: an operation was executed, and started threads.
    """
    from tensorflow.python.eager import context

    if context.context()._initialized:
        raise RuntimeError("TensorFlow has executed an operation, so this process cannot be forked any more")


def _become_kernel(server: int, request: dict[str, Any], stdin: int, stderr: int) -> None:
    """Runs the kernel in this process, which was just forked, and ends it."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, file in enumerate((stdin, stderr, stderr)):
            os.dup2(file, number)
        for file in (stdin, stderr):
            os.close(file)
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        # As with `python -m`: a notebook may import a file that it wrote.
        sys.path.insert(0, request["cwd"])
        sys.argv[1:] = request["arguments"]
        tempfile.tempdir = None
        random.seed()
        sys.modules["numpy"].random.seed()
        from cifarlab.teaching.sandbox import kernel

        kernel.main(request["arguments"], server)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
