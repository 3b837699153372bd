"""Servers: `make lab`, TensorBoard and the dashboard accept only this machine, and JupyterLab only with its token."""

import contextlib
import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

import psutil
import pytest

import cifarlab
from cifarlab.demos.tensorboard import TensorBoard
from cifarlab.monitoring.dashboard import Dashboard

ROOT = Path(__file__).parents[2]
SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command_of_make_lab(port: int) -> list[str]:
    """The command of the Makefile, with its variables substituted."""
    line = re.search(r"^lab:.*\n\t(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    line = line.replace("$(BIN)", str(Path(sys.executable).parent)).replace("$(PORT)", str(port))
    line = line.replace("$(ARGS)", "")
    assert "$" not in line
    return shlex.split(line)


def listens(process: psutil.Process) -> dict[int, set[str]]:
    """Returns the ports and addresses on which a process and its descendants listen."""
    found: dict[int, set[str]] = {}
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            for connection in one.net_connections("inet"):
                if connection.status == psutil.CONN_LISTEN:
                    found.setdefault(connection.laddr.port, set()).add(connection.laddr.ip)
    return found


class Lab:
    """A JupyterLab as started by `make lab`, with separate directories and without a browser."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        kinds = ("CONFIG", "DATA", "RUNTIME")
        places = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in kinds}
        places |= {f"JUPYTERLAB_{kind}_DIR": str(folder / kind.lower()) for kind in ("SETTINGS", "WORKSPACES")}
        extra = ["--no-browser", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
        extra += ["--allow-root"] if os.name == "posix" and os.geteuid() == 0 else []
        self.log = folder / "server.log"
        environment = {name: value for name, value in os.environ.items() if "TOKEN" not in name} | places
        with self.log.open("w") as log:
            self.process = psutil.Popen(
                [*command_of_make_lab(self.port), *extra],
                cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + SECONDS
        while not (said := list((folder / "runtime").glob("jpserver-*.json"))):
            assert time.monotonic() < end, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        self.token = json.loads(said[0].read_text())["token"]
        while self.ask("/api/status", token=self.token)[0] != 200:
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)

    def ask(self, path: str, *, token: str = "", method: str = "GET", **headers: str) -> tuple[int, dict, bytes]:
        """Returns status, headers and body of a response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        head = {name.replace("_", "-"): value for name, value in headers.items()}
        head |= {"Authorization": f"token {token}"} if token else {}
        try:
            connection.request(method, path, headers=head)
            answer = connection.getresponse()
            names = {name.lower() for name in answer.headers}
            return answer.status, {name: "\n".join(answer.headers.get_all(name)) for name in names}, answer.read()
        except OSError:
            return 0, {}, b""
        finally:
            connection.close()

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except psutil.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.stop()


@pytest.mark.full
@pytest.mark.fault(promise="notebooks and server", injection="make lab: access from another machine")
def test_make_lab_and_its_kernels_listen_on_localhost_only(lab):
    status, _, answer = lab.ask("/api/kernels", token=lab.token, method="POST")
    assert status == 201, answer
    end = time.monotonic() + SECONDS
    while len(found := listens(lab.process)) < 6:  # the server's port, and five of the kernel
        assert time.monotonic() < end, found
        time.sleep(0.1)
    assert lab.port in found
    assert set().union(*found.values()) <= {"127.0.0.1", "::1"}


PATHS = [
    "/api/contents", "/api/kernels", "/api/sessions", "/api/terminals", "/api/kernelspecs", "/files/server.log",
    "/lab/api/settings", "/lab/api/workspaces", "/nbconvert/html/server.log", "/api/status", "/view/server.log",
]  # fmt: skip


@pytest.mark.fault(
    promise="notebooks and server", injection="make lab: requests without the token, or with another one"
)
@pytest.mark.parametrize("path", PATHS)
def test_make_lab_requires_the_token(lab, path, count_trial):
    assert len(lab.token) >= 32
    wrong = [f"?token={token}" for token in ("", "a", lab.token[:-1], lab.token.upper(), urllib.parse.quote("\0"))]
    for query in ("", *wrong):
        for method in ("GET", "POST", "PUT", "DELETE"):
            status, head, answer = lab.ask(path + query, method=method)
            login = status == 302 and head["location"].startswith("/login")
            assert status in (403, 404, 405) or login, f"{method} {path + query}: {status}"
            assert b"server.log" not in answer.replace(path.encode(), b"")
            count_trial()


@pytest.mark.fault(
    promise="notebooks and server", injection="make lab: requests without the token, or with another one"
)
def test_make_lab_answers_with_the_token(lab):
    status, _, answer = lab.ask("/api/contents", token=lab.token)
    assert status == 200
    assert "server.log" in [entry["name"] for entry in json.loads(answer)["content"]]


@pytest.mark.fault(promise="notebooks and server", injection="make lab: requests from another page in the same browser")
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8888", "127.0.0.1.evil.example", "0.0.0.0", ""])
def test_make_lab_rejects_other_host_names(lab, host):
    """DNS rebinding: a page's host name suddenly resolves to 127.0.0.1. It is rejected even with the token."""
    status, _, answer = lab.ask("/api/contents", token=lab.token, Host=host)
    assert (status, b"server.log" in answer) == (403, False)


@pytest.mark.fault(promise="notebooks and server", injection="make lab: requests from another page in the same browser")
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"]
)
def test_a_page_of_another_origin_gets_nothing(lab, origin, count_trial):
    """Its requests contain the cookies of a user who has logged in, as a browser might send them."""
    _, head, _ = lab.ask(f"/lab?token={lab.token}")
    cookie = "; ".join(re.findall(r"(?:^|\n)([^=]+=[^;]+)", head["set-cookie"]))
    assert lab.ask("/api/contents", Cookie=cookie)[0] == 200
    foreign = {"Origin": origin, "Referer": f"{origin}/", "Cookie": cookie}
    for method, path in (("GET", "/api/contents"), ("POST", "/api/kernels"), ("PUT", "/api/contents/a.ipynb")):
        status, head, _ = lab.ask(path, method=method, **foreign)
        assert status in (403, 404)
        assert "access-control-allow-origin" not in head
        count_trial()
    kernel = json.loads(lab.ask("/api/kernels", token=lab.token, method="POST")[2])["id"]
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13"}
    upgrade |= {"Sec_WebSocket_Key": "x" * 22 + "=="}
    for path in (f"/api/kernels/{kernel}/channels", "/api/events/subscribe"):
        assert lab.ask(path, **foreign, **upgrade)[0] == 403
        count_trial()
    assert lab.ask(f"/api/kernels/{kernel}", token=lab.token, method="DELETE")[0] == 204


@pytest.mark.full
@pytest.mark.fault(promise="notebooks and server", injection="make lab: requests from another page in the same browser")
def test_no_page_may_frame_it(lab):
    for path in ("/lab", "/tree", "/login", "/api/contents"):
        _, head, _ = lab.ask(path, token=lab.token)
        assert "frame-ancestors 'self'" in head["content-security-policy"]


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.fault(promise="notebooks and server", injection="TensorBoard and dashboards: access from another machine")
def test_tensorboard_listens_on_localhost_only(tmp_path):
    board = TensorBoard(tmp_path)
    try:
        port = urllib.parse.urlsplit(board.address).port
        found = listens(psutil.Process(board._process.pid))
        assert port in found
        assert set().union(*found.values()) == {"127.0.0.1"}
    finally:
        board.stop()


@pytest.mark.full
@pytest.mark.fault(promise="notebooks and server", injection="TensorBoard and dashboards: access from another machine")
def test_dashboard_does_not_listen(tmp_path, drawn):
    before = listens(psutil.Process())
    settings = cifarlab.TrainConfig(dataset="drawn", train_dir=str(tmp_path), max_steps=2, batch_size=8)
    dashboard = Dashboard(settings, dataset=drawn)
    dashboard.start()
    assert dashboard.run.wait(SECONDS)
    assert listens(psutil.Process()) == before
    dashboard.close()
