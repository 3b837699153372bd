"""Runs a student's notebook in a kernel of its own, within limits: whatever it does, a notebook comes back, and soon.

The code runs with the rights of whoever calls this. The limits keep a class from being held up by one notebook; they
are no protection against one that means harm. docs/instructors.md says what is.
"""

import asyncio
import contextlib
import dataclasses
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
from jupyter_client.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

HIDDEN_TESTS = "BEGIN HIDDEN TESTS"


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one notebook may use.

    Attributes:
        cell_seconds: of one cell; then it is interrupted, and the next one runs.
        seconds: of the whole notebook; then its kernel is ended.
        memory_mb: of its kernel and all processes that it starts, resident, in 10^6 bytes; then they are ended.
        output_mb: of what it prints, in 10^6 characters; then its cell is interrupted.
        disk_mb: of files that it leaves in its folder, in 10^6 bytes; then its kernel is ended.
    """

    cell_seconds: float = 120
    seconds: float = 600
    memory_mb: float = 4000
    output_mb: float = 1
    disk_mb: float = 500


def run_notebook(text: str, limits: Limits | None = None) -> str:
    """Executes all cells of a notebook in a new folder; returns it with outputs.

    An error in a cell does not end it. Cells that could not be run, because the kernel was ended or died, hold an error
    that says so: nbgrader gives a test without output all its points.

    Args:
        text: the notebook's file.
        limits: what it may use.

    Raises:
        RuntimeError: no kernel could be started here.
    """
    notebook, limits = nbformat.reads(text, as_version=4), limits or Limits()
    ended = ""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        client = _Client(notebook, limits, folder)
        with client.setup_kernel(), _watched(client.kernel_pid(), limits, folder) as watch:
            for place, cell in enumerate(notebook.cells):
                if cell.cell_type != "code":
                    continue
                if not ended:
                    ended = client.run(cell, place, watch)
                else:
                    cell.outputs = [_error("NotRunError", f"not run: {ended}")]
                _tidy(cell)
    return nbformat.writes(notebook)


class _Client(NotebookClient):
    """Executes cells one by one, and counts what they print."""

    def __init__(self, notebook: NotebookNode, limits: Limits, folder: str) -> None:
        super().__init__(
            notebook,
            kernel_name="python3",
            timeout=limits.cell_seconds,
            interrupt_on_timeout=True,
            error_on_timeout={"ename": "CellTimeoutError", "evalue": "", "traceback": []},
            allow_errors=True,
            record_timing=False,
            coalesce_streams=True,
            shutdown_kernel="immediate",
            extra_arguments=["--HistoryManager.hist_file=:memory:", "--log-level=ERROR"],
            resources={"metadata": {"path": folder}},
        )
        self.limits, self.printed = limits, 0

    def kernel_pid(self) -> int:
        """The process that the cells run in."""
        return self.km.provisioner.process.pid  # type: ignore[union-attr]

    def run(self, cell: NotebookNode, place: int, watch: "_Watch") -> str:
        """Executes one cell; returns why nothing can be run after it, or ""."""
        started, flooded = time.monotonic(), self.flooded
        try:
            self.execute_cell(cell, place)
        except DeadKernelError:
            why = watch.reason or "the kernel died in a cell above"
            cell.outputs.append(_error("KernelEndedError", watch.reason or "the kernel died in this cell"))
            return why
        if self.flooded and not flooded:
            cell.outputs.append(_error("OutputError", f"more than {self.limits.output_mb:g} MB were printed"))
        if time.monotonic() - started >= self.limits.cell_seconds:
            cell.outputs.append(
                _error("CellTimeoutError", f"interrupted after {self.limits.cell_seconds:g} s: a loop without end?")
            )
        return ""

    @property
    def flooded(self) -> bool:
        return self.printed > 1e6 * self.limits.output_mb

    def output(self, outs: list, msg: dict[str, Any], display_id: str | None, cell_index: int) -> NotebookNode | None:
        """Keeps an output, unless there were too many; then asks the kernel to stop."""
        if not self.flooded:
            self.printed += len(str(msg["content"]))
            if self.flooded:
                asyncio.ensure_future(ensure_async(self.km.interrupt_kernel()))  # noqa: RUF006, it needs no answer
            elif msg["header"]["msg_type"] != "clear_output":
                return super().output(outs, msg, display_id, cell_index)
        return None


class _Watch(threading.Thread):
    """Ends a kernel, and whatever it started, when it uses too much."""

    def __init__(self, pid: int, limits: Limits, folder: str) -> None:
        super().__init__(daemon=True)
        self.limits, self.folder, self.reason = limits, Path(folder), ""
        self.kernel, self.seen = psutil.Process(pid), {psutil.Process(pid)}
        self.finished, self.started = threading.Event(), time.monotonic()
        with contextlib.suppress(AttributeError, psutil.Error):  # Linux has it
            size = int(1e6 * limits.disk_mb)
            self.kernel.rlimit(psutil.RLIMIT_FSIZE, (size, size))

    def run(self) -> None:
        while not self.finished.wait(0.1):
            self.reason = self.reason or self.too_much()
            if self.reason:
                self.end_all()

    def too_much(self) -> str:
        with contextlib.suppress(psutil.Error):
            self.seen.update(self.kernel.children(recursive=True))
        if time.monotonic() - self.started > self.limits.seconds:
            return f"the notebook took more than {self.limits.seconds:g} s"
        if sum(map(_resident, self.seen)) > 1e6 * self.limits.memory_mb:
            return f"the notebook used more than {self.limits.memory_mb:g} MB of memory"
        if sum(map(_size, self.folder.rglob("*"))) > 1e6 * self.limits.disk_mb:
            return f"the notebook wrote more than {self.limits.disk_mb:g} MB to disk"
        return ""

    def end_all(self) -> None:
        for process in self.seen:
            with contextlib.suppress(psutil.Error):  # also when it is gone, or its number is another's by now
                process.kill()


@contextlib.contextmanager
def _watched(pid: int, limits: Limits, folder: str) -> Iterator[_Watch]:
    watch = _Watch(pid, limits, folder)
    watch.start()
    try:
        yield watch
    finally:
        watch.finished.set()
        watch.join()
        watch.too_much()  # looks once more for what was started
        watch.end_all()


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return process.memory_info().rss
    return 0


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return os.lstat(path).st_size
    return 0


def _error(name: str, words: str) -> NotebookNode:
    return nbformat.v4.new_output("error", ename=name, evalue=words, traceback=[f"{name}: {words}"])


def _tidy(cell: NotebookNode) -> None:
    """Leaves out of a test's output what would cost points or give hidden tests away."""
    known = cell.metadata.get("nbgrader", {})
    if not known.get("grade") or known.get("solution"):
        return
    cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    for output in cell.outputs:
        if output.output_type == "error" and HIDDEN_TESTS in cell.source and output.ename != "NotYetError":
            output.traceback = [f"{output.ename}: {output.evalue}"]  # a traceback quotes the cell, and so the key
