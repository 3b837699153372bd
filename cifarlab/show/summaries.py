"""TensorBoard event files with the tutorial's summaries, under its names."""

import os

from tensorboard.plugins.histogram.metadata import create_summary_metadata

from cifarlab.backend import tf
from cifarlab.errors import UserError
from cifarlab.evaluation.precision import Evaluation
from cifarlab.model.network import layers
from cifarlab.training.observers import Details, Observer, Run, StepRecord

BUCKETS = 30
"""Of a histogram, TensorBoard's default."""

PICTURES = 3
"""Images of a batch that are kept, TensorFlow's default."""


class Summaries(Observer):
    """Writes the event files of a run into its folder: the training graph once, everything else every so many steps."""

    def __init__(self, frequency: int = 100) -> None:
        """Writes nothing until the run starts.

        Args:
            frequency: steps between summaries; 0 for the graph alone.
        """
        self.frequency = frequency

    def start(self, run: Run) -> None:
        """Writes the traced training graph."""
        self._layers = [layer.name for layer in layers(run.state.network)]
        self._writer = tf.summary.create_file_writer(run.config.train_dir)
        with self._writer.as_default(step=run.first_step):
            tf.summary.graph(run.graph)
        self._writer.flush()

    def wants(self, step: int) -> bool:
        """Every `frequency` steps, the first included."""
        return bool(self.frequency) and step % self.frequency == 0

    def details(self, record: StepRecord, details: Details) -> None:
        """Writes all summaries of a step."""
        with self._writer.as_default(step=record.step):
            self._scalars(record)
            tf.summary.image("images", to_unit_range(details.images[:PICTURES]), max_outputs=PICTURES)
            for name in details.stages._fields:
                if name not in self._layers:
                    continue
                activations = getattr(details.stages, name)
                histogram(f"{name}/activations", activations)
                tf.summary.scalar(f"{name}/sparsity", tf.nn.zero_fraction(activations))
            for name, value in details.variables.items():
                histogram(name, value)
                histogram(f"{name}/gradients", details.gradients[name])
        self._writer.flush()

    def end(self, run: Run, reason: str) -> None:
        """Closes the event file."""
        self._writer.close()

    def _scalars(self, record: StepRecord) -> None:
        for name, value in record.losses.items():
            tf.summary.scalar(f"{name} (raw)", value)
            tf.summary.scalar(name, record.averaged_losses[name])
        tf.summary.scalar("learning_rate", record.learning_rate)
        tf.summary.scalar("queue/records", record.queue_fill)
        tf.summary.scalar("queue/seconds_waited", record.input_wait)
        tf.summary.scalar("examples_per_second", record.examples_per_second)


class EvaluationSummaries:
    """Writes the event files of an evaluation: the tutorial's "Precision @ 1" by step."""

    def __init__(self, folder: str | os.PathLike) -> None:
        """Opens a new event file in a folder, which is made if needed.

        Raises:
            UserError: the folder cannot be written to.
        """
        try:
            os.makedirs(folder, exist_ok=True)
            self._writer = tf.summary.create_file_writer(str(folder))
        except (OSError, tf.errors.OpError) as error:
            raise UserError(
                f"eval_dir is a folder that can be written to; {folder} is not ({getattr(error, 'strerror', error)}). "
                "Name another --eval-dir."
            ) from None

    def write(self, evaluation: Evaluation) -> None:
        """Writes one evaluation at once."""
        with self._writer.as_default(step=evaluation.step):
            tf.summary.scalar("Precision @ 1", evaluation.precision)
        self._writer.flush()


def histogram(tag: str, values: tf.Tensor) -> None:
    """Writes what `tf.summary.histogram` writes, in a hundredth of its memory.

    TensorBoard's own makes a float64 for each pair of value and bucket: 1.1 GB for a batch of conv1's activations.

    Args:
        tag: the summary's name.
        values: float32 of any shape, finite, at least one.
    """
    low, high = tf.reduce_min(values), tf.reduce_max(values)
    high = tf.maximum(high, low + 1e-6 * tf.maximum(1.0, tf.abs(low)))  # all equal: a narrow range that holds them
    counts = tf.histogram_fixed_width(tf.reshape(values, [-1]), [low, high], BUCKETS, tf.int64)
    edges = tf.linspace(tf.cast(low, tf.float64), tf.cast(high, tf.float64), BUCKETS + 1)
    buckets = tf.stack([edges[:-1], edges[1:], tf.cast(counts, tf.float64)], axis=1)  # [30, left right count]
    metadata = create_summary_metadata(display_name=None, description=None)
    tf.summary.write(tag, buckets, metadata=metadata)


def to_unit_range(images: tf.Tensor) -> tf.Tensor:
    """Stretches each image to 0 to 1, so that standardized images can be looked at.

    Args:
        images: float32[B, rows, columns, channels] of any range.

    >>> to_unit_range(tf.constant([[[[-1.0], [3.0]]]])).numpy().ravel().tolist()
    [0.0, 1.0]
    """
    low = tf.reduce_min(images, [1, 2, 3], keepdims=True)
    high = tf.reduce_max(images, [1, 2, 3], keepdims=True)
    return tf.math.divide_no_nan(images - low, high - low)
