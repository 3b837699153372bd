"""Fetch, verify, move into place. Nothing here prints: progress goes to a callback.

pooch looks at what is there, verifies what came and moves it into place. The fetching is ours (`_ResumableDownload`):
the host of CIFAR-10 gives 50 to 85 kB/s, most of an hour, and pooch's own starts anew after each break.
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

TIMEOUT_S = (10.0, 30.0)  # to connect, and between two packets: a throttled host is slow, but hardly silent
RETRY_DELAYS_S = (1.0, 3.0, 10.0)  # before the second, third and fourth try at one address
MIN_PROGRESS_BYTES = 1 << 20  # a try that brings so much starts the count anew: an hour may see many breaks
BLOCK_BYTES = 1 << 14  # 16 KiB, some four a second from the slow host; a kill loses less than one
PROGRESS_INTERVAL_S = 0.1  # between two calls of the callback: ten a second look smooth and cost nothing


class DownloadError(UserError):
    """A file that could not be had or unpacked: one line with what was expected, what was got, what to do."""


class _RetryableError(Exception):
    """The connection broke: to ask again, for the rest, may help."""


class _PermanentError(Exception):
    """What an address serves is not what is wanted: to ask again does not help."""


@dataclass(frozen=True)
class Progress:
    """How far a download is, for whoever shows it."""

    name: str  # of the file
    done: int  # bytes on the disk
    total: int | None  # bytes of the whole file; None if nobody knows
    bytes_per_second: float = 0.0  # the mean since this connection began
    seconds_left: float | None = None  # at that speed; None if it cannot be told
    resumed_from: int = 0  # bytes there when this connection began; above 0, it continues an earlier one
    waiting: bool = False  # another process is fetching the file, and this one waits for it


ProgressCallback = Callable[[Progress], None]


def fetch(
    urls: Sequence[str],
    target: str | os.PathLike,
    *,
    known_hash: str,
    size: int | None = None,
    progress: ProgressCallback | None = None,
) -> Path:
    """Fetches a file from the first of several addresses that serves it, continuing where a call broke off.

    What has come so far is kept as `<target>.part`; `target` itself appears verified or not at all. One that is there
    with the right checksum is used as it is; one with a wrong one is set aside as `<target>.wrong` until the right one
    is there. Of several processes that want the same file, one fetches it and the others wait.

    Args:
        urls: http or https addresses of one and the same file, the preferred one first.
        target: where the file goes; its folder is made if need be.
        known_hash: `"sha256:..."` or `"md5:..."`.
        size: bytes of the file. With it a sign-in page is told from the file before anything is written.
        progress: called with a `Progress` about ten times a second and at the end.

    Returns:
        `target` as a path.

    Raises:
        DownloadError: no address serves the file rightly, or the disk does not take it. The part is kept.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "ab.bin"
    >>> _ = target.write_bytes(b"ab")
    >>> fetch([], target, known_hash="md5:187ef4436122d1cc2f40dc2b92f0eba0").name  # there: nobody is asked
    'ab.bin'
    """
    from pooch.hashes import hash_matches

    if not re.fullmatch("sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", known_hash, re.IGNORECASE):
        raise DownloadError(f"known_hash is 'sha256:...' or 'md5:...'; got {known_hash!r}. Correct it.")
    target, report = Path(target), progress or (lambda _: None)
    part, errors = append_suffix(target, ".part"), []
    try:
        if target.exists() and hash_matches(target, known_hash):  # no lock: the folder may be read-only
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
    aside = f" What lay there before has another checksum; it is now {wrong.name}." if wrong.exists() else ""
    raise DownloadError(
        f"expected {target.name} from {len(urls)} address{'es' * (len(urls) != 1)}; got "
        f"{_one_line('; '.join(errors)) or 'nowhere to ask'}. Check the network and try again"
        f"{f' (it continues at {have:,} bytes)' * bool(have)}, or put the file at {target} by hand.{aside}"
    )


def _fetch_verified(url: str, target: Path, known_hash: str, size: int | None, report: Callable) -> Path:
    """One address: fetch, let pooch verify and move; if joined pieces do not fit, once more from nothing."""
    import pooch

    for last in (False, True):
        one = _ResumableDownload(target, size, report)
        try:
            with _quiet(pooch.get_logger()):
                pooch.retrieve(url, known_hash, target.name, target.parent, downloader=one)
        except ValueError as error:
            if not one.finished:
                raise  # the callback's own, not pooch's verdict on the checksum
            one.forget()
            if last or not one.resumed:
                got = re.search(r"got (\w+)", str(error))
                words = f"another file, of checksum {got[1] if got else error}, not {known_hash}"
                raise _PermanentError(words) from error
        else:
            one.forget()
            break
    return target


class _ResumableDownload:
    """A downloader for pooch: it fills `<target>.part`, continuing what is there."""

    def __init__(self, target: Path, size: int | None, report: Callable[[Progress], None]):
        self.target, self.size, self.report = target, size, report
        self.part, self.notes = append_suffix(target, ".part"), append_suffix(target, ".part.json")
        self.restart = False  # ask for the whole file, whatever the part holds
        self.answered = False  # this address has answered before
        self.resumed = False  # the part holds pieces of several answers, which may not belong together
        self.finished = False
        self.began = 0.0  # when this connection was asked for

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        os.remove(output_file)  # pooch's empty file: a process killed while it fetches would leave it there
        if self.target.exists():  # pooch asks only when it is missing or wrong; a user may have put it there
            os.replace(self.target, append_suffix(self.target, ".wrong"))
        self.fill(url)
        self.finished = True
        try:
            os.link(self.part, output_file)  # the part stays: Ctrl-C while pooch verifies costs nothing
        except OSError:  # a file system without hard links
            os.replace(self.part, output_file)

    def forget(self) -> None:
        for file in (self.part, self.notes, *[append_suffix(self.target, ".wrong")] * self.target.exists()):
            file.unlink(missing_ok=True)

    def fill(self, url: str) -> None:
        """Asks until the part is whole; gives up when several tries in a row have brought next to nothing."""
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
        self.resumed = True  # it was whole before: nobody has looked whether its pieces belong together
        return None

    def ask(self, url: str) -> None:
        """One request, for what is missing."""
        import requests

        have, notes = _length(self.part), self.read_notes()
        if self.restart or (self.size and have > self.size):
            have = 0
        headers = {"Accept-Encoding": "identity"}  # the checksum is of the file, not of a packed form of it
        if have:
            headers["Range"] = f"bytes={have}-"
            if notes.get("url") == url and notes.get("validator"):  # another address has its own validators
                headers["If-Range"] = notes["validator"]
        self.began = time.monotonic()
        try:
            response = requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S)
        except requests.RequestException as error:
            raise _classify_error(error, self.answered) from error
        except ValueError as error:  # it redirects to something that no library takes for an address
            raise _PermanentError(f"an address that is none: {error}") from error
        with response:
            self.answered = True
            self.save(response, url, *self.check(response, have, self.size or notes.get("total")))

    def check(self, response: Any, have: int, expected: int | None) -> tuple[int, int | None]:
        """Where the answer begins in the file and how long the file is; before this, nothing is written."""
        status, headers = response.status_code, response.headers
        if status == 200:
            length = _number(headers.get("Content-Length", ""))
            page = headers.get("Content-Type", "").startswith("text/html")
            sure = self.size is not None and length == self.size
            if not sure and (page or (self.size and length is not None)):
                got = f"{'a page' if page else 'another file'} of {_count(length)}, not {_count(self.size)}"
                raise _PermanentError(f"{got}: probably a sign-in or error page")
            return 0, self.size or length
        if not have or status not in (206, 416):
            raise _PermanentError(f"HTTP {status} {response.reason}")
        match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", headers.get("Content-Range", ""))
        start, total = match.groups() if match else (None, None)
        if status == 416 and total == str(have):
            return have, have  # whole already
        if status == 206 and start == str(have) and total in ("*", str(expected or total)):
            return have, expected or _number(total)
        self.restart = True
        raise _RetryableError("an answer that does not continue what is there")

    def save(self, response: Any, url: str, start: int, total: int | None) -> None:
        """Writes an answer's body where it belongs, and no more than the file is long."""
        done, last_report = start, self.began
        with open(self.part, "ab" if start else "wb") as file:
            self.restart, self.resumed = False, start > 0
            if not start:
                self.write_notes(response, url, total)
            for block in _blocks(response) if start != total else ():
                if total is not None and done + len(block) > total:
                    file.truncate(start)
                    raise _PermanentError(f"more than {_count(total)}, the length of the file")
                done += file.write(block)
                file.flush()  # a process that is killed leaves what it had
                now = time.monotonic()
                if now - last_report >= PROGRESS_INTERVAL_S or done == total:
                    last_report, speed = now, (done - start) / max(now - self.began, 1e-6)
                    left = None if total is None else (total - done) / speed
                    self.report(Progress(self.target.name, done, total, speed, left, start))
        if total is not None and done < total:
            raise _RetryableError(f"the connection ended at {done:,} of {_count(total)}")

    def read_notes(self) -> dict[str, Any]:
        """How to ask whether the file is still the one that the part is of; without, the checksum decides."""
        try:
            notes = json.loads(self.notes.read_text())
            url, validator, total = notes["url"], notes["validator"], notes["total"]
        except (OSError, ValueError, RecursionError, LookupError, TypeError):
            return {}
        fit_to_be_sent = isinstance(validator, str) and re.fullmatch("[ -~]{1,1000}", validator)
        known = total if type(total) is int and total > 0 else None
        return {"url": url, "validator": validator if fit_to_be_sent else None, "total": known}

    def write_notes(self, response: Any, url: str, total: int | None) -> None:
        validator = response.headers.get("ETag", "W/")
        if validator.startswith("W/"):  # a weak one does not vouch for every byte
            validator = response.headers.get("Last-Modified")
        self.notes.write_text(json.dumps({"url": url, "validator": validator, "total": total}))


def _blocks(response: Any) -> Iterator[bytes]:
    """The body as it came over the wire."""
    from urllib3.exceptions import HTTPError

    try:
        yield from response.raw.stream(BLOCK_BYTES, decode_content=False)
    except (HTTPError, ValueError) as error:  # a piece of less than no bytes is a ValueError
        raise _classify_error(error, answered=True) from error


def _classify_error(error: Exception, answered: bool) -> Exception:
    """Whether a library's error is worth another try, in plain words instead of the library's."""
    import requests
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, ReadTimeoutError

    chain: list[BaseException] = [error]
    while below := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(below)
    words = [cause.strerror for cause in chain if isinstance(cause, OSError) and cause.strerror]
    text = words[-1] if words else "the connection ended early" if isinstance(error, HTTPError) else str(chain[-1])
    if isinstance(error, requests.TooManyRedirects):
        text = "redirects in a circle"
    elif isinstance(error, requests.ReadTimeout | ReadTimeoutError):
        text = f"nothing came for {TIMEOUT_S[1]:g} s"
    network = isinstance(error, requests.ConnectionError | requests.Timeout | HTTPError)
    stranger = isinstance(error, requests.exceptions.SSLError)  # will not be trusted the next time either
    nobody = not answered and any(isinstance(cause, ConnectTimeoutError) for cause in chain)  # refused, too
    return _RetryableError(text) if network and not stranger and not nobody else _PermanentError(text)


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Tells pooch not to tell each download on stderr, where a graded notebook cell must not write."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def disk_error(path: Path, error: OSError) -> DownloadError:
    """What the operating system said of `path`, in one line with what to do."""
    got = f"{error.strerror or error}{f' ({error.filename})' * bool(error.filename)}"
    return DownloadError(
        f"expected to read and write {path}; got {_one_line(got)}. Free space there or choose a folder that "
        "you may write to; what has come so far is kept."
    )


def _one_line(text: object) -> str:
    return sanitize(" ".join(str(text).split()))


def _number(text: str) -> int | None:
    """A count of bytes as a server writes it; None for what is none, such as one of five thousand digits."""
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else None


def _count(size: int | None) -> str:
    return "unknown length" if size is None else f"{size:,} bytes"


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
