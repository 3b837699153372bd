"""Measurements of cifarlab and its parts for `make bench`.

`python -m benchmarks.cifarlab_programs DATASET [DATA_DIR]` serves measurements of images/s.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator

from benchmarks.contenders import BATCH, STEPS, STEPS_ALONE, serve
from cifarlab.backend import tf
from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data import registry
from cifarlab.data.dataset import DataSet
from cifarlab.data.pipeline import distorted_inputs
from cifarlab.evaluation.evaluator import evaluate
from cifarlab.model.network import ConvNet
from cifarlab.monitoring.summaries import Summaries
from cifarlab.training.loop import train
from cifarlab.training.observers import Observer, StepRecord
from cifarlab.training.state import TrainState
from cifarlab.training.step import train_step


def pipeline(batches: Iterator) -> Callable[[], float]:
    """Measures images/s of the input pipeline with distortions, without training."""

    def measure() -> float:
        start = time.perf_counter()
        for _ in range(150):
            next(batches)
        return 150 * BATCH / (time.perf_counter() - start)

    return measure


def step(batches: Iterator, fast_ops: bool = True, steps: int = STEPS_ALONE) -> Callable[[], float]:
    """Measures images/s of the compiled step alone."""
    state = TrainState(ConvNet(fast_ops=fast_ops))
    compiled = tf.function(lambda images, labels: train_step(state, images, labels))

    def measure() -> float:
        start = time.perf_counter()
        for _ in range(steps):
            compiled(*next(batches))
        return steps * BATCH / (time.perf_counter() - start)

    return measure


def training(dataset: DataSet, folder: str) -> Callable[[], float]:
    """Measures images/s of `train` with pipeline, averages, log and summaries, after the first console line."""
    done = [0]

    def measure() -> float:
        done[0] += STEPS + 1
        times = _Times()
        config = TrainConfig(dataset=dataset.name, train_dir=folder, max_steps=done[0], log_frequency=STEPS // 10)
        train(config, dataset=dataset, observers=[Summaries(100), times])
        return (times.last_step - times.first_step) * BATCH / (times.last - times.first)

    return measure


class _Times(Observer):
    """Records when the first and the last console line would have been printed."""

    def __init__(self) -> None:
        self.first = self.last = 0.0
        self.first_step = self.last_step = 0

    def on_step(self, record: StepRecord) -> None:
        self.last, self.last_step = time.perf_counter(), record.step
        if not self.first:
            self.first, self.first_step = self.last, self.last_step


def evaluation(dataset: DataSet, folder: str) -> Callable[[], float]:
    """Measures images/s of `evaluate` on the test images, including restoring and tracing."""

    def measure() -> float:
        result = evaluate(EvalConfig(checkpoint_dir=folder, dataset=dataset.name), dataset=dataset)
        return result.num_examples / result.seconds

    return measure


def matrix_products() -> float:
    """Returns the GFLOP/s of a large float32 matrix product, which is the limit of this machine."""
    a = tf.random.stateless_normal([2048, 2048], [1, 1])
    start = time.perf_counter()
    for _ in range(16):
        product = tf.matmul(a, a)
    product.numpy()
    return 16 * 2 * 2048**3 / (time.perf_counter() - start) / 1e9


def main(name: str, data_dir: str | None = None) -> None:
    """Serves the measurements with a dataset."""
    dataset = registry.load(name, data_dir)
    batches = iter(distorted_inputs(dataset, BATCH))
    one = iter(tf.data.Dataset.from_tensors(next(batches)).cache().repeat())
    with tempfile.TemporaryDirectory() as folder:
        serve(
            matrix_products=matrix_products,
            pipeline=pipeline(batches),
            step=step(one),
            plain_step=step(one, fast_ops=False),
            fed_step=step(iter(distorted_inputs(dataset, BATCH)), steps=STEPS),
            training=training(dataset, folder),
            evaluation=evaluation(dataset, folder),
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
