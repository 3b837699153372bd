"""Programs that are measured in turn, each in a separate process that is already warmed up.

The process of a contender reads the name of a measurement from standard input, runs it and prints the result.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable

BATCH = 128
STEPS = 100
"""Steps of one measurement of training; summaries are written once in this number of steps."""

STEPS_ALONE = 30
"""Steps of one measurement of the step alone."""


class Contender:
    """The parent's side: starts a program and requests measurements from it."""

    def __init__(self, module: str, *arguments: str) -> None:
        """Starts `python -m module arguments`, with the same environment for all contenders.

        oneDNN is enabled for all TensorFlow programs, because cifarlab enables it for itself.
        """
        self.module = module
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, it lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def measure(self, what: str) -> float:
        """Requests a measurement by name and returns its result, in the unit of the program."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # the missing answer is handled below
            print(what, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            self._errors.seek(0)
            raise RuntimeError(f"{self.module} ended before it measured {what!r}:\n{self._errors.read()[-2000:]}")
        return float(answer)

    def close(self) -> None:
        """Ends the program."""
        self._process.kill()
        self._process.wait()


def serve(**measurements: Callable[[], float]) -> None:
    """The program's side: answers each name on standard input with a measurement, until the input ends."""
    for line in sys.stdin:
        print(measurements[line.strip()](), flush=True)
