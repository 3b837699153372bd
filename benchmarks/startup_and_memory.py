"""Measurements of whole processes: time to the first step, and peak memory for different sizes of the dataset."""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cifarlab.data import registry
from cifarlab.data.dataset import DataSet


def first_step(name: str, data_dir: str | None) -> float:
    """Returns the seconds from the start of `cifarlab train` to its first console line."""
    start = time.perf_counter()
    with _training(name, data_dir, max_steps=1) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "step 0," in line)
        return time.perf_counter() - start


def peak_memory(name: str, data_dir: str | None, *, copies: int = 1, queue: float = 0.4) -> float:
    """Returns the peak memory, in megabytes, of a process with 30 training steps, including summaries.

    Args:
        name: name of the dataset.
        data_dir: directory of the datasets.
        copies: the factor by which each file of training records is enlarged.
        queue: min_fraction_of_examples_in_queue.
    """
    with tempfile.TemporaryDirectory() as folder:
        if copies > 1:
            data_dir = _enlarged(registry.load(name, data_dir), Path(folder), copies)
        with _training(name, data_dir, "--min-fraction-of-examples-in-queue", str(queue), max_steps=30) as process:
            process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)  # wait4 has already reaped it
            if process.returncode:
                raise RuntimeError(f"training ended with status {process.returncode}")
    return megabytes(usage)


def megabytes(usage: resource.struct_rusage) -> float:
    """Returns the peak memory of a process; its unit depends on the operating system."""
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


@contextlib.contextmanager
def _training(name: str, data_dir: str | None, *arguments: str, max_steps: int) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", "cifarlab", "train", "--dataset", name, "--max-steps", str(max_steps), *arguments]
    with tempfile.TemporaryDirectory() as folder:
        command += ["--train-dir", f"{folder}/run"] + (["--data-dir", data_dir] if data_dir else [])
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            yield process


def _enlarged(dataset: DataSet, folder: Path, copies: int) -> str:
    """Writes a dataset of the same name whose training files repeat the records; returns its data directory."""
    home = folder / dataset.train_files[0].parent.name
    home.mkdir()
    for file in dataset.train_files:
        with open(home / file.name, "wb") as larger:
            for _ in range(copies):
                larger.write(file.read_bytes())
    for file in dataset.test_files:
        (home / file.name).write_bytes(file.read_bytes())
    return str(folder)
