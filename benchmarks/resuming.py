"""What going on costs, and what `--deterministic` costs: `python -m benchmarks.resuming --data-dir FOLDER`.

Both are measured side by side, in alternating rounds; each of the runs that are compared for speed is a process of its
own, since TensorFlow cannot be made indeterministic again.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import machine
from cifarlab.data import datasets
from cifarlab.data.dataset import DataSet
from cifarlab.data.pipeline import distorted_inputs
from cifarlab.show.console import say
from cifarlab.training.runlog import read_log

BATCH = 128


def seconds_to_first_batch(dataset: DataSet, step: int) -> float:
    """From asking for the input of a run that goes on at a step to having the batch of that step."""
    start = time.perf_counter()
    next(iter(distorted_inputs(dataset, BATCH, first_step=step)))
    return time.perf_counter() - start


def images_per_second(name: str, data_dir: str | None, *arguments: str, steps: int) -> float:
    """The median speed that a run's log tells of, its first line apart."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cifarlab", "train", "--dataset", name, "--train-dir", folder, *arguments]
        command += ["--max-steps", str(steps), "--summary-frequency", "0"]
        command += ["--data-dir", data_dir] if data_dir else []
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        speeds = [line["examples_per_second"] for line in read_log(Path(folder)) if line["event"] == "step"]
    return statistics.median(speeds[1:])


def main() -> None:
    """Measures both and prints medians and ranges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--data-dir")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    dataset = datasets.load(options.dataset, options.data_dir)
    last_of_epoch = dataset.num_examples("train") // BATCH - 1
    say(f"{machine()}; {options.dataset}, batches of {BATCH}, {options.rounds} rounds")
    seconds_to_first_batch(dataset, 0)
    waits: dict[int, list[float]] = {0: [], 100_000: [], last_of_epoch: []}
    for _ in range(options.rounds):
        for step, measured in waits.items():
            measured.append(seconds_to_first_batch(dataset, step))
    for step, measured in waits.items():
        say(f"first batch at step {step:>7,}: {statistics.median(measured):.2f} s, {spread(measured)}")
    speeds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(options.rounds):
        for deterministic, measured in speeds.items():
            flags = ["--deterministic"] * deterministic
            measured.append(images_per_second(options.dataset, options.data_dir, *flags, steps=options.steps))
    ratios = [slow / fast for slow, fast in zip(speeds[True], speeds[False], strict=True)]
    say(json.dumps({"images/s": statistics.median(speeds[False]), "deterministic": statistics.median(speeds[True])}))
    say(f"deterministic : as it is = {statistics.median(ratios):.3f}, {spread(ratios, 3)}")


def spread(values: list[float], digits: int = 2) -> str:
    """From the smallest to the largest."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


if __name__ == "__main__":
    main()
