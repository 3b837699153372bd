"""The tutorial's network on SVHN, unchanged and adapted as in exercise 6: `python -m benchmarks.svhn`.

Trains both with several seeds, and prints a line of JSON per run and checkpoint. With `--held-out 887`, it evaluates on
the last training digits instead of the test digits; the number of steps and the network were chosen in this way.
"""

import argparse
import dataclasses
import functools
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.exercises import solution
from benchmarks.recipes import squares
from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.data import distortions, registry
from cifarlab.data.dataset import DataSet
from cifarlab.data.holdout import hold_out
from cifarlab.data.pipeline import inputs
from cifarlab.evaluation.evaluator import logits_and_labels
from cifarlab.evaluation.metrics import confusion_matrix, precision_at_1
from cifarlab.training.loop import train
from cifarlab.training.observers import Observer, Run


@dataclasses.dataclass(frozen=True)
class Variant:
    """Changes to the tutorial's program.

    Attributes:
        steps: the number of steps, chosen with the held-out digits.
        crop: rows and columns of a crop.
        adapted: whether to use the network and the distortions for digits.
        settings: settings of `TrainConfig`.
    """

    steps: int
    crop: int = 24
    adapted: bool = False
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)


def cut_out(images: tf.Tensor, seed: distortions.Seed, side: int = 8) -> tf.Tensor:
    """Fills a square of each image with the mean color of the image; the square's center is uniformly random."""
    images = tf.cast(images, tf.float32)
    middle = distortions.per_image_uniform(images, [2, 1], seed, 11, 0, images.shape[1])
    return tf.where(squares(middle, images.shape[1], side), tf.reduce_mean(images, [1, 2], keepdims=True), images)


def shuffle_colors(images: tf.Tensor, seed: distortions.Seed) -> tf.Tensor:
    """Shuffles the three channels of each image."""
    order = tf.argsort(distortions.per_image_uniform(images, [3], seed, 12), axis=1)
    return tf.gather(tf.cast(images, tf.float32), order, axis=3, batch_dims=1)


def for_digits(solved: dict) -> list[distortions.Distortion]:
    """Returns distortions that keep a digit recognizable: slant, colors, and hiding a part of it."""
    affine = functools.partial(distortions.random_affine, degrees=20.0, stretch=0.25, shear=0.4)
    return [affine, solved["negative"], shuffle_colors, cut_out]


ONE_CYCLE = {"schedule": "one-cycle", "initial_learning_rate": 0.05, "momentum": 0.9, "moving_average_decay": 0.999}
VARIANTS = {
    "as it is": Variant(steps=4_000),
    "adapted": Variant(4_000, 28, True, {**ONE_CYCLE, "mixup": 0.5}),
}


class CheckpointEvaluator(Observer):
    """Evaluates the averaged weights at each checkpoint."""

    def __init__(self, dataset: DataSet) -> None:
        """Starts without results."""
        self.dataset, self.found = dataset, []
        self.run: Run | None = None

    def on_start(self, run: Run) -> None:
        """Stores the run."""
        self.run = run

    def on_checkpoint(self, step: int, path: str) -> None:
        """Evaluates the averaged weights."""
        assert self.run is not None
        logits, labels = logits_and_labels(self.run.state.averages, inputs(self.dataset))
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        self.found.append(
            {
                "step": step,
                "precision_at_1": round(precision_at_1(logits, labels), 4),
                "cross_entropy": round(float(np.mean(cross_entropy)), 4),
                "confusion": confusion_matrix(logits, labels).tolist(),
            }
        )


def run(variant: Variant, dataset: DataSet, seed: int) -> Iterator[dict]:
    """Trains a variant and yields results for each quarter of the run."""
    solved, start = solution("06_svhn"), time.monotonic()
    dataset = dataclasses.replace(dataset, crop_size=variant.crop)
    network = solved["DigitsNet"](dataset.num_classes, variant.crop, seed=seed) if variant.adapted else None
    evaluator = CheckpointEvaluator(dataset)
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(
            train_dir=folder,
            max_steps=variant.steps,
            seed=seed,
            checkpoint_steps=variant.steps // 4,
            checkpoint_secs=0.0,
            **variant.settings,
        )
        custom = for_digits(solved) if variant.adapted else None
        train(config, network=network, dataset=dataset, distortions=custom, observers=[evaluator])
    minutes = round((time.monotonic() - start) / 60, 1)
    yield from ({"seed": seed, "minutes": minutes, **result} for result in evaluator.found)


def main() -> None:
    """Runs the given variants or all of them, with each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one of {', '.join(map(repr, VARIANTS))}; default: all"
    )
    parser.add_argument("--data-dir", help="directory of the datasets")
    parser.add_argument("--held-out", type=int, metavar="N", help="evaluate on the last N training digits")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    options = parser.parse_args()
    if unknown := set(options.names) - set(VARIANTS):
        parser.error(f"unknown variant {unknown.pop()!r}; choose from {', '.join(map(repr, VARIANTS))}")
    dataset = registry.load("svhn", options.data_dir)
    with tempfile.TemporaryDirectory() as folder:
        if options.held_out:
            dataset = hold_out(dataset, Path(folder), options.held_out)
        for seed in options.seeds:  # alternating, so that other load of the machine affects all variants equally
            for name in options.names or VARIANTS:
                for line in run(VARIANTS[name], dataset, seed):
                    print(json.dumps({"variant": name, **line}), flush=True)


if __name__ == "__main__":
    main()
