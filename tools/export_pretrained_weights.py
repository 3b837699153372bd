"""Exports cifarlab's pretrained weights from a recorded run.

Run `python -m tools.export_pretrained_weights RUN_DIR CURVE.jsonl`. The curve is the file that
`python -m benchmarks.evaluate_checkpoints RUN_DIR CURVE.jsonl` wrote. The exported weights are evaluated again, after
their values were rounded to float16.
"""

import argparse
import json
from pathlib import Path

from cifarlab.data import registry
from cifarlab.data.pipeline import inputs
from cifarlab.evaluation.classifier import load_classifier, pretrained_classifier
from cifarlab.evaluation.evaluator import logits_and_labels
from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model import pretrained_weights


def main() -> None:
    """Writes the weights and the record, and prints their precision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("curve", type=Path)
    parser.add_argument("--data-dir", help="directory of the datasets")
    options = parser.parse_args()
    head, *checkpoints = map(json.loads, options.curve.read_text().splitlines())
    last = checkpoints[-1]
    classifier = load_classifier(options.run_dir)
    record = {
        "dataset": classifier.dataset.name,
        "pictures": "a JPEG copy of CIFAR-10, about 5 gray levels from the official pixels on average",
        "weights": f"moving averages at step {last['step']}, rounded to float16",
        "precision_at_1_before_rounding": last["averaged"]["precision_at_1"],
        "minutes": last["minutes"],
        **head,
    }
    pretrained_weights.save_weights(classifier.network, record)
    dataset = registry.load(classifier.dataset.name, options.data_dir)
    record["precision_at_1"] = round(
        precision_at_1(*logits_and_labels(pretrained_classifier().network, inputs(dataset))), 4
    )
    pretrained_weights.save_weights(classifier.network, record)
    print(f"{pretrained_weights.FOLDER / pretrained_weights.WEIGHTS}: precision @ 1 = {record['precision_at_1']:.4f}")


if __name__ == "__main__":
    main()
