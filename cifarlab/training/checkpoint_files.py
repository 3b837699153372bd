"""The files of checkpoints: finds them by name, writes them atomically, reads them, and describes what is wrong.

The files on disk decide which checkpoints exist. TensorFlow's small file `checkpoint` is written for other programs
and only says which checkpoints may be deleted. It can be lost in a copy or a backup, and the times in it can be wrong.

When TensorFlow reads a checkpoint, it treats the path as a glob pattern, so it would never find a checkpoint in a
directory such as `lr[0.1]`. Therefore it only gets paths in its in-memory file system, and Python copies the files.
"""

import contextlib
import itertools
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cifarlab.backend import tf
from cifarlab.errors import UserError
from cifarlab.files import as_path, atomic_write, atomic_write_text
from cifarlab.training.run_log import FILE_NAME as LOG

PREFIX = "model.ckpt"
INDEX = "checkpoint"
"""TensorFlow's file that lists the latest checkpoint and those that may be deleted later."""

_PART = re.compile(rf"{re.escape(PREFIX)}-(\d+)\.(index|data-\d+-of-\d+)")
_LEFTOVER = re.compile(rf"{_PART.pattern}\.part")
# Files of TensorFlow 1: a graph, or all variables of a checkpoint in one file.
_FOREIGN = re.compile(rf"{re.escape(PREFIX)}(-?\d*\.meta|-\d+)")
_IN_MEMORY = (f"ram://cifarlab-{os.getpid()}-{number}" for number in itertools.count())


# Errors of TensorFlow's reader for damaged files; the last two are raised for truncated or overwritten files.
DAMAGED = (tf.errors.OpError, OSError, IndexError, RuntimeError)
# Errors raised when a checkpoint with different variables is restored.
OTHER_NETWORK = (ValueError, AssertionError)


class CheckpointError(UserError):
    """A checkpoint that cannot be used: damaged, missing, or of a different network."""


class DamagedCheckpointError(CheckpointError):
    """A checkpoint whose files are damaged, missing or renamed; an older one may be usable.

    Attributes:
        holds: the step in the checkpoint, if it is readable but named after a different step.
    """

    holds: int | None = None


class IndexEntry(NamedTuple):
    """A checkpoint that may be deleted once newer ones exist.

    Attributes:
        step: step of the checkpoint.
        saved_at: time of saving, in seconds since 1970.
    """

    step: int
    saved_at: float


class Index(NamedTuple):
    """The contents of the file `checkpoint`.

    Attributes:
        entries: checkpoints that may be deleted, in the order in which they were saved.
        preserved_at: time at which the last permanent checkpoint was saved, in seconds since 1970.
    """

    entries: tuple[IndexEntry, ...]
    preserved_at: float


def checkpoint_path(directory: str | os.PathLike, step: int) -> str:
    """Returns the path of a checkpoint, which is the common prefix of its files.

    >>> checkpoint_path("runs", 12)
    'runs/model.ckpt-12'
    """
    return str(as_path(directory) / f"{PREFIX}-{step}")


def step_of(path: str | os.PathLike) -> int | None:
    """Returns the step in the name of a checkpoint, or None for any other name.

    >>> step_of("runs/model.ckpt-12"), step_of("runs/model.ckpt-best")
    (12, None)
    """
    match = re.fullmatch(rf"{re.escape(PREFIX)}-(\d+)", Path(path).name)
    return int(match[1]) if match else None


def file_names(directory: str | os.PathLike) -> list[str]:
    """Returns the names in a directory, sorted; an empty list if there is no such directory."""
    try:
        return sorted(os.listdir(as_path(directory)))
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a lone surrogate in the name
        return []


def parts(directory: str | os.PathLike) -> dict[int, list[str]]:
    """Returns the file names of every checkpoint by step, in ascending order; some files may be missing."""
    found: dict[int, list[str]] = {}
    for name in file_names(directory):
        if match := _PART.fullmatch(name):
            found.setdefault(int(match[1]), []).append(name)
    return dict(sorted(found.items()))


def has_index(names: list[str]) -> bool:
    """Returns whether the files of a checkpoint include its `.index`, which is written last."""
    return any(name.endswith(".index") for name in names)


def complete_steps(directory: str | os.PathLike) -> list[int]:
    """Returns the steps of the completely written checkpoints in a directory, in ascending order."""
    return [step for step, names in parts(directory).items() if has_index(names)]


def write(checkpoint: tf.train.Checkpoint, directory: Path, step: int) -> None:
    """Writes a checkpoint: each file atomically, and last its `.index`, without which a checkpoint does not count.

    Raises:
        OSError, tf.errors.OpError: the checkpoint could not be written.
    """
    memory = next(_IN_MEMORY)
    try:
        checkpoint.write(f"{memory}/{PREFIX}-{step}")
        directory.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as opened:  # closes in reverse order: first the data, then the index
            for name in sorted(tf.io.gfile.listdir(f"{memory}/"), key=lambda name: not name.endswith(".index")):
                source = opened.enter_context(tf.io.gfile.GFile(f"{memory}/{name}", "rb"))
                shutil.copyfileobj(source, opened.enter_context(atomic_write(directory / name, "wb")), 1 << 20)
    finally:
        _forget(memory)


@contextlib.contextmanager
def in_memory(path: str | os.PathLike) -> Iterator[str]:
    """Copies a checkpoint to TensorFlow's in-memory file system and yields its path there.

    Args:
        path: path of the checkpoint, without `.index` or `.data-...`.

    Raises:
        FileNotFoundError: the `.index` or data file is missing or empty.
    """
    path = as_path(path)
    step = step_of(path)
    names = parts(path.parent).get(-1 if step is None else step, [])
    for end in (".index", ".data"):
        if not any(end in name for name in names):
            raise FileNotFoundError(2, f"its {end} file is missing", str(path))
    with copied_to_memory(path, names) as readable:
        yield readable


@contextlib.contextmanager
def copied_to_memory(path: Path, names: list[str]) -> Iterator[str]:
    """Copies files next to `path` to TensorFlow's in-memory file system, and yields where `path` would be there.

    Raises:
        FileNotFoundError: a file is missing or empty.
    """
    memory = next(_IN_MEMORY)
    try:
        for name in names:
            if not (path.parent / name).stat().st_size:
                raise FileNotFoundError(2, f"its {'.index' if has_index([name]) else '.data'} file is empty", str(path))
            with (path.parent / name).open("rb") as source, tf.io.gfile.GFile(f"{memory}/{name}", "wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
        yield f"{memory}/{path.name}"
    finally:
        _forget(memory)


def _forget(memory: str) -> None:
    with contextlib.suppress(tf.errors.NotFoundError):
        for name in tf.io.gfile.listdir(f"{memory}/"):
            tf.io.gfile.remove(f"{memory}/{name}")


def delete(directory: Path, step: int) -> None:
    """Deletes a checkpoint, its `.index` first; ignores files that are missing or cannot be deleted."""
    for name in sorted(parts(directory).get(step, []), reverse=True):
        with contextlib.suppress(OSError):
            (directory / name).unlink()


def delete_leftovers(directory: Path) -> None:
    """Deletes the temporary files that a killed process left behind."""
    for name in file_names(directory):
        if _LEFTOVER.fullmatch(name):
            (directory / name).unlink(missing_ok=True)


def read_index(directory: Path) -> Index | None:
    """Reads the file `checkpoint`; returns None if it is missing, damaged or from another program."""
    try:
        text = (directory / INDEX).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if not re.fullmatch(r'(\w+: ("[^"\n]+"|[-+.e\d]+)\n)+', text):
        return None
    names = re.findall(rf'^all_model_checkpoint_paths: "(?:[^"]*[/\\])?{re.escape(PREFIX)}-(\d+)"$', text, re.MULTILINE)
    times = re.findall(r"^all_model_checkpoint_timestamps: (\S+)$", text, re.MULTILINE)
    preserved = re.findall(r"^last_preserved_timestamp: (\S+)$", text, re.MULTILINE)
    try:
        entries = tuple(IndexEntry(int(step), float(at)) for step, at in zip(names, times, strict=True))
        return Index(entries, float(preserved[-1])) if entries else None
    except (ValueError, IndexError):
        return None


def write_index(directory: Path, index: Index) -> None:
    """Writes the file `checkpoint` atomically, in TensorFlow's format and with relative names."""
    names = [f"{PREFIX}-{entry.step}" for entry in index.entries]
    state = tf.compat.v1.train.generate_checkpoint_state_proto(
        str(directory.absolute()),  # with an absolute directory the names stay relative, so it can be moved
        names[-1],
        names,
        all_model_checkpoint_timestamps=[entry.saved_at for entry in index.entries],
        last_preserved_timestamp=index.preserved_at,
    )
    atomic_write_text(directory / INDEX, str(state))


def foreign_file(directory: str | os.PathLike) -> str | None:
    """Returns the name of a checkpoint file of another program, such as TensorFlow 1's `model.ckpt-21.meta`, or None.

    Readable checkpoints are recognized by the names of their variables.
    """
    names = file_names(directory)
    if found := [name for name in names if _FOREIGN.fullmatch(name)]:
        return found[-1]
    for step in reversed(complete_steps(directory)):
        path = Path(checkpoint_path(directory, step))
        try:
            with copied_to_memory(path, [f"{path.name}.index"]) as index:  # names need no data
                variables = read_variables(index).get_variable_to_shape_map()
        except (tf.errors.OpError, OSError, RuntimeError, ValueError, IndexError):
            continue
        return None if any(name.startswith("state/") for name in variables) else f"{PREFIX}-{step}.index"
    return None


def read_variables(path: str) -> Any:
    """Opens a checkpoint that `in_memory` or `copied_to_memory` yielded, and returns TensorFlow's reader.

    `tf.train.load_checkpoint` would take the path for a directory: in the in-memory file system, every prefix is one.
    """
    return tf.compat.v1.train.NewCheckpointReader(path)


def check_step(named: int, saved: int) -> None:
    """Checks that the step in a checkpoint's name is the step saved in it.

    Raises:
        DamagedCheckpointError: the checkpoint was renamed or copied.
    """
    if named != saved:
        error = DamagedCheckpointError(
            f"{PREFIX}-{named}: it holds step {saved}, so it was renamed or copied; its name must be {PREFIX}-{saved}"
        )
        error.holds = saved
        raise error


def what_is_wrong(directory: str | os.PathLike, unusable: dict[int, str]) -> str:
    """Returns a sentence about a directory that has files of a run but no usable checkpoint.

    Args:
        directory: directory of the run.
        unusable: what is wrong with each checkpoint that was found, by step.
    """
    if unusable:
        reasons = list(unusable.values())
        more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
        return f"no checkpoint in {directory} can be used: {'; '.join(reasons[:3])}{more}."
    there = [name for name in (LOG, INDEX) if (as_path(directory) / name).exists()]
    similar = [name for name in file_names(directory) if name.startswith(PREFIX)][:3]
    found = ", ".join([*there, *similar])
    return f"{directory} has files of a run ({found}), but no checkpoint (a pair of {PREFIX}-N.index and .data files)."


def describe_restore_error(error: Exception) -> str:
    """Returns a few words about why a checkpoint could not be restored."""
    if isinstance(error, FileNotFoundError) and error.strerror:
        return error.strerror
    if isinstance(error, tf.errors.NotFoundError):
        return "one of its files is missing"
    if isinstance(error, DAMAGED):
        return f"it is damaged ({first_line(error)})"
    return "it was written by a different network or a different version of cifarlab"


def first_line(error: Exception) -> str:
    """Returns the first line of an error's message, without the operations and in-memory paths that TensorFlow adds."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = (str(getattr(error, "message", "")) or str(error)).strip()
    text = re.sub(r"^{{.*?}} ?| \[Op:\w+\]|ram://[^\s/]+/", "", text)
    return text.splitlines()[0].rstrip(".")[:300] if text else "its files do not match"
