"""Runs a student's notebook in a sandboxed kernel with resource limits; always returns a notebook in bounded time.

The kernel is the grader's (`kernel.py`). If the system has Landlock, the notebook can write only to its scratch
directory and cannot read other people's files. Without Landlock it has the caller's permissions, and the limits only
keep one notebook from delaying the others. docs/grading-security.md describes what the sandbox protects against.
"""

import asyncio
import contextlib
import json
import logging
import os
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import zmq
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from cifarlab.teaching.sandbox import nbgrader_cells
from cifarlab.teaching.sandbox.environment import environment_variables, readable_paths, scratch_dir
from cifarlab.teaching.sandbox.kernel_server import KernelServer
from cifarlab.teaching.sandbox.limits import Limits, ResourceMonitor, monitored
from cifarlab.teaching.sandbox.nbgrader_cells import error_output, is_base64_image, is_test

MAX_MESSAGE_BYTES, RECEIVE_QUEUE_LENGTH = 50_000_000, 5
"""Maximum size of a message from the kernel, and how many may be queued, because they use the grader's memory."""

_OVERWRITTEN = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)
"""The overwritten part of a line, before a carriage return; anchored, or long lines would take quadratic time."""

_NO_CODE = re.compile(r"\x1b(?!\[[\d;?]{0,20}[@-~])")
"""An escape character that does not begin a short terminal code; nbconvert takes minutes for long ones."""

_log = logging.getLogger("cifarlab.nbclient")
_log.propagate = False
_log.addHandler(logging.NullHandler())  # its messages are in the cells' outputs


def execute_notebook(text: str, limits: Limits | None = None) -> str:
    """Executes all cells of a notebook in a new directory; returns it with outputs.

    Execution continues after an error in a cell. Cells that could not be run, because the kernel was killed or died,
    get an error output, because nbgrader gives full points to a test without output. A test's outputs are its result.

    Args:
        text: the notebook's file content.
        limits: its resource limits.

    Raises:
        RuntimeError: the kernel could not be started.
    """
    notebook, limits = nbformat.reads(text, as_version=4), limits or Limits()
    ended = ""
    with scratch_dir() as folder:
        client = _Client(notebook, limits, folder)
        with client.kernel(readable_paths(text)), client.monitored() as monitor:
            for place, cell in enumerate(notebook.cells):
                if cell.cell_type != "code":
                    continue
                if not ended:
                    ended = client.run(cell, place, monitor)
                else:
                    cell.outputs = [error_output("NotRunError", f"not run: {ended}")]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _sanitize_outputs(cell)
    return nbformat.writes(notebook).encode("utf-8", "replace").decode()  # JSON may hold lone surrogates


def mark_not_run(text: str, why: str) -> str:
    """Returns a notebook whose cells were not run, with an error in each that says why."""
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [error_output("NotRunError", f"not run: {why}")]
    return nbformat.writes(notebook)


SERVER = KernelServer() if sys.platform == "linux" else None
"""One for each process that executes notebooks; elsewhere, a process with TensorFlow cannot be forked safely."""


class _Manager(AsyncKernelManager):
    """Starts the grader's kernel, and limits the size of its messages and the time that sending to it may block."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(argv=[sys.executable, "-m", "cifarlab.teaching.sandbox.kernel", "-f", "{connection_file}"])

    async def _async_launch_kernel(self, kernel_cmd: list[str], **settings: Any) -> None:
        if SERVER is None:
            await super()._async_launch_kernel(kernel_cmd, **settings)
            return
        provisioner = self.provisioner
        chosen = {name: settings[name] for name in ("cwd", "env", "stdin", "stderr")}
        process = SERVER.fork(kernel_cmd[3:], **chosen)
        provisioner.process, provisioner.pid, provisioner.pgid = process, process.pid, process.pid  # type: ignore
        self._reconcile_connection_info(provisioner.connection_info)  # type: ignore[union-attr]

    def client(self, **settings: Any) -> AsyncKernelClient:  # type: ignore[override]
        client = super().client(**settings)
        client.context.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        client.context.setsockopt(zmq.RCVHWM, RECEIVE_QUEUE_LENGTH)
        client.context.setsockopt(zmq.SNDTIMEO, 3_000)  # ms; otherwise sending to a closed kernel would block
        return client


class _Client(NotebookClient):
    """Executes cells one by one, and counts the characters that they print."""

    def __init__(self, notebook: NotebookNode, limits: Limits, folder: Path) -> None:
        super().__init__(
            notebook,
            _Manager(connection_file=str(folder / "kernel.json")),
            timeout=limits.cell_seconds,
            startup_timeout=300,  # it imports what the tests use
            interrupt_on_timeout=True,
            error_on_timeout={"ename": "CellTimeoutError", "evalue": "", "traceback": []},
            allow_errors=True,
            record_timing=False,
            coalesce_streams=False,  # that would take an hour for a line of 10^6 characters
            shutdown_kernel="immediate",
            extra_arguments=["--HistoryManager.hist_file=:memory:", "--log-level=ERROR"],
            resources={"metadata": {"path": str(folder / "work")}},
            on_cell_executed=self._keep_reply,
            log=_log,
        )
        self.limits, self.folder, self.printed, self.secret = limits, folder, 0, secrets.token_hex()
        self.testing = self.idle_seen = False
        self.reply: dict[str, Any] = {}

    @contextlib.contextmanager
    def kernel(self, readable: list[str]) -> Iterator[None]:
        """Starts the kernel, and shuts it down afterwards.

        Args:
            readable: directories that it may read.

        Raises:
            RuntimeError: it did not start.
        """
        job = {
            "grader": os.getpid(),
            "secret": self.secret,
            "test_imports": nbgrader_cells.test_imports(self.nb.cells),
            "directory": str(self.folder),
            "readable": readable,
            "largest_file": int(1e6 * self.limits.disk_mb),
        }
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8") as stdin_file,
            tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
        ):
            json.dump(job, stdin_file)
            stdin_file.seek(0)
            with contextlib.ExitStack() as stack:
                try:
                    streams = {"stdin": stdin_file, "stdout": errors, "stderr": errors}
                    variables = environment_variables(self.folder)
                    stack.enter_context(self.setup_kernel(env=variables, cleanup_kc=True, **streams))
                except RuntimeError as problem:
                    errors.seek(0)
                    raise RuntimeError(f"{problem}: {errors.read()[-2000:]}") from problem
                yield

    def monitored(self) -> contextlib.AbstractContextManager[ResourceMonitor]:
        """Enforces the kernel's limits."""
        pid = self.km.provisioner.process.pid  # type: ignore[union-attr]
        return monitored(pid, self.folder, self.limits)

    def run(self, cell: NotebookNode, place: int, monitor: ResourceMonitor) -> str:
        """Executes one cell; returns why no further cells can be run, or ""."""
        started, already_exceeded = time.monotonic(), self.output_limit_exceeded
        self.testing, self.idle_seen, self.reply = is_test(cell), False, {}
        try:
            self.execute_cell(cell, place, store_history=not self.testing)
        except DeadKernelError:
            cell.outputs = [] if self.testing else cell.outputs
            cell.outputs.append(error_output("KernelEndedError", monitor.reason or "the kernel died in this cell"))
            return monitor.reason or "the kernel died in a cell above"
        except Exception:  # the kernel sent invalid messages, or does not receive any
            cell.outputs = [error_output("KernelEndedError", "the kernel sent invalid messages")]
            return "the kernel sent invalid messages in a cell above"
        if self.testing:
            cell.outputs = nbgrader_cells.test_outputs(cell, self.reply, self.secret)
        if self.output_limit_exceeded and not already_exceeded:
            cell.outputs.append(error_output("OutputError", f"more than {self.limits.output_mb:g} MB were printed"))
        if time.monotonic() - started >= self.limits.cell_seconds:
            words = f"interrupted after {self.limits.cell_seconds:g} s: an endless loop?"
            cell.outputs.append(error_output("CellTimeoutError", words))
        return monitor.reason

    async def _async_poll_kernel_alive(self) -> None:
        """Cancels a cell's execution when the kernel is dead; nbclient alone would silently fail without a kernel."""
        with contextlib.suppress(AssertionError, AttributeError):  # the latter under `python -O`
            await super()._async_poll_kernel_alive()

    def _keep_reply(self, cell: NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
        """Stores a cell's reply. If its outputs have not ended, an oversized message closed their connection."""
        self.reply = execute_reply["content"]
        if not self.idle_seen and "header" in execute_reply:
            self.printed, self.iopub_timeout = max(self.printed, MAX_MESSAGE_BYTES), 1

    @property
    def output_limit_exceeded(self) -> bool:
        return self.printed > 1e6 * self.limits.output_mb

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Keeps an output, unless it comes from a test or exceeds the limit; then it interrupts the kernel."""
        content = msg["content"]
        if msg["msg_type"] in ("status", "execute_input"):
            self.idle_seen = self.idle_seen or content.get("execution_state") == "idle"
            if not _is_count(content.get("execution_count", 0)):  # an invalid count may be a huge number
                return None
            return super().process_message(msg, cell, cell_index)
        rewritten = self._display_id_map.get(content.get("transient", {}).get("display_id"), {})
        places = 1 + sum(map(len, rewritten.values()))
        already_exceeded, self.printed = self.output_limit_exceeded, self.printed + places * len(str(content))
        if self.output_limit_exceeded and not already_exceeded:
            asyncio.ensure_future(ensure_async(self.km.interrupt_kernel()))  # type: ignore[union-attr]  # noqa: RUF006
        if self.testing or self.output_limit_exceeded or msg["msg_type"].startswith("comm"):
            return None
        return super().process_message(msg, cell, cell_index)


def _is_safe_output(kind: str, value: object) -> bool:
    """Returns whether an output is plain text or an image; other types, such as HTML, may contain scripts."""
    return is_base64_image(kind, value) or (kind == "text/plain" and isinstance(value, str))


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1e6


def _sanitize_outputs(cell: NotebookNode) -> None:
    """Keeps only text and images in a cell's outputs, except in tests, whose outputs the grader has created."""
    if not _is_count(cell.execution_count):
        cell.execution_count = None
    if is_test(cell):
        return
    outputs: list[NotebookNode] = []
    streams: dict[str, tuple[NotebookNode, list[str]]] = {}
    new = nbformat.v4.new_output
    for output in cell.outputs:
        with contextlib.suppress(Exception):  # the kernel may have sent an invalid output
            if output.output_type == "stream":
                name = "stderr" if output.name == "stderr" else "stdout"
                if name not in streams:
                    outputs.append(new("stream", name=name))
                    streams[name] = outputs[-1], []
                streams[name][1].append(str(output.text))
            elif output.output_type == "error":
                outputs.append(
                    error_output(
                        _strip_escapes(output.ename),
                        _strip_escapes(output.evalue),
                        map(_strip_escapes, output.traceback),
                    )
                )
            elif data := {
                kind: _strip_escapes(value) for kind, value in output.data.items() if _is_safe_output(kind, value)
            }:
                outputs.append(new("display_data", data=data))
    for stream, texts in streams.values():
        stream.text = _strip_escapes(_OVERWRITTEN.sub("", "".join(texts)))
    cell.outputs = outputs


def _strip_escapes(value: object) -> str:
    return _NO_CODE.sub("", str(value))
