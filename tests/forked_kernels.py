"""Kernels for nbval that are forked from a process that has imported TensorFlow, which takes each of them seconds.

`make test` uses them. `make test-rest` runs the notebooks again in kernels that Jupyter starts as it does for anyone.
"""

import contextlib
import multiprocessing
import os
import random
import signal
import sys
from collections.abc import Mapping, Sequence

import psutil

from cifarlab.teaching.sandbox import kernel_server

_CONTEXT = multiprocessing.get_context("forkserver")

_SECONDS: dict[int, float] = {}
"""The processor time of each kernel, by its process ID, when it was last measured."""


def processor_time():
    """Returns the processor time of all kernels so far, in seconds: no process here waits for them."""
    for pid in _SECONDS:
        with contextlib.suppress(psutil.Error):  # it has ended
            _SECONDS[pid] = sum(psutil.Process(pid).cpu_times()[:4])
    return sum(_SECONDS.values())


class ForkedKernel:
    """A kernel's process, with the methods of `subprocess.Popen` that Jupyter calls.

    Attributes:
        pid: its process ID, which is also that of its process group.
    """

    stdin = stdout = stderr = None

    def __init__(self, command: Sequence[str], *, cwd: str, env: Mapping[str, str], **_):
        """Starts the kernel, instead of a command such as `python -m ipykernel_launcher -f FILE`."""
        _CONTEXT.set_forkserver_preload(list(kernel_server.IMPORTED))  # no effect after the first kernel
        options = list(command[command.index("-f") :])
        grouped = _CONTEXT.Event()
        self._process = _CONTEXT.Process(target=_run_kernel, args=(options, cwd, dict(env), grouped))
        self._process.start()
        self.pid = self._process.pid
        _SECONDS[self.pid] = 0.0
        if not grouped.wait(300):  # until then, it is in this process's group, which Jupyter would end with the kernel
            raise RuntimeError("the forked kernel did not start within five minutes")

    def poll(self):
        """Returns None while the process runs, else its exit status."""
        return self._process.exitcode

    def wait(self):
        """Waits for the end of the process."""
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number):
        """Sends the process a signal."""
        os.kill(self.pid, number)

    def terminate(self):
        """Asks the process to end."""
        self._process.terminate()

    def kill(self):
        """Ends the process."""
        self._process.kill()


def _run_kernel(options, cwd, env, grouped):
    kernel_server.check_no_operation_was_executed()
    os.setsid()
    grouped.set()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # multiprocessing's server ignores it
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv[1:] = options
    random.seed()
    sys.modules["numpy"].random.seed()
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance(argv=options)
