"""TensorBoard event files with the tutorial's summaries, under its names."""

import contextlib
import os
import time
from collections.abc import Iterator

import numpy as np
from tensorboard.plugins.histogram.metadata import create_summary_metadata

from cifarlab.backend import tf
from cifarlab.errors import UserError
from cifarlab.evaluation.evaluator import Evaluation
from cifarlab.model.network import layers
from cifarlab.training.checkpoints import first_line
from cifarlab.training.observers import Observer, Run, StepDetails, StepRecord

BUCKETS = 30
"""Of a histogram, TensorBoard's default."""

MAX_IMAGES = 3
"""Images of a batch that are kept, TensorFlow's default."""

FULL_SUMMARIES = 1_000
"""Summaries that hold histograms and pictures, 26 kB each; then a tenth of them do, after ten times as many steps a
hundredth, and so on. So a week, 10,000,000 steps, is 0.2 GB for TensorBoard to read, and not 2.6."""

SUMMARIES_PER_FILE = 1_000
"""Summaries in an event file before the next one is begun: one that is damaged costs a part of the run and no more."""

_RESUME_HINT = "continue from the last checkpoint; `cifarlab train` also goes on with --summary-frequency 0"


class SummaryError(UserError):
    """An event file that cannot be written."""


class Summaries(Observer):
    """Writes the event files of a run into its folder: the training graph once, everything else every so many steps.

    TensorBoard reads all event files of a folder as one run.
    """

    def __init__(self, frequency: int = 100) -> None:
        """Writes nothing until the run starts.

        Args:
            frequency: steps between summaries; 0 for the graph alone.
        """
        self.frequency = frequency

    def on_start(self, run: Run) -> None:
        """Writes the traced training graph."""
        self._layers = [layer.name for layer in layers(run.state.network)]
        self._folder, self._written = run.config.train_dir, 0
        with _one_line_errors(self._folder, _RESUME_HINT):
            self._writer = _writer(self._folder)
            with self._writer.as_default(step=run.first_step):
                tf.summary.graph(run.graph)
            self._purge_later_events(run.first_step)
            self._writer.flush()

    def wants_details(self, step: int) -> bool:
        """Every `frequency` steps, the first included."""
        return bool(self.frequency) and step % self.frequency == 0

    def on_details(self, record: StepRecord, details: StepDetails) -> None:
        """Writes all summaries of a step, histograms and pictures while a run is young."""
        with _one_line_errors(self._folder, _RESUME_HINT):
            if self._written and self._written % SUMMARIES_PER_FILE == 0:
                self._writer.close()
                self._writer = _writer(self._folder)
            with self._writer.as_default(step=np.int64(record.step)):
                self._scalars(record, details)
                if has_histograms(record.step, self.frequency):
                    self._histograms_and_pictures(details)
            self._writer.flush()
        self._written += 1

    def on_end(self, run: Run, reason: str) -> None:
        """Closes the event file."""
        with contextlib.suppress(tf.errors.OpError):  # what could not be written was told before
            self._writer.close()

    def _purge_later_events(self, step: int) -> None:
        """Has TensorBoard forget summaries of this step and later ones, which a run that was killed takes once more."""
        log = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        event = tf.compat.v1.Event(wall_time=time.time(), step=step, session_log=log)
        tf.raw_ops.ImportEvent(writer=self._writer._resource, event=event.SerializeToString())

    def _histograms_and_pictures(self, details: StepDetails) -> None:
        tf.summary.image("images", to_unit_range(details.images[:MAX_IMAGES]), max_outputs=MAX_IMAGES)
        for name in details.stages._fields:
            if name in self._layers:
                histogram(f"{name}/activations", getattr(details.stages, name))
        for name, value in details.variables.items():
            histogram(name, value)
            histogram(f"{name}/gradients", details.gradients[name])

    def _scalars(self, record: StepRecord, details: StepDetails) -> None:
        for name in details.stages._fields:
            if name in self._layers:
                silent = tf.cast(tf.equal(getattr(details.stages, name), 0), tf.float32)
                tf.summary.scalar(f"{name}/sparsity", tf.reduce_mean(silent))
        for name, value in record.losses.items():
            _scalar(f"{name} (raw)", value)
            _scalar(name, record.averaged_losses[name])
        _scalar("learning_rate", record.learning_rate)
        _scalar("queue/records", record.queue_fill)
        _scalar("queue/seconds_waited", record.input_wait)
        _scalar("examples_per_second", record.examples_per_second)


def _scalar(tag: str, value: float) -> None:
    """Writes a number as numpy's: of each of Python's own that it is given, TensorFlow keeps a tensor for good."""
    tf.summary.scalar(tag, np.float32(value))


@contextlib.contextmanager
def _one_line_errors(folder: str, advice: str) -> Iterator[None]:
    """Makes one line of what the disk refuses."""
    try:
        yield
    except tf.errors.OpError as error:
        raise SummaryError(
            f"event files for TensorBoard should go to {folder}; they could not be written: {first_line(error)}. Make "
            f"room there or allow writing, then {advice}."
        ) from None


def has_histograms(step: int, frequency: int) -> bool:
    """Whether the summary of a step holds histograms and pictures, of which a long run has ever fewer.

    Args:
        step: of a summary, a multiple of `frequency`.
        frequency: steps between summaries.

    >>> [has_histograms(step, 100) for step in (99_900, 100_000, 100_100, 101_000)]
    [True, True, False, True]
    """
    stride = frequency
    while step >= FULL_SUMMARIES * stride:
        stride *= 10
    return step % stride == 0


class EvaluationSummaries:
    """Writes the event files of an evaluation: the tutorial's "Precision @ 1" by step."""

    def __init__(self, folder: str | os.PathLike) -> None:
        """Opens a new event file in a folder, which is made if needed.

        Raises:
            UserError: the folder cannot be written to.
        """
        try:
            os.makedirs(folder, exist_ok=True)
            self._folder, self._writer = str(folder), _writer(folder)
        except (OSError, ValueError, tf.errors.OpError) as error:  # no system takes a lone surrogate, a ValueError
            raise UserError(
                f"eval_dir is a folder that can be written to; {folder} is not ({getattr(error, 'strerror', error)}). "
                "Name another --eval-dir."
            ) from None

    def write(self, evaluation: Evaluation) -> None:
        """Writes one evaluation at once.

        Raises:
            SummaryError: the disk refuses.
        """
        with _one_line_errors(self._folder, "evaluate again; or name another --eval-dir"):
            with self._writer.as_default(step=np.int64(evaluation.step)):
                _scalar("Precision @ 1", evaluation.precision)
            self._writer.flush()


def _writer(folder: str | os.PathLike) -> tf.summary.SummaryWriter:
    """A writer of event files; the name of the directory need not be valid UTF-8."""
    return tf.summary.create_file_writer(os.fsencode(folder))


def histogram(tag: str, values: tf.Tensor) -> None:
    """Writes what `tf.summary.histogram` writes, in a hundredth of its memory.

    TensorBoard's own makes a float64 for each pair of value and bucket: 1.1 GB for a batch of conv1's activations.

    Args:
        tag: the summary's name.
        values: float32 of any shape, finite, at least one.
    """
    low, high = tf.reduce_min(values), tf.reduce_max(values)
    if low == high:  # a narrow range that holds them
        high += 1e-6 * tf.maximum(1.0, tf.abs(low))
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
