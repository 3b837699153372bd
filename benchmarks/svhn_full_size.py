"""Time and peak memory for random files of SVHN's size: `python -m benchmarks.svhn_full_size`.

Measures two implementations in separate processes: the solution of exercise 6, which reads whole files, and the
package, which streams them. `--extra` adds the third file of SVHN with 531,131 digits and needs 5 GB of disk space.
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.exercises import solution
from benchmarks.machine import machine
from benchmarks.startup_and_memory import megabytes, peak_memory
from cifarlab.data.sources.svhn import PARTS, convert_to_records


def write_file(path: Path, count: int) -> None:
    """Writes an uncompressed MATLAB file with N digits in the format of SVHN, which contain noise."""
    import scipy.io

    rng = np.random.default_rng(0)
    pixels = np.asfortranarray(rng.integers(0, 256, [count, 3, 32, 32], dtype=np.uint8).transpose(3, 2, 1, 0))
    scipy.io.savemat(path, {"X": pixels, "y": rng.integers(1, 11, [count, 1]).astype(np.uint8)})


def solve(home: Path) -> dict[str, float]:
    """Runs the solution: reads the files, creates a dataset, trains for 30 steps and evaluates; returns the seconds."""
    import cifarlab
    from cifarlab.data import custom
    from cifarlab.evaluation.evaluator import logits_and_labels

    seconds, solved = {}, solution("06_svhn")
    start = time.monotonic()
    images, labels = solved["read_digits"](str(home / "train_32x32.mat"))
    test = solved["read_digits"](str(home / "test_32x32.mat"))
    seconds["read"] = time.monotonic() - start
    digits = custom.from_arrays(images, labels, home / "own", test=test, classes="0123456789", crop_size=28)
    seconds["read and written"] = time.monotonic() - start
    config = cifarlab.TrainConfig(train_dir=str(home / "run"), max_steps=30, batch_size=64)
    state = cifarlab.train(config, network=solved["DigitsNet"](), dataset=digits, distortions=[solved["negative"]])
    seconds["and trained for 30 steps"] = time.monotonic() - start
    _, seen = logits_and_labels(state.averages, cifarlab.inputs(digits))
    assert len(seen) == len(test[0])
    seconds["and evaluated"] = time.monotonic() - start
    return seconds


def convert(home: Path) -> dict[str, float]:
    """Converts the files to records, as `cifarlab data svhn` does after the download; returns the seconds."""
    start = time.monotonic()
    for part in PARTS:
        if (home / f"{part}_32x32.mat").exists():
            convert_to_records(home / f"{part}_32x32.mat", home / f"{part}.bin")
    return {"converted": time.monotonic() - start}


def measured(task: Callable[[Path], dict[str, float]], home: Path) -> dict:
    """Runs a task and returns its seconds and the peak memory of this process."""
    seconds = {name: round(value, 1) for name, value in task(home).items()}
    return {"megabytes": round(megabytes(resource.getrusage(resource.RUSAGE_SELF))), "seconds": seconds}


def in_a_process(function: Callable, *arguments: Any) -> Any:
    """Calls a function in a separate process, whose memory is freed afterwards."""
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def main() -> None:
    """Writes the files and prints the measurements as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extra", action="store_true", help="also use the third file of SVHN")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "svhn")
        home.mkdir()
        parts = ["train", "test", "extra"] if options.extra else ["train", "test"]
        for part in parts:
            in_a_process(write_file, home / f"{part}_32x32.mat", PARTS[part][2])
        found = {"machine": machine(), "digits": {part: PARTS[part][2] for part in parts}}
        if not options.extra:
            found["the solution"] = in_a_process(measured, solve, home)
        found["converting"] = in_a_process(measured, convert, home)
        name = "svhn_extra" if options.extra else "svhn"
        found[f"train --dataset {name}, 30 steps, megabytes by fraction in the queue"] = {
            fraction: round(peak_memory(name, folder, queue=fraction)) for fraction in (0.4, 0.1)
        }
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
