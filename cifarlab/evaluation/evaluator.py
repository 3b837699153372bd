"""Precision @ 1 of a run's checkpoints, over each test image exactly once."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cifarlab.backend import tf
from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data import registry
from cifarlab.data.dataset import DataSet, DataSetError
from cifarlab.data.pipeline import inputs
from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference
from cifarlab.training.checkpoints import (
    CheckpointError,
    latest_checkpoint,
    require_checkpoint,
    restore_latest_network,
)
from cifarlab.training.state import make_network

SPLITS = {"test": "test", "train_eval": "train"}
"""What the tutorial's flag `eval_data` calls the splits."""


class Evaluation(NamedTuple):
    """What an evaluation found.

    Attributes:
        step: of the checkpoint.
        precision: the share of images whose largest logit is the right class, 0 to 1.
        num_examples: images evaluated.
        seconds: that it took, restoring and input included.
        warnings: a line about each later checkpoint that could not be used.
    """

    step: int
    precision: float
    num_examples: int
    seconds: float
    warnings: tuple[str, ...] = ()


class Predictor:
    """The `logits_and_labels` of one network, again and again, with whatever weights it has by then.

    Its graph is traced once: TensorFlow keeps for good what it traced of the network's own gradients, a megabyte each
    time.

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
            network: a ConvNet, or anything with its `stages`.
        """
        self.network = network
        self._compiled: Callable | None = None

    def __call__(self, batches: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray]:
        """Logits and labels, as `logits_and_labels` returns them; the images are of one size from the first call on."""
        if self._compiled is None:
            # Any batch size, also the last batch's smaller one, without tracing anew.
            specs = [tf.TensorSpec([None, *batches.element_spec[0].shape[1:]], tf.float32)]
            self._compiled = tf.function(lambda images: inference(self.network, images), input_signature=specs)
        pairs = [(self._compiled(images).numpy(), labels.numpy()) for images, labels in batches]
        if not pairs:
            raise ValueError("there are no images to evaluate; expected at least one.")
        logits, labels = zip(*pairs, strict=True)
        return np.concatenate(logits), np.concatenate(labels)

    def precision_with_weights(self, values: Iterable[np.ndarray | tf.Variable], batches: tf.data.Dataset) -> float:
        """Precision @ 1, 0 to 1, with other values of all the network's variables, which it keeps."""
        for variable, value in zip(self.network.variables, values, strict=True):
            variable.assign(value)
        return precision_at_1(*self(batches))


def logits_and_labels(network: tf.Module, batches: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The logits and labels of every image of a finite dataset.

    Who asks again and again, as beside a run, keeps a `Predictor`.

    Args:
        network: a ConvNet, or anything with its `stages`.
        batches: of (float32[b, 24, 24, 3], int32[b]), as `inputs` returns.

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
    config: EvalConfig | None = None, *, network: tf.Module | None = None, dataset: DataSet | None = None
) -> Evaluation:
    """Evaluates the newest checkpoint of a run.

    Args:
        config: settings; the defaults are the tutorial's.
        network: of the make that was trained; its weights are overwritten. By default the tutorial's network.
        dataset: the pictures; by default those of the run.

    Raises:
        CheckpointError: there is no checkpoint, or none that can be read and is of this network.
        DataSetError, DownloadError: the data cannot be had.
    """
    config = config or EvalConfig()
    require_checkpoint(config.checkpoint_dir)  # before the data are looked for, which may take long
    return _Evaluator(config, network, dataset).evaluate()


def evaluate_repeatedly(
    config: EvalConfig | None = None,
    *,
    network: tf.Module | None = None,
    dataset: DataSet | None = None,
    wait: Callable[[float], object] = time.sleep,
) -> Iterator[Evaluation]:
    """Looks for new checkpoints of a run again and again, and evaluates the newest; without end.

    A checkpoint that is damaged, or that the trainer removes while it is being read, is passed over.

    Args:
        config: settings; `eval_interval_secs` is the time between two looks.
        network: as for `evaluate`.
        dataset: as for `evaluate`.
        wait: called with the seconds to wait; for tests.

    Raises:
        CheckpointError: there are checkpoints, but none that can be read.
        DataSetError, DownloadError: the data cannot be had.
    """
    config = config or EvalConfig()
    evaluator, seen, step = None, None, None
    while True:
        newest = latest_checkpoint(config.checkpoint_dir)
        if newest and newest != seen:
            evaluator = evaluator or _Evaluator(config, network, dataset)
            try:
                found, seen = evaluator.evaluate(), newest
            except CheckpointError:
                if latest_checkpoint(config.checkpoint_dir):
                    raise
            else:
                if found.step != step:  # else the newest is damaged, and the one before it was seen already
                    step = found.step
                    yield found
        wait(config.eval_interval_secs)


def load_run_config(checkpoint_dir: str | os.PathLike) -> TrainConfig:
    """The settings that a run was made with, from its `config.json`; the defaults where there is none."""
    path = Path(checkpoint_dir) / "config.json"
    return TrainConfig.load(path) if path.exists() else TrainConfig()


def _resolve_dataset(config: EvalConfig, trained: TrainConfig) -> DataSet:
    """The pictures that were asked for, or else those of the run, which may have come to `train` as an argument."""
    path = Path(config.checkpoint_dir) / "dataset.json"
    if not path.exists():
        if config.dataset is None:
            raise DataSetError(
                f"{path} is missing, which says what the network was trained on. Put it back, or name the data set: "
                "--dataset NAME."
            )
        return registry.load(config.dataset, config.data_dir or trained.data_dir)
    described = DataSet.read_description(path)
    if config.dataset is None and (config.data_dir is None or described.name not in registry.SOURCES):
        if described.files_exist():
            described.validate()
            return described
        if described.name not in registry.SOURCES:
            raise DataSetError(
                f"the pictures of {described.name} should be where {config.checkpoint_dir} was trained on them; they "
                "are not there any more. Put them back, or name the folder of their records: --dataset FOLDER."
            )
    found = registry.load(config.dataset or described.name, config.data_dir or trained.data_dir)
    for what in ("classes", "image_shape"):
        if getattr(found, what) != getattr(described, what):
            raise DataSetError(
                f"{config.checkpoint_dir} was trained on {described.name}; got {found.name}, whose {what} differs. "
                "Leave --dataset out, or name a data set of the same classes and images of the same size."
            )
    return dataclasses.replace(found, crop_size=described.crop_size)


class _Evaluator:
    """A network and its images, kept from one checkpoint to the next."""

    def __init__(self, config: EvalConfig, network: tf.Module | None, dataset: DataSet | None) -> None:
        trained = load_run_config(config.checkpoint_dir)
        self.config = config
        self.dataset = dataset or _resolve_dataset(config, trained)
        with tf.device(config.device):
            self.network = network or make_network(trained, self.dataset)
        self._predictor = Predictor(self.network)

    def evaluate(self) -> Evaluation:
        """Evaluates the newest checkpoint that can be read."""
        start, config = time.perf_counter(), self.config
        restored = restore_latest_network(self.network, config.checkpoint_dir, averaged=config.moving_average)
        images = inputs(
            self.dataset,
            SPLITS[self.config.eval_data],
            self.config.batch_size,
            num_examples=self.config.num_examples,
        )
        with tf.device(self.config.device):
            logits, labels = self._predictor(images)
        seconds = time.perf_counter() - start
        return Evaluation(restored.step, precision_at_1(logits, labels), len(labels), seconds, restored.warnings)
