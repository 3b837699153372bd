"""A real HTTP server on loopback with scripted faults."""

import contextlib
import random
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cifarlab import files
from cifarlab.data.sources import download

BODY = random.Random(1).randbytes(200_000)
"""The file that the server serves."""


class Request:
    """A request to the test server, with methods for correct and faulty responses."""

    def __init__(self, handler: BaseHTTPRequestHandler):
        self.handler, self.sent = handler, 0
        self.range = handler.headers.get("Range")
        self.if_range = handler.headers.get("If-Range")
        self.start = int(re.fullmatch(r"bytes=(\d+)-", self.range)[1]) if self.range else 0

    def head(self, status: int, **headers: object) -> None:
        self.handler.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.handler.send_header(name.replace("_", "-"), str(value))
        self.handler.end_headers()

    def send(self, data: bytes) -> None:
        self.sent += len(data)  # counted before the client can receive it, so that tests see the right number
        self.handler.wfile.write(data)

    def serve(self, body: bytes = BODY, upto: int | None = None, etag: str | None = '"one"') -> None:
        """Serves the file correctly; if `upto` is given, the connection is closed after that byte of the file."""
        start = self.start if self.if_range in (None, etag) else 0
        if start >= len(body):
            self.head(416, Content_Range=f"bytes */{len(body)}", Content_Length=0)
            return
        span = f"bytes {start}-{len(body) - 1}/{len(body)}" if start else None
        self.head(206 if start else 200, Content_Length=len(body) - start, Content_Range=span, ETag=etag)
        self.send(body[start:upto])


class Server:
    """A server that records its requests; `answer` is called for the n-th request (from 0)."""

    def __init__(self):
        self.requests: list[Request] = []
        self.answer: Callable[[Request, int], None] = lambda request, n: request.serve()
        self.released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                request = Request(self)
                outer.requests.append(request)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client has disconnected
                    outer.answer(request, len(outer.requests) - 1)

            def log_message(self, *args: object) -> None:
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.httpd.server_port}/batches.bin"
        threading.Thread(target=self.httpd.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def starts(self) -> list[int | None]:
        """The offset of each request; None if it was for the whole file."""
        return [request.start if request.range else None for request in self.requests]

    def close(self) -> None:
        self.released.set()
        self.httpd.shutdown()
        self.httpd.server_close()


def hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortens all waits of a download, and disables proxies."""
    monkeypatch.setattr(download, "RETRY_DELAYS_S", (0.01, 0.01))
    monkeypatch.setattr(download, "TIMEOUT_S", (10.0, 10.0))  # long enough for a busy machine
    monkeypatch.setattr(download, "PROGRESS_INTERVAL_S", 0.0)
    monkeypatch.setattr(files, "POLL_INTERVAL_S", 0.05)
    monkeypatch.setenv("NO_PROXY", "*")
