"""Downloads: whatever a server does, the result is the correct file or a one-line error, never a wrong file."""

import hashlib
import json
import random
import subprocess
import sys
import time

import pytest
from hypothesis import given

from cifarlab.data.sources.download import DownloadError, fetch
from tests.faults.strategies import briefly, json_values
from tests.http_server import BODY, Request, Server, hasten

HASH = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
TENTH = len(BODY) // 10


@pytest.fixture
def server(monkeypatch):
    hasten(monkeypatch)
    server = Server()
    yield server
    server.close()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "batches.bin"


def comes(server: Server, target, size: int | None = len(BODY)) -> str:
    """Fetches; checks that the file is correct or missing. Returns the error message, or "" if it was downloaded."""
    message = ""
    try:
        fetch([server.url], target, known_hash=HASH, size=size, progress=lambda progress: None)
    except DownloadError as error:
        message = str(error)
    assert message.isprintable(), "no line end, and nothing that a terminal obeys"
    assert not target.exists() if message else target.read_bytes() == BODY
    return message


def start_over(target) -> None:
    for file in target.parent.iterdir():
        if not file.name.endswith(".lock"):
            file.unlink()


@pytest.mark.fault(promise="downloads", injection="cut off at each tenth of the file")
@pytest.mark.parametrize("size", [len(BODY), None])
def test_fetch_resumes_at_any_tenth(server, target, count_trial, size):
    for tenth in range(1, 10):
        server.requests.clear()
        server.answer = lambda request, n, upto=tenth * TENTH: request.serve(upto=None if n else upto)
        assert comes(server, target, size) == ""
        assert server.starts == [None, tenth * TENTH]
        start_over(target)
        count_trial()


@pytest.mark.fault(promise="downloads", injection="cut off at each tenth of the file")
@pytest.mark.parametrize("size", [len(BODY), None])
def test_fetch_cut_off_at_every_tenth_downloads_nothing_twice(server, target, count_trial, size):
    server.answer = lambda request, n: request.serve(upto=request.start + TENTH)
    calls = 1
    while message := comes(server, target, size):
        assert f"the download continues at {3 * calls * TENTH:,} bytes" in message
        calls += 1
        count_trial(3)
    assert calls == 4
    assert sum(request.sent for request in server.requests) == len(BODY)
    assert server.starts == [None, *range(TENTH, len(BODY), TENTH)]


@pytest.mark.fault(promise="downloads", injection="HTTP errors such as 403, 404 and 500")
@pytest.mark.parametrize(
    "status", [204, 206, 304, 400, 401, 402, 403, 404, 410, 416, 418, 429, 451, 500, 502, 503, 504]
)
@pytest.mark.parametrize("part", [0, TENTH])
def test_fetch_reports_error_status_and_keeps_partial_file(server, target, status, part):
    def answer(request, n):
        request.head(status, Content_Length=len(BODY))
        request.send(bytes(len(BODY)))  # as if it were the file

    half = target.with_name("batches.bin.part")
    half.write_bytes(BODY[:part])
    server.answer = answer
    message = comes(server, target)
    if part and status in (206, 416):  # an answer to what was asked, but a wrong one: the whole file is asked for
        assert server.starts[:2] == [part, None]
    else:
        assert len(server.requests) == 1
    assert f"HTTP {status} " in message
    assert half.read_bytes() == BODY[:part]


@pytest.mark.fault(promise="downloads", injection="redirect loops, and redirects to an invalid URL")
@pytest.mark.parametrize(
    "place",
    [
        "http://[::1", "http://.example.com/", f"http://{'a' * 70}.com/", "http://127.0.0.1:99999999/",
        "http://127.0.0.1:0x50/", "http:///", "file:///etc/hostname", "javascript:alert(1)", "\xff\xfe",
        "\x1b]0;owned\x07", "//", "http://\xad/", "http://a b/", None,
    ],
    ids=ascii,
)  # fmt: skip
def test_fetch_reports_redirect_to_invalid_url(server, target, place):
    server.answer = lambda request, n: request.head(302, Location=place, Content_Length=0)
    assert "cannot download batches.bin from 1 URL: http" in comes(server, target)


NUMBERS = ["9" * 5000, "9" * 400, "9" * 16, "-5", "0x10", "1e3", "\xb2", "٣", "", " ", "200000, 5", "None"]


@pytest.mark.fault(promise="downloads", injection="wrong content lengths")
@pytest.mark.parametrize("size", [len(BODY), None])
def test_fetch_ignores_invalid_lengths(server, target, size, count_trial):
    for number in NUMBERS:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {number}\r\n\r\n".encode()
        rest = f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {TENTH}-{number}/{number}\r\n\r\n".encode()

        def answer(request, n, head=head, rest=rest):
            request.handler.wfile.write(rest + BODY[TENTH:] if n % 2 else head + BODY[:TENTH])

        server.answer = lambda request, n, head=head: request.handler.wfile.write(head + BODY)
        comes(server, target, size)
        start_over(target)
        server.requests.clear()
        server.answer = answer
        comes(server, target, size)
        start_over(target)
        count_trial(2)


@pytest.mark.fault(promise="downloads", injection="truncated or invalid notes of an earlier download")
def test_fetch_survives_arbitrary_notes(server, target, soak, count_trial):
    notes = target.with_name("batches.bin.part.json")
    known = {"url": server.url, "validator": '"one"', "total": len(BODY)}
    for field, values in {
        "url": [None, 5, [], {}, "\ud800", "\0"],
        "validator": [5, [], {}, "", "\r\nHost: evil", "\x1b", "\u732b", "\ud800", "x" * 100_000],
        "total": ["200000", [], {}, -1, 0, 1, 1.5, True, 10**400, 1e300],
    }.items():
        for value in values:
            target.with_name("batches.bin.part").write_bytes(BODY[:TENTH])
            notes.write_text(json.dumps(known | {field: value}))
            assert comes(server, target, None) == ""
            target.unlink()
            count_trial()
    for text in ("[" * 100_000, '{"url": ' * 100_000, "9" * 5000, json.dumps(known)[:-5], "\ufeff{}", "\xff"):
        target.with_name("batches.bin.part").write_bytes(BODY[:TENTH])
        notes.write_bytes(text.encode("latin-1", "ignore"))
        assert comes(server, target, None) == ""
        target.unlink()
        count_trial()

    @briefly(soak, 40)
    @given(json_values(known))
    def any_notes(value):
        target.with_name("batches.bin.part").write_bytes(BODY[:TENTH])
        notes.write_text(json.dumps(value))
        assert comes(server, target, None) == ""
        target.unlink()
        count_trial()

    any_notes()


GOOD = b'HTTP/1.1 200 OK\r\nServer: a\r\nContent-Type: application/gzip\r\nETag: "one"\r\nContent-Length: %d\r\n\r\n%s'
REST = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n\r\n%s"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
WORDS = [
    b"\r\n", b"\r", b"\0", b"\xff", b"\x1b]0;owned\x07", b"-5", b"9" * 5000, b"ffffffffffffffff",
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/0.9 ", b"HTTP/9.9 ", b"999 ", b": ", b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n", b"Content-Range: bytes 0-5/", b"Location: http://[::1\r\n",
    b"Set-Cookie: a=\xff\r\n", b"A: b\r\n" * 120, b"A" * 70_000,
]  # fmt: skip


@pytest.mark.fault(promise="downloads", injection="responses with bytes changed, removed or inserted")
def test_fetch_survives_arbitrary_responses(server, target, soak, count_trial):
    def plain(request: Request) -> bytes:
        start = request.start
        if not start:
            return GOOD % (len(BODY), BODY)
        return REST % (start, len(BODY) - 1, len(BODY), len(BODY) - start, BODY[start:])

    def answer(request, n):
        draw = random.Random(f"{seed} {n}")
        data = bytearray(CHUNKED % (len(BODY), BODY) if draw.random() < 0.3 and not request.start else plain(request))
        for _ in range(draw.randint(0, 3)):
            at = draw.randrange(draw.choice([20, 120, len(data)]))
            data[at : at + draw.choice([0, 1, 5])] = draw.choice(WORDS)
        request.send(data[: draw.choice([None, None, draw.randrange(len(data))])])

    came = 0
    for seed in range(2000 if soak else 150):
        server.answer = answer
        came += comes(server, target, None if seed % 2 else len(BODY)) == ""
        start_over(target)
        count_trial()
    assert came > 20, "many changes do no harm"


@pytest.mark.fault(promise="downloads", injection="responses with bytes changed, removed or inserted")
@pytest.mark.parametrize(
    "answer",
    [
        b"", b"\r\n", b"garbage\xff\0\r\n", b"HTTP/1.1 xxx OK\r\n\r\n", b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 404 \x1b]0;owned\x07\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n" + BODY,
    ],
    ids=lambda answer: repr(answer[:60]),
)  # fmt: skip
@pytest.mark.parametrize("size", [len(BODY), None])
def test_fetch_reports_invalid_response(server, target, answer, size):
    server.answer = lambda request, n: request.send(answer)
    assert comes(server, target, size)
    assert not target.exists()


@pytest.mark.fault(promise="downloads", injection="two processes downloading at once")
@pytest.mark.parametrize("processes", [2, 5])
def test_several_processes_fetch_once_even_if_the_connection_breaks(server, target, tmp_path, processes):
    call = f"fetch([{server.url!r}], {str(target)!r}, known_hash={HASH!r})"
    code = f"from cifarlab.data.sources.download import fetch\n{call}"
    ready = [tmp_path / f"ready{number}" for number in range(processes)]

    def answer(request, n):
        end = time.monotonic() + 60
        while not all(path.exists() for path in ready) and time.monotonic() < end:
            time.sleep(0.01)
        request.serve(upto=None if n else 5 * TENTH)

    server.answer = answer
    touch = "import pathlib, sys\nimport cifarlab.data.sources.download\npathlib.Path(sys.argv[1]).touch()\n"
    children = [
        subprocess.Popen([sys.executable, "-c", touch + code, str(path)], stdout=-1, stderr=-1) for path in ready
    ]
    for child in children:
        assert child.communicate(timeout=120) == (b"", b"")
        assert child.returncode == 0
    assert target.read_bytes() == BODY
    assert server.starts == [None, 5 * TENTH]
