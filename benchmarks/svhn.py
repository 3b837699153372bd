"""The tutorial's network on SVHN as it is, and adapted as in exercise 6: `python -m benchmarks.svhn --data-dir FOLDER`.

Trains both with several seeds and prints a line of JSON for each run and step. `--held-out 887` judges on the last
training digits in the place of the test digits; that is how steps and network were chosen.
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
    """What is changed of the tutorial's program.

    Attributes:
        steps: how many; found on the held-out digits.
        crop: rows and columns.
        adapted: whether network and distortions are those for digits.
        settings: of `TrainConfig`.
    """

    steps: int
    crop: int = 24
    adapted: bool = False
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)


def cut_out(images: tf.Tensor, seed: distortions.Seed, side: int = 8) -> tf.Tensor:
    """Fills a square of each image with the image's mean colour, its middle drawn uniformly."""
    images = tf.cast(images, tf.float32)
    middle = distortions.per_image_uniform(images, [2, 1], seed, 11, 0, images.shape[1])
    return tf.where(squares(middle, images.shape[1], side), tf.reduce_mean(images, [1, 2], keepdims=True), images)


def other_colours(images: tf.Tensor, seed: distortions.Seed) -> tf.Tensor:
    """Puts the three channels of each image in an order drawn uniformly."""
    order = tf.argsort(distortions.per_image_uniform(images, [3], seed, 12), axis=1)
    return tf.gather(tf.cast(images, tf.float32), order, axis=3, batch_dims=1)


def for_digits(solved: dict) -> list[distortions.Distortion]:
    """What leaves a digit a digit: another slant, other colours, a part of it hidden."""
    affine = functools.partial(distortions.random_affine, degrees=20.0, stretch=0.25, shear=0.4)
    return [affine, solved["negative"], other_colours, cut_out]


ONE_CYCLE = {"schedule": "one-cycle", "initial_learning_rate": 0.05, "momentum": 0.9, "moving_average_decay": 0.999}
VARIANTS = {
    "as it is": Variant(steps=4_000),
    "adapted": Variant(4_000, 28, True, {**ONE_CYCLE, "mixup": 0.5}),
}


class Looks(Observer):
    """Evaluates the averaged weights at each checkpoint."""

    def __init__(self, dataset: DataSet) -> None:
        """Has seen nothing yet."""
        self.dataset, self.found = dataset, []
        self.run: Run | None = None

    def on_start(self, run: Run) -> None:
        """Keeps the run."""
        self.run = run

    def on_checkpoint(self, step: int, path: str) -> None:
        """Evaluates."""
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
    """Trains a variant; a line for each quarter of the run."""
    solved, start = solution("06_svhn"), time.monotonic()
    dataset = dataclasses.replace(dataset, crop_size=variant.crop)
    network = solved["DigitsNet"](dataset.num_classes, variant.crop, seed=seed) if variant.adapted else None
    looks = Looks(dataset)
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(
            train_dir=folder,
            max_steps=variant.steps,
            seed=seed,
            checkpoint_steps=variant.steps // 4,
            checkpoint_secs=0.0,
            **variant.settings,
        )
        own = for_digits(solved) if variant.adapted else None
        train(config, network=network, dataset=dataset, distortions=own, observers=[looks])
    minutes = round((time.monotonic() - start) / 60, 1)
    yield from ({"seed": seed, "minutes": minutes, **look} for look in looks.found)


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(map(repr, VARIANTS))}; by default all")
    parser.add_argument("--data-dir", help="folder of the real pictures")
    parser.add_argument("--held-out", type=int, metavar="N", help="judge on the last N training digits")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    options = parser.parse_args()
    if unknown := set(options.names) - set(VARIANTS):
        parser.error(f"there is no variant {unknown.pop()!r}; there are {', '.join(map(repr, VARIANTS))}")
    dataset = registry.load("svhn", options.data_dir)
    with tempfile.TemporaryDirectory() as folder:
        if options.held_out:
            dataset = hold_out(dataset, Path(folder), options.held_out)
        for seed in options.seeds:  # alternating, so that what the machine does else falls on all alike
            for name in options.names or VARIANTS:
                for line in run(VARIANTS[name], dataset, seed):
                    print(json.dumps({"variant": name, **line}), flush=True)


if __name__ == "__main__":
    main()
