"""The program's standard streams when they are closed, full, or gone together with their terminal."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from cifarlab.errors import OutputError


def fill_closed_descriptors() -> None:
    """Opens the null device in place of each standard stream that the parent process closed.

    Otherwise the next file that is opened would become, say, stderr, and TensorFlow would write its messages into it.
    Writing to what was a closed stdout is still an error, so that no command succeeds without printing its result.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)


def fill_closed() -> None:
    """Does the same, and gives Python the two output streams that it misses then."""
    fill_closed_descriptors()
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (it lasts as long as the process)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _reason(error: OSError) -> str:
    return "it is closed" if error.errno == errno.EBADF else str(error.strerror)


def discard(stream: TextIO) -> None:
    """Drops what a stream that cannot be written still holds, and everything that is written to it from now on.

    Python flushes its streams once more at the end, and would report the same error again.
    """
    with contextlib.suppress(OSError, ValueError):  # ValueError: it has no file descriptor, or is closed
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
        stream.flush()


def write_output(text: str) -> None:
    """Writes a text to stdout and flushes it.

    Raises:
        OutputError: standard output cannot be written.
        BrokenPipeError: its reader, such as `head`, has exited.
    """
    if sys.stdout is None:  # as in a Windows program without a console
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard(sys.stdout)
        raise OutputError(
            f"standard output must be writable; it is not ({_reason(error)}). Redirect it to a disk with space, and "
            "run the command again."
        ) from None


@contextlib.contextmanager
def reporting(done: str) -> Iterator[None]:
    """While a command prints what it has done, makes an error of standard output say that the work itself is done.

    Args:
        done: a sentence about what was written to files, without a full stop.

    Raises:
        OutputError: standard output cannot be written.
    """
    try:
        yield
    except OutputError as error:
        reason = str(error).partition(". ")[0]
        raise OutputError(f"{done}, but {reason}. Do not run the command again.") from None


def write_exactly() -> None:
    r"""Makes stdout write line ends as they are, and UTF-8: other bytes in file names become `\udce9` and so on."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")


def write_error(line: str) -> None:
    """Writes a line to stderr, if there is one that can be written to."""
    if sys.stderr is not None:
        try:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        except OSError:
            discard(sys.stderr)


class _Lossy(io.TextIOBase):
    """Passes text on to a stream, and drops it once writing has failed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def isatty(self) -> bool:
        return self._stream.isatty()

    def _try(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            discard(self._stream)
            if self.error is not None:
                return
            self.error = error
            write_error(
                f"cifarlab: standard output cannot be written ({_reason(error)}); training continues without it, and "
                "the exit status will be 1."
            )


@contextlib.contextmanager
def lossy_stdout() -> Iterator[Callable[[], bool]]:
    """Lets training continue without standard output when that is lost: lost work is worse than lost lines.

    Yields:
        A function that returns whether it was lost.
    """
    before = sys.stdout
    lossy = _Lossy(before) if before is not None else None
    sys.stdout = lossy
    try:
        yield lambda: lossy is not None and lossy.error is not None
    finally:
        sys.stdout = before


def run(main: Callable[[], int]) -> int:
    """Runs the program's main function with usable standard streams, and returns the exit status.

    The status is not 0 if what was printed is lost, and 141 if a reader of the output, such as `head`, has exited.
    """
    fill_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):  # escape names that the terminal cannot encode
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = main()
    except SystemExit as end:  # --help, --version, or invalid arguments
        status = end.code if isinstance(end.code, int) else 0
    except BrokenPipeError:
        status = 141
    error = _flush()
    if error is None or status:
        return status
    if isinstance(error, BrokenPipeError):
        return 141
    write_error(f"cifarlab: standard output must be writable; it is not ({_reason(error)}).")
    return 1


def _flush() -> OSError | None:
    """Flushes both output streams, and returns the error of a stdout that cannot be written."""
    lost = None
    for stream in (sys.stderr, sys.stdout):
        try:
            stream.flush()
        except OSError as error:
            discard(stream)
            lost = error if stream is sys.stdout else lost
    return lost
