"""The log of a run: one JSON object a line, part of the run's state.

Each line holds `event`, `step` and what belongs to the event. When a run goes on from a checkpoint, the lines that came
after that checkpoint are taken out, so that the log tells of one run however often it was interrupted.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE_NAME = "log.jsonl"


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
        """Adds a line. Not-a-number and infinity become None: JSON has neither."""
        line = {"event": event, "step": step, **{name: _plain(value) for name, value in values.items()}}
        with self.path.open("a") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    def rewind(self, step: int) -> None:
        """Takes out what came after the last checkpoint of a step; without one, that step and all later ones.

        Evaluations of weights that it holds stay.
        """
        if not self.path.exists():
            return
        lines = list(read_log(self.path))
        saved = [n for n, line in enumerate(lines) if line.get("event") == "checkpoint" and line["step"] == step]
        if saved:
            later = [line for line in lines[saved[-1] + 1 :] if line["event"] == "evaluation" and line["step"] <= step]
            kept = lines[: saved[-1] + 1] + later
        else:
            kept = [line for line in lines if line["step"] < step]
        beside = self.path.with_name(FILE_NAME + ".part")
        beside.write_text("".join(json.dumps(line) + "\n" for line in kept))
        beside.replace(self.path)


def read_log(path: str | os.PathLike) -> Iterator[dict[str, Any]]:
    """The events of a run's log, in order; a line that is torn, as a killed run may leave, is passed over.

    Args:
        path: the log, or the folder of the run.
    """
    path = Path(path)
    for line in (path / FILE_NAME if path.is_dir() else path).read_text().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("step"), int):
            yield event


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
