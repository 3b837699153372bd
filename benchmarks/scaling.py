"""Training in 1 and 2 processes, and the network bandwidth for N machines: `python -m benchmarks.scaling`.

The two processes share this machine's cores, so they train at most as many images/s as one process; the difference is
the cost of distribution. More machines are modeled with a ring all-reduce: in each step, a machine sends and receives
2 (N - 1) / N times the bytes of all gradients.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import machine
from cifarlab.data import registry
from cifarlab.model.network import ConvNet
from cifarlab.model.profile import count_parameters
from cifarlab.monitoring.console import echo

BATCH = 128
STEPS = 61
SHARE = 0.1
"""Fraction of a step that communication may take."""


def train(processes: int, data_dir: str, first_port: int) -> float:
    """Trains and returns the images/s of all processes together: the median of the logged speeds after step 20."""
    addresses = [f"127.0.0.1:{first_port + index}" for index in range(processes)]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cifarlab", "train", "--dataset", "drawn", "--data-dir", data_dir]
        command += ["--strategy", "multi-worker", "--max-steps", str(STEPS), "--batch-size", str(BATCH)]
        command += ["--train-dir", f"{folder}/run", "--summary-frequency", "0"]
        started = []
        for index in range(processes):
            place = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            environment = {**os.environ, "TF_CONFIG": json.dumps(place)}
            started.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
        while None in (statuses := [process.poll() for process in started]) and not any(statuses):
            time.sleep(0.1)
        for process in started:
            process.kill()  # the others would wait for a failed process
        if any(statuses):
            raise RuntimeError(f"one of {processes} processes ended with status {next(filter(None, statuses))}")
        entries = [json.loads(line) for line in Path(folder, "run", "log.jsonl").read_text().splitlines()]
    return statistics.median(e["examples_per_second"] for e in entries if e["event"] == "step" and e["step"] > 20)


def bytes_per_step(machines: int) -> float:
    """Returns the bytes that each machine sends per step; it receives the same number of bytes.

    >>> f"{bytes_per_step(2) / 1e6:.2f} MB"
    '4.27 MB'
    """
    return 2 * (machines - 1) / machines * 4 * count_parameters(ConvNet())


def main() -> None:
    """Measures and prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="alternating rounds; their medians are printed")
    parser.add_argument(
        "--port", type=int, default=23450, help="first loopback port; the following ports are used, too"
    )
    options = parser.parse_args()
    dataset = registry.load("drawn")
    data_dir = str(dataset.train_files[0].parent.parent)
    speeds: dict[int, list[float]] = {1: [], 2: []}
    for number in range(options.rounds):
        for processes in speeds:
            speeds[processes].append(train(processes, data_dir, options.port + 4 * number))
    one, two = (statistics.median(figures) for figures in speeds.values())
    ratio = statistics.median(b / a for a, b in zip(*speeds.values(), strict=True))
    echo(f"{machine()}; medians of {options.rounds} alternating rounds\n")
    echo("| processes on this machine | images/s together |\n| ---: | ---: |")
    echo(f"| 1 | {one:,.0f} |\n| 2 | {two:,.0f} ({ratio:.2f} of one) |\n")
    seconds = BATCH / one
    echo(f"A step of {BATCH} images takes {seconds * 1e3:.0f} ms here; gradients are {bytes_per_step(2) / 1e6:.2f} MB.")
    echo(f"For communication to stay below {SHARE:.0%} of that step, each of N such machines needs, both ways:\n")
    echo("| machines | MB per step | Gbit/s |\n| ---: | ---: | ---: |")
    for machines in (2, 4, 8, 16, 32):
        sent = bytes_per_step(machines)
        echo(f"| {machines} | {sent / 1e6:.2f} | {8 * sent / (SHARE * seconds) / 1e9:.1f} |")


if __name__ == "__main__":
    main()
