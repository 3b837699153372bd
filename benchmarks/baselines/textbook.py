"""The tutorial's program in plain TensorFlow 2, `examples/one_file.py`, as it would be used: with summaries.

`python -m benchmarks.baselines.textbook FILE...` serves measurements of images/s.
"""

import sys
import tempfile
import time

import tensorflow as tf

from benchmarks.contenders import BATCH, STEPS, STEPS_ALONE, serve
from examples import one_file


def main(files):
    assert one_file.BATCH_SIZE == BATCH
    weights, step = one_file.make_weights(), tf.Variable(0, dtype=tf.int64)
    averages = {name: tf.Variable(weight) for name, weight in weights.items()}
    writer = tf.summary.create_file_writer(tempfile.mkdtemp())

    def images_per_second(batches, steps):
        start = time.perf_counter()
        for number in range(steps):
            total = one_file.train_step(weights, averages, step, *next(batches))
            if number % 10 == 0:
                float(total)
            if number % 100 == 0:
                with writer.as_default(step=int(step)):
                    tf.summary.scalar("total_loss", total)
                    for name, variable in weights.items():
                        tf.summary.histogram(name, variable)
        float(total)
        return steps * BATCH / (time.perf_counter() - start)

    batches = iter(one_file.distorted_inputs(files))
    one = iter(tf.data.Dataset.from_tensors(next(batches)).cache().repeat())
    serve(training=lambda: images_per_second(batches, STEPS), step=lambda: images_per_second(one, STEPS_ALONE))


if __name__ == "__main__":
    main(sys.argv[1:])
