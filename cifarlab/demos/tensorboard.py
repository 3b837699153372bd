"""For lesson 4: starts and stops a TensorBoard server that only this machine can reach."""

import atexit
import json
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cifarlab.errors import UserError
from cifarlab.files import as_path

MODULE = "tensorboard.main"
"""The module that is run."""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")


class TensorBoard:
    """A TensorBoard server in a separate process, on a free port that only this machine can reach.

    It takes some seconds to start; the first request waits for it. It ends with `stop` or with this process.

    >>> import tempfile
    >>> board = TensorBoard(tempfile.mkdtemp())
    >>> board.ask("data/runs")
    []
    >>> board.stop()
    """

    def __init__(self, directory: str | Path, *, timeout: float = 120.0) -> None:
        """Starts the server without waiting for it.

        Args:
            directory: directory of present or future event files, which may also be in its subdirectories.
            timeout: maximum seconds to wait for an answer.
        """
        only_here = ["--host=127.0.0.1", "--port=0"]
        command = [sys.executable, "-m", MODULE, *only_here, "--reload_interval=1", f"--logdir={as_path(directory)}"]
        self._timeout = timeout
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", errors="replace"
        )
        atexit.register(self.stop)
        assert self._process.stderr is not None
        self._reader = _Reader(self._process.stderr)

    @property
    def address(self) -> str:
        """Returns the URL to open in a browser on this machine.

        Raises:
            UserError: the server did not start; the message ends with its output.
        """
        self._reader.found.wait(self._timeout)
        if self._reader.address is None:
            output = " ".join("".join(self._reader.lines[-3:]).split()) or "none"
            raise UserError(f"TensorBoard did not start within {self._timeout:g} s. Its output: {output}")
        return self._reader.address

    def ask(self, path: str) -> Any:
        """Returns the decoded JSON answer to a request such as "data/runs", as TensorBoard's web page sends them."""
        with urllib.request.urlopen(self.address + path, timeout=30) as answer:
            return json.load(answer)

    def scalars(self, run: str, tag: str, *, until: int) -> list[tuple[int, float]]:
        """Returns the steps and values of a scalar, after waiting until TensorBoard has read a step.

        Args:
            run: directory of the run, relative to the directory of this TensorBoard; "." for that directory.
            tag: name of the scalar, such as "total_loss".
            until: the step to wait for.

        Raises:
            UserError: TensorBoard has not read the step before the timeout.
        """
        query = urllib.parse.urlencode({"run": run, "tag": tag})
        deadline = time.monotonic() + self._timeout
        while time.monotonic() < deadline:
            try:
                points = [(step, value) for _, step, value in self.ask(f"data/plugin/scalars/scalars?{query}")]
            except urllib.error.HTTPError:  # it has not read this run or tag yet
                points = []
            if points and points[-1][0] >= until:
                return points
            time.sleep(0.1)
        raise UserError(
            f"TensorBoard did not show {tag} of {run} up to step {until} within {self._timeout:g} s. Check that the "
            "directory of the run has event files with this step."
        )

    def stop(self) -> None:
        """Stops the server and waits until it has ended."""
        atexit.unregister(self.stop)
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        self._reader.stream.close()


class _Reader(threading.Thread):
    """Reads TensorBoard's output until it ends, so that the pipe never fills up, and finds the address in it."""

    def __init__(self, stream: Any) -> None:
        super().__init__(daemon=True)
        self.stream: Any = stream
        self.found = threading.Event()
        self.address: str | None = None
        self.lines: list[str] = []
        self.start()

    def run(self) -> None:
        lines: Iterable[str] = self.stream
        for line in lines:
            self.lines.append(line)
            if match := _ADDRESS.search(line):
                self.address = match[0]
                self.found.set()
        self.found.set()  # the process has ended
