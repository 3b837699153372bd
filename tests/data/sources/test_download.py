"""Downloads from a real server on loopback with scripted faults."""

import gzip
import hashlib
import json
import logging
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import filelock
import pooch
import pytest

from cifarlab.data.sources import download
from cifarlab.data.sources.download import DownloadError, Progress, fetch
from tests.http_server import BODY, Request, Server, hasten

OTHER = random.Random(2).randbytes(200_000)
HASH = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
HALF = 100_000


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def second():
    second = Server()
    yield second
    second.close()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "data" / "batches.bin"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    hasten(monkeypatch)


def get(target: Path, *servers: Server, size: int | None = len(BODY), **others) -> Path:
    return fetch([server.url for server in servers], target, known_hash=HASH, size=size, **others)


def refusal(target: Path, *servers: Server, **others) -> str:
    with pytest.raises(DownloadError) as raised:
        get(target, *servers, **others)
    message = str(raised.value)
    assert "\n" not in message
    return message


def leave_part(target: Path, data: bytes, notes: dict | None = None) -> Path:
    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(data)
    if notes is not None:
        part.with_name(part.name + ".json").write_text(json.dumps(notes))
    return part


def left(target: Path) -> set[str]:
    """Returns the files in the directory, without the lock (which some versions of filelock remove)."""
    return {path.name for path in target.parent.iterdir()} - {"batches.bin.lock"}


PART = {"batches.bin.part", "batches.bin.part.json"}


# ---- a good server


@pytest.mark.parametrize("size", [len(BODY), None])
def test_a_file_is_downloaded_and_nothing_else_is_left(server, target, size):
    assert get(target, server, size=size) == target
    assert target.read_bytes() == BODY
    assert left(target) == {"batches.bin"}
    assert server.starts == [None]


def test_a_downloaded_file_has_the_permissions_of_a_new_file(server, target):
    """pooch's temporary files are private, but a course's shared directory must be readable for everybody."""
    get(target, server)
    plain = target.with_name("plain")
    plain.touch()
    assert target.stat().st_mode == plain.stat().st_mode


def test_a_file_with_the_right_checksum_is_used(server, target):
    leave_part(target, b"old")
    target.write_bytes(BODY)
    assert get(target, server) == target
    assert server.requests == []


@pytest.mark.fault(promise="downloads", injection="a wrong checksum")
def test_a_file_with_a_wrong_checksum_is_downloaded_again(server, target):
    target.parent.mkdir()
    target.write_bytes(OTHER)
    get(target, server)
    assert target.read_bytes() == BODY
    assert left(target) == {target.name}


@pytest.mark.fault(promise="downloads", injection="a wrong checksum")
def test_a_file_with_a_wrong_checksum_is_renamed_if_the_download_fails(server, target):
    """A user may have copied it there: it must be neither used nor lost."""
    target.parent.mkdir()
    target.write_bytes(OTHER)
    server.answer = lambda request, n: request.head(404)
    assert f"was renamed to {target.name}.wrong" in refusal(target, server)
    assert left(target) == {f"{target.name}.wrong"}
    assert (target.parent / f"{target.name}.wrong").read_bytes() == OTHER


def test_an_md5_checksum_is_accepted(server, target):
    fetch([server.url], target, known_hash=f"md5:{hashlib.md5(BODY).hexdigest().upper()}")
    assert target.read_bytes() == BODY


def test_an_invalid_checksum_is_reported_before_the_download(server, target):
    with pytest.raises(DownloadError, match=r"known_hash must be 'sha256:\.\.\.' or 'md5:\.\.\.'; got 'sha265:ab'"):
        fetch([server.url], target, known_hash="sha265:ab")
    assert server.requests == []


def test_progress_counts_up_to_the_whole_file(server, target):
    seen: list[Progress] = []
    get(target, server, progress=seen.append)
    assert [one.done for one in seen] == sorted({one.done for one in seen})
    assert len(seen) > 5
    assert {(one.name, one.total, one.resumed_from, one.waiting) for one in seen} == {
        ("batches.bin", len(BODY), 0, False)
    }
    assert seen[-1].done == len(BODY)
    assert seen[-1].seconds_left == 0
    for one in seen:
        assert one.seconds_left == pytest.approx((len(BODY) - one.done) / one.bytes_per_second)


def test_progress_is_reported_rarely_but_always_at_the_end(server, target, monkeypatch):
    monkeypatch.setattr(download, "PROGRESS_INTERVAL_S", 1000.0)
    seen: list[Progress] = []
    get(target, server, progress=seen.append)
    assert [one.done for one in seen] == [len(BODY)]


def chunks(request: Request, body: bytes, length: int) -> None:
    request.handler.protocol_version = "HTTP/1.1"
    request.head(200, Transfer_Encoding="chunked", Connection="close")
    for at in range(0, len(body), length):
        piece = body[at : at + length]
        request.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    request.send(b"0\r\n\r\n")


def test_reported_bytes_are_on_disk(server, target):
    """Whatever the size of the chunks, a killed process leaves what it received."""
    part = target.with_name("batches.bin.part")
    seen: list[tuple[int, int]] = []
    server.answer = lambda request, n: chunks(request, BODY, 1_000)
    get(target, server, progress=lambda one: seen.append((one.done, part.stat().st_size)))
    assert seen == [(done, done) for done in range(1_000, len(BODY) + 1, 1_000)]


def test_redirects_are_followed(server, second, target):
    server.answer = lambda request, n: request.head(302, Location=second.url, Content_Length=0)
    get(target, server)
    assert target.read_bytes() == BODY


def test_content_encoding_gzip_is_not_decoded(server, target):
    """Some servers send .tar.gz files with `Content-Encoding: gzip`; decoding them would change the checksum."""
    packed = gzip.compress(BODY)

    def answer(request, n):
        request.head(200, Content_Length=len(packed), Content_Encoding="gzip")
        request.send(packed)

    server.answer = answer
    known_hash = f"sha256:{hashlib.sha256(packed).hexdigest()}"
    assert fetch([server.url], target, known_hash=known_hash, size=len(packed)).read_bytes() == packed


def test_the_server_is_asked_not_to_compress(server, target):
    get(target, server)
    assert server.requests[0].handler.headers["Accept-Encoding"] == "identity"


# ---- breaks


@pytest.mark.fault(promise="downloads", injection="cut off at each tenth of the file")
def test_a_broken_connection_is_resumed_within_the_call(server, target):
    server.answer = lambda request, n: request.serve(upto=HALF if n == 0 else None)
    get(target, server)
    assert target.read_bytes() == BODY
    assert server.starts == [None, HALF]
    assert sum(request.sent for request in server.requests) == len(BODY)
    assert server.requests[1].if_range == '"one"'


@pytest.mark.fault(promise="downloads", injection="cut off at each tenth of the file")
def test_a_partial_file_of_an_earlier_call_is_resumed(server, target):
    server.answer = lambda request, n: request.serve(upto=HALF)
    message = refusal(target, server)
    assert "3 times in a row" in message
    assert "the download continues at 100,000 bytes" in message
    assert left(target) == PART
    assert server.starts == [None, HALF, HALF]

    server.answer = lambda request, n: request.serve()
    seen: list[Progress] = []
    get(target, server, progress=seen.append)
    assert target.read_bytes() == BODY
    assert left(target) == {"batches.bin"}
    assert server.starts[3:] == [HALF]
    assert server.requests[3].sent == len(BODY) - HALF
    assert {one.resumed_from for one in seen} == {HALF}


@pytest.mark.fault(promise="downloads", injection="cut off at each tenth of the file")
def test_a_call_gives_up_after_a_few_breaks_with_hardly_any_data(server, target):
    server.answer = lambda request, n: request.serve(upto=10 * (n + 1))
    message = refusal(target, server)
    assert "the connection ended early, 3 times in a row" in message
    assert "the download continues at 30 bytes" in message
    assert server.starts == [None, 10, 20]


@pytest.mark.fault(promise="downloads", injection="cut off at each tenth of the file")
def test_fetch_retry_count_resets_on_progress(server, target, monkeypatch):
    monkeypatch.setattr(download, "MIN_PROGRESS_BYTES", 20_000)
    server.answer = lambda request, n: request.serve(upto=20_000 * (n + 1))
    get(target, server)
    assert target.read_bytes() == BODY
    assert len(server.requests) == 10


@pytest.mark.fault(promise="downloads", injection="cut off at each tenth of the file")
def test_restarting_repeatedly_is_not_progress(server, target, monkeypatch):
    """A server that ignores Range and always breaks off would send the same bytes forever."""
    monkeypatch.setattr(download, "MIN_PROGRESS_BYTES", 20_000)

    def answer(request, n):
        request.head(200, Content_Length=len(BODY))
        request.send(BODY[: HALF if n < 10 else None])

    server.answer = answer
    refusal(target, server)
    assert len(server.requests) == 3


@pytest.mark.fault(promise="downloads", injection="stalled, silent and very slow servers")
def test_a_stalled_connection_is_closed_and_resumed(server, target, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT_S", (10.0, 0.5))

    def answer(request, n):
        request.serve(upto=HALF if n == 0 else None)
        if n == 0:
            request.handler.wfile.flush()
            server.released.wait(20)

    server.answer = answer
    get(target, server)
    assert target.read_bytes() == BODY
    assert not server.released.is_set()
    # The block that was incomplete when the connection stalled is requested again.
    assert server.starts == [None, HALF - HALF % download.BLOCK_BYTES]


@pytest.mark.fault(promise="downloads", injection="stalled, silent and very slow servers")
def test_a_server_that_never_responds_is_reported(server, target, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT_S", (10.0, 0.2))
    server.answer = lambda request, n: server.released.wait(20)
    assert "no data received for 0.2 s, 3 times in a row" in refusal(target, server)


@pytest.mark.fault(promise="downloads", injection="stalled, silent and very slow servers")
def test_a_slow_connection_is_not_a_stall(server, target, monkeypatch):
    """Ten chunks, each well within the timeout, take longer than it together."""
    monkeypatch.setattr(download, "TIMEOUT_S", (10.0, 2.0))

    def answer(request, n):
        request.head(200, Content_Length=len(BODY))
        for at in range(0, len(BODY), 20_000):
            request.send(BODY[at : at + 20_000])
            time.sleep(0.25)

    server.answer = answer
    get(target, server)
    assert server.starts == [None]


@pytest.mark.fault(promise="downloads", injection="killed or interrupted while downloading or verifying")
def test_ctrl_c_keeps_the_part(server, target):
    def interrupt(progress):
        if progress.done >= HALF:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(target, server, progress=interrupt)
    assert left(target) == PART
    got = target.with_name("batches.bin.part").stat().st_size
    assert HALF <= got < len(BODY)
    get(target, server)
    assert server.starts == [None, got]


@pytest.mark.fault(promise="downloads", injection="killed or interrupted while downloading or verifying")
def test_ctrl_c_during_the_verification_loses_nothing(server, target, monkeypatch):
    def interrupt(*args, **others):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pooch.core, "hash_matches", interrupt)
        with pytest.raises(KeyboardInterrupt):
            get(target, server)
    assert left(target) == PART
    get(target, server)
    assert target.read_bytes() == BODY
    assert len(server.requests) == 1
    assert left(target) == {"batches.bin"}


def test_a_file_system_without_hard_links_works(server, target, monkeypatch):
    def no_links(*args):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    get(target, server)
    assert target.read_bytes() == BODY
    assert left(target) == {"batches.bin"}


def test_an_exception_in_the_callback_is_passed_through(server, target):
    def fail(progress):
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$") as raised:
        get(target, server, progress=fail)
    assert not isinstance(raised.value, DownloadError)
    assert left(target) == PART


CHILD = """
import sys, pathlib
from cifarlab.data.sources.download import fetch
url, target, known_hash, size, ready = sys.argv[1:]
pathlib.Path(ready).touch()
fetch([url], target, known_hash=known_hash, size=int(size))
"""


def child(server: Server, target: Path, ready: Path) -> subprocess.Popen:
    arguments = [server.url, str(target), HASH, str(len(BODY)), str(ready)]
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=pipe, stderr=pipe)


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


@pytest.mark.fault(promise="downloads", injection="killed or interrupted while downloading or verifying")
def test_a_killed_process_leaves_its_part_and_the_next_one_resumes(server, target, tmp_path):
    def answer(request, n):
        request.serve(upto=HALF if n == 0 else None)
        if n == 0:
            request.handler.wfile.flush()
            server.released.wait(20)

    server.answer = answer
    part = target.with_name("batches.bin.part")
    process = child(server, target, tmp_path / "ready")
    wait_for(lambda: part.exists() and part.stat().st_size >= HALF - download.BLOCK_BYTES)
    process.kill()  # SIGKILL, so that no cleanup can run
    process.communicate()
    assert left(target) == PART
    kept = part.stat().st_size

    get(target, server)
    assert target.read_bytes() == BODY
    assert server.starts == [None, kept]
    assert server.requests[1].sent == len(BODY) - kept
    assert left(target) == {"batches.bin"}


@pytest.mark.fault(promise="downloads", injection="two processes downloading at once")
def test_two_processes_download_once_and_print_nothing(server, target, tmp_path):
    ready = [tmp_path / "ready1", tmp_path / "ready2"]

    def answer(request, n):
        wait_for(lambda: all(path.exists() for path in ready))
        time.sleep(0.3)  # both processes need the file now, and one holds the lock
        request.serve()

    server.answer = answer
    processes = [child(server, target, path) for path in ready]
    for process in processes:
        assert process.communicate(timeout=300) == (b"", b"")
        assert process.returncode == 0
    assert server.starts == [None]
    assert target.read_bytes() == BODY
    assert left(target) == {"batches.bin"}


@pytest.mark.fault(promise="downloads", injection="two processes downloading at once")
def test_a_waiting_process_reports_the_progress_of_the_other(server, target):
    leave_part(target, BODY[:HALF])
    lock = filelock.FileLock(target.with_name("batches.bin.lock"), thread_local=False)
    lock.acquire()
    seen: list[Progress] = []

    def see(progress):
        seen.append(progress)
        if len(seen) == 2:
            lock.release()

    get(target, server, progress=see)
    assert seen[0] == seen[1] == Progress("batches.bin", HALF, len(BODY), waiting=True)
    assert not any(one.waiting for one in seen[2:])
    assert server.starts == [HALF]


# ---- responses that do not match the partial file


@pytest.mark.fault(promise="downloads", injection="a range request ignored, or answered with another range")
def test_a_server_that_ignores_range_restarts_the_file(server, target):
    leave_part(target, OTHER[:HALF])

    def answer(request, n):
        request.head(200, Content_Length=len(BODY))
        request.send(BODY)

    server.answer = answer
    get(target, server)
    assert server.starts == [HALF]
    assert target.read_bytes() == BODY


@pytest.mark.fault(promise="downloads", injection="the file changes between two requests")
def test_a_file_that_has_changed_is_not_resumed(server, target):
    leave_part(target, OTHER[:HALF], {"url": server.url, "validator": '"zero"', "total": len(BODY)})
    get(target, server)
    assert server.requests[0].if_range == '"zero"'
    assert [request.sent for request in server.requests] == [len(BODY)]
    assert target.read_bytes() == BODY


@pytest.mark.fault(promise="downloads", injection="the file changes between two requests")
def test_last_modified_is_used_if_the_etag_is_weak(server, target):
    date = "Mon, 08 Jun 2009 20:09:09 GMT"

    def answer(request, n):
        start = request.start
        span = f"bytes {start}-{len(BODY) - 1}/{len(BODY)}" if start else None
        head = {"Content_Length": len(BODY) - start, "Content_Range": span}
        request.head(206 if start else 200, **head, ETag='W/"one"', Last_Modified=date)
        request.send(BODY[start : None if start else HALF])

    server.answer = answer
    get(target, server)
    assert [request.if_range for request in server.requests] == [None, date]


@pytest.mark.fault(promise="downloads", injection="a range request ignored, or answered with another range")
def test_another_url_resumes_without_the_validator_of_the_first(server, second, target):
    server.answer = lambda request, n: request.serve(upto=HALF) if n == 0 else request.head(503)
    second.answer = lambda request, n: request.serve(etag='"two"')
    get(target, server, second)
    assert server.starts == [None, HALF]
    assert second.starts == [HALF]
    assert second.requests[0].if_range is None
    assert target.read_bytes() == BODY


@pytest.mark.fault(promise="downloads", injection="a range request ignored, or answered with another range")
@pytest.mark.parametrize(
    "span",
    [
        f"bytes {HALF - 1}-{len(BODY) - 1}/{len(BODY)}",
        f"bytes {HALF}-{len(BODY)}/{len(BODY) + 1}",
        "bytes nonsense",
        None,
    ],
    ids=["another start", "another total", "nonsense", "no range"],
)
def test_a_response_that_does_not_continue_the_part_is_not_used(server, target, span):
    def answer(request, n):
        if n:
            request.serve()
        else:
            request.head(206, Content_Range=span, Content_Length=10)
            request.send(OTHER[:10])

    leave_part(target, BODY[:HALF])
    server.answer = answer
    get(target, server)
    assert server.starts == [HALF, None]
    assert target.read_bytes() == BODY


@pytest.mark.fault(promise="downloads", injection="a range request ignored, or answered with another range")
def test_a_restarted_file_is_resumed_like_any_other(server, target):
    def answer(request, n):
        if n:
            request.serve(upto=HALF if n == 1 else None)
        else:
            request.head(206, Content_Length=0)

    leave_part(target, BODY[:10])
    server.answer = answer
    get(target, server)
    assert server.starts == [10, None, HALF]
    assert target.read_bytes() == BODY


@pytest.mark.fault(promise="downloads", injection="the file changes between two requests")
def test_mismatched_pieces_are_downloaded_again_once(server, target):
    leave_part(target, OTHER[:HALF])
    get(target, server)
    assert server.starts == [HALF, None]
    assert target.read_bytes() == BODY


@pytest.mark.fault(promise="downloads", injection="the file changes between two requests")
def test_pieces_that_never_match_are_an_error(server, target):
    leave_part(target, OTHER[:HALF])
    server.answer = lambda request, n: request.serve(OTHER)
    message = refusal(target, server)
    assert f"a different file, with checksum {hashlib.sha256(OTHER).hexdigest()} instead of {HASH}" in message
    assert server.starts == [HALF, None]
    assert left(target) == set()


@pytest.mark.fault(promise="downloads", injection="wrong content lengths")
def test_a_shorter_file_does_not_replace_the_part(server, target):
    part = leave_part(target, BODY[:HALF])
    server.answer = lambda request, n: request.serve(BODY[:10])
    assert "a different file of 10 bytes instead of 200,000 bytes" in refusal(target, server)
    assert server.starts == [HALF, None]  # 416 first
    assert part.read_bytes() == BODY[:HALF]


def test_a_complete_part_is_verified_without_a_request(server, target):
    leave_part(target, BODY)
    get(target, server)
    assert target.read_bytes() == BODY
    assert server.requests == []


@pytest.mark.fault(promise="downloads", injection="the file changes between two requests")
@pytest.mark.parametrize("size", [len(BODY), None])
@pytest.mark.parametrize("part", [OTHER, BODY + b"too long"], ids=["whole but wrong", "too long"])
def test_an_unusable_part_is_replaced(server, target, part, size):
    leave_part(target, part)
    get(target, server, size=size)
    assert target.read_bytes() == BODY
    assert server.starts == ([len(part), None] if size is None else [None])


def test_a_complete_part_of_unknown_size_is_detected_by_status_416(server, target):
    leave_part(target, BODY)
    get(target, server, size=None)
    assert target.read_bytes() == BODY
    assert server.starts == [len(BODY)]
    assert server.requests[0].sent == 0


@pytest.mark.fault(promise="downloads", injection="truncated or invalid notes of an earlier download")
@pytest.mark.parametrize("notes", ["", "{", "[]", "\0\0", '{"validator": null}'])
def test_damaged_notes_are_ignored(server, target, notes):
    leave_part(target, BODY[:HALF]).with_name("batches.bin.part.json").write_text(notes)
    get(target, server)
    assert server.starts == [HALF]
    assert target.read_bytes() == BODY


# ---- wrong lengths, and HTML pages instead of the file


@pytest.mark.fault(promise="downloads", injection="wrong content lengths")
@pytest.mark.parametrize("chunked", [False, True])
def test_excess_data_are_refused_before_they_are_written(server, target, chunked):
    def answer(request, n):
        if chunked:
            chunks(request, BODY + OTHER, 50_000)
        else:  # closing the connection ends the body
            request.head(200)
            request.send(BODY + OTHER)

    server.answer = answer
    assert "more data than the size of the file, 200,000 bytes" in refusal(target, server)
    assert target.with_name("batches.bin.part").stat().st_size == 0
    assert not target.exists()


@pytest.mark.fault(promise="downloads", injection="cut off at each tenth of the file")
def test_a_body_without_a_length_that_ends_early_is_resumed(server, target):
    def answer(request, n):
        if n:
            request.serve()
        else:
            request.head(200)
            request.send(BODY[:HALF])

    server.answer = answer
    get(target, server)
    assert server.starts == [None, HALF]
    assert target.read_bytes() == BODY


def page(request: Request, length: bool = True) -> None:
    html = b"<!doctype html><title>Sign in</title>"
    request.head(200, Content_Type="text/html; charset=utf-8", Content_Length=len(html) if length else None)
    request.send(html)


@pytest.mark.fault(promise="downloads", injection="an HTML page instead of the file")
@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("size", [len(BODY), None])
def test_an_html_page_is_reported_and_the_part_is_kept(server, target, length, size):
    part = leave_part(target, BODY[:HALF])
    server.answer = lambda request, n: page(request, length)
    message = refusal(target, server, size=size)
    assert f"a page of {'37 bytes' if length else 'unknown length'}" in message
    assert "probably a sign-in or error page" in message
    assert "the download continues at 100,000 bytes" in message
    assert part.read_bytes() == BODY[:HALF]
    assert len(server.requests) == 1


@pytest.mark.fault(promise="downloads", injection="wrong content lengths")
def test_an_empty_response_does_not_replace_the_part(server, target):
    part = leave_part(target, BODY[:HALF])
    server.answer = lambda request, n: request.head(200, Content_Length=0)
    assert "a different file of 0 bytes instead of 200,000 bytes" in refusal(target, server)
    assert part.read_bytes() == BODY[:HALF]


@pytest.mark.fault(promise="downloads", injection="wrong content lengths")
def test_a_wrong_length_is_reported_before_anything_is_written(server, target):
    server.answer = lambda request, n: request.serve(BODY[:-1])
    assert "a different file of 199,999 bytes instead of 200,000 bytes" in refusal(target, server)
    assert left(target) == set()


@pytest.mark.fault(promise="downloads", injection="a wrong checksum")
def test_a_wrong_checksum_is_reported_and_nothing_is_left(server, target):
    server.answer = lambda request, n: request.serve(OTHER)
    message = refusal(target, server)
    assert f"with checksum {hashlib.sha256(OTHER).hexdigest()} instead of {HASH}" in message
    assert server.starts == [None]
    assert left(target) == set()


# ---- failing URLs, and no network


@pytest.mark.fault(promise="downloads", injection="HTTP errors such as 403, 404 and 500")
@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_the_next_url_is_used_if_one_fails(server, second, target, status):
    server.answer = lambda request, n: request.head(status)
    get(target, server, second)
    assert target.read_bytes() == BODY
    assert (len(server.requests), len(second.requests)) == (1, 1)


@pytest.mark.fault(promise="downloads", injection="a wrong checksum")
def test_the_next_url_is_used_if_one_serves_a_different_file(server, second, target):
    server.answer = lambda request, n: request.serve(OTHER)
    get(target, server, second)
    assert target.read_bytes() == BODY


@pytest.mark.fault(promise="downloads", injection="an HTML page instead of the file")
def test_the_error_names_each_url_and_its_problem(server, second, target):
    server.answer = lambda request, n: request.head(404)
    second.answer = lambda request, n: page(request)
    message = refusal(target, server, second)
    assert message.startswith("cannot download batches.bin from 2 URLs: ")
    assert f"{server.url}: HTTP 404 Not Found; {second.url}: a page of 37 bytes instead of 200,000 bytes" in message
    assert message.endswith(f"Check the network and try again, or copy the file to {target} yourself.")


@pytest.mark.fault(promise="downloads", injection="redirect loops, and redirects to an invalid URL")
def test_circular_redirects_are_reported(server, target):
    server.answer = lambda request, n: request.head(302, Location=server.url, Content_Length=0)
    assert "too many redirects" in refusal(target, server)


@pytest.mark.fault(promise="downloads", injection="no network, no server, or a server without a valid certificate")
def test_fetch_fails_fast_when_connection_refused(target, monkeypatch):
    monkeypatch.setattr(download, "RETRY_DELAYS_S", (1000.0,))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/batches.bin"
    with pytest.raises(DownloadError, match=r"batches\.bin: Connection refused\. Check the network"):
        fetch([url], target, known_hash=HASH)


@pytest.mark.fault(promise="downloads", injection="no network, no server, or a server without a valid certificate")
def test_fetch_fails_fast_on_tls_error(server, target, monkeypatch):
    monkeypatch.setattr(download, "RETRY_DELAYS_S", (1000.0,))
    with pytest.raises(DownloadError, match=r"URL: https://.*SSL.*Check the network"):
        fetch([server.url.replace("http:", "https:")], target, known_hash=HASH)


@pytest.mark.fault(promise="downloads", injection="no network, no server, or a server without a valid certificate")
def test_no_network_is_reported_at_once(target, monkeypatch):
    def unknown(*args, **others):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(download, "RETRY_DELAYS_S", (1000.0,))
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    urls = ["https://www.example.org/a", "http://example.com/b"]
    with pytest.raises(DownloadError) as raised:
        fetch(urls, target, known_hash=HASH)
    assert str(raised.value) == (
        "cannot download batches.bin from 2 URLs: https://www.example.org/a: Name or service not known; "
        "http://example.com/b: Name or service not known. Check the network and try again, or copy the file to "
        f"{target} yourself."
    )


@pytest.mark.fault(promise="downloads", injection="no network, no server, or a server without a valid certificate")
def test_a_temporary_network_failure_is_retried(server, target, monkeypatch):
    """A laptop that changes networks cannot resolve names for a second or two."""
    real, calls = socket.getaddrinfo, []

    def flaky(*args, **others):
        calls.append(args)
        if len(calls) == 2:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(*args, **others)

    monkeypatch.setattr(socket, "getaddrinfo", flaky)
    server.answer = lambda request, n: request.serve(upto=HALF if n == 0 else None)
    get(target, server)
    assert len(calls) == 3
    assert server.starts == [None, HALF]


@pytest.mark.parametrize("url", ["file:///etc/hostname", "batches.bin", "http://", "ftp://example.org/a"])
def test_invalid_urls_are_reported(target, url):
    with pytest.raises(DownloadError, match=r"cannot download batches\.bin from 1 URL: "):
        fetch([url], target, known_hash=HASH)


def test_an_empty_list_of_urls_is_reported(target):
    with pytest.raises(DownloadError, match=r"cannot download batches\.bin from 0 URLs: no URL given"):
        fetch([], target, known_hash=HASH)


# ---- the disk


@pytest.mark.fault(promise="downloads", injection="a full disk, or a directory that cannot be created")
def test_a_full_disk_is_reported_and_the_part_is_kept(server, target):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
    try:
        message = refusal(target, server)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert message.startswith(f"cannot read or write {target}: File too large. Free some disk space")
    assert left(target) == PART
    get(target, server)
    assert server.starts == [None, 150_000]
    assert target.read_bytes() == BODY


@pytest.mark.fault(promise="downloads", injection="a full disk, or a directory that cannot be created")
def test_a_directory_that_cannot_be_created_is_reported(server, tmp_path):
    (tmp_path / "file").touch()
    message = refusal(tmp_path / "file" / "batches.bin", server)
    assert ": File exists" in message
    assert "choose a writable directory" in message
    assert server.requests == []


@pytest.fixture
def _no_locks(monkeypatch):
    """Makes file locks fail as in a read-only directory, even for root."""

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(filelock, "FileLock", refuse)


@pytest.mark.usefixtures("_no_locks")
def test_an_existing_file_needs_no_lock(target):
    target.parent.mkdir()
    target.write_bytes(BODY)
    get(target)
    assert ": Permission denied" in refusal(target.with_name("other.bin"))


# ---- quiet and quick


def test_the_import_loads_nothing_heavy():
    code = "import sys, cifarlab.data.sources.download; print({'tensorflow', 'requests', 'pooch'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (out.stdout, out.stderr) == ("set()\n", "")


def test_the_level_of_the_pooch_logger_is_restored(server, target):
    logger = pooch.get_logger()
    logger.setLevel("INFO")
    get(target, server)
    assert logger.level == logging.INFO
    server.answer = lambda request, n: request.head(404)
    refusal(target.with_name("other.bin"), server)
    assert logger.level == logging.INFO
