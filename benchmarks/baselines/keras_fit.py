"""The same network through Keras: layers, `compile` with an optimizer that averages the weights, and `fit`.

The input pipeline is that of the textbook program, which is also what Keras's own guides show.
`python -m benchmarks.baselines.keras_fit FILE...` serves measurements of images/s.
"""

import sys
import time

import keras
import tensorflow as tf
from keras import layers

from benchmarks.contenders import BATCH, STEPS, STEPS_ALONE, serve
from examples.one_file import distorted_inputs

WARM_UP = 10
"""Steps at the start of `fit` that are not timed, because it traces its functions and fills its queue."""


def network():
    def normal(stddev):
        return keras.initializers.TruncatedNormal(stddev=stddev)

    def normalization(name):
        return layers.Lambda(lambda x: tf.nn.local_response_normalization(x, 4, 1.0, 0.001 / 9, 0.75), name=name)

    conv = {"padding": "same", "activation": "relu", "kernel_initializer": normal(0.05)}
    dense = {"kernel_initializer": normal(0.04), "bias_initializer": keras.initializers.Constant(0.1)}
    decay = keras.regularizers.L2(0.004 / 2)  # unlike tf.nn.l2_loss, Keras does not divide by 2
    return keras.Sequential(
        [
            keras.Input([24, 24, 3]),
            layers.Conv2D(64, 5, **conv),
            layers.MaxPooling2D(3, 2, padding="same"),
            normalization("norm1"),
            layers.Conv2D(64, 5, bias_initializer=keras.initializers.Constant(0.1), **conv),
            normalization("norm2"),
            layers.MaxPooling2D(3, 2, padding="same"),
            layers.Flatten(),
            layers.Dense(384, activation="relu", kernel_regularizer=decay, **dense),
            layers.Dense(192, activation="relu", kernel_regularizer=decay, **dense),
            layers.Dense(10, kernel_initializer=normal(1 / 192)),
        ]
    )


class Times(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == WARM_UP - 1:
            self.start = time.perf_counter()
        self.end = time.perf_counter()


def main(files):
    model = network()
    model.compile(
        keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9999),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def images_per_second(dataset, steps):
        times = Times()
        model.fit(dataset, steps_per_epoch=steps + WARM_UP, epochs=1, verbose=0, callbacks=[times])
        return steps * BATCH / (times.end - times.start)

    batches = distorted_inputs(files)
    one = tf.data.Dataset.from_tensors(next(iter(batches))).cache().repeat()
    serve(training=lambda: images_per_second(batches, STEPS), step=lambda: images_per_second(one, STEPS_ALONE))


if __name__ == "__main__":
    main(sys.argv[1:])
