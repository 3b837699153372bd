"""All settings of training and evaluation, each with its default and an explanation."""

import dataclasses
import difflib
import json
import os
import typing
from collections.abc import Mapping
from typing import Any

from cifarlab.errors import UserError
from cifarlab.field_types import has_type, type_name
from cifarlab.files import as_path, atomic_write_text

DISTORTIONS = ("flip", "brightness", "contrast", "affine")
"""The keys of `data.distortions.BY_NAME`."""


def setting(default: Any, help: str, choices: tuple[str, ...] = (), path: bool = False) -> Any:
    """Returns a dataclass field with its allowed values and its help text, which the command line shows, too.

    A leading `~` of a path is expanded, so that the settings, messages and `config.json` have the same path.
    """
    return dataclasses.field(default=default, metadata={"help": help, "choices": choices, "path": path})


class ConfigError(UserError):
    """An unknown setting, or one with a value of the wrong type or out of range."""


class RenamedSettingError(ConfigError):
    """A settings file that was written before some settings were renamed."""


_RENAMED = {
    "keep_checkpoints": "max_checkpoints_to_keep",
    "keep_checkpoint_hours": "keep_checkpoint_every_n_hours",
    "operations": "fast_ops (true for fast, false for plain)",
}


@dataclasses.dataclass(frozen=True)
class _Config:
    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not has_type(value, field.type):
                raise ConfigError(
                    f"{field.name} must be {type_name(field.type)}; got {value!r} ({field.metadata['help']})."
                )
            choices = field.metadata["choices"]
            if choices and value != field.default and value not in choices:
                raise ConfigError(f"{field.name} must be one of {', '.join(choices)}; got {value!r}.")
            if field.metadata["path"] and value is not None:
                object.__setattr__(self, field.name, _local_path(field.name, value))

    def _require(self, **conditions: bool) -> None:
        """Raises `ConfigError` for the first setting whose condition is false."""
        for name, holds in conditions.items():
            if not holds:
                text = {field.name: field.metadata["help"] for field in dataclasses.fields(self)}[name]
                raise ConfigError(
                    f"{name} = {getattr(self, name)!r} is out of range ({text}). "
                    "Choose another value, or omit it to use the default."
                )

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> typing.Self:
        """Builds a config from a mapping of settings, such as a run's `config.json`.

        Raises:
            ConfigError: a setting is unknown (the message suggests similar names), or its value is invalid.

        >>> TrainConfig.from_dict({"batch_sise": 64})
        Traceback (most recent call last):
        cifarlab.config.ConfigError: unknown setting 'batch_sise'. Did you mean batch_size?
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name in settings:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=3) or names
                raise ConfigError(f"unknown setting {name!r}. Did you mean {', '.join(near)}?")
        return cls(**settings)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the settings to a JSON file, atomically."""
        atomic_write_text(as_path(path), json.dumps(dataclasses.asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike) -> typing.Self:
        """Reads a file that `save` wrote.

        Raises:
            RenamedSettingError: the file uses the old name of a setting; the message gives the new one.
            ConfigError: the file is not a JSON object, or a setting in it is unknown or invalid.
        """
        try:
            settings = json.loads(as_path(path).read_text(encoding="utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path} must be a JSON file of settings; it cannot be read: {error}.") from None
        if not isinstance(settings, dict):
            raise ConfigError(f"{path} must contain a JSON object of settings; got a {type(settings).__name__}.")
        renamed = [f"{old} is now {new}" for old, new in _RENAMED.items() if old in settings]
        if settings.get("distortions") == "own":
            renamed.append("the value 'own' of distortions is now 'custom'")
        if renamed:
            raise RenamedSettingError(
                f"{path} uses old names of settings: {'; '.join(renamed)}. To continue this run, rename "
                "them in the file, or move the file away and pass the run's settings again."
            )
        try:
            return cls.from_dict(settings)
        except ConfigError as error:
            raise ConfigError(f"{path} cannot be used: {error}") from None


@dataclasses.dataclass(frozen=True)
class TrainConfig(_Config):
    """The settings of `train`; the defaults are the tutorial's.

    >>> TrainConfig(batch_size=64).batch_size
    64
    """

    dataset: str = setting("cifar10", "name of a dataset, or the directory of a custom one", path=True)
    data_dir: str | None = setting(
        None, "directory of the datasets; by default $CIFARLAB_DATA or the user's cache directory", path=True
    )
    train_dir: str = setting(
        "runs/train", "run directory for checkpoints, logs and event files; an existing run is resumed", path=True
    )
    fresh: bool = setting(False, "start a new run: fail if train_dir is not empty")
    batch_size: int = setting(128, "images per step; with several towers or replicas, for each of them")
    max_steps: int = setting(1_000_000, "total number of steps, including those of earlier sessions")
    seed: int = setting(0, "random seed; all random numbers depend only on it and on the step")
    log_frequency: int = setting(
        10, "steps between console lines; reading the loss synchronizes host and device, so frequent logging is slower"
    )
    summary_frequency: int = setting(
        100,
        "steps between TensorBoard summaries (each costs a forward pass; histograms become rarer in long runs); "
        "0 disables them",
    )
    checkpoint_steps: int = setting(
        1_000, "steps between checkpoints, as in the tutorial's early version; 0 to save by time only"
    )
    checkpoint_secs: float = setting(
        600.0, "seconds between checkpoints, as in the tutorial's late version; 0 to save by steps only"
    )
    max_checkpoints_to_keep: int = setting(5, "number of latest checkpoints to keep (TensorFlow's default)")
    keep_checkpoint_every_n_hours: float = setting(1.0, "in addition, keep one checkpoint every N hours permanently")
    min_fraction_of_examples_in_queue: float = setting(
        0.4, "size of the shuffle buffer as a fraction of the training set; 0.4 means 20,000 images of CIFAR-10"
    )
    num_preprocess_threads: int = setting(16, "number of batches that are distorted in parallel, as in the tutorial")
    fast_ops: bool = setting(
        True, "use the fast CPU implementations of convolution, normalization and pooling; results are the same"
    )
    network: str = setting(
        "tutorial",
        "tutorial; modern, a network of today; or MODULE:CLASS for a custom one, such as my_network.py:MyNetwork",
    )
    num_gpus: int = setting(1, "number of towers; each gets its own GPU if enough are available, otherwise they share")
    strategy: str = setting(
        "towers",
        "towers, or a strategy of tf.distribute: mirrored (several devices) or multi-worker (several machines, "
        "listed in TF_CONFIG)",
        ("towers", "mirrored", "multi-worker"),
    )
    virtual_devices: bool = setting(False, "place each tower on a logical CPU device")
    log_device_placement: bool = setting(False, "print the device of each operation in the training graph")
    deterministic: bool = setting(False, "make results bit-for-bit reproducible (slower)")
    schedule: str = setting(
        "staircase",
        "learning rate schedule: staircase, or one-cycle, which rises and then falls to zero at max_steps",
        ("staircase", "one-cycle"),
    )
    initial_learning_rate: float = setting(
        0.1, "learning rate before the first decay of the staircase; the maximum of one-cycle"
    )
    learning_rate_decay_factor: float = setting(0.1, "factor that multiplies the learning rate at each decay")
    epochs_per_decay: float = setting(
        350.0, "epochs between decays of the learning rate; 350 epochs of CIFAR-10 are 136,718 steps"
    )
    momentum: float = setting(0.0, "Nesterov momentum of gradient descent; 0 as in the tutorial")
    crop_size: int | None = setting(
        None, "rows and columns of the crops that the network sees; by default the dataset's, 24 for CIFAR-10"
    )
    padding: int = setting(
        0, "pixels by which each training image is extended on all sides, mirrored there, before it is cropped"
    )
    distortions: str = setting(
        "flip,brightness,contrast",
        f"comma-separated distortions applied to each random crop, in this order, from {', '.join(DISTORTIONS)}; "
        "'none' for crops only (for digits, leave out flip)",
    )
    mixup: float = setting(
        0.0,
        "mixup strength alpha: mix pairs of images and labels with ratios drawn from Beta(alpha, alpha); "
        "0 disables it, as in the tutorial",
    )
    label_smoothing: float = setting(
        0.0, "probability that a label shares out equally among all classes; 0 as in the tutorial"
    )
    bias_learning_rate_factor: float = setting(
        1.0, "factor of the learning rate for biases, which are all trainable variables with one axis"
    )
    decoupled_weight_decay: float = setting(
        0.0,
        "decay of all weights of any network, except biases: each step subtracts this fraction of them, times the "
        "learning rate; 0 as in the tutorial",
    )
    weight_decay: float = setting(
        0.004, "weight decay of local3 and local4: the factor of half the sum of their squared weights in the loss"
    )
    moving_average_decay: float = setting(
        0.9999, "decay of the moving averages of the weights, reached at step 89,990 after a warm-up"
    )

    def __post_init__(self) -> None:
        """Validates types and ranges."""
        super().__post_init__()
        self._require(
            batch_size=self.batch_size >= 1,
            max_steps=self.max_steps >= 0,
            seed=0 <= self.seed < 2**31,
            log_frequency=self.log_frequency >= 1,
            summary_frequency=self.summary_frequency >= 0,
            checkpoint_steps=self.checkpoint_steps >= 0,
            checkpoint_secs=self.checkpoint_secs >= 0,
            max_checkpoints_to_keep=self.max_checkpoints_to_keep >= 1,
            keep_checkpoint_every_n_hours=self.keep_checkpoint_every_n_hours > 0,
            min_fraction_of_examples_in_queue=0 < self.min_fraction_of_examples_in_queue <= 1,
            num_preprocess_threads=self.num_preprocess_threads >= 1,
            num_gpus=self.num_gpus >= 1,
            crop_size=self.crop_size is None or self.crop_size >= 1,
            padding=self.padding >= 0,
            distortions=self.distortions in ("none", "custom") or _valid_distortions(self.distortions.split(",")),
            initial_learning_rate=self.initial_learning_rate > 0,
            learning_rate_decay_factor=0 < self.learning_rate_decay_factor <= 1,
            epochs_per_decay=self.epochs_per_decay > 0,
            momentum=0 <= self.momentum < 1,
            mixup=0 <= self.mixup < float("inf"),
            label_smoothing=0 <= self.label_smoothing < 1,
            bias_learning_rate_factor=0 < self.bias_learning_rate_factor < float("inf"),
            decoupled_weight_decay=0 <= self.decoupled_weight_decay < float("inf"),
            weight_decay=0 <= self.weight_decay < float("inf"),
            moving_average_decay=0 <= self.moving_average_decay < 1,
        )


RECIPES: dict[str, dict[str, Any]] = {
    "tutorial": {},
    # Tuned on 5,000 images held out from the training set: benchmarks/recipes.md, "A quick recipe".
    "quick": {
        "max_steps": 18_000,
        "schedule": "one-cycle",
        "initial_learning_rate": 0.05,
        "momentum": 0.9,
        "distortions": "flip",
        "mixup": 0.2,
        "weight_decay": 0.002,
        "moving_average_decay": 0.999,
    },
}
"""Presets of `TrainConfig` settings by name. Settings that a recipe does not list keep their defaults."""


@dataclasses.dataclass(frozen=True)
class EvalConfig(_Config):
    """The settings of `evaluate` and `evaluate_repeatedly`; the defaults are the tutorial's.

    >>> EvalConfig().moving_average
    True
    """

    checkpoint_dir: str = setting("runs/train", "directory of the run whose checkpoints are evaluated", path=True)
    eval_dir: str | None = setting(
        None, "directory for the evaluation's event files; by default checkpoint_dir with -eval appended", path=True
    )
    eval_data: str = setting(
        "test",
        "images to evaluate: test, validation, or train_eval for the undistorted training images",
        ("test", "validation", "train_eval"),
    )
    dataset: str | None = setting(
        None, "name of a dataset, or the directory of a custom one; by default the run's dataset", path=True
    )
    data_dir: str | None = setting(
        None, "directory of the datasets; by default $CIFARLAB_DATA or the user's cache directory", path=True
    )
    batch_size: int = setting(500, "images per batch; does not change the result")
    num_examples: int | None = setting(None, "number of images to evaluate; by default all, each exactly once")
    moving_average: bool = setting(True, "use the moving averages of the weights")
    run_once: bool = setting(False, "evaluate only the latest checkpoint, once; otherwise every new one, until Ctrl-C")
    eval_interval_secs: float = setting(300.0, "seconds between checks for a new checkpoint")
    device: str | None = setting(
        None, "device to evaluate on; cpu leaves the GPU's memory to a trainer on the same machine", ("cpu", "gpu")
    )

    def __post_init__(self) -> None:
        """Validates types and ranges."""
        super().__post_init__()
        self._require(
            batch_size=self.batch_size >= 1,
            num_examples=self.num_examples is None or self.num_examples >= 1,
            eval_interval_secs=0 < self.eval_interval_secs <= 1e6,
        )


def _local_path(name: str, path: str) -> str:
    """Returns the path of a setting with a leading `~` expanded.

    Raises:
        ConfigError: it is empty, is an address, or begins with the home directory of an unknown user.
    """
    if not path.strip():
        raise ConfigError(f"{name} must not be empty; got {path!r}. Write a path, or omit it to use the default.")
    if "://" in path:  # it would be created below the current directory, and be lost with a rented machine
        raise ConfigError(f"{name} must be on a disk of this machine; got {path!r}. Mount it, or copy the files.")
    try:
        return str(as_path(path)) if path.startswith("~") else path
    except UserError as error:
        raise ConfigError(f"{name}: {error}") from None


def _valid_distortions(names: list[str]) -> bool:
    """Returns whether all names are known and distinct; a repeated one would use the same random numbers again."""
    return len(set(names)) == len(names) and set(names) <= set(DISTORTIONS)
