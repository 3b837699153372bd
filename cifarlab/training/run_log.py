"""The log of a run: a file with one JSON object per line.

Each line has the keys `event` and `step`, and others that depend on the event. When a run resumes from a checkpoint,
the lines written after that checkpoint are removed, so the log has each step once, however often it was interrupted.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cifarlab.errors import UserError
from cifarlab.files import as_path, atomic_write

FILE_NAME = "log.jsonl"

_MAX_LINE_CHARS = 1 << 20  # longer lines are read in pieces; lines of a run have a few hundred characters


class RunLogError(UserError):
    """A run's log that cannot be read or written."""


class RunLog:
    """Appends events to the log of a run.

    >>> import tempfile
    >>> log = RunLog(tempfile.mkdtemp())
    >>> log.append("step", 10, total_loss=4.66)
    >>> log.append("checkpoint", 20)
    >>> log.append("step", 20, total_loss=4.64)
    >>> log.rewind(20)
    >>> [(line["event"], line["step"]) for line in read_log(log.path)]
    [('step', 10), ('checkpoint', 20)]
    """

    def __init__(self, directory: str | os.PathLike) -> None:
        """Uses the file `log.jsonl` in a run's directory; the file need not exist yet."""
        self.path = as_path(directory) / FILE_NAME

    def append(self, event: str, step: int, **values: Any) -> None:
        """Adds a line. NaN and infinity become null, because JSON has neither.

        Raises:
            RunLogError: the line could not be written.
        """
        line = {"event": event, "step": step, **{name: _plain(value) for name, value in values.items()}}
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, allow_nan=False) + "\n")
        except OSError as error:
            raise RunLogError(
                f"could not write step {step} to the log {self.path}: {error.strerror}. Free disk space or make the "
                "file writable, then resume the run from its latest checkpoint."
            ) from None

    def rewind(self, step: int, checkpoint: str = "") -> None:
        """Removes the lines after the last checkpoint of a step, or else all lines from that step on.

        Evaluations of this and earlier steps are kept. The log is read line by line, because that of a week's run has
        a million lines.

        Args:
            step: step of the checkpoint from which the run resumes.
            checkpoint: name of the checkpoint; added to the log if the run was killed between saving and logging it.
        """
        if not self.path.exists():
            return
        saved = [
            n for n, line in enumerate(read_log(self.path)) if (line["event"], line["step"]) == ("checkpoint", step)
        ]
        with atomic_write(self.path) as file:
            for number, line in enumerate(read_log(self.path)):
                evaluated = line["event"] == "evaluation" and line["step"] <= step
                if (number <= saved[-1] or evaluated) if saved else line["step"] < step:
                    file.write(json.dumps(line) + "\n")
        if checkpoint and not saved:
            self.append("checkpoint", step, path=checkpoint)


def read_log(path: str | os.PathLike) -> Iterator[dict[str, Any]]:
    """Yields the events of a run's log in order; skips incomplete lines, which a killed run may leave.

    Args:
        path: path of the log, or of the run's directory.
    """
    path = as_path(path)
    with (path / FILE_NAME if path.is_dir() else path).open(encoding="utf-8", errors="replace") as file:
        for line in iter(lambda: file.readline(_MAX_LINE_CHARS), ""):
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if not isinstance(event, dict) or not isinstance(event.get("event"), str):
                continue
            if type(step := event.get("step")) is int and 0 <= step < 2**63:
                yield event


def check_log(path: Path) -> None:
    """Checks that a file with complete lines is the log of a run, because resuming would overwrite it.

    Raises:
        RunLogError: no line of the file is an event of a run.
    """
    if next(read_log(path), None) is None and b"\n" in path.read_bytes():
        raise RunLogError(f"{path} must be the log of a run, with one JSON object per line; found no event in it.")


def logged_steps(directory: str | os.PathLike) -> set[int]:
    """Returns the steps of all checkpoints in a run's log; an empty set if there is no log."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return {line["step"] for line in read_log(directory) if line["event"] == "checkpoint"}
    return set()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
