"""The pretrained weights of the tutorial's network on CIFAR-10, and the record of their training."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import variable_name

FOLDER = Path(__file__).with_name("weights")
WEIGHTS, RECORD = "cifar10.npz", "cifar10.json"


def load_weights(network: tf.Module) -> None:
    """Assigns the pretrained weights to a network.

    Args:
        network: the tutorial's network with ten classes; changed in place.

    >>> from cifarlab.model.network import ConvNet
    >>> net = ConvNet()
    >>> load_weights(net)
    >>> net.softmax_linear.weights.shape
    TensorShape([192, 10])
    """
    with np.load(FOLDER / WEIGHTS) as weights:
        for variable in network.trainable_variables:
            variable.assign(weights[variable_name(variable)].astype(np.float32))


def save_weights(network: tf.Module, record: dict[str, Any], directory: Path = FOLDER) -> None:
    """Writes a network's weights as float16, and the record of their training.

    float16 keeps three decimal digits; the record has precision @ 1 before and after the rounding.

    Args:
        network: a trained network.
        record: the record that `training_record` returns; must be serializable as JSON.
        directory: where to write the two files; created if needed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    weights = {variable_name(variable): variable.numpy().astype(np.float16) for variable in network.trainable_variables}
    np.savez_compressed(directory / WEIGHTS, **weights)
    (directory / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def training_record() -> dict[str, Any]:
    """Returns the record of the training: settings, machine, minutes, precision @ 1.

    >>> training_record()["dataset"]
    'cifar10'
    """
    return json.loads((FOLDER / RECORD).read_text(encoding="utf-8"))
