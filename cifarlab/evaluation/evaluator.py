"""Precision @ 1 of a run's checkpoints, counting each test image exactly once."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from cifarlab.backend import check_no_scope, tf
from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data import registry, trained_on
from cifarlab.data.dataset import DESCRIPTION, DataSet, DataSetError, check_is_dataset
from cifarlab.data.pipeline import inputs
from cifarlab.data.sources.download import ProgressCallback
from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.files import as_path
from cifarlab.model.custom_network import resolve_network
from cifarlab.model.network import inference
from cifarlab.training import tutorial_checkpoints
from cifarlab.training.checkpoints import (
    CheckpointError,
    latest_checkpoint,
    require_checkpoint,
    restore_latest_network,
)
from cifarlab.training.run_network import recorded_name, remember_weights, require_network
from cifarlab.training.state import make_network

SPLITS = {"test": "test", "validation": "validation", "train_eval": "train"}
"""The split for each value of the tutorial's flag `eval_data`; the tutorial had no validation images."""


class Evaluation(NamedTuple):
    """The result of an evaluation.

    Attributes:
        step: step of the checkpoint.
        precision: the fraction of images whose largest logit is the right class, 0 to 1.
        num_examples: the number of evaluated images.
        seconds: duration in seconds, including restoring and input.
        warnings: a line about each later checkpoint that could not be used, and about a dataset that was assumed or
            whose images were replaced since training.
    """

    step: int
    precision: float
    num_examples: int
    seconds: float
    warnings: tuple[str, ...] = ()


class Predictor:
    """Computes `logits_and_labels` of one network repeatedly, each time with its current weights.

    The graph is traced only once: TensorFlow never frees the traces of custom gradients, about a megabyte each.

    Attributes:
        network: the network.

    >>> from cifarlab.model.network import ConvNet
    >>> predictor = Predictor(ConvNet())
    >>> [len(predictor(tf.data.Dataset.from_tensors((tf.zeros([n, 24, 24, 3]), [0] * n)))[0]) for n in (2, 5)]
    [2, 5]
    """

    def __init__(self, network: tf.Module) -> None:
        """Traces nothing yet.

        Args:
            network: a ConvNet, or any module with the same `stages`.
        """
        self.network = network
        self._compiled: Callable | None = None

    def __call__(self, batches: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray]:
        """Returns the same as `logits_and_labels`; all calls must have images of the same size."""
        if self._compiled is None:
            # Accepts any batch size, so that a smaller last batch does not trace the graph again.
            specs = [tf.TensorSpec([None, *batches.element_spec[0].shape[1:]], tf.float32)]
            self._compiled = tf.function(lambda images: inference(self.network, images), input_signature=specs)
        pairs = [(self._compiled(images).numpy(), labels.numpy()) for images, labels in batches]
        if not pairs:
            raise ValueError("expected at least one image to evaluate; got none.")
        logits, labels = zip(*pairs, strict=True)
        return np.concatenate(logits), np.concatenate(labels)

    def precision_with_weights(self, values: Iterable[np.ndarray | tf.Variable], batches: tf.data.Dataset) -> float:
        """Assigns values to all variables of the network, and returns its precision @ 1, 0 to 1."""
        for variable, value in zip(self.network.variables, values, strict=True):
            variable.assign(value)
        return precision_at_1(*self(batches))


def logits_and_labels(network: tf.Module, batches: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Returns the logits and labels of every image of a finite `tf.data.Dataset`.

    For repeated calls with the same network, use a `Predictor`.

    Args:
        network: a ConvNet, or any module with the same `stages`.
        batches: batches of (float32[b, 24, 24, 3], int32[b]), as `inputs` returns.

    Returns:
        logits: float32[N, 10].
        labels: int32[N].

    >>> from cifarlab.model.network import ConvNet
    >>> batches = tf.data.Dataset.from_tensors((tf.zeros([3, 24, 24, 3]), [1, 2, 3]))
    >>> logits, labels = logits_and_labels(ConvNet(), batches)
    >>> logits.shape, labels.tolist()
    ((3, 10), [1, 2, 3])
    """
    return Predictor(network)(batches)


def evaluate(
    config: EvalConfig | None = None,
    *,
    network: tf.Module | None = None,
    dataset: DataSet | None = None,
    progress: ProgressCallback | None = None,
) -> Evaluation:
    """Evaluates the latest checkpoint of a run, or of the original tutorial's program.

    Args:
        config: the settings; the defaults are the tutorial's.
        network: a network like the trained one; its weights are overwritten. By default, the tutorial's network.
        dataset: the dataset to evaluate; by default, the dataset of the run.
        progress: called with the progress of a download.

    Raises:
        CheckpointError: there is no readable checkpoint of this network.
        NetworkError: `network` is not a network, or not one for this dataset.
        DataSetError, DownloadError: the data are not available.
    """
    config = config or EvalConfig()
    require_checkpoint(config.checkpoint_dir)  # checked before the data are loaded, which may take long
    return _Evaluator(config, network, dataset, progress).evaluate()


def evaluate_repeatedly(
    config: EvalConfig | None = None,
    *,
    network: tf.Module | None = None,
    dataset: DataSet | None = None,
    progress: ProgressCallback | None = None,
    wait: Callable[[float], object] = time.sleep,
) -> Iterator[Evaluation]:
    """Polls a run for new checkpoints and evaluates the latest one each time; never ends.

    Skips checkpoints that are damaged, or that the trainer deletes while they are being read.

    Args:
        config: the settings; `eval_interval_secs` is the polling interval.
        network: as for `evaluate`.
        dataset: as for `evaluate`.
        progress: as for `evaluate`.
        wait: called with the number of seconds to wait; for tests.

    Raises:
        CheckpointError: there are checkpoints, but none is readable.
        DataSetError, DownloadError: the data are not available.
    """
    config = config or EvalConfig()
    evaluator, seen, step = None, None, None
    while True:
        latest = latest_checkpoint(config.checkpoint_dir)
        if latest and latest != seen:
            evaluator = evaluator or _Evaluator(config, network, dataset, progress)
            try:
                found, seen = evaluator.evaluate(), latest
            except CheckpointError:
                if latest_checkpoint(config.checkpoint_dir):
                    raise
            else:
                if found.step != step:  # otherwise the latest is damaged, and the one before was already evaluated
                    step = found.step
                    yield found
        wait(config.eval_interval_secs)


def load_run_config(checkpoint_dir: str | os.PathLike) -> TrainConfig:
    """Returns the settings of a run from its `config.json`, or the defaults if that file does not exist."""
    path = as_path(checkpoint_dir) / "config.json"
    config = TrainConfig.load(path) if path.exists() else TrainConfig()
    return dataclasses.replace(config, network=recorded_name(checkpoint_dir, config.network))


def assumed_dataset(checkpoint_dir: str | os.PathLike) -> str | None:
    """Returns a line that says which dataset is assumed for a run of the original tutorial's program; None for ours.

    Such a run has no file that describes its dataset.
    """
    directory = as_path(checkpoint_dir)
    if (directory / DESCRIPTION).exists() or not tutorial_checkpoints.are_in(directory):
        return None
    return (
        f"{directory} was written by the original tutorial's program, which does not record its dataset: assuming "
        "cifar10. For another one, pass --dataset NAME."
    )


def _resolve_dataset(
    config: EvalConfig, trained: TrainConfig, progress: ProgressCallback | None
) -> tuple[DataSet, list[str]]:
    """Returns the dataset of the settings, or else the dataset of the run, which may have been passed to `train`.

    With it comes a line if it was assumed, or if its images are others than those that the run was trained on.
    """
    path = as_path(config.checkpoint_dir) / DESCRIPTION
    if not path.exists():
        assumed = assumed_dataset(config.checkpoint_dir) if config.dataset is None else ""
        if assumed is None:
            raise DataSetError(
                f"{path}, which describes the dataset of this run, is missing. Restore it, or pass the dataset: "
                "--dataset NAME."
            )
        found = registry.load(config.dataset or "cifar10", config.data_dir or trained.data_dir, progress=progress)
        return found, [assumed] if assumed else []
    described = DataSet.read_description(path)
    if config.dataset is None and (config.data_dir is None or described.name not in registry.SOURCES):
        found = trained_on.as_it_is_now(described)
        if found.files_exist():
            changes = trained_on.compare(path.parent, found)
            found.validate()
            return dataclasses.replace(found, crop_size=described.crop_size), changes
        if described.name not in registry.SOURCES:
            raise DataSetError(
                f"the files of {described.name}, the dataset of {config.checkpoint_dir}, are no longer where they were "
                "during training. Restore them, or pass the directory of the dataset: --dataset DIRECTORY."
            )
    found = registry.load(config.dataset or described.name, config.data_dir or trained.data_dir, progress=progress)
    changes = trained_on.compare(path.parent, found)
    return dataclasses.replace(found, crop_size=described.crop_size), changes


class _Evaluator:
    """A network and a dataset, which are reused from one checkpoint to the next."""

    def __init__(
        self,
        config: EvalConfig,
        network: tf.Module | None,
        dataset: DataSet | None,
        progress: ProgressCallback | None,
    ) -> None:
        check_no_scope()
        trained = load_run_config(config.checkpoint_dir)
        self.config = config
        self.dataset, notes = (dataset, []) if dataset else _resolve_dataset(config, trained, progress)
        check_is_dataset(self.dataset)
        if not self.dataset.files(SPLITS[config.eval_data]):
            raise DataSetError(
                f"eval_data must be a split that {self.dataset.name} has; it has no {config.eval_data} images. Use "
                'eval_data="test"; only images with both a validation and a test part have validation images.'
            )
        self._given = network is not None
        if not self._given:
            require_network(config.checkpoint_dir)
        with tf.device(config.device):
            made = make_network(trained, self.dataset) if network is None else resolve_network(network, self.dataset)
        self.network = made
        self._predictor = Predictor(self.network)
        self._notes = tuple(notes)  # for the first evaluation

    def evaluate(self) -> Evaluation:
        """Evaluates the latest readable checkpoint."""
        start, config = time.perf_counter(), self.config
        restored = restore_latest_network(self.network, config.checkpoint_dir, averaged=config.moving_average)
        if self._given:
            remember_weights(config.checkpoint_dir, self.network)
        images = inputs(
            self.dataset,
            SPLITS[self.config.eval_data],
            self.config.batch_size,
            num_examples=self.config.num_examples,
        )
        with tf.device(self.config.device):
            logits, labels = self._predictor(images)
        seconds = time.perf_counter() - start
        warnings, self._notes = (*restored.warnings, *self._notes), ()
        return Evaluation(restored.step, precision_at_1(logits, labels), len(labels), seconds, warnings)
