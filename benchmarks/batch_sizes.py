"""The training step with different batch sizes and numbers of threads: `python -m benchmarks.batch_sizes THREADS`."""

import sys
import time

from benchmarks.contenders import serve
from cifarlab.backend import tf
from cifarlab.model.network import ConvNet
from cifarlab.training.state import TrainState
from cifarlab.training.step import train_step

SIZES = (32, 64, 128, 256, 512, 1024)
IMAGES = 6_400
"""Images per measurement, but at least one batch."""


def main(threads: int) -> None:
    """Serves measurements of images/s by batch size."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    state = TrainState(ConvNet())
    compiled = tf.function(lambda images, labels: train_step(state, images, labels), reduce_retracing=False)

    def images_per_second(size: int) -> float:
        images = tf.random.stateless_normal([size, 24, 24, 3], [1, 1])
        labels = tf.random.stateless_uniform([size], [1, 1], 0, 10, tf.int32)
        steps = max(1, IMAGES // size)
        compiled(images, labels)
        float(state.loss_averages["total_loss"])
        start = time.perf_counter()
        for _ in range(steps):
            compiled(images, labels)
        float(state.loss_averages["total_loss"])
        return steps * size / (time.perf_counter() - start)

    serve(**{str(size): lambda size=size: images_per_second(size) for size in SIZES})


if __name__ == "__main__":
    main(int(sys.argv[1]))
