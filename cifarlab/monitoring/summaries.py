"""TensorBoard event files with the tutorial's summaries and names."""

import contextlib
import os
import time
from collections.abc import Iterator

import numpy as np
from tensorboard.plugins.histogram.metadata import create_summary_metadata

from cifarlab.backend import tf
from cifarlab.errors import UserError
from cifarlab.evaluation.evaluator import Evaluation
from cifarlab.files import as_path
from cifarlab.model.network import layers
from cifarlab.training.checkpoints import first_line
from cifarlab.training.observers import Observer, Run, StepDetails, StepRecord

BUCKETS = 30
"""Buckets per histogram (TensorBoard's default)."""

MAX_IMAGES = 3
"""Images per summary (TensorFlow's default)."""

FULL_SUMMARIES = 1_000
"""The first 1,000 summaries have histograms and images (26 kB each). After that every tenth one does, after 10,000
summaries every hundredth, and so on. So a week's run of 10,000,000 steps has event files of 0.2 GB and not 2.6 GB."""

SUMMARIES_PER_FILE = 1_000
"""Summaries per event file; a damaged file costs only this part of a run."""

_RESUME_HINT = "resume from the latest checkpoint, or train without summaries: --summary-frequency 0"


class SummaryError(UserError):
    """An event file that cannot be written."""


class Summaries(Observer):
    """Writes event files to the directory of a run: the training graph once, all other summaries every N steps.

    TensorBoard reads all event files in a directory as one run.
    """

    def __init__(self, frequency: int = 100) -> None:
        """Writes nothing until the run starts.

        Args:
            frequency: steps between summaries; 0 for only the graph.
        """
        self.frequency = frequency

    def on_start(self, run: Run) -> None:
        """Writes the traced training graph."""
        self._layers = [layer.name for layer in layers(run.state.network)]
        self._directory, self._written = run.config.train_dir, 0
        with _one_line_errors(self._directory, _RESUME_HINT):
            self._writer = _writer(self._directory)
            with self._writer.as_default(step=run.first_step):
                tf.summary.graph(run.graph)
            self._purge_later_events(run.first_step)
            self._writer.flush()

    def wants_details(self, step: int) -> bool:
        """Returns true every `frequency` steps, starting with step 0."""
        return bool(self.frequency) and step % self.frequency == 0

    def on_details(self, record: StepRecord, details: StepDetails) -> None:
        """Writes all summaries of a step; histograms and images only if `has_histograms`."""
        with _one_line_errors(self._directory, _RESUME_HINT):
            if self._written and self._written % SUMMARIES_PER_FILE == 0:
                self._writer.close()
                self._writer = _writer(self._directory)
            with self._writer.as_default(step=np.int64(record.step)):
                self._scalars(record, details)
                if has_histograms(record.step, self.frequency):
                    self._histograms_and_images(details)
            self._writer.flush()
        self._written += 1

    def on_end(self, run: Run, reason: str) -> None:
        """Closes the event file."""
        with contextlib.suppress(tf.errors.OpError):  # a failed write has already raised its error
            self._writer.close()

    def _purge_later_events(self, step: int) -> None:
        """Makes TensorBoard discard summaries from this step on, which a killed run had already written."""
        log = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        event = tf.compat.v1.Event(wall_time=time.time(), step=step, session_log=log)
        tf.raw_ops.ImportEvent(writer=self._writer._resource, event=event.SerializeToString())

    def _histograms_and_images(self, details: StepDetails) -> None:
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
                zeros = tf.cast(tf.equal(getattr(details.stages, name), 0), tf.float32)
                tf.summary.scalar(f"{name}/sparsity", tf.reduce_mean(zeros))
        for name, value in record.losses.items():
            _scalar(f"{name} (raw)", value)
            _scalar(name, record.averaged_losses[name])
        _scalar("learning_rate", record.learning_rate)
        _scalar("queue/records", record.queue_fill)
        _scalar("queue/seconds_waited", record.input_wait)
        _scalar("examples_per_second", record.examples_per_second)


def _scalar(tag: str, value: float) -> None:
    """Writes a scalar as a numpy value: TensorFlow caches a tensor for every Python number and never frees it."""
    tf.summary.scalar(tag, np.float32(value))


@contextlib.contextmanager
def _one_line_errors(directory: str, advice: str) -> Iterator[None]:
    """Turns a failed write into a `SummaryError` of one line."""
    try:
        yield
    except tf.errors.OpError as error:
        raise SummaryError(
            f"could not write event files for TensorBoard to {directory}: {first_line(error)}. Free disk space or make "
            f"the directory writable, then {advice}."
        ) from None


def has_histograms(step: int, frequency: int) -> bool:
    """Returns whether the summary of a step has histograms and images, which become rarer in long runs.

    Args:
        step: step of a summary, a multiple of `frequency`.
        frequency: steps between summaries.

    >>> [has_histograms(step, 100) for step in (99_900, 100_000, 100_100, 101_000)]
    [True, True, False, True]
    """
    stride = frequency
    while step >= FULL_SUMMARIES * stride:
        stride *= 10
    return step % stride == 0


class EvaluationSummaries:
    """Writes event files with the results of evaluations: the tutorial's "Precision @ 1" by step."""

    def __init__(self, directory: str | os.PathLike) -> None:
        """Creates the directory if necessary, and a new event file in it.

        Raises:
            UserError: the directory is not writable.
        """
        try:
            directory = as_path(directory)
            os.makedirs(directory, exist_ok=True)
            self._directory, self._writer = str(directory), _writer(directory)
        except (OSError, ValueError, tf.errors.OpError) as error:  # ValueError: a lone surrogate in the name
            reason = getattr(error, "strerror", error)
            raise UserError(
                f"eval_dir must be a writable directory; {directory} is not ({reason}). Choose another --eval-dir."
            ) from None

    def write(self, evaluation: Evaluation) -> None:
        """Writes one evaluation and flushes the event file.

        Raises:
            SummaryError: the event file could not be written.
        """
        with _one_line_errors(self._directory, "evaluate again, or choose another --eval-dir"):
            with self._writer.as_default(step=np.int64(evaluation.step)):
                _scalar("Precision @ 1", evaluation.precision)
            self._writer.flush()


def _writer(directory: str | os.PathLike) -> tf.summary.SummaryWriter:
    """Returns a writer of event files; the name of the directory need not be valid UTF-8."""
    return tf.summary.create_file_writer(os.fsencode(directory))


def histogram(tag: str, values: tf.Tensor) -> None:
    """Writes the same as `tf.summary.histogram`, with a hundredth of its memory.

    `tf.summary.histogram` creates a float64 for each pair of value and bucket: 1.1 GB for a batch of conv1 activations.

    Args:
        tag: the summary's name.
        values: float32 of any shape, with at least one value; all finite.
    """
    low, high = tf.reduce_min(values), tf.reduce_max(values)
    if low == high:  # uses a narrow range around equal values
        high += 1e-6 * tf.maximum(1.0, tf.abs(low))
    counts = tf.histogram_fixed_width(tf.reshape(values, [-1]), [low, high], BUCKETS, tf.int64)
    edges = tf.linspace(tf.cast(low, tf.float64), tf.cast(high, tf.float64), BUCKETS + 1)
    buckets = tf.stack([edges[:-1], edges[1:], tf.cast(counts, tf.float64)], axis=1)  # [30, left right count]
    metadata = create_summary_metadata(display_name=None, description=None)
    tf.summary.write(tag, buckets, metadata=metadata)


def to_unit_range(images: tf.Tensor) -> tf.Tensor:
    """Rescales each image to the range 0 to 1, so that standardized images can be displayed.

    Args:
        images: float32[B, rows, columns, channels] of any range.

    >>> to_unit_range(tf.constant([[[[-1.0], [3.0]]]])).numpy().ravel().tolist()
    [0.0, 1.0]
    """
    low = tf.reduce_min(images, [1, 2, 3], keepdims=True)
    high = tf.reduce_max(images, [1, 2, 3], keepdims=True)
    return tf.math.divide_no_nan(images - low, high - low)
