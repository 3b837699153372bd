"""The cost of towers: `python -m benchmarks.towers` serves images/s of one tower of 128 images and two of 64."""

import functools
import time
from collections.abc import Callable

from benchmarks.contenders import BATCH, STEPS_ALONE, serve
from cifarlab.backend import tf
from cifarlab.model.network import ConvNet
from cifarlab.training.state import TrainState
from cifarlab.training.step import train_step
from cifarlab.training.strategies.placement import tower_devices
from cifarlab.training.strategies.towers import CPU, tower_step


def main() -> None:
    """Serves both measurements; the two towers are on logical devices that share the processor's cores."""
    devices = tower_devices(2, virtual=True)
    images = tf.random.stateless_normal([BATCH, 24, 24, 3], [1, 1])
    labels = tf.random.stateless_uniform([BATCH], [1, 1], 0, 10, tf.int32)

    def images_per_second(step: Callable) -> Callable[[], float]:
        with tf.device(CPU):
            state = TrainState(ConvNet())
        compiled = tf.function(functools.partial(step, state))

        def measure() -> float:
            start = time.perf_counter()
            for _ in range(STEPS_ALONE):
                compiled(images, labels)
            return STEPS_ALONE * BATCH / (time.perf_counter() - start)

        return measure

    serve(one=images_per_second(train_step), two=images_per_second(functools.partial(tower_step, devices=devices)))


if __name__ == "__main__":
    main()
