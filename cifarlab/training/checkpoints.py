"""Saving and restoring a run, in TensorFlow's checkpoint format.

Training starts at step 0 only in a directory without any checkpoint or log. In any other it resumes from the latest
checkpoint that can be read, or stops and says what it found.
"""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cifarlab.backend import tf
from cifarlab.training import checkpoint_files as files
from cifarlab.training.checkpoint_files import (
    DAMAGED,
    INDEX,
    OTHER_NETWORK,
    PREFIX,
    CheckpointError,
    DamagedCheckpointError,
    Index,
    IndexEntry,
    check_step,
    checkpoint_path,
    describe_restore_error,
    first_line,
    what_is_wrong,
)
from cifarlab.training.run_log import FILE_NAME as LOG
from cifarlab.training.run_log import logged_steps
from cifarlab.training.state import TrainState


class Checkpoints:
    """The checkpoints in one run's directory.

    >>> import tempfile
    >>> from cifarlab.model.network import ConvNet
    >>> checkpoints = Checkpoints(tempfile.mkdtemp(), TrainState(ConvNet()))
    >>> Path(checkpoints.save()).name, checkpoints.restore_latest()
    ('model.ckpt-0', 0)
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        state: TrainState,
        *,
        max_to_keep: int = 5,
        keep_every_n_hours: float | None = None,
    ) -> None:
        """Prepares to save and restore; changes nothing on disk.

        Args:
            folder: directory of the run; it need not exist yet.
            state: what is saved and restored.
            max_to_keep: how many of the latest checkpoints are kept.
            keep_every_n_hours: in addition, one checkpoint every so many hours is kept permanently.
        """
        self.state, self.folder = state, Path(folder)
        self.warnings: list[str] = []
        self._max_to_keep, self._keep_seconds = max_to_keep, keep_every_n_hours and keep_every_n_hours * 3600
        self._entries: list[IndexEntry] = []  # may be deleted, first those that come first
        self._preserved_at = time.time()
        self._checkpoint = tf.train.Checkpoint(state=state)
        _ = self._checkpoint.save_counter  # made now, not at the first save, so that restoring finds its place

    def save(self) -> str:
        """Saves the state under its step, deletes the checkpoints that are no longer kept, and returns the path.

        A checkpoint of step 0 is only the starting point of a run, and deleted once there is a later one.

        Raises:
            CheckpointError: it could not be written; earlier checkpoints are kept.
        """
        step = int(self.state.step.numpy())
        try:
            files.write(self._checkpoint, self.folder, step)
            self._entries = [entry for entry in self._entries if entry.step != step]
            self._entries.append(IndexEntry(step, time.time()))
            self._write_index()
            self._delete_old()
        except (tf.errors.OpError, OSError) as error:
            raise CheckpointError(
                f"the checkpoint of step {step} could not be written to {self.folder}: "
                f"{first_line(error)}. {_disk_space_note(self.folder, self.state)}Make room there or allow writing, "
                "then continue; the checkpoints before it are kept."
            ) from None
        return checkpoint_path(self.folder, step)

    def _write_index(self) -> None:
        files.write_index(self.folder, Index(tuple(self._entries), self._preserved_at))

    def _delete_old(self) -> None:
        before = len(self._entries)
        while len(self._entries) > self._max_to_keep or (len(self._entries) > 1 and self._entries[0].step == 0):
            oldest = self._entries.pop(0)
            # The distance, so that a clock that was wrong once does not stop the permanent ones for years.
            apart = abs(oldest.saved_at - self._preserved_at)
            if oldest.step and self._keep_seconds and apart >= self._keep_seconds:
                self._preserved_at = oldest.saved_at
            else:
                files.delete(self.folder, oldest.step)
        if len(self._entries) < before:
            self._write_index()

    def restore_latest(self) -> int | None:
        """Restores the latest checkpoint that can be read, and returns its step.

        Damaged ones are skipped, and a line about each is added to `warnings`.

        Returns:
            None only if the directory has neither a checkpoint, or a part of one, nor a log.

        Raises:
            CheckpointError: the directory has one of these, but no checkpoint that can be used, or one of another
                network; the message says what was found and what to do. Nothing was changed.
        """
        found, index = files.parts(self.folder), files.read_index(self.folder)
        listed = [entry.step for entry in index.entries] if index else []
        recorded = {0, *logged_steps(self.folder), *listed}
        complete = min((step for step, names in found.items() if files.has_index(names)), default=float("inf"))
        unusable: dict[int, str] = {}
        renamed = 0
        for step, names in reversed(found.items()):
            if step == 0 and (unusable or max(recorded)):
                unusable = unusable or {max(recorded): f"{PREFIX}-{max(recorded)}: its files are missing"}
                break  # to go back to the starting point would be to start again
            if not files.has_index(names) and step not in recorded and step > complete:
                continue  # written by a process that was killed before it could finish
            try:
                self._restore(step)
            except DamagedCheckpointError as error:
                unusable[step], renamed = str(error), max(renamed, error.holds or 0)
            else:
                if renamed > step:
                    break  # it would take one `mv` to resume from a later one
                self._warn(step, max(recorded), unusable)
                self._recover_entries(step, index, unusable)
                files.delete_leftovers(self.folder)
                return step
        if self._is_new(found):
            return None
        raise CheckpointError(
            f"{what_is_wrong(self.folder, unusable)} Put back what is missing, or choose another --train-dir."
        )

    def _restore(self, step: int) -> None:
        path = checkpoint_path(self.folder, step)
        try:
            with files.in_memory(path) as readable:
                # Restoring assigns variable by variable; an older checkpoint overwrites what a damaged one began.
                # `expect_partial` only keeps TensorFlow from printing a warning later.
                self._checkpoint.restore(readable).expect_partial().assert_consumed()
        except DAMAGED as error:
            raise DamagedCheckpointError(f"{PREFIX}-{step}: {describe_restore_error(error)}") from None
        except OTHER_NETWORK as error:
            raise CheckpointError(
                f"{path} cannot be resumed: {describe_restore_error(error)}. Choose another --train-dir, or the "
                "settings of the run that wrote it."
            ) from None
        check_step(step, int(self.state.step.numpy()))

    def _warn(self, step: int, recorded: int, unusable: dict[int, str]) -> None:
        self.warnings += [f"skipped {reason}." for reason in unusable.values()]
        if recorded > max((step, *unusable)):
            self.warnings.append(
                f"a checkpoint of step {recorded} was saved here, but its files are missing; resuming from step {step}."
            )

    def _recover_entries(self, restored: int, index: Index | None, unusable: dict[int, str]) -> None:
        """Finds out which checkpoints may be deleted: those that the index lists, or else the latest ones."""
        steps = [step for step in files.complete_steps(self.folder) if step <= restored]
        if index is None:
            times = {
                step: _modified(f"{checkpoint_path(self.folder, step)}.index") for step in steps[-self._max_to_keep :]
            }
        else:
            self._preserved_at = index.preserved_at
            listed = {entry.step: entry.saved_at for entry in index.entries}
            # A process that was killed between saving and listing a checkpoint left the restored one out.
            times = {step: listed.get(step, time.time()) for step in steps if step in listed or step == restored}
            # Damaged ones come first, and so are the first to be deleted.
            times = {**{step: listed[step] for step in sorted(unusable) if step in listed}, **times}
        self._entries = [IndexEntry(step, at) for step, at in times.items()]

    def _is_new(self, found: dict[int, list[str]]) -> bool:
        """Whether no step was ever finished here: at most, the starting point was being written."""
        begun = all(step == 0 and not files.has_index(names) for step, names in found.items())
        return begun and not any((self.folder / name).exists() for name in (INDEX, LOG))


def _modified(path: str) -> float:
    with suppress(OSError):
        return os.stat(path).st_mtime
    return time.time()


def _disk_space_note(folder: Path, state: TrainState) -> str:
    """A sentence about the bytes that a checkpoint needs, where there are fewer; or ""."""
    needed, free = sum(variable.numpy().nbytes for variable in state.variables), shutil.disk_usage(folder).free
    return f"It needs {needed / 1e6:.1f} MB, and {free / 1e6:.1f} MB are free. " if free < needed else ""


def latest_checkpoint(folder: str | os.PathLike) -> str | None:
    """The path of the latest checkpoint in a directory, or None."""
    steps = files.complete_steps(folder)
    return checkpoint_path(folder, steps[-1]) if steps else None


def require_checkpoint(folder: str | os.PathLike) -> str:
    """The path of the latest checkpoint in a directory.

    Raises:
        CheckpointError: there is none, or it was written by another program.
    """
    path = latest_checkpoint(folder)
    if (name := files.foreign_file(folder)) is not None:
        raise CheckpointError(
            f"{folder} has checkpoints of another program ({name}), which cifarlab cannot read. Name the directory of "
            "a run of `cifarlab train` with --checkpoint-dir."
        )
    if path is None:
        steps = {step: f"{PREFIX}-{step}: its .index file is missing" for step in reversed(files.parts(folder))}
        is_run = steps or any((Path(folder) / name).exists() for name in (LOG, INDEX))
        what = what_is_wrong(folder, steps) if is_run else f"{folder} should hold checkpoints of a run; there is none."
        raise CheckpointError(
            f"{what} Train first (`cifarlab train --train-dir ...`), or name the directory with --checkpoint-dir."
        )
    return path


def restore_network(network: tf.Module, path: str, *, averaged: bool = True) -> int:
    """Reads the weights of a network from a checkpoint and returns their step.

    Args:
        network: changed in place.
        path: of a checkpoint, such as `latest_checkpoint` returns.
        averaged: the moving averages of the weights; otherwise the weights themselves.

    Raises:
        CheckpointError: the checkpoint is damaged, missing, or of another network.
    """
    step = tf.Variable(0, trainable=False, dtype=tf.int64)
    objects = {"averages" if averaged else "network": network, "step": step}
    try:
        with files.in_memory(path) as readable:
            status = tf.train.Checkpoint(state=tf.train.Checkpoint(**objects)).read(readable)
            status.expect_partial().assert_existing_objects_matched()
    except DAMAGED as error:
        raise DamagedCheckpointError(f"{Path(path).name}: {describe_restore_error(error)}") from None
    except OTHER_NETWORK as error:
        raise CheckpointError(
            f"{path} cannot be used: {describe_restore_error(error)}. Name the directory of a run of this network."
        ) from None
    check_step(files.step_of(path) or 0, int(step))
    return int(step)


WRITE_GRACE_S = 0.5
"""Seconds that the end of a checkpoint may be written after its beginning."""


class Restored(NamedTuple):
    """Which checkpoint the weights of a network are from.

    Attributes:
        step: of the checkpoint.
        warnings: a line about each later checkpoint that could not be used.
    """

    step: int
    warnings: tuple[str, ...]


def restore_latest_network(network: tf.Module, folder: str | os.PathLike, *, averaged: bool = True) -> Restored:
    """Reads the weights of a network from the latest checkpoint that can be read.

    Raises:
        CheckpointError: there is no checkpoint, none that can be read, or the latest is of another network.
    """
    seen = None
    while True:
        latest, index, unusable = require_checkpoint(folder), files.read_index(Path(folder)), dict[int, str]()
        for step in reversed(files.complete_steps(folder)):
            try:
                restore_network(network, checkpoint_path(folder, step), averaged=averaged)
            except DamagedCheckpointError as error:
                unusable[step] = str(error)
            else:
                listed = max((entry.step for entry in index.entries), default=0) if index else 0
                if listed > max((step, *unusable)):
                    unusable[listed] = f"{PREFIX}-{listed}: its files are missing"
                return Restored(step, tuple(f"skipped {reason}." for reason in unusable.values()))
        # A trainer may have replaced them by later ones meanwhile, or be about to write the end of this one.
        if latest == seen:
            raise CheckpointError(f"{what_is_wrong(folder, unusable)} Name the directory of another run.")
        seen = latest if latest == latest_checkpoint(folder) else None
        time.sleep(WRITE_GRACE_S if seen else 0)
