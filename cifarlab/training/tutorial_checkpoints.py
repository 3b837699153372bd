"""Checkpoints of the original tutorial's program, which people still have; read without changing anything.

Its `Saver` of TensorFlow 1 wrote `model.ckpt-N.index` and `model.ckpt-N.data-...`, or before TensorFlow 0.12 all
variables in the single file `model.ckpt-N`, and in both cases the graph in `model.ckpt-N.meta`. The variables have the
names of ours, `conv1/weights`, and their moving averages those names with `/ExponentialMovingAverage` appended.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import variable_name
from cifarlab.training import checkpoint_files as files
from cifarlab.training.checkpoint_files import DAMAGED, PREFIX, CheckpointError, checkpoint_path

AVERAGE = "/ExponentialMovingAverage"
LAYERS = ("conv1", "conv2", "local3", "local4", "softmax_linear")
WEIGHTS = tuple(f"{layer}/{kind}" for layer in LAYERS for kind in ("weights", "biases"))

_SINGLE_FILE = re.compile(rf"{re.escape(PREFIX)}-(\d+)")


def single_file_steps(directory: Path) -> list[int]:
    """Returns the steps of the checkpoints in a directory that consist of a single file, in ascending order."""
    found = map(_SINGLE_FILE.fullmatch, files.file_names(directory))
    return sorted(int(match[1]) for match in found if match and (directory / match[0]).is_file())


def are_in(directory: Path) -> bool:
    """Returns whether the latest readable checkpoint in a directory is one of the tutorial's program."""
    if files.foreign_file(directory) is None:
        return False
    for step in reversed(_steps(directory)):
        with contextlib.suppress(*DAMAGED, ValueError), _opened(directory, step) as reader:
            names = reader.get_variable_to_shape_map()
            return all(name in names or name + AVERAGE in names for name in WEIGHTS)
    return False


def restore_latest(network: tf.Module, directory: Path, *, averaged: bool = True) -> tuple[int, tuple[str, ...]]:
    """Reads the weights of a network from the latest readable checkpoint of the tutorial's program.

    Args:
        network: the tutorial's network; changed in place.
        directory: the `train_dir` of the tutorial's program, for which `are_in` is true.
        averaged: whether to read the moving averages of the weights, or the weights themselves.

    Returns:
        The step in the name of the checkpoint, which is one less than the number of updates in its `global_step`; and
        a line about each later checkpoint that could not be used.

    Raises:
        CheckpointError: there is no readable checkpoint; or the latest one lacks the averages or the weights, or has
            other shapes.
    """
    unusable: dict[int, str] = {}
    for step in reversed(_steps(directory)):
        try:
            with _opened(directory, step) as reader:
                values = _values(reader, network, checkpoint_path(directory, step), averaged)
        except DAMAGED as error:
            unusable[step] = f"{PREFIX}-{step}: {files.describe_restore_error(error)}"
            continue
        for variable, value in zip(network.variables, values, strict=True):
            variable.assign(value)
        return step, tuple(f"skipped {reason}." for reason in unusable.values())
    raise CheckpointError(f"{files.what_is_wrong(directory, unusable)} Pass the directory of another run.")


def _steps(directory: Path) -> list[int]:
    return sorted({*files.complete_steps(directory), *single_file_steps(directory)})


@contextlib.contextmanager
def _opened(directory: Path, step: int) -> Iterator[Any]:
    """Yields TensorFlow's reader of a checkpoint."""
    path = Path(checkpoint_path(directory, step))
    copied = files.copied_to_memory(path, [path.name]) if path.is_file() else files.in_memory(path)
    with copied as readable:
        yield files.read_variables(readable)


def _values(reader: Any, network: tf.Module, path: str, averaged: bool) -> list[np.ndarray]:
    """Returns the values of a network's variables, in their order."""
    shapes = reader.get_variable_to_shape_map()
    wanted, other = (AVERAGE, "") if averaged else ("", AVERAGE)
    values = []
    for variable in network.variables:
        plain = variable_name(variable)
        name = plain + wanted
        if name not in shapes and plain + other in shapes:
            what, option = ("moving averages", "Pass") if averaged else ("raw weights", "Omit")
            raise CheckpointError(f"{path} must contain {what}; it has no {name}. {option} --no-moving-average.")
        expected, got = variable.shape.as_list(), shapes.get(name, "no such variable")
        if got != expected:
            raise CheckpointError(
                f"{name} in {path} must have the shape {expected}; got {got}. It was written by a changed network, or "
                "for another dataset: pass that as --dataset."
            )
        values.append(np.asarray(reader.get_tensor(name), np.float32))  # the tutorial's --use_fp16 wrote float16
    return values
