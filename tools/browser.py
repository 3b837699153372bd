"""A real Jupyter server, and a notebook in a real browser. Every wait has a time limit."""

import ast
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

SECONDS = 60.0
"""The default time limit in seconds."""

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
QUIET = {"fetchNews": "false", "checkForUpdates": False}


def chromium() -> str | None:
    """Returns the path of Chromium from CIFARLAB_CHROMIUM, Playwright or the system, or None if it is missing."""
    from playwright.sync_api import sync_playwright

    if named := os.environ.get("CIFARLAB_CHROMIUM"):
        return named
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else next(filter(None, map(shutil.which, NAMES)), None)


class Server:
    """JupyterLab or Notebook 7 with a separate configuration, on a local port."""

    def __init__(self, folder: Path, app: str = "lab") -> None:
        """Starts the server and waits until it responds.

        Args:
            folder: the folder of the notebooks; other files of the server are written to a folder next to it.
            app: "lab" or "notebook".
        """
        self.folder, self.app, self.token = folder, app, secrets.token_hex(8)
        own = folder.parent / f"{folder.name}-{app}-server"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
        places |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
        environment = os.environ | {name: str(own / place) for name, place in places.items()}
        extension = own / "settings" / "@jupyterlab" / "apputils-extension"
        extension.mkdir(parents=True, exist_ok=True)
        (extension / "notification.jupyterlab-settings").write_text(json.dumps(QUIET))
        command = [sys.executable, "-m", "jupyterlab" if app == "lab" else "notebook"]
        options = ["--no-browser", "--ip=127.0.0.1", f"--port={self.port}", "--ServerApp.port_retries=0"]
        options += [f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={folder}"]
        options += ["--allow-root"] if os.name == "posix" and os.geteuid() == 0 else []
        options += [
            "--LabApp.expose_app_in_browser=True" if app == "lab" else "--JupyterNotebookApp.expose_app_in_browser=True"
        ]
        self.log = own / "server.log"
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [*command, *options],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                self.ask("api/status")
                return
            assert self._process.poll() is None, self.log.read_text()
            time.sleep(0.2)
        raise AssertionError(f"Jupyter does not respond:\n{self.log.read_text()}")

    def ask(self, path: str, method: str = "GET"):
        """Sends a request to the REST API and returns the decoded response."""
        return json.loads(self.page(path, method) or "null")

    def page(self, path: str, method: str = "GET") -> str:
        """Sends a request and returns the response as text."""
        address = f"http://127.0.0.1:{self.port}/{path}?token={self.token}"
        with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=SECONDS) as answer:
            return answer.read().decode()

    def end_kernels(self) -> None:
        """Shuts down all kernels, as the menu does."""
        for kernel in self.ask("api/kernels"):
            self.ask(f"api/kernels/{kernel['id']}", "DELETE")

    def address(self, notebook: str) -> str:
        """Returns the URL of a notebook."""
        place = f"lab/tree/{notebook}" if self.app == "lab" else f"notebooks/{notebook}"
        return f"http://127.0.0.1:{self.port}/{place}?token={self.token}&reset"

    def stop(self) -> None:
        """Stops the server and its kernels."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)


class Notebook:
    """A notebook in a page of the browser."""

    def __init__(self, page, server: Server, name: str) -> None:
        """Opens the notebook and waits until its kernel is ready."""
        self.page, self.server, self.name = page, server, name
        self.open()

    def open(self) -> None:
        """Loads the page again."""
        self.page.goto(self.server.address(self.name))
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=1000 * SECONDS)
        self._until(READY)

    def run_all(self, seconds: float = 300) -> None:
        """Runs all cells and waits for the last one."""
        self._command("notebook:run-all-cells")
        self._until(
            "session.kernel.status === 'idle' && panel.content.widgets.every(cell => "
            "cell.model.type !== 'code' || !cell.model.sharedModel.source || cell.model.executionCount)",
            seconds,
        )

    def run_cell(self, number: int, seconds: float = SECONDS) -> None:
        """Runs one cell and waits for it."""
        before = self._js(f"panel.content.widgets[{number}].model.executionCount")
        self.start_cell(number)
        self._until(
            f"session.kernel.status === 'idle' && panel.content.widgets[{number}].model.executionCount > {before or 0}",
            seconds,
        )

    def start_cell(self, number: int) -> None:
        """Starts one cell without waiting for it."""
        self.page.evaluate(f"() => {{ {FIND} panel.content.activeCellIndex = {number}; }}")
        self._command("notebook:run-cell")

    def output(self, number: int) -> str:
        """Returns the text of a cell's output."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".jp-Cell-outputArea").inner_text()

    def ask(self, expression: str) -> str:
        """Evaluates a Python expression in the kernel, without running a cell, and returns its value as text."""
        answer = self.page.evaluate(
            f"async expression => {{ {FIND} const content = {{code: '', silent: true, store_history: false, "
            "user_expressions: {answer: expression}}; "
            "return (await session.kernel.requestExecute(content).done).content.user_expressions.answer; }",
            expression,
        )
        assert answer["status"] == "ok", answer
        return answer["data"]["text/plain"]

    def threads(self) -> list[str]:
        """Returns the purposes of cifarlab's threads in the kernel."""
        names = self.ask("[t.name for t in __import__('threading').enumerate() if t.name.startswith('cifarlab')]")
        return sorted(name.split()[1].rstrip(":") for name in ast.literal_eval(names))

    def until_no_thread(self) -> None:
        """Waits until all of cifarlab's threads have ended."""
        end = time.monotonic() + SECONDS
        while left := self.threads():
            assert time.monotonic() < end, f"still there: {left}"
            self.page.wait_for_timeout(200)

    def save(self) -> None:
        """Saves the notebook, as the menu does."""
        self._command("docmanager:save")
        self._until("!panel.context.model.dirty")

    def restart_kernel(self) -> None:
        """Restarts the kernel, as the menu does after confirmation."""
        self.page.evaluate(f"async () => {{ {FIND} await session.kernel.restart(); }}")
        self._until(READY)

    def interrupt_kernel(self) -> None:
        """Interrupts the kernel, as the menu does."""
        self.page.evaluate(f"async () => {{ {FIND} await session.kernel.interrupt(); }}")

    def _command(self, name: str) -> None:
        self.page.evaluate(f"() => {{ jupyterapp.commands.execute('{name}'); }}")

    def _until(self, condition: str, seconds: float = SECONDS) -> None:
        self.page.wait_for_function(f"() => {{ {FIND} return {condition}; }}", timeout=1000 * seconds)

    def _js(self, expression: str):
        return self.page.evaluate(f"() => {{ {FIND} return {expression}; }}")


FIND = (
    "const panel = jupyterapp.shell.currentWidget;"
    "const session = panel && panel.sessionContext && panel.sessionContext.session;"
)
"""JavaScript that finds the open notebook and its kernel."""

READY = (
    "session && session.kernel && session.kernel.connectionStatus === 'connected' && session.kernel.status === 'idle'"
)
"""JavaScript that tests whether the kernel is ready; the toolbar shows it too early."""
