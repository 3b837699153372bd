"""TensorBoard event files with the tutorial's summaries, under its names."""

import os

from cifarlab.backend import tf
from cifarlab.errors import UserError
from cifarlab.evaluation.precision import Evaluation
from cifarlab.model.network import layers
from cifarlab.training.observers import Details, Observer, Run, StepRecord

PICTURES = 3
"""Images of a batch that are kept, TensorFlow's default."""


class Summaries(Observer):
    """Writes the event files of a run into its folder: the training graph once, everything else every so many steps."""

    def __init__(self, folder: str | os.PathLike, frequency: int = 100) -> None:
        """Writes nothing until the run starts.

        Args:
            folder: for the event files.
            frequency: steps between summaries; 0 for the graph alone.
        """
        self.folder, self.frequency = str(folder), frequency

    def start(self, run: Run) -> None:
        """Writes the traced training graph."""
        self._layers = [layer.name for layer in layers(run.state.network)]
        self._writer = tf.summary.create_file_writer(self.folder)
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
            for name in self._layers:
                activations = getattr(details.stages, name)
                tf.summary.histogram(f"{name}/activations", activations)
                tf.summary.scalar(f"{name}/sparsity", tf.nn.zero_fraction(activations))
            for name, value in details.variables.items():
                tf.summary.histogram(name, value)
                tf.summary.histogram(f"{name}/gradients", details.gradients[name])
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
