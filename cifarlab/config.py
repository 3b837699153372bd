"""Every setting of training and of evaluation: its default, its unit and the reason for it, on its line."""

import dataclasses
import difflib
import json
import os
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cifarlab.errors import UserError
from cifarlab.files import atomic_write_text

DISTORTIONS = ("flip", "brightness", "contrast", "affine")
"""The names of `data.distortions.BY_NAME`."""


def setting(default: Any, help: str, choices: tuple[str, ...] = ()) -> Any:
    """A dataclass field with its reason, which is also the help text of its command line flag, and what it may be."""
    return dataclasses.field(default=default, metadata={"help": help, "choices": choices})


class ConfigError(UserError):
    """An unknown, ill-typed or impossible setting."""


class RenamedSettingError(ConfigError):
    """A file of settings that was written before some of them got other names."""


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
            if not _has_type(value, field.type):
                raise ConfigError(
                    f"{field.name} is {_type_name(field.type)}; got {value!r}. It means: {field.metadata['help']}."
                )
            choices = field.metadata["choices"]
            if choices and value != field.default and value not in choices:
                raise ConfigError(f"{field.name} is one of {', '.join(choices)}; got {value!r}.")

    def _require(self, **conditions: bool) -> None:
        """Raises for the first setting whose condition is false."""
        for name, holds in conditions.items():
            if not holds:
                why = {field.name: field.metadata["help"] for field in dataclasses.fields(self)}[name]
                raise ConfigError(
                    f"{name} = {getattr(self, name)!r} is out of range. It means: {why}. "
                    "Choose another value, or leave it out for the default."
                )

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> typing.Self:
        """Builds a config from a mapping of settings, such as a run's `config.json`.

        Raises:
            ConfigError: a setting is unknown (the message lists those with a similar name) or ill-typed.

        >>> TrainConfig.from_dict({"batch_sise": 64})
        Traceback (most recent call last):
        cifarlab.config.ConfigError: there is no setting 'batch_sise'. Near: batch_size.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name in settings:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=3) or names
                raise ConfigError(f"there is no setting {name!r}. Near: {', '.join(near)}.")
        return cls(**settings)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the settings as JSON, whole or not at all."""
        atomic_write_text(Path(path), json.dumps(dataclasses.asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike) -> typing.Self:
        """Reads what `save` wrote.

        Raises:
            RenamedSettingError: a setting in it has another name by now; the message says which.
            ConfigError: the file is no JSON object, or a setting in it is unknown or ill-typed.
        """
        try:
            settings = json.loads(Path(path).read_text())
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path} should be the settings of a run as JSON; it cannot be read: {error}.") from None
        if not isinstance(settings, dict):
            raise ConfigError(f"{path} should hold a JSON object of settings; got a {type(settings).__name__}.")
        renamed = [f"{old} is now {new}" for old, new in _RENAMED.items() if old in settings]
        if settings.get("distortions") == "own":
            renamed.append("the value own of distortions is now custom")
        if renamed:
            raise RenamedSettingError(
                f"{path} was written before settings were renamed: {'; '.join(renamed)}. To continue this run, rename "
                "them in the file, or move it away and pass the run's settings again."
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

    dataset: str = setting("cifar10", "data set by name, or the folder of one's own; the tutorial's is CIFAR-10")
    data_dir: str | None = setting(
        None, "folder of the data sets; by default $CIFARLAB_DATA or the user's cache folder"
    )
    train_dir: str = setting("runs/train", "folder for checkpoints, logs and event files; an existing one is continued")
    fresh: bool = setting(False, "refuse to continue: train_dir must be missing or empty")
    batch_size: int = setting(128, "images a step; with several towers or replicas, for each of them")
    max_steps: int = setting(
        1_000_000, "steps in all, those of earlier sessions included; the tutorial's is never reached"
    )
    seed: int = setting(0, "every random draw is a function of this and the step")
    log_frequency: int = setting(10, "steps between console lines; reading the loss makes the host wait")
    summary_frequency: int = setting(
        100, "steps between TensorBoard summaries, which cost a forward pass; ever fewer with histograms; 0 for none"
    )
    checkpoint_steps: int = setting(
        1_000, "steps between checkpoints, as in the tutorial's early version; 0 for time alone"
    )
    checkpoint_secs: float = setting(600.0, "seconds between checkpoints, as in its late version; 0 for steps alone")
    max_checkpoints_to_keep: int = setting(5, "newest checkpoints that are kept, TensorFlow's default")
    keep_checkpoint_every_n_hours: float = setting(
        1.0, "besides, one checkpoint for each so many hours is kept for good"
    )
    min_fraction_of_examples_in_queue: float = setting(
        0.4, "of an epoch's records in the shuffle queue: 20,000 of CIFAR-10"
    )
    num_preprocess_threads: int = setting(16, "batches that are distorted in parallel, as in the tutorial")
    fast_ops: bool = setting(True, "use fast forms of convolution, normalization and pooling, of equal results")
    num_gpus: int = setting(1, "towers, each on a GPU of its own as far as there are any; 1 for no towers")
    strategy: str = setting(
        "towers",
        "towers by hand, or tf.distribute's mirrored (devices) or multi-worker (machines, see TF_CONFIG)",
        ("towers", "mirrored", "multi-worker"),
    )
    virtual_devices: bool = setting(False, "put the towers on as many logical CPU devices")
    log_device_placement: bool = setting(False, "print the device of each operation of the training graph")
    deterministic: bool = setting(
        False, "have TensorFlow give the same numbers to the last bit each time, slower, also where it would not"
    )
    schedule: str = setting(
        "staircase",
        "of the learning rate: staircase, or one-cycle, up and then down to zero at max_steps",
        ("staircase", "one-cycle"),
    )
    initial_learning_rate: float = setting(0.1, "step length before the staircase's first decay; one-cycle's highest")
    learning_rate_decay_factor: float = setting(0.1, "what the learning rate is multiplied with at each decay")
    epochs_per_decay: float = setting(350.0, "epochs after which the learning rate decays; 136,718 steps")
    momentum: float = setting(0.0, "Nesterov's, of gradient descent; the tutorial has none")
    distortions: str = setting(
        "flip,brightness,contrast",
        f"what happens to a random crop, in this order, of {', '.join(DISTORTIONS)}; or none; digits want no flip",
    )
    mixup: float = setting(
        0.0, "mix pictures and labels in pairs, shares from Beta(mixup, mixup); the tutorial does not"
    )
    weight_decay: float = setting(0.004, "of local3 and local4, times half the sum of their squared weights")
    moving_average_decay: float = setting(0.9999, "of the averaged weights, reached at step 89,990 after a warm-up")

    def __post_init__(self) -> None:
        """Checks types and ranges."""
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
            distortions=self.distortions in ("none", "custom") or _valid_distortions(self.distortions.split(",")),
            initial_learning_rate=self.initial_learning_rate > 0,
            learning_rate_decay_factor=0 < self.learning_rate_decay_factor <= 1,
            epochs_per_decay=self.epochs_per_decay > 0,
            momentum=0 <= self.momentum < 1,
            mixup=0 <= self.mixup < float("inf"),
            weight_decay=0 <= self.weight_decay < float("inf"),
            moving_average_decay=0 <= self.moving_average_decay < 1,
        )


RECIPES: dict[str, dict[str, Any]] = {
    "tutorial": {},
    # Found on 5,000 pictures held out of the training set: benchmarks/README.md, "A quick recipe".
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
"""Settings of `TrainConfig` that belong together, by name; those that a recipe does not name are the defaults."""


@dataclasses.dataclass(frozen=True)
class EvalConfig(_Config):
    """The settings of `evaluate` and `evaluate_repeatedly`; the defaults are the tutorial's.

    >>> EvalConfig().moving_average
    True
    """

    checkpoint_dir: str = setting("runs/train", "folder of the run whose checkpoints are evaluated")
    eval_dir: str | None = setting(
        None, "folder for the evaluation's event files; by default the run's with -eval after its name"
    )
    eval_data: str = setting(
        "test", "test, or train_eval for the training images without distortions", ("test", "train_eval")
    )
    dataset: str | None = setting(None, "data set by name, or the folder of one's own; by default that of the run")
    data_dir: str | None = setting(
        None, "folder of the data sets; by default $CIFARLAB_DATA or the user's cache folder"
    )
    batch_size: int = setting(500, "images at once; it changes no result")
    num_examples: int | None = setting(None, "images to evaluate; by default all of them, each exactly once")
    moving_average: bool = setting(True, "use the moving averages of the weights")
    run_once: bool = setting(False, "evaluate the newest checkpoint once; otherwise every new one, until Ctrl-C")
    eval_interval_secs: float = setting(300.0, "seconds between looks for a new checkpoint")
    device: str | None = setting(None, "cpu leaves a GPU's memory to the trainer beside it", ("cpu", "gpu"))

    def __post_init__(self) -> None:
        """Checks types and ranges."""
        super().__post_init__()
        self._require(
            batch_size=self.batch_size >= 1,
            num_examples=self.num_examples is None or self.num_examples >= 1,
            eval_interval_secs=0 < self.eval_interval_secs <= 1e6,
        )


def _valid_distortions(names: list[str]) -> bool:
    """Whether these are known, each once: a second one would draw what the first has drawn."""
    return len(set(names)) == len(names) and set(names) <= set(DISTORTIONS)


def _has_type(value: Any, kind: Any) -> bool:
    """Whether a value is of a field's type; a bool is no int, an int is also a float."""
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if isinstance(value, bool):
        return bool in kinds
    if isinstance(value, int) and float in kinds:
        return True
    return isinstance(value, kinds)


def _type_name(kind: Any) -> str:
    names = {
        "str": "a text",
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "NoneType": "None",
    }
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    return " or ".join(names[k.__name__] for k in kinds)
