"""The weights that come with cifarlab: the tutorial's network, trained on CIFAR-10, and the record of how."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import variable_name

FOLDER = Path(__file__).with_name("weights")
WEIGHTS, RECORD = "cifar10.npz", "cifar10.json"


def load_weights(network: tf.Module) -> None:
    """Gives a network the shipped weights.

    Args:
        network: the tutorial's network for ten classes; changed in place.

    >>> from cifarlab.model.network import ConvNet
    >>> net = ConvNet()
    >>> load_weights(net)
    >>> net.softmax_linear.weights.shape
    TensorShape([192, 10])
    """
    with np.load(FOLDER / WEIGHTS) as weights:
        for variable in network.trainable_variables:
            variable.assign(weights[variable_name(variable)].astype(np.float32))


def save_weights(network: tf.Module, record: dict[str, Any], folder: Path = FOLDER) -> None:
    """Writes a network's weights as float16, and the record of how they were made, for `load_weights`.

    float16 keeps three decimal digits; the record has precision @ 1 before and after the rounding.

    Args:
        network: a trained network.
        record: what `training_record()` shall return; JSON.
        folder: where; it is made if needed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {variable_name(variable): variable.numpy().astype(np.float16) for variable in network.trainable_variables}
    np.savez_compressed(folder / WEIGHTS, **weights)
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n")


def training_record() -> dict[str, Any]:
    """How the shipped weights were made: settings, machine, minutes, precision @ 1.

    >>> training_record()["dataset"]
    'cifar10'
    """
    return json.loads((FOLDER / RECORD).read_text())
