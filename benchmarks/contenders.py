"""Programs that are measured side by side: each in a process of its own, warm and waiting for its turn.

A contender's process reads the name of a measurement from its standard input, does it, and prints a number.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable

BATCH = 128
STEPS = 100
"""Steps of one measurement of training: summaries are written once in so many."""

STEPS_ALONE = 30
"""Steps of one measurement of the step alone."""


class Contender:
    """The parent's end: starts a program, and asks it for one measurement after the other."""

    def __init__(self, module: str, *arguments: str) -> None:
        """Starts `python -m module arguments`, with the same environment for all contenders.

        oneDNN's convolutions are switched on for all of TensorFlow's programs, as cifarlab does it for itself.
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
        """One measurement by name; what it means is the program's business."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # the absence of an answer says why
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
    """The program's end: answers each name on standard input with its measurement, until there are no more."""
    for line in sys.stdin:
        print(measurements[line.strip()](), flush=True)
