"""A network that recognizes drawn house numbers, for answers to exercise 6."""

import functools
import tempfile

import keras
import numpy as np

import cifarlab
from cifarlab.data import custom
from cifarlab.data.sources import street_digits
from cifarlab.evaluation.classifier import Classifier
from cifarlab.model.keras_network import KerasNetwork


@functools.cache
def trained() -> Classifier:
    """A small network, trained without mirror images, which recognizes 85 % of new digits; 70 % are needed.

    It takes some 7 seconds, once for each process.
    """
    keras.utils.set_random_seed(1)
    convolutions = [
        keras.layers.Conv2D(filters, size, strides=2, padding="same", activation="relu")
        for filters, size in ((16, 5), (32, 3), (64, 3))
    ]
    dense = [keras.layers.Dense(128, activation="relu"), keras.layers.Dense(10)]
    model = keras.Sequential([keras.layers.Input([28, 28, 3]), *convolutions, keras.layers.Flatten(), *dense])
    labels = np.arange(3_000) % 10
    with tempfile.TemporaryDirectory() as folder:
        pictures = street_digits.draw(labels, 77)
        dataset = custom.from_arrays(pictures, labels, f"{folder}/digits", classes="0123456789", crop_size=28)
        settings = {"schedule": "one-cycle", "initial_learning_rate": 0.05, "momentum": 0.9}
        config = cifarlab.TrainConfig(train_dir=f"{folder}/run", max_steps=400, batch_size=48, **settings)
        state = cifarlab.train(config, network=KerasNetwork(model), dataset=dataset, distortions=[])
    return Classifier(state.network, dataset)
