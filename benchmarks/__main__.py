"""`make bench`: how fast the parts and the whole are on this machine, as medians of alternating rounds.

Absolute numbers hang on the machine and on who else is using it; ratios are taken from rounds that alternate, and the
machine's own matrix-product speed stands beside them.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

from cifarlab.backend import tf
from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data import datasets
from cifarlab.data.pipeline import distorted_inputs
from cifarlab.evaluation.precision import evaluate
from cifarlab.model.network import ConvNet
from cifarlab.model.profile import multiply_adds
from cifarlab.show.console import say
from cifarlab.show.summaries import Summaries
from cifarlab.training.loop import train
from cifarlab.training.observers import Observer, StepRecord
from cifarlab.training.step import TrainState, train_step

BATCH = 128


def rounds(candidates: dict[str, Callable[[], float]], count: int) -> dict[str, list[float]]:
    """Calls each candidate once a round, in turn; the first round warms up and is not kept."""
    kept: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(count + 1):
        for name, measure in candidates.items():
            figure = measure()
            if number:
                kept[name].append(figure)
    return kept


def matrix_products() -> float:
    """float32 operations a second in a large matrix product: the machine's limit, in GFLOP/s."""
    a = tf.random.stateless_normal([2048, 2048], [1, 1])
    start = time.perf_counter()
    for _ in range(8):
        tf.matmul(a, a)
    return 8 * 2 * 2048**3 / (time.perf_counter() - start) / 1e9


def pipeline_alone(dataset: datasets.DataSet) -> Callable[[], float]:
    """Distorted images a second, consumed by nobody."""
    batches = iter(distorted_inputs(dataset, BATCH))

    def measure() -> float:
        start = time.perf_counter()
        for _ in range(150):
            next(batches)
        return 150 * BATCH / (time.perf_counter() - start)

    return measure


def step_alone(operations: str) -> Callable[[], float]:
    """Images a second through the compiled training step, on one batch over and over."""
    state = TrainState(ConvNet(operations=operations))
    compiled = tf.function(lambda images, labels: train_step(state, images, labels))
    images = tf.random.stateless_normal([BATCH, 24, 24, 3], [1, 1])
    labels = tf.random.stateless_uniform([BATCH], [1, 1], 0, 10, tf.int32)

    def measure() -> float:
        start = time.perf_counter()
        for _ in range(20):
            compiled(images, labels)
        return 20 * BATCH / (time.perf_counter() - start)

    return measure


def whole_training(dataset: datasets.DataSet, folder: str) -> Callable[[], float]:
    """Images a second of `train` with pipeline, averages, log and summaries every 100 steps, after its first step."""
    done = [0]

    def measure() -> float:
        done[0] += 101
        config = TrainConfig(dataset=dataset.name, train_dir=folder, max_steps=done[0])
        log = _Times()
        train(config, dataset=dataset, observers=[Summaries(folder, 100), log])
        return (log.last_step - log.first_step) * BATCH / (log.last - log.first)

    return measure


class _Times(Observer):
    """Notes when the first and the last console line would have been printed."""

    def __init__(self) -> None:
        self.first = self.last = 0.0
        self.first_step = self.last_step = 0

    def step(self, record: StepRecord) -> None:
        self.last, self.last_step = time.perf_counter(), record.step
        if not self.first:
            self.first, self.first_step = self.last, self.last_step


def evaluated_per_second(config: EvalConfig, dataset: datasets.DataSet) -> float:
    """Images a second of `evaluate`, restoring and tracing included."""
    evaluation = evaluate(config, dataset=dataset)
    return evaluation.num_examples / evaluation.seconds


def first_step(dataset: datasets.DataSet, data_dir: str | None) -> float:
    """Seconds from typing `cifarlab train` to the first console line, in a process of its own."""
    start = time.perf_counter()
    process, folder = _train_apart(dataset, data_dir, max_steps=1)
    with folder:
        assert process.stdout is not None
        next(line for line in process.stdout if "step 0," in line)
        seconds = time.perf_counter() - start
        process.communicate()
    return seconds


def peak_memory(dataset: datasets.DataSet, data_dir: str | None) -> float:
    """Megabytes that a process of 30 training steps, summaries included, holds at the most."""
    process, folder = _train_apart(dataset, data_dir, max_steps=30)
    with folder:
        process.stdout.read()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0  # wait4 has taken it
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def _train_apart(
    dataset: datasets.DataSet, data_dir: str | None, max_steps: int
) -> tuple[subprocess.Popen, tempfile.TemporaryDirectory]:
    folder = tempfile.TemporaryDirectory()
    command = [
        sys.executable,
        "-m",
        "cifarlab",
        "train",
        "--dataset",
        dataset.name,
        "--train-dir",
        f"{folder.name}/run",
    ]
    command += ["--max-steps", str(max_steps)] + (["--data-dir", data_dir] if data_dir else [])
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True), folder


def machine() -> str:
    """Processor, cores and TensorFlow in a few words."""
    cpu = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as lines:
            cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), cpu)
    return f"{cpu}, {os.cpu_count()} cores, TensorFlow {tf.__version__}, numpy {np.__version__}"


def main() -> None:
    """Measures everything and prints a table; with --json also into a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="drawn", help="cifar10 or drawn; the speed is the same")
    parser.add_argument("--data-dir", default=None, help="folder of the data sets")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that are kept; the median of each is printed")
    parser.add_argument("--json", default=None, help="file for the figures of every round")
    options = parser.parse_args()
    dataset = datasets.load(options.dataset, options.data_dir)
    say(f"{machine()}; {dataset.name}; medians of {options.rounds} alternating rounds (smallest to largest)")
    with tempfile.TemporaryDirectory() as folder:
        evaluation = EvalConfig(checkpoint_dir=f"{folder}/run", dataset=dataset.name, data_dir=options.data_dir)
        candidates = {
            "matrix products, GFLOP/s": matrix_products,
            "pipeline alone, images/s": pipeline_alone(dataset),
            "step alone, fast operations, images/s": step_alone("fast"),
            "step alone, plain operations, images/s": step_alone("plain"),
            "whole training, images/s": whole_training(dataset, f"{folder}/run"),
            "evaluation, images/s": lambda: evaluated_per_second(evaluation, dataset),
            "first step, seconds": lambda: first_step(dataset, options.data_dir),
            "peak memory of training, MB": lambda: peak_memory(dataset, options.data_dir),
        }
        figures = rounds(candidates, options.rounds)
    say("\n| what | median | smallest | largest |\n| --- | ---: | ---: | ---: |")
    for name, values in figures.items():
        say(f"| {name} | {statistics.median(values):,.1f} | {min(values):,.1f} | {max(values):,.1f} |")
    limit = statistics.median(figures["matrix products, GFLOP/s"]) * 1e9 / operations_per_image()
    whole = statistics.median(figures["whole training, images/s"])
    say(f"\nMatrix products alone would let this machine train {limit:,.0f} images/s; this is {whole / limit:.0%}.")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": machine(), "dataset": dataset.name, "figures": figures}, file, indent=1)


def operations_per_image() -> float:
    """float32 operations of one image's forward and backward pass: two a multiply-add, three passes.

    conv1 needs no gradient of its input.
    """
    by_layer = multiply_adds(ConvNet())
    return 2 * (3 * sum(by_layer.values()) - by_layer["conv1"])


if __name__ == "__main__":
    main()
