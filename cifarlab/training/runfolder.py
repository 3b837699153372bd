"""The folder of a run: made, looked at and found fit before anything is written to it."""

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cifarlab.config import ConfigError, TrainConfig
from cifarlab.data.dataset import DataSet


def check_same_pictures(path: Path, dataset: DataSet) -> None:
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
    *("checkpoint_steps", "checkpoint_secs", "keep_checkpoints", "keep_checkpoint_hours"),
    *("num_preprocess_threads", "virtual_devices", "deterministic"),
}


def changed_settings(path: Path, config: TrainConfig, first_step: int) -> Iterator[str]:
    """A line for each setting that a continued run had otherwise and that changes what comes out."""
    if not first_step or not path.exists():
        return
    before, now = (dataclasses.asdict(c) for c in (TrainConfig.read(path), config))
    where_it_ends = {"max_steps"} if config.schedule == "one-cycle" else set()  # that schedule's rate hangs on it
    for name in sorted(before.keys() - (_CHANGE_NO_RESULT - where_it_ends)):
        if before[name] != now[name]:
            yield f"this run had {name} = {before[name]!r} until now, and goes on with {now[name]!r}."


def open_folder(config: TrainConfig) -> Path:
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
    return folder
