"""Compares ideas for the quick recipe: `python -m benchmarks.recipes NAME [NAME ...] --data-dir DIRECTORY`.

Each idea trains the tutorial's network on the first 45,000 training images and is evaluated on the other 5,000. The
test images are never used. Rejected ideas are implemented here, so that the package only contains accepted ones.
"""

import argparse
import dataclasses
import functools
import json
import tempfile
import time
from collections.abc import Iterator

from benchmarks.evaluate_checkpoints import evaluate
from cifarlab.backend import tf
from cifarlab.data import registry
from cifarlab.data.dataset import DataSet
from cifarlab.data.distortions import random_flip
from cifarlab.data.holdout import hold_out
from cifarlab.data.pipeline import distorted_inputs, inputs
from cifarlab.model.losses import loss
from cifarlab.model.network import ConvNet, fully_connected, layers
from cifarlab.training import mixup
from cifarlab.training.schedule import one_cycle
from cifarlab.training.state import TrainState
from cifarlab.training.step import apply_gradients

HELD_OUT = 5_000
BATCH = 128


@dataclasses.dataclass(frozen=True)
class Idea:
    """The settings of an idea; the baseline (the defaults) has Nesterov momentum, one cycle, crops and flips."""

    epochs: float = 16
    peak: float = 0.05
    momentum: float = 0.9
    average_decay: float = 0.999
    decay_of_local: float = 0.002
    decay_elsewhere: float = 0.0
    dropout: float = 0.0
    cutout: int = 0
    mixup: float = 0.0


IDEAS = {
    "baseline": Idea(),
    "dropout 0.5 before local3 and local4": Idea(dropout=0.5),
    "dropout 0.25 before local3 and local4": Idea(dropout=0.25),
    "weight decay of 0.0005 on all layers": Idea(decay_of_local=0.0005, decay_elsewhere=0.0005),
    "twice the peak rate": Idea(peak=0.1),
    "half the peak rate": Idea(peak=0.025),
    "cutout of 8 x 8": Idea(cutout=8),
    "mixup 0.2": Idea(mixup=0.2),
}


class Trial:
    """A network that is trained with an idea."""

    def __init__(self, idea: Idea, steps: int, seed: int) -> None:
        """Creates the network and its training state."""
        self.idea, self.seed = idea, seed
        network = ConvNet(seed=seed)
        for layer in layers(network):
            local = layer.name in ("local3", "local4")
            layer.weight_decay = idea.decay_of_local if local else idea.decay_elsewhere
        rate = functools.partial(one_cycle, max_steps=steps, peak=idea.peak)
        self.state = TrainState(network, rate, idea.average_decay, momentum=idea.momentum)

    @tf.function
    def step(self, images: tf.Tensor, labels: tf.Tensor) -> None:
        """Takes one training step."""
        network, targets = self.state.network, tf.one_hot(labels, 10)
        if self.idea.cutout:
            images = self._cut_out(images)
        if self.idea.mixup:
            share = mixup.sample_ratios(tf.shape(images)[0], self.idea.mixup, self._draw(5))
            images, targets = mixup.mix(images, share), mixup.mix(targets, share)
        with tf.GradientTape() as tape:
            total = loss(network, self._logits(images), targets).total
        gradients = tape.gradient(total, network.trainable_variables)
        apply_gradients(self.state, gradients, self.state.schedule(self.state.step))

    def _draw(self, number: int) -> tf.Tensor:
        return tf.stack([tf.constant(100 * self.seed + number, tf.int64), self.state.step.value()])

    def _cut_out(self, images: tf.Tensor) -> tf.Tensor:
        """Sets a square of each image to zero; its center is uniformly random."""
        middle = tf.random.stateless_uniform([tf.shape(images)[0], 2, 1], self._draw(77), 0, images.shape[1])
        return tf.where(squares(middle, images.shape[1], self.idea.cutout), 0.0, images)

    def _logits(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the logits, with dropout before local3 and local4 if the idea uses it."""
        net, rate = self.state.network, self.idea.dropout
        stages = net.stages(images)
        if not rate:
            return stages[-1]
        drop = tf.nn.experimental.stateless_dropout
        values = drop(tf.reshape(stages.pool2, [-1, net.local3.weights.shape[0]]), rate, self._draw(1))
        values = drop(fully_connected(values, net.local3), rate, self._draw(2))
        return fully_connected(fully_connected(values, net.local4), net.softmax_linear, activation=None)


def squares(middle: tf.Tensor, size: int, side: int) -> tf.Tensor:
    """Returns masks of squares, bool[B, size, size, 1], around centers in pixels, float32[B, 2, 1]."""
    away = tf.range(size) - tf.cast(middle, tf.int32) + side // 2  # [B, 2, pixels]
    inside = tf.logical_and(away >= 0, away < side)
    return tf.logical_and(inside[:, 0, :, None], inside[:, 1, None, :])[..., None]


def run(idea: Idea, dataset: DataSet, seed: int) -> Iterator[dict]:
    """Trains with an idea and yields results for each quarter of the run."""
    steps = int(idea.epochs * dataset.num_examples("train") / BATCH)
    trial, start = Trial(idea, steps, seed), time.monotonic()
    batches = distorted_inputs(dataset, BATCH, seed=seed, distortions=(random_flip,))
    quarters = {steps * quarter // 4 for quarter in (1, 2, 3, 4)}
    for number, (images, labels) in enumerate(batches.take(steps), 1):
        trial.step(images, labels)
        if number in quarters:
            yield {
                "step": number,
                "minutes": round((time.monotonic() - start) / 60, 1),
                "held_out": evaluate(trial.state.averages, inputs(dataset)),
                "held_out_raw": evaluate(trial.state.network, inputs(dataset)),
                "training": evaluate(trial.state.averages, inputs(dataset, "train", num_examples=HELD_OUT)),
            }


def main() -> None:
    """Runs the given ideas or all of them, and prints a line of JSON for each quarter of a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(map(repr, IDEAS))}; default: all")
    parser.add_argument("--data-dir", help="directory of the datasets")
    parser.add_argument("--epochs", type=float, default=Idea.epochs)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if unknown := set(options.names) - set(IDEAS):
        parser.error(f"unknown idea {unknown.pop()!r}; choose from {', '.join(map(repr, IDEAS))}")
    with tempfile.TemporaryDirectory() as folder:
        dataset = hold_out(registry.load("cifar10", options.data_dir), folder, HELD_OUT)
        for name in options.names or IDEAS:
            idea = dataclasses.replace(IDEAS[name], epochs=options.epochs)
            for line in run(idea, dataset, options.seed):
                print(json.dumps({"idea": name, **line}), flush=True)


if __name__ == "__main__":
    main()
