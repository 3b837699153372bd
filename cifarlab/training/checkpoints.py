"""Saving and restoring a run, on TensorFlow's own checkpoints.

A checkpoint is written beside its place and counts only when TensorFlow's small `checkpoint` file names it, so one
that a crash left half-written is never the newest. One that cannot be read all the same is passed over.
"""

import datetime
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from cifarlab.backend import tf
from cifarlab.errors import UserError
from cifarlab.training.step import TrainState

PREFIX = "model.ckpt"
INDEX = "checkpoint"  # TensorFlow's file that names the newest checkpoint and those that are kept
LOCK = "trainer.lock"

# What TensorFlow's reader raises for damaged files; the last two for one that is cut short or holds nonsense.
_DAMAGED = (tf.errors.OpError, OSError, IndexError, RuntimeError)
# And what restoring raises for a checkpoint of other variables.
_UNREADABLE = (*_DAMAGED, ValueError, AssertionError)


class CheckpointError(UserError):
    """A checkpoint that cannot be used: damaged, of another network, or not there."""


class Checkpoints:
    """The checkpoints of one run's folder.

    >>> import tempfile
    >>> from cifarlab.model.network import ConvNet
    >>> checkpoints = Checkpoints(tempfile.mkdtemp(), TrainState(ConvNet()))
    >>> Path(checkpoints.save()).name, checkpoints.restore_newest()
    ('model.ckpt-0', 0)
    """

    def __init__(
        self, folder: str | os.PathLike, state: TrainState, *, keep: int = 5, keep_hours: float | None = None
    ) -> None:
        """Looks for checkpoints in a folder.

        Args:
            folder: of the run; it need not exist yet.
            state: what is saved and restored.
            keep: how many of the newest are kept.
            keep_hours: besides, one for each so many hours is kept for good.
        """
        self.state = state
        self.warnings: list[str] = []
        _clean(Path(folder))
        _mend_index(Path(folder))
        self._checkpoint = tf.train.Checkpoint(state=state)
        _ = self._checkpoint.save_counter  # made now, not at the first save, so that restoring finds its place
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(folder), keep, keep_hours, checkpoint_name=PREFIX, step_counter=state.step
        )

    def save(self) -> str:
        """Saves the state under its step and removes what is no longer kept; returns the checkpoint's path.

        Raises:
            CheckpointError: it could not be written; the ones before it are still there.
        """
        try:
            return self._manager.save(checkpoint_number=self.state.step)
        except (tf.errors.OpError, OSError) as error:
            folder = Path(self._manager.directory)
            raise CheckpointError(
                f"the checkpoint of step {self.state.step.numpy()} could not be written to {folder}: "
                f"{one_line(error)}. {_room(folder, self.state)}Make room there or allow writing, then continue; "
                "the checkpoints before it are kept."
            ) from None

    def restore_newest(self) -> int | None:
        """Restores the newest checkpoint that can be read and returns its step, or None when there is none at all.

        One that cannot be read is passed over, and a line about it added to `warnings`.

        Raises:
            CheckpointError: there are checkpoints, but none that can be read.
        """
        paths = list(reversed(self._manager.checkpoints))
        for path in paths:
            try:
                # Restoring assigns variable by variable; an older checkpoint overwrites what a torn one began.
                # Nothing is expected to be left over, but if it is, the assertion says so and no later warning.
                self._checkpoint.restore(path).expect_partial().assert_consumed()
            except _UNREADABLE as error:
                self.warnings.append(f"{Path(path).name} was passed over: {why_unreadable(error)}.")
            else:
                return int(self.state.step.numpy())
        if paths:
            raise CheckpointError(
                f"none of the {len(paths)} checkpoints in {self._manager.directory} can be used: "
                f"{self.warnings[0]} Name another folder (--train-dir), or the settings of the run that made them."
            )
        return None


def newest_checkpoint(folder: str | os.PathLike) -> str | None:
    """The path of a folder's newest checkpoint, or None."""
    saved = _saved(Path(folder))
    return saved[-1] if saved else None


def _saved(folder: Path) -> list[str]:
    """The checkpoints that lie in a folder, oldest first; TensorFlow writes the `.index` of one last."""
    names = (re.fullmatch(rf"{re.escape(PREFIX)}-(\d+)\.index", file.name) for file in folder.glob(f"{PREFIX}-*.index"))
    return [str(folder / f"{PREFIX}-{step}") for step in sorted(int(name[1]) for name in names if name)]


def _room(folder: Path, state: TrainState) -> str:
    """A sentence about the bytes that a checkpoint needs, where there are fewer; or ""."""
    needed, free = sum(variable.numpy().nbytes for variable in state.variables), shutil.disk_usage(folder).free
    return f"It needs {needed / 1e6:.1f} MB, and {free / 1e6:.1f} MB are free. " if free < needed else ""


def _clean(folder: Path) -> None:
    """Removes what a trainer that was killed had begun to write: such a checkpoint has no index yet."""
    whole, name = {Path(path).name for path in _saved(folder)}, rf"{re.escape(PREFIX)}-\d+"
    for path in folder.glob(f"{PREFIX}-*"):
        if re.fullmatch(f"{name}_temp", path.name):  # where TensorFlow gathers the parts of a checkpoint
            shutil.rmtree(path, ignore_errors=True)
        elif (part := re.fullmatch(rf"({name})\.data-\d+-of-\d+", path.name)) and part[1] not in whole:
            path.unlink(missing_ok=True)


def _named(folder: Path) -> list[str] | None:
    """The names of the checkpoints in TensorFlow's index; None when it is torn, for it would then find none at all."""
    index = folder / INDEX
    line = r'\w+: ("[^"\n]+"|[-+.e\d]+)\n'
    if not index.is_file() or not re.fullmatch(f"({line})+", index.read_text(errors="replace")):
        return None
    return [Path(path).name for path in tf.train.get_checkpoint_state(str(folder)).all_model_checkpoint_paths]


def _mend_index(folder: Path) -> None:
    """Writes the index anew from the checkpoints that are there, when it is damaged, gone or behind them.

    It is behind when a trainer was killed after it had saved a checkpoint and before it named it.
    """
    saved, named = _saved(folder), _named(folder)
    if saved and (named is None or Path(saved[-1]).name not in named):
        saved = [path for path in saved if named is None or Path(path).name in named or path == saved[-1]]
        times = [Path(f"{path}.index").stat().st_mtime for path in saved]
        names = [Path(path).name for path in saved]  # below an absolute folder they stay as they are: it may be moved
        tf.compat.v1.train.update_checkpoint_state(
            str(folder.absolute()),
            names[-1],
            names,
            all_model_checkpoint_timestamps=times,
            last_preserved_timestamp=times[0],
        )


def existing_checkpoint(folder: str | os.PathLike) -> str:
    """The path of a folder's newest checkpoint.

    Raises:
        CheckpointError: there is none.
    """
    path = newest_checkpoint(folder)
    if path is None:
        raise CheckpointError(
            f"{folder} should hold checkpoints of a run; there is none. Train first (`cifarlab train --train-dir "
            "...`), or name the folder with --checkpoint-dir."
        )
    return path


def restore_network(network: tf.Module, path: str, *, averaged: bool = True) -> int:
    """Reads a network's weights from a checkpoint and returns the step that they are from.

    Args:
        network: changed in place.
        path: of a checkpoint, such as `newest_checkpoint` returns.
        averaged: the moving averages of the weights; otherwise the weights themselves.

    Raises:
        CheckpointError: the checkpoint is damaged, gone, or of another network.
    """
    step = tf.Variable(0, trainable=False, dtype=tf.int64)
    part = {"averages" if averaged else "network": network, "step": step}
    try:
        status = tf.train.Checkpoint(state=tf.train.Checkpoint(**part)).read(path)
        status.expect_partial().assert_existing_objects_matched()
    except _UNREADABLE as error:
        raise CheckpointError(
            f"{path} cannot be used: {why_unreadable(error)}. Name the folder of a run of this network."
        ) from None
    return int(step)


WRITING = 0.5
"""Seconds that the end of a checkpoint's file may come after its beginning."""


def restore_newest_network(network: tf.Module, folder: str | os.PathLike, *, averaged: bool = True) -> int:
    """Reads a network's weights from a folder's newest checkpoint that can be read; returns its step.

    Raises:
        CheckpointError: there is no checkpoint, or none that can be read; the message is about the newest.
    """
    seen = None
    while True:
        newest, reasons = existing_checkpoint(folder), []
        for path in reversed(_saved(Path(folder))):
            try:
                return restore_network(network, path, averaged=averaged)
            except CheckpointError as error:
                reasons.append(error)
        # A trainer may have put newer ones in their place meanwhile, or be about to write the end of this one.
        if reasons and newest == seen:
            raise reasons[0]
        seen = newest if newest == newest_checkpoint(folder) else None
        time.sleep(WRITING if seen else 0)


@contextmanager
def only_trainer(folder: str | os.PathLike) -> Iterator[None]:
    """Keeps a second trainer out of a run's folder; a process that dies gives the lock back by dying.

    Raises:
        CheckpointError: another process holds the folder; the message says which.
    """
    holder = Path(folder) / f"{LOCK}.holder"
    lock = FileLock(Path(folder) / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = "another process"
        with suppress(OSError):  # it may end at this moment
            who = holder.read_text().strip() or who
        raise CheckpointError(
            f"{folder} is in use: {who} trains there. Wait for it, stop it, or name another --train-dir."
        ) from None
    try:
        since = datetime.datetime.now().isoformat(" ", "seconds")
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()} (since {since})\n")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def why_unreadable(error: Exception) -> str:
    """In a few words, what is wrong with a checkpoint that could not be restored."""
    if isinstance(error, tf.errors.NotFoundError):
        return "one of its files is missing"
    if isinstance(error, _DAMAGED):
        return f"it is damaged ({one_line(error)})"
    return "it is of another network or another version of the training program"


def one_line(error: Exception) -> str:
    """The first line of an error's message, without the operation that TensorFlow puts before it."""
    text = re.sub(r"^{{.*?}} ?", "", (str(getattr(error, "message", "")) or str(error)).strip())
    return text.splitlines()[0].rstrip(".")[:300]
