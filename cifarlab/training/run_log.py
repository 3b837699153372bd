"""The log of a run: one JSON object a line, part of the run's state.

Each line holds `event`, `step` and what belongs to the event. When a run goes on from a checkpoint, the lines that came
after that checkpoint are taken out, so that the log tells of one run however often it was interrupted.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cifarlab.errors import UserError
from cifarlab.files import atomic_write

FILE_NAME = "log.jsonl"

_MAX_LINE_CHARS = 1 << 20  # characters of a line that are read at once; ours have some hundreds


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

    def __init__(self, folder: str | os.PathLike) -> None:
        """Uses `log.jsonl` in a folder; it need not exist yet."""
        self.path = Path(folder) / FILE_NAME

    def append(self, event: str, step: int, **values: Any) -> None:
        """Adds a line. Not-a-number and infinity become None: JSON has neither.

        Raises:
            RunLogError: the disk does not take it.
        """
        line = {"event": event, "step": step, **{name: _plain(value) for name, value in values.items()}}
        try:
            with self.path.open("a") as file:
                file.write(json.dumps(line, allow_nan=False) + "\n")
        except OSError as error:
            raise RunLogError(
                f"the run's log should take a line of step {step}; {self.path} does not ({error.strerror}). Make room "
                "there or allow writing, then continue the run from its last checkpoint."
            ) from None

    def rewind(self, step: int, checkpoint: str = "") -> None:
        """Takes out what came after the last checkpoint of a step; without one, that step and all later ones.

        Evaluations of weights that it holds stay. A log of a week has a million lines, so it is read line by line.

        Args:
            step: of the checkpoint that the run goes on from.
            checkpoint: its name; a run that was killed between saving it and logging it has its line added.
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
    """The events of a run's log, in order; a line that is torn, as a killed run may leave, is passed over.

    Args:
        path: the log, or the folder of the run.
    """
    path = Path(path)
    with (path / FILE_NAME if path.is_dir() else path).open(errors="replace") as file:
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
    """Refuses a file that has complete lines, but none that a run wrote; resuming would rewrite it.

    Raises:
        RunLogError: it is such a file.
    """
    if next(read_log(path), None) is None and b"\n" in path.read_bytes():
        raise RunLogError(f"{path} should hold the events of a run, one JSON object per line; none can be read.")


def logged_steps(folder: str | os.PathLike) -> set[int]:
    """The steps of which a run's log says that a checkpoint was saved; none if there is no log."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return {line["step"] for line in read_log(folder) if line["event"] == "checkpoint"}
    return set()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
