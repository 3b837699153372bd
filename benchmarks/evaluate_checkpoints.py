"""Evaluates the checkpoints of a run: `python -m benchmarks.evaluate_checkpoints RUN_DIR OUT.jsonl`.

The first line of the output describes the machine and the settings. Each other line is about a checkpoint: its step,
minutes of training, training losses, and precision @ 1 and cross-entropy on the test images with raw and averaged
weights.
"""

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from cifarlab.backend import tf
from cifarlab.data import registry
from cifarlab.data.pipeline import inputs
from cifarlab.evaluation.evaluator import load_run_config, logits_and_labels
from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.monitoring.console import echo
from cifarlab.training.checkpoints import restore_network
from cifarlab.training.state import make_network


def evaluate(net: tf.Module, images: tf.data.Dataset) -> dict[str, float]:
    """Returns precision @ 1 and mean cross-entropy."""
    logits, labels = logits_and_labels(net, images)
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return {
        "precision_at_1": round(precision_at_1(logits, labels), 4),
        "cross_entropy": round(float(np.mean(cross_entropy)), 4),
    }


def main() -> None:
    """Evaluates the checkpoints and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--every", type=int, default=2_000, help="steps between evaluated checkpoints")
    options = parser.parse_args()
    config = load_run_config(options.run_dir)
    dataset = registry.load(config.dataset, config.data_dir)
    net = make_network(config, dataset)
    log = [json.loads(line) for line in (options.run_dir / "log.jsonl").read_text().splitlines()]
    steps = {entry["step"]: entry for entry in log if entry["event"] == "step"}
    saved = sorted(int(file.stem.split("-")[1]) for file in options.run_dir.glob("model.ckpt-*.index"))
    chosen = [step for step in saved if step % options.every == 0 or step == saved[-1]]
    settings = {k: v for k, v in dataclasses.asdict(config).items() if k not in ("data_dir", "train_dir")}
    with open(options.out, "w") as out:
        print(json.dumps({"machine": machine(), "config": settings}), file=out)
        for step in chosen:
            path = str(options.run_dir / f"model.ckpt-{step}")
            before = max(s for s in steps if s < step)
            seconds = sum(e["seconds_per_batch"] * config.log_frequency for s, e in steps.items() if 0 < s <= before)
            line = {
                "step": step,
                "minutes": round(seconds / 60, 1),
                "training": {name: round(value, 4) for name, value in steps[before]["averaged_losses"].items()},
            }
            for name, averaged in (("averaged", True), ("raw", False)):
                restore_network(net, path, averaged=averaged)
                line[name] = evaluate(net, inputs(dataset))
                if averaged:
                    line["training_pictures_cropped_centrally"] = evaluate(
                        net, inputs(dataset, "train", num_examples=10_000)
                    )
            print(json.dumps(line), file=out, flush=True)
            echo(f"step {step}: averaged {line['averaged']}, raw {line['raw']}, {line['minutes']} minutes")


if __name__ == "__main__":
    main()
