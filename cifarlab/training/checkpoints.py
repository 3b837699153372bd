"""Saving and restoring a run, in TensorFlow's checkpoint format.

Training starts at step 0 only in a directory without any checkpoint or log. Otherwise it resumes from the latest
readable checkpoint, or stops with an error that says what it found.
"""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cifarlab.backend import tf
from cifarlab.files import as_path
from cifarlab.training import checkpoint_files as files
from cifarlab.training import tutorial_checkpoints
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
    """The checkpoints in the directory of one run.

    >>> import tempfile
    >>> from cifarlab.model.network import ConvNet
    >>> checkpoints = Checkpoints(tempfile.mkdtemp(), TrainState(ConvNet()))
    >>> Path(checkpoints.save()).name, checkpoints.restore_latest()
    ('model.ckpt-0', 0)
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        state: TrainState,
        *,
        max_to_keep: int = 5,
        keep_every_n_hours: float | None = None,
    ) -> None:
        """Prepares to save and restore; changes nothing on disk.

        Args:
            directory: directory of the run; it need not exist yet.
            state: the state to save and restore.
            max_to_keep: the number of latest checkpoints to keep.
            keep_every_n_hours: additionally keeps one checkpoint every N hours permanently.
        """
        self.state, self.directory = state, as_path(directory)
        self.warnings: list[str] = []
        self._max_to_keep, self._keep_seconds = max_to_keep, keep_every_n_hours and keep_every_n_hours * 3600
        self._entries: list[IndexEntry] = []  # checkpoints that may be deleted, in the order of deletion
        self._preserved_at = time.time()
        self._checkpoint = tf.train.Checkpoint(state=state)
        _ = self._checkpoint.save_counter  # creates the counter now, so that restoring finds it

    def save(self) -> str:
        """Saves the state, deletes the checkpoints that are no longer kept, and returns the path of the new one.

        A checkpoint of step 0 only marks the start of a run; it is deleted once a later checkpoint exists.

        Raises:
            CheckpointError: the checkpoint could not be written; earlier checkpoints are kept.
        """
        step = int(self.state.step.numpy())
        try:
            files.write(self._checkpoint, self.directory, step)
            self._entries = [entry for entry in self._entries if entry.step != step]
            self._entries.append(IndexEntry(step, time.time()))
            self._write_index()
            self._delete_old()
        except (tf.errors.OpError, OSError) as error:
            raise CheckpointError(
                f"could not write the checkpoint of step {step} to {self.directory}: {first_line(error)}. "
                f"{_disk_space_note(self.directory, self.state)}Free disk space or make the directory writable, then "
                "resume; earlier checkpoints are kept."
            ) from None
        return checkpoint_path(self.directory, step)

    def _write_index(self) -> None:
        files.write_index(self.directory, Index(tuple(self._entries), self._preserved_at))

    def _delete_old(self) -> None:
        before = len(self._entries)
        while len(self._entries) > self._max_to_keep or (len(self._entries) > 1 and self._entries[0].step == 0):
            oldest = self._entries.pop(0)
            # The absolute difference: a clock that was once wrong must not prevent permanent checkpoints for years.
            apart = abs(oldest.saved_at - self._preserved_at)
            if oldest.step and self._keep_seconds and apart >= self._keep_seconds:
                self._preserved_at = oldest.saved_at
            else:
                files.delete(self.directory, oldest.step)
        if len(self._entries) < before:
            self._write_index()

    def restore_latest(self) -> int | None:
        """Restores the latest readable checkpoint and returns its step.

        Damaged checkpoints are skipped, and a line about each is added to `warnings`.

        Returns:
            The step, or None in a new directory, which has no log and no files of checkpoints, except possibly those
            of an unfinished checkpoint of step 0.

        Raises:
            CheckpointError: the directory has such files but no usable checkpoint, or a checkpoint of a different
                network; the message says what was found and what to do. No file was changed.
        """
        found, index = files.parts(self.directory), files.read_index(self.directory)
        listed = [entry.step for entry in index.entries] if index else []
        recorded = {0, *logged_steps(self.directory), *listed}
        complete = min((step for step, names in found.items() if files.has_index(names)), default=float("inf"))
        unusable: dict[int, str] = {}
        renamed = 0
        for step, names in reversed(found.items()):
            if step == 0 and (unusable or max(recorded)):
                unusable = unusable or {max(recorded): f"{PREFIX}-{max(recorded)}: its files are missing"}
                break  # resuming from step 0 would mean starting over
            if not files.has_index(names) and step not in recorded and step > complete:
                continue  # written by a process that was killed before it could finish
            try:
                self._restore(step)
            except DamagedCheckpointError as error:
                unusable[step], renamed = str(error), max(renamed, error.holds or 0)
            else:
                if renamed > step:
                    break  # a later checkpoint only has to be renamed back
                self._warn(step, max(recorded), unusable)
                self._recover_entries(step, index, unusable)
                files.delete_leftovers(self.directory)
                return step
        if self._is_new(found):
            return None
        raise CheckpointError(
            f"{what_is_wrong(self.directory, unusable)} Restore the missing files, or choose another --train-dir."
        )

    def _restore(self, step: int) -> None:
        path = checkpoint_path(self.directory, step)
        try:
            with files.in_memory(path) as readable:
                # Restoring a damaged checkpoint may assign some variables; restoring an older one overwrites them.
                # `expect_partial` only keeps TensorFlow from printing a warning later.
                self._checkpoint.restore(readable).expect_partial().assert_consumed()
        except DAMAGED as error:
            raise DamagedCheckpointError(f"{PREFIX}-{step}: {describe_restore_error(error)}") from None
        except OTHER_NETWORK as error:
            raise CheckpointError(
                f"{path} cannot be resumed: {describe_restore_error(error)}. Choose another --train-dir, or use the "
                "settings of the run that wrote it."
            ) from None
        check_step(step, int(self.state.step.numpy()))

    def _warn(self, step: int, recorded: int, unusable: dict[int, str]) -> None:
        self.warnings += [f"skipped {reason}." for reason in unusable.values()]
        if recorded > max((step, *unusable)):
            self.warnings.append(
                f"a checkpoint of step {recorded} was saved, but its files are missing; resuming from step {step}."
            )

    def _recover_entries(self, restored: int, index: Index | None, unusable: dict[int, str]) -> None:
        """Finds the checkpoints that may be deleted: those listed in the index, or the latest ones without an index."""
        steps = [step for step in files.complete_steps(self.directory) if step <= restored]
        if index is None:
            latest = steps[-self._max_to_keep :]
            times = {step: _modified(f"{checkpoint_path(self.directory, step)}.index") for step in latest}
        else:
            self._preserved_at = index.preserved_at
            listed = {entry.step: entry.saved_at for entry in index.entries}
            # The restored checkpoint is not listed if the process was killed between saving and listing it.
            times = {step: listed.get(step, time.time()) for step in steps if step in listed or step == restored}
            # Damaged checkpoints come first, so they are deleted first.
            times = {**{step: listed[step] for step in sorted(unusable) if step in listed}, **times}
        self._entries = [IndexEntry(step, at) for step, at in times.items()]

    def _is_new(self, found: dict[int, list[str]]) -> bool:
        """Returns whether no step was ever finished here; at most, the checkpoint of step 0 was being written."""
        begun = all(step == 0 and not files.has_index(names) for step, names in found.items())
        return begun and not any((self.directory / name).exists() for name in (INDEX, LOG))


def _modified(path: str) -> float:
    with suppress(OSError):
        return os.stat(path).st_mtime
    return time.time()


def _disk_space_note(directory: Path, state: TrainState) -> str:
    """Returns a sentence about the disk space that a checkpoint needs, or "" if enough is free."""
    needed, free = sum(variable.numpy().nbytes for variable in state.variables), shutil.disk_usage(directory).free
    return f"It needs {needed / 1e6:.1f} MB, but only {free / 1e6:.1f} MB are free. " if free < needed else ""


def latest_checkpoint(directory: str | os.PathLike) -> str | None:
    """Returns the path of the latest checkpoint in a directory, or None."""
    directory = as_path(directory)
    steps = [*files.complete_steps(directory), *tutorial_checkpoints.single_file_steps(directory)]
    return checkpoint_path(directory, max(steps)) if steps else None


def require_checkpoint(directory: str | os.PathLike) -> str:
    """Returns the path of the latest checkpoint in a directory.

    Raises:
        CheckpointError: the directory has no checkpoint, or one of another program.
    """
    path, directory = latest_checkpoint(directory), as_path(directory)
    if (name := files.foreign_file(directory)) is not None and not tutorial_checkpoints.are_in(directory):
        raise CheckpointError(
            f"{directory} has checkpoints of another program ({name}), which cifarlab cannot read. Pass the directory "
            "of a `cifarlab train` run, or of the original tutorial's, as --checkpoint-dir."
        )
    if path is None:
        steps = {step: f"{PREFIX}-{step}: its .index file is missing" for step in reversed(files.parts(directory))}
        found = f"{directory} must contain checkpoints of a run; found none."
        if steps or any((as_path(directory) / name).exists() for name in (LOG, INDEX)):
            found = what_is_wrong(directory, steps)
        raise CheckpointError(
            f"{found} Train first (`cifarlab train --train-dir ...`), or pass a run's directory as --checkpoint-dir."
        )
    return path


def restore_network(network: tf.Module, path: str, *, averaged: bool = True) -> int:
    """Reads the weights of a network from a checkpoint and returns their step.

    Args:
        network: changed in place.
        path: path of a checkpoint, as returned by `latest_checkpoint`.
        averaged: whether to read the moving averages of the weights, or the weights themselves.

    Raises:
        CheckpointError: the checkpoint is damaged, missing, or of a different network.
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
            f"{path} cannot be used: {describe_restore_error(error)}. Pass the directory of a run of this network, or "
            "the custom network of this run: cifarlab.evaluate(config, network=...)."
        ) from None
    check_step(files.step_of(path) or 0, int(step))
    return int(step)


WRITE_GRACE_S = 0.5
"""Seconds to wait for a checkpoint that may still be incomplete, before it counts as damaged."""


class Restored(NamedTuple):
    """The checkpoint from which the weights of a network were read.

    Attributes:
        step: step of the checkpoint.
        warnings: a line about each later checkpoint that could not be used.
    """

    step: int
    warnings: tuple[str, ...]


def restore_latest_network(network: tf.Module, directory: str | os.PathLike, *, averaged: bool = True) -> Restored:
    """Reads the weights of a network from the latest readable checkpoint, also of the original tutorial's program.

    Raises:
        CheckpointError: the directory has no readable checkpoint, or the latest one is of a different network.
    """
    seen, directory = None, as_path(directory)
    if tutorial_checkpoints.are_in(directory):
        return Restored(*tutorial_checkpoints.restore_latest(network, directory, averaged=averaged))
    while True:
        latest, index, unusable = require_checkpoint(directory), files.read_index(directory), dict[int, str]()
        for step in reversed(files.complete_steps(directory)):
            try:
                restore_network(network, checkpoint_path(directory, step), averaged=averaged)
            except DamagedCheckpointError as error:
                unusable[step] = str(error)
            else:
                listed = max((entry.step for entry in index.entries), default=0) if index else 0
                if listed > max((step, *unusable)):
                    unusable[listed] = f"{PREFIX}-{listed}: its files are missing"
                return Restored(step, tuple(f"skipped {reason}." for reason in unusable.values()))
        # A trainer may have replaced the checkpoints in the meantime, or may still be writing the latest one.
        if latest == seen:
            raise CheckpointError(f"{what_is_wrong(directory, unusable)} Pass the directory of another run.")
        seen = latest if latest == latest_checkpoint(directory) else None
        time.sleep(WRITE_GRACE_S if seen else 0)
