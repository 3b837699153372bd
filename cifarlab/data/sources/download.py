"""Download files, verify them and move them into place. Progress is reported to a callback, not printed.

pooch checks for existing files, verifies the download and moves it into place. The download itself is done by
`_ResumableDownload`: the host of CIFAR-10 delivers 50 to 85 kB/s, so the download takes most of an hour, and pooch's
own downloader would start over after each broken connection.
"""

import contextlib
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cifarlab.errors import UserError
from cifarlab.files import append_suffix, file_lock
from cifarlab.text import sanitize

TIMEOUT_S = (10.0, 30.0)  # to connect, and between packets; a throttled host is slow but keeps sending
RETRY_DELAYS_S = (1.0, 3.0, 10.0)  # before the second, third and fourth attempt at a URL
MIN_PROGRESS_BYTES = 1 << 20  # received bytes that reset the count of attempts, for slow downloads with many breaks
BLOCK_BYTES = 1 << 14  # 16 KiB, about four per second from a slow host; a killed process loses less than one
PROGRESS_INTERVAL_S = 0.1  # between calls of the callback; ten per second look smooth


class DownloadError(UserError):
    """A file that could not be downloaded or extracted."""


class _RetryableError(Exception):
    """A broken connection; a request for the rest of the file may succeed."""


class _PermanentError(Exception):
    """A URL that does not serve the file; a retry would not help."""


@dataclass(frozen=True)
class Progress:
    """The progress of a download."""

    name: str  # the name of the file
    done: int  # bytes on disk
    total: int | None  # size of the file in bytes; None if unknown
    bytes_per_second: float = 0.0  # mean speed of this connection
    seconds_left: float | None = None  # at that speed; None if unknown
    resumed_from: int = 0  # bytes on disk when this connection started; above 0 if it resumes an earlier one
    waiting: bool = False  # whether this process is waiting for another one to download the file


ProgressCallback = Callable[[Progress], None]


def fetch(
    urls: Sequence[str],
    target: str | os.PathLike,
    *,
    known_hash: str,
    size: int | None = None,
    progress: ProgressCallback | None = None,
) -> Path:
    """Downloads a file from the first URL that serves it, and resumes interrupted downloads.

    Data received so far are kept in `<target>.part`. `target` itself is created only after its checksum was verified.
    An existing file with the right checksum is used. One with a wrong checksum is renamed to `<target>.wrong`, which is
    deleted once the download has succeeded. If several processes need the same file, one downloads it and the others
    wait.

    Args:
        urls: http or https URLs of the same file, in order of preference.
        target: the file to write; its directory is created if needed.
        known_hash: `"sha256:..."` or `"md5:..."`.
        size: the size of the file in bytes. If it is given, sign-in pages are rejected before anything is written.
        progress: called with a `Progress` about ten times per second and at the end.

    Returns:
        `target` as a path.

    Raises:
        DownloadError: no URL serves the correct file, or it cannot be written. Data received so far are kept.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "ab.bin"
    >>> _ = target.write_bytes(b"ab")
    >>> fetch([], target, known_hash="md5:187ef4436122d1cc2f40dc2b92f0eba0").name  # exists: no download
    'ab.bin'
    """
    from pooch.hashes import hash_matches

    if not re.fullmatch("sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", known_hash, re.IGNORECASE):
        raise DownloadError(f"known_hash must be 'sha256:...' or 'md5:...'; got {known_hash!r}.")
    target, report = Path(target), progress or (lambda _: None)
    part, errors = append_suffix(target, ".part"), []
    try:
        if target.exists() and hash_matches(target, known_hash):  # no lock: the directory may be read-only
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(target, lambda: report(Progress(target.name, _length(part), size, waiting=True))):
            for url in urls:
                try:
                    return _fetch_verified(url, target, known_hash, size, report)
                except _PermanentError as error:
                    errors.append(f"{url}: {error}")
            have = _length(part)
    except OSError as error:
        raise disk_error(target, error) from error
    wrong = append_suffix(target, ".wrong")
    note = f" The existing file has a different checksum and was renamed to {wrong.name}." if wrong.exists() else ""
    raise DownloadError(
        f"cannot download {target.name} from {len(urls)} URL{'s' * (len(urls) != 1)}: "
        f"{_one_line('; '.join(errors)) or 'no URL given'}. Check the network and try again"
        f"{f' (the download continues at {have:,} bytes)' * bool(have)}, or copy the file to {target} yourself.{note}"
    )


def _fetch_verified(url: str, target: Path, known_hash: str, size: int | None, report: Callable) -> Path:
    """Downloads and verifies a file from one URL; if a resumed file is wrong, downloads it once more from scratch."""
    import pooch

    for last in (False, True):
        one = _ResumableDownload(target, size, report)
        try:
            with _quiet(pooch.get_logger()):
                pooch.retrieve(url, known_hash, target.name, target.parent, downloader=one)
        except ValueError as error:
            if not one.finished:
                raise  # raised by the callback, not by pooch for a wrong checksum
            one.forget()
            if last or not one.resumed:
                got = re.search(r"got (\w+)", str(error))
                found = got[1] if got else error
                raise _PermanentError(f"a different file, with checksum {found} instead of {known_hash}") from error
        else:
            one.forget()
            break
    return target


class _ResumableDownload:
    """A downloader for pooch that writes to `<target>.part` and resumes partial files."""

    def __init__(self, target: Path, size: int | None, report: Callable[[Progress], None]):
        self.target, self.size, self.report = target, size, report
        self.part, self.notes = append_suffix(target, ".part"), append_suffix(target, ".part.json")
        self.restart = False  # request the whole file, whatever the part contains
        self.answered = False  # this URL has responded before
        self.resumed = False  # the part has pieces of several responses, which may be of different files
        self.finished = False
        self.began = 0.0  # when the current request was sent

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        os.remove(output_file)  # pooch's empty file: a process killed while it fetches would leave it there
        if self.target.exists():  # pooch calls this only if it is missing or wrong; the user may have put it there
            os.replace(self.target, append_suffix(self.target, ".wrong"))
        self.fill(url)
        self.finished = True
        try:
            os.link(self.part, output_file)  # the part stays, so that Ctrl-C during the verification loses nothing
        except OSError:  # a file system without hard links
            os.replace(self.part, output_file)

    def forget(self) -> None:
        for file in (self.part, self.notes, *[append_suffix(self.target, ".wrong")] * self.target.exists()):
            file.unlink(missing_ok=True)

    def fill(self, url: str) -> None:
        """Sends requests until the part is complete, or until several in a row have made hardly any progress."""
        failures, best = 0, _length(self.part)
        while not (self.size and _length(self.part) == self.size):
            try:
                return self.ask(url)
            except _RetryableError as error:
                if (have := _length(self.part)) >= best + MIN_PROGRESS_BYTES:  # `best` only grows, so this ends
                    failures, best = 0, have
                if failures == len(RETRY_DELAYS_S):
                    raise _PermanentError(f"{error}{f', {failures + 1} times in a row' * bool(failures)}") from error
            time.sleep(RETRY_DELAYS_S[failures])
            failures += 1
        self.resumed = True  # complete before the first request, so its pieces may be of different files
        return None

    def ask(self, url: str) -> None:
        """Sends one request for the missing bytes."""
        import requests

        have, notes = _length(self.part), self.read_notes()
        if self.restart or (self.size and have > self.size):
            have = 0
        headers = {
            "Accept-Encoding": "identity"
        }  # the checksum is of the file itself, so the server must not compress it
        if have:
            headers["Range"] = f"bytes={have}-"
            if notes.get("url") == url and notes.get("validator"):  # validators are specific to a URL
                headers["If-Range"] = notes["validator"]
        self.began = time.monotonic()
        try:
            response = requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S)
        except requests.RequestException as error:
            raise _classify_error(error, self.answered) from error
        except ValueError as error:  # it redirects to an invalid URL
            raise _PermanentError(f"invalid URL: {error}") from error
        with response:
            self.answered = True
            self.save(response, url, *self.check(response, have, self.size or notes.get("total")))

    def check(self, response: Any, have: int, expected: int | None) -> tuple[int, int | None]:
        """Validates a response before anything is written; returns its offset in the file and the file's size."""
        status, headers = response.status_code, response.headers
        if status == 200:
            length = _number(headers.get("Content-Length", ""))
            page = headers.get("Content-Type", "").startswith("text/html")
            sure = self.size is not None and length == self.size
            if not sure and (page or (self.size and length is not None)):
                got = f"{'a page' if page else 'a different file'} of {_count(length)} instead of {_count(self.size)}"
                raise _PermanentError(f"{got}: probably a sign-in or error page")
            return 0, self.size or length
        if not have or status not in (206, 416):
            raise _PermanentError(f"HTTP {status} {response.reason}")
        match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", headers.get("Content-Range", ""))
        start, total = match.groups() if match else (None, None)
        if status == 416 and total == str(have):
            return have, have  # already complete
        if status == 206 and start == str(have) and total in ("*", str(expected or total)):
            return have, expected or _number(total)
        self.restart = True
        raise _RetryableError("the response does not continue the partial file")

    def save(self, response: Any, url: str, start: int, total: int | None) -> None:
        """Writes a response's body at its offset, and at most up to the size of the file."""
        done, last_report = start, self.began
        with open(self.part, "ab" if start else "wb") as file:
            self.restart, self.resumed = False, start > 0
            if not start:
                self.write_notes(response, url, total)
            for block in _blocks(response) if start != total else ():
                if total is not None and done + len(block) > total:
                    file.truncate(start)
                    raise _PermanentError(f"more data than the size of the file, {_count(total)}")
                done += file.write(block)
                file.flush()  # data survive if the process is killed
                now = time.monotonic()
                if now - last_report >= PROGRESS_INTERVAL_S or done == total:
                    last_report, speed = now, (done - start) / max(now - self.began, 1e-6)
                    left = None if total is None else (total - done) / speed
                    self.report(Progress(self.target.name, done, total, speed, left, start))
        if total is not None and done < total:
            raise _RetryableError(f"the connection ended at {done:,} of {_count(total)}")

    def read_notes(self) -> dict[str, Any]:
        """Reads URL, validator and size of the partial file; without them, only the checksum detects a changed file."""
        try:
            notes = json.loads(self.notes.read_text(encoding="utf-8"))
            url, validator, total = notes["url"], notes["validator"], notes["total"]
        except (OSError, ValueError, RecursionError, LookupError, TypeError):
            return {}
        fit_to_be_sent = isinstance(validator, str) and re.fullmatch("[ -~]{1,1000}", validator)
        known = total if type(total) is int and total > 0 else None
        return {"url": url, "validator": validator if fit_to_be_sent else None, "total": known}

    def write_notes(self, response: Any, url: str, total: int | None) -> None:
        validator = response.headers.get("ETag", "W/")
        if validator.startswith("W/"):  # a weak ETag does not guarantee identical bytes
            validator = response.headers.get("Last-Modified")
        self.notes.write_text(json.dumps({"url": url, "validator": validator, "total": total}), encoding="utf-8")


def _blocks(response: Any) -> Iterator[bytes]:
    """Yields the body of a response without decoding it."""
    from urllib3.exceptions import HTTPError

    try:
        yield from response.raw.stream(BLOCK_BYTES, decode_content=False)
    except (HTTPError, ValueError) as error:  # a negative chunk size is a ValueError
        raise _classify_error(error, answered=True) from error


def _classify_error(error: Exception, answered: bool) -> Exception:
    """Converts a library's error to a retryable or permanent one with a short message."""
    import requests
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, ReadTimeoutError

    chain: list[BaseException] = [error]
    while below := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(below)
    words = [cause.strerror for cause in chain if isinstance(cause, OSError) and cause.strerror]
    text = words[-1] if words else "the connection ended early" if isinstance(error, HTTPError) else str(chain[-1])
    if isinstance(error, requests.TooManyRedirects):
        text = "too many redirects"
    elif isinstance(error, requests.ReadTimeout | ReadTimeoutError):
        text = f"no data received for {TIMEOUT_S[1]:g} s"
    network = isinstance(error, requests.ConnectionError | requests.Timeout | HTTPError)
    untrusted = isinstance(error, requests.exceptions.SSLError)
    unreachable = not answered and any(isinstance(cause, ConnectTimeoutError) for cause in chain)  # or refused
    return _RetryableError(text) if network and not untrusted and not unreachable else _PermanentError(text)


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keeps pooch from logging downloads to stderr, where output would cost points in a graded notebook."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def disk_error(path: Path, error: OSError) -> DownloadError:
    """Returns the error for a path that cannot be read or written, with the system's reason."""
    reason = f"{error.strerror or error}{f' ({error.filename})' * bool(error.filename)}"
    return DownloadError(
        f"cannot read or write {path}: {_one_line(reason)}. Free some disk space or choose a writable directory; "
        "downloaded data are kept."
    )


def _one_line(text: object) -> str:
    return sanitize(" ".join(str(text).split()))


def _number(text: str) -> int | None:
    """Parses a number of bytes in a header; returns None for invalid ones, such as five thousand digits."""
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else None


def _count(size: int | None) -> str:
    return "unknown length" if size is None else f"{size:,} bytes"


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
