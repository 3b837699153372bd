"""What the JPEG copies cost: `python -m benchmarks.jpeg LOSSLESS.npz OUT.jsonl --data-dir DIRECTORY`.

The real images of this project's measurements are JPEG copies of CIFAR-10. For some training images, we also have the
official pixels. The tutorial's network is trained with the quick recipe on the same images in both forms, and each
network is evaluated on held-out images in both forms. All differences are paired: same images, same seed, same order.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from cifarlab.config import RECIPES, TrainConfig
from cifarlab.data import registry
from cifarlab.data.custom import from_arrays
from cifarlab.data.dataset import DataSet
from cifarlab.data.pipeline import inputs
from cifarlab.data.records import CLASSES, read_records
from cifarlab.evaluation.evaluator import logits_and_labels
from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.monitoring.console import echo
from cifarlab.training.loop import train

FORMS = ("lossless", "JPEG")
STEPS, HELD_OUT = 3_000, 1_000
SPLITS = SEEDS = (0, 1, 2)

Images = dict[str, np.ndarray]


def read_images(lossless: Path, data_dir: str | None) -> tuple[Images, np.ndarray]:
    """Returns the images in both forms, uint8[N, 32, 32, 3] each, and their labels, int[N].

    Args:
        lossless: a file of official training images: `images`, uint8[N, 3, 32, 32], `labels`, and `place`, the
            positions of their copies among the training records.
        data_dir: the directory of the datasets; its cifar10 is the copy.

    Raises:
        ValueError: the copies have other labels.
    """
    copies = [read_records(path) for path in registry.load("cifar10", data_dir).train_files]
    images, labels = (np.concatenate(parts) for parts in zip(*copies, strict=True))
    with np.load(lossless) as official:
        place = official["place"]
        if not np.array_equal(labels[place], official["labels"]):
            raise ValueError(f"the images of {lossless} must be copies of those in the dataset; their labels differ.")
        forms = {"lossless": official["images"].transpose(0, 2, 3, 1), "JPEG": images[place]}
        return forms, official["labels"].astype(int)


def split_off(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Returns which images are held out, bool[N]: the same number of each class, chosen at random.

    >>> split_off(np.array([0, 0, 0, 1, 1, 1]), 2, seed=0).sum()
    np.int64(2)
    """
    rng, held = np.random.default_rng(seed), np.zeros(len(labels), bool)
    classes = np.unique(labels)
    for label in classes:
        held[rng.choice(np.flatnonzero(labels == label), count // len(classes), replace=False)] = True
    return held


def precisions(sets: dict[str, DataSet], trained_on: str, seed: int) -> dict[str, float]:
    """Trains on one form of the images and returns the precision @ 1 on the held-out images in each form."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {**RECIPES["quick"], "max_steps": STEPS, "seed": seed, "train_dir": f"{folder}/run"}
        state = train(TrainConfig(**settings), dataset=sets[trained_on])
    return {
        form: round(precision_at_1(*logits_and_labels(state.averages, inputs(data))), 4) for form, data in sets.items()
    }


def runs(images: Images, labels: np.ndarray, done: set[tuple]) -> Iterator[dict]:
    """Trains on each form with each split and seed, and yields the results; skips those that are done."""
    for split in SPLITS:
        held = split_off(labels, HELD_OUT, split)
        with tempfile.TemporaryDirectory() as folder:
            sets = {
                form: from_arrays(
                    pixels[~held],
                    labels[~held],
                    Path(folder) / form,
                    test=(pixels[held], labels[held]),
                    classes=CLASSES,
                )
                for form, pixels in images.items()
            }
            for seed in SEEDS:
                for form in FORMS:
                    if (split, seed, form) not in done:
                        found = precisions(sets, form, seed)
                        yield {"split": split, "seed": seed, "trained_on": form, "precision_at_1": found}


def table(found: list[dict]) -> str:
    """Returns the 2 x 2 table of mean precisions in percent, and the paired differences from the first cell.

    Each difference has its standard error over the pairs of runs, in points.
    """
    by_run = {(run["split"], run["seed"], run["trained_on"]): run["precision_at_1"] for run in found}
    pairs = sorted({key[:2] for key in by_run if all((*key[:2], form) in by_run for form in FORMS)})
    best = [100 * by_run[(*pair, "lossless")]["lossless"] for pair in pairs]
    lines = ["| trained on | tested on | precision @ 1 | difference |", "| --- | --- | ---: | ---: |"]
    for trained_on in FORMS:
        for tested_on in FORMS:
            cell = [100 * by_run[(*pair, trained_on)][tested_on] for pair in pairs]
            gaps = [value - other for value, other in zip(cell, best, strict=True)]
            error = statistics.stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else float("nan")
            gap = "" if trained_on == tested_on == "lossless" else f"{statistics.mean(gaps):+.1f} ± {error:.1f}"
            lines.append(f"| {trained_on} | {tested_on} | {statistics.mean(cell):.1f} % | {gap} |")
    return "\n".join(lines)


def main() -> None:
    """Runs what the output file does not contain yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lossless", type=Path, help="an .npz file of official images, with the places of their copies")
    parser.add_argument("out", type=Path, help="a file of JSON lines, to which results are appended")
    parser.add_argument("--data-dir", help="directory of the datasets")
    options = parser.parse_args()
    if not options.out.exists():
        options.out.write_text(json.dumps({"machine": machine(), "steps": STEPS, "held_out": HELD_OUT}) + "\n")
    found = [json.loads(line) for line in options.out.read_text().splitlines()[1:]]
    images, labels = read_images(options.lossless, options.data_dir)
    for result in runs(images, labels, {(run["split"], run["seed"], run["trained_on"]) for run in found}):
        found.append(result)
        with options.out.open("a") as file:
            file.write(json.dumps(result) + "\n")
        echo(json.dumps(result))
    echo(table(found))


if __name__ == "__main__":
    main()
