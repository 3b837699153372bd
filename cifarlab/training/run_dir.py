"""The directory of a run: creates it, checks it before anything is written, and locks it during training."""

import dataclasses
import datetime
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cifarlab.config import ConfigError, RenamedSettingError, TrainConfig
from cifarlab.data import trained_on
from cifarlab.data.dataset import DESCRIPTION, DataSet, DataSetError
from cifarlab.data.image_parts import image_in
from cifarlab.files import append_suffix, as_path, entries
from cifarlab.locks import LockedError, acquire
from cifarlab.text import sanitize
from cifarlab.training.checkpoint_files import PREFIX, foreign_file
from cifarlab.training.checkpoints import CheckpointError, latest_checkpoint
from cifarlab.training.run_log import FILE_NAME, RunLog, RunLogError, check_log, read_log

LOCK = "trainer.lock"

_CHANGE_NO_RESULT = {
    *("max_steps", "fresh", "train_dir", "data_dir", "dataset"),
    *("log_frequency", "summary_frequency", "log_device_placement"),
    *("checkpoint_steps", "checkpoint_secs", "max_checkpoints_to_keep", "keep_checkpoint_every_n_hours"),
    *("num_preprocess_threads", "virtual_devices", "deterministic"),
}


def changed_settings_warnings(path: Path, config: TrainConfig) -> Iterator[str]:
    """Yields a line about each setting that has changed since the run was last trained and affects its results."""
    if not path.exists():
        return
    before, now = (dataclasses.asdict(c) for c in (TrainConfig.load(path), config))
    relevant = {"max_steps"} if config.schedule == "one-cycle" else set()  # the rate of this schedule depends on it
    for name in sorted(before.keys() - (_CHANGE_NO_RESULT - relevant)):
        if before[name] != now[name]:
            yield f"{name} changed from {before[name]!r} to {now[name]!r} when this run was resumed."


def check_resumed_dataset(config: TrainConfig, dataset: DataSet) -> list[str]:
    """Checks that a run, if there is one, is resumed with its own dataset; returns a line if its images are others now.

    Raises:
        DataSetError: the run was trained on a different dataset.
    """
    directory = Path(config.train_dir)
    return trained_on.compare(directory, dataset, resumed=True) if latest_checkpoint(directory) else []


def record_run(config: TrainConfig, dataset: DataSet, step: int, restored: bool) -> tuple[RunLog, list[str]]:
    """Writes config.json and dataset.json, and opens the log of a run that is at a step.

    Returns:
        The log, and what a resumed run should warn of: missing files and changed settings.
    """
    directory = Path(config.train_dir)
    settings = directory / "config.json"
    warnings = [*missing_files(directory, step), *changed_settings_warnings(settings, config)] if restored else []
    config.save(settings)
    if step < config.max_steps or not (directory / DESCRIPTION).exists():  # otherwise it will not be trained on these
        trained_on.record(directory, dataset)
    log = RunLog(directory)
    if restored:  # drop the lines about steps that the checkpoint does not contain
        log.rewind(step, checkpoint=f"{PREFIX}-{step}" if step else "")
    return log, warnings


def prepare_run_dir(config: TrainConfig) -> Path:
    """Creates the directory of a run if necessary, checks that it can be used, and returns its path.

    Raises:
        ConfigError: the directory is not writable, has files that are not from cifarlab, or is not empty although
            `fresh` is set.
    """
    directory = Path(config.train_dir)
    if config.fresh and directory.is_dir() and any(directory.iterdir()):
        raise ConfigError(
            f"--fresh requires an empty train_dir; {directory} is not empty. Choose another --train-dir, move that "
            "directory away, or omit --fresh to resume the run."
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not directory.is_dir():
            raise NotADirectoryError
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise ConfigError(
            f"train_dir must be a writable directory; {directory} is not ({error.strerror or 'not a directory'}). "
            "Choose another --train-dir."
        ) from None
    _check_is_ours(directory)
    return directory


def _check_is_ours(directory: Path) -> None:
    """Raises ConfigError if training would overwrite or delete files that are not from cifarlab."""
    if (name := foreign_file(directory)) is not None:
        raise ConfigError(
            f"{directory} has checkpoints of another program ({name}), which training would overwrite. Choose another "
            "--train-dir. Nothing was changed."
        )
    for name, read in {
        "config.json": TrainConfig.load,
        "dataset.json": DataSet.read_description,
        FILE_NAME: check_log,
    }.items():
        if (path := directory / name).exists():
            try:
                read(path)
            except RenamedSettingError:  # its message already says what to do
                raise
            except (ConfigError, DataSetError, RunLogError) as error:
                raise ConfigError(
                    f"{error} If this file belongs to the run and is damaged, move it away and pass the run's settings "
                    "again; otherwise choose another --train-dir. Nothing was changed."
                ) from None

    _check_has_no_images(directory)


def _check_has_no_images(directory: Path) -> None:
    """Raises ConfigError for the directory of a dataset or of image files, unless it is that of a run already."""
    path = directory / DESCRIPTION
    if path.exists() and any(file.parent == directory for file in DataSet.read_description(path).files("train")):
        image: Path | None = path
    elif any((directory / name).exists() for name in ("config.json", FILE_NAME)) or latest_checkpoint(directory):
        return
    else:
        records = (file for file in entries(directory) if file.suffix == ".bin")
        image = next(records, None) or image_in(directory)
    if image is not None:
        raise ConfigError(
            f"train_dir must not be a directory of images or of a dataset; {directory} contains {sanitize(image)}. "
            "Choose another --train-dir. Nothing was changed."
        )


def missing_files(directory: Path, step: int) -> Iterator[str]:
    """Yields a line about each missing or incomplete file of a run that resumes at a step."""
    for name, consequence in {
        "config.json": "changed settings cannot be detected",
        "dataset.json": "a changed dataset cannot be detected",
        FILE_NAME: "the log, and figures made from it, begin at this step",
    }.items():
        if not (directory / name).exists():
            yield f"{name} is missing in {directory}: {consequence}."
    if (directory / FILE_NAME).exists() and not any(line["step"] >= step for line in read_log(directory)):
        last = max((line["step"] for line in read_log(directory) if line["event"] == "step"), default=None)
        settings = directory / "config.json"
        frequency = TrainConfig.load(settings).log_frequency if settings.exists() else 1
        if step - (-1 if last is None else last) > frequency:
            end = "is empty" if last is None else f"ends at step {last}"
            yield f"{FILE_NAME} {end}; its lines up to step {step} are missing."


@contextmanager
def training_lock(directory: str | os.PathLike) -> Iterator[None]:
    """Locks the directory of a run against other trainers; the lock of a killed process is released automatically.

    Raises:
        CheckpointError: another process has locked the directory; the message says which, and how to remove the lock
            if the system cannot know that the process has ended.
    """
    path, host = as_path(directory) / LOCK, socket.gethostname()
    holder = append_suffix(path, ".holder")
    try:
        lock = acquire(path, timeout=0)
    except LockedError as error:
        who, advice = error.holder, error.advice
        with suppress(OSError):  # the other process may just have ended
            who = holder.read_text(encoding="utf-8").strip() or who
            if f" on {host} " not in who:  # a network drive may keep the lock of a machine that crashed
                advice = advice or f"If it no longer runs, delete {path} and try again."
        wait = f"{directory} is in use by {who}. Wait until it has finished, stop it, or choose another --train-dir."
        raise CheckpointError(f"{wait} {advice}".rstrip()) from None
    try:
        since = datetime.datetime.now().isoformat(" ", "seconds")
        holder.write_text(f"process {os.getpid()} on {host} (since {since})\n", encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()
