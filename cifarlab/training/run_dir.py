"""The directory of a run: made, checked before anything is written to it, and locked while a process trains there."""

import dataclasses
import datetime
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from cifarlab.config import ConfigError, RenamedSettingError, TrainConfig
from cifarlab.data.dataset import DataSet, DataSetError
from cifarlab.training.checkpoint_files import foreign_file
from cifarlab.training.checkpoints import CheckpointError
from cifarlab.training.run_log import FILE_NAME, RunLogError, check_log, read_log

LOCK = "trainer.lock"


def check_same_dataset(path: Path, dataset: DataSet) -> None:
    """Refuses to continue a run on other pictures: the step and the learning rate are those of the first ones."""
    if not path.exists():
        return
    before = DataSet.read_description(path)
    for what in ("name", "classes", "image_shape", "crop_size"):
        if getattr(before, what) != getattr(dataset, what):
            other = dataset.name if what == "name" else f"other pictures of that name: their {what} differs"
            raise ConfigError(
                f"{path.parent} is a run on {before.name}; got {other}. Name another --train-dir, or the --dataset of "
                "that run."
            )


_CHANGE_NO_RESULT = {
    *("max_steps", "fresh", "train_dir", "data_dir", "dataset"),
    *("log_frequency", "summary_frequency", "log_device_placement"),
    *("checkpoint_steps", "checkpoint_secs", "max_checkpoints_to_keep", "keep_checkpoint_every_n_hours"),
    *("num_preprocess_threads", "virtual_devices", "deterministic"),
}


def changed_settings_warnings(path: Path, config: TrainConfig) -> Iterator[str]:
    """A line for each setting that a resumed run had otherwise and that changes its results."""
    if not path.exists():
        return
    before, now = (dataclasses.asdict(c) for c in (TrainConfig.load(path), config))
    where_it_ends = {"max_steps"} if config.schedule == "one-cycle" else set()  # that schedule's rate hangs on it
    for name in sorted(before.keys() - (_CHANGE_NO_RESULT - where_it_ends)):
        if before[name] != now[name]:
            yield f"this run had {name} = {before[name]!r} until now, and goes on with {now[name]!r}."


def resume_warnings(folder: Path, config: TrainConfig, dataset: DataSet, step: int) -> list[str]:
    """Lines that a person should see about a run that resumes at a step.

    Raises:
        ConfigError: the run was on another dataset.
    """
    check_same_dataset(folder / "dataset.json", dataset)
    return [*missing_files(folder, step), *changed_settings_warnings(folder / "config.json", config)]


def prepare_run_dir(config: TrainConfig) -> Path:
    """Makes the folder of a run if need be, and sees that it can be used.

    Raises:
        ConfigError: it cannot be written to, or `fresh` was asked for and it is not empty.
    """
    folder = Path(config.train_dir)
    if config.fresh and folder.is_dir() and any(folder.iterdir()):
        raise ConfigError(
            f"--fresh wants an empty folder; {folder} is not. Name another --train-dir, move that one away, or "
            "leave --fresh out to continue it."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.is_dir():
            raise NotADirectoryError
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"train_dir is a folder that can be written to; {folder} is not ({error.strerror or 'no folder'}). "
            "Name another --train-dir."
        ) from None
    _check_is_ours(folder)
    return folder


def _check_is_ours(folder: Path) -> None:
    """Refuses a directory with files that we would overwrite or delete, but did not write."""
    if (name := foreign_file(folder)) is not None:
        raise ConfigError(
            f"{folder} has checkpoints of another program ({name}); training there would change its files. Choose a "
            "new --train-dir; nothing was changed."
        )
    for name, read in {
        "config.json": TrainConfig.load,
        "dataset.json": DataSet.read_description,
        FILE_NAME: check_log,
    }.items():
        if (path := folder / name).exists():
            try:
                read(path)
            except RenamedSettingError:  # it says what to do
                raise
            except (ConfigError, DataSetError, RunLogError) as error:
                raise ConfigError(
                    f"{error} If it belongs to this run and is damaged, move it away and pass the run's settings "
                    "again; otherwise choose a new --train-dir. Nothing was changed."
                ) from None


def missing_files(folder: Path, step: int) -> Iterator[str]:
    """A line for each file that a run to be resumed at a step has lost, also in part, and what follows from that."""
    for name, consequence in {
        "config.json": "changed settings cannot be noticed",
        "dataset.json": "a changed dataset cannot be noticed",
        FILE_NAME: "the log, and figures made from it, begin here",
    }.items():
        if not (folder / name).exists():
            yield f"{name} is missing in {folder}: {consequence}."
    if (folder / FILE_NAME).exists() and not any(line["step"] >= step for line in read_log(folder)):
        last = max((line["step"] for line in read_log(folder) if line["event"] == "step"), default=None)
        frequency = TrainConfig.load(folder / "config.json").log_frequency if (folder / "config.json").exists() else 1
        if step - (-1 if last is None else last) > frequency:
            end = "is empty" if last is None else f"ends at step {last}"
            yield f"{FILE_NAME} {end}; what it said of the steps up to {step} is lost."


@contextmanager
def training_lock(folder: str | os.PathLike) -> Iterator[None]:
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
