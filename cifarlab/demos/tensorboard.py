"""For lesson 4: a TensorBoard server that only this machine can reach, started and stopped from a notebook."""

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

MODULE = "tensorboard.main"
"""The program that is started."""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")


class TensorBoard:
    """A TensorBoard in a process of its own, on a free port that only this machine can reach.

    It takes some seconds to start; whoever asks first waits for it. It ends with `stop`, or with this process.

    >>> import tempfile
    >>> board = TensorBoard(tempfile.mkdtemp())
    >>> board.ask("data/runs")
    []
    >>> board.stop()
    """

    def __init__(self, folder: str | Path, *, timeout: float = 120.0) -> None:
        """Starts it, and does not wait.

        Args:
            folder: that holds event files, or will; in itself or in folders below it.
            timeout: seconds after which it should answer.
        """
        only_here = ["--host=127.0.0.1", "--port=0"]
        command = [sys.executable, "-m", MODULE, *only_here, "--reload_interval=1", f"--logdir={folder}"]
        self._timeout = timeout
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        atexit.register(self.stop)
        assert self._process.stderr is not None
        self._reader = _Reader(self._process.stderr)

    @property
    def address(self) -> str:
        """To open in a browser on this machine.

        Raises:
            UserError: it did not start; the message ends with what it said.
        """
        self._reader.found.wait(self._timeout)
        if self._reader.address is None:
            said = " ".join("".join(self._reader.lines[-3:]).split()) or "nothing"
            raise UserError(f"TensorBoard should answer within {self._timeout:g} s; it did not, and said: {said}")
        return self._reader.address

    def ask(self, path: str) -> Any:
        """What it answers to a request of its own pages', such as "data/runs", decoded from JSON."""
        with urllib.request.urlopen(self.address + path, timeout=30) as answer:
            return json.load(answer)

    def scalars(self, run: str, tag: str, *, until: int) -> list[tuple[int, float]]:
        """Steps and values of a scalar, once TensorBoard has read so far: it reads while it already answers.

        Args:
            run: the run's folder below that of this TensorBoard; "." for itself.
            tag: the scalar's name, such as "total_loss".
            until: the step that should be there.

        Raises:
            UserError: it is not there in time.
        """
        query = urllib.parse.urlencode({"run": run, "tag": tag})
        give_up = time.monotonic() + self._timeout
        while time.monotonic() < give_up:
            try:
                points = [(step, value) for _, step, value in self.ask(f"data/plugin/scalars/scalars?{query}")]
            except urllib.error.HTTPError:  # it has not met the run yet, or not the tag
                points = []
            if points and points[-1][0] >= until:
                return points
            time.sleep(0.1)
        raise UserError(
            f"TensorBoard should show {tag} of {run} up to step {until}; it did not within {self._timeout:g} s. "
            "Look whether that run wrote it: its event files lie in its folder."
        )

    def stop(self) -> None:
        """Ends it, and waits until it has ended."""
        atexit.unregister(self.stop)
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        self._reader.stream.close()


class _Reader(threading.Thread):
    """Reads what TensorBoard says until it ends, so that its pipe never fills; one of the lines holds the address."""

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
        self.found.set()  # it ended
