"""The cost of resuming and the cost of `--deterministic`: `python -m benchmarks.resume --data-dir DIRECTORY`.

Both are measured in alternating rounds. Each run with or without `--deterministic` has a separate process, because
TensorFlow cannot switch back to non-deterministic operations.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from cifarlab.data import registry
from cifarlab.data.dataset import DataSet
from cifarlab.data.pipeline import distorted_inputs
from cifarlab.monitoring.console import echo
from cifarlab.training.run_log import read_log

BATCH = 128


def seconds_to_first_batch(dataset: DataSet, step: int) -> float:
    """Measures the seconds until the first batch is available, for a run that resumes at a step."""
    start = time.perf_counter()
    next(iter(distorted_inputs(dataset, BATCH, first_step=step)))
    return time.perf_counter() - start


def images_per_second(name: str, data_dir: str | None, *arguments: str, steps: int) -> float:
    """Trains a run and returns the median speed in its log, without the first line."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cifarlab", "train", "--dataset", name, "--train-dir", folder, *arguments]
        command += ["--max-steps", str(steps), "--summary-frequency", "0"]
        command += ["--data-dir", data_dir] if data_dir else []
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        speeds = [line["examples_per_second"] for line in read_log(Path(folder)) if line["event"] == "step"]
    return statistics.median(speeds[1:])


def measure(dataset: DataSet, data_dir: str | None, *, rounds: int, steps: int) -> dict[str, Any]:
    """Measures, in each round, the seconds to the first batch by step, and images per second by `--deterministic`."""
    last_of_epoch = dataset.num_examples("train") // BATCH - 1
    seconds_to_first_batch(dataset, 0)
    waits: dict[int, list[float]] = {0: [], 100_000: [], last_of_epoch: []}
    for _ in range(rounds):
        for step, measured in waits.items():
            measured.append(round(seconds_to_first_batch(dataset, step), 3))
    speeds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds):
        for deterministic, measured in speeds.items():
            flags = ["--deterministic"] * deterministic
            measured.append(round(images_per_second(dataset.name, data_dir, *flags, steps=steps), 1))
    ratios = [round(slow / fast, 3) for slow, fast in zip(speeds[True], speeds[False], strict=True)]
    return {
        "seconds to the first batch": waits,
        "images/s": speeds[False],
        "images/s, deterministic": speeds[True],
        "ratios": ratios,
    }


def main() -> None:
    """Measures both and prints medians and ranges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--data-dir")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    options = parser.parse_args()
    dataset = registry.load(options.dataset, options.data_dir)
    echo(f"{machine()}; {options.dataset}, batches of {BATCH}, {options.rounds} rounds")
    found = measure(dataset, options.data_dir, rounds=options.rounds, steps=options.steps)
    for step, waits in found["seconds to the first batch"].items():
        echo(f"first batch at step {step:>7,}: {spread(waits, 2)} s")
    for name in ("images/s", "images/s, deterministic"):
        echo(f"{name}: {spread(found[name], 0)}")
    echo(f"deterministic : default = {spread(found['ratios'], 3)}")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "dataset": dataset.name, **found}, indent=1) + "\n")


def spread(values: list[float], digits: int) -> str:
    """Formats the median and the range of values."""
    return f"{statistics.median(values):.{digits}f}, {min(values):.{digits}f} to {max(values):.{digits}f}"


if __name__ == "__main__":
    main()
