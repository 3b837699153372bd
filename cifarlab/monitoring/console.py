"""Console output of downloads, training and evaluation, in the format of the tutorial's programs."""

import datetime
import shlex
import shutil
import sys
import time
from typing import Any

from cifarlab.data.dataset import DataSet
from cifarlab.data.pipeline import queue_capacity
from cifarlab.data.sources.download import Progress
from cifarlab.evaluation.evaluator import Evaluation
from cifarlab.streams import write_output
from cifarlab.text import counted, sanitize_lines
from cifarlab.training.observers import Observer, Run, StepRecord
from cifarlab.training.run_network import must_be_passed
from cifarlab.training.strategies.placement import placement_lines

RECORDS_PER_SECOND = 100_000
"""Speed of reading records into the shuffle queue on two cores; only used to estimate the waiting time."""

IMBALANCE_RATIO = 1.2
"""Classes count as imbalanced if the largest has more than this many times the images of the smallest."""


class Console(Observer):
    """Prints the progress of a run as the tutorial's program did."""

    def on_waiting(self, line: str) -> None:
        """Prints for which other workers the run waits."""
        echo(line)

    def on_start(self, run: Run) -> None:
        """Prints warnings, the step from which the run resumes, and that the queue is being filled."""
        for warning in run.warnings:
            echo(f"Warning: {warning}")
        if run.first_step >= run.config.max_steps:
            return
        if run.resumed:
            name = run.config.train_dir if run.is_chief else "the chief's run"
            echo(f"Resuming {name} from its checkpoint at step {run.first_step}.")
        if run.placement:
            echo(run.placement)
        if run.config.log_device_placement:
            for line in placement_lines(run.graph):
                echo(line)
        warn_if_imbalanced(run.dataset)
        config, name = run.config, {"cifar10": "CIFAR"}.get(run.dataset.name, run.dataset.name)
        records = run.dataset.num_examples("train")
        fill = queue_capacity(records, 0, config.min_fraction_of_examples_in_queue)
        seconds = max(1, round((fill + 3 * run.images_per_step) / RECORDS_PER_SECOND))
        echo(
            f"Filling queue with {fill} {name} image{'s' * (fill != 1)} before starting to train. This takes "
            f"about {seconds} s."
        )

    def on_step(self, record: StepRecord) -> None:
        """Prints the tutorial's line: step, loss, and examples/sec and sec/batch since the previous line."""
        echo(step_line(record, datetime.datetime.now()))

    def on_event(self, event: str, step: int, **values: Any) -> None:
        """Announces the replay that locates a non-finite number, because it may take a long time."""
        if event == "not_finite" and values["replayed"]:
            echo(
                f"Step {step} is not finite: replaying the {counted(values['replayed'], 'step')} before it to "
                f"find the cause."
            )

    def on_end(self, run: Run, reason: str) -> None:
        """Prints what was saved and how to evaluate or resume the run."""
        if reason == "failed":
            return
        step, train_dir = int(run.state.step.numpy()), run.config.train_dir
        if not run.is_chief:
            done = f"Done: {counted(step, 'step')}, saved by the chief."
            echo(done if reason == "max_steps" else f"Stopped at step {step}.")
            return
        if reason == "max_steps" and step == run.first_step:
            echo(f"{train_dir} is already at step {step}; nothing to do for --max-steps {run.config.max_steps}.")
        elif reason == "max_steps":
            command = f"cifarlab eval --run-once --checkpoint-dir {shlex.quote(train_dir)}"
            if must_be_passed(train_dir):
                config = f"cifarlab.EvalConfig(checkpoint_dir={train_dir!r})"
                command = f"cifarlab.evaluate({config}, network=...), with the same network"
            echo(f"Done: {counted(step, 'step')}. Evaluate {'it' if step == 1 else 'them'}: {command}")
        else:
            again = "the same command again, without --fresh" if run.config.fresh else "the same command again"
            echo(f"Stopped and saved at step {step}. To continue, run {again} (train_dir is {train_dir}).")


def step_line(record: StepRecord, now: datetime.datetime) -> str:
    """Returns the tutorial's console line for a step.

    >>> record = StepRecord(0, {"total_loss": 4.68}, {}, 0.1, 2.0, 64.221, 0, 0.0)
    >>> step_line(record, datetime.datetime(2015, 11, 4, 11, 45, 45, 927302))
    '2015-11-04 11:45:45.927302: step 0, loss = 4.68 (2.0 examples/sec; 64.221 sec/batch)'
    """
    return (
        f"{now.isoformat(' ', 'microseconds')}: step {record.step}, loss = {record.losses['total_loss']:.2f} "
        f"({record.examples_per_second:.1f} examples/sec; {record.seconds_per_batch:.3f} sec/batch)"
    )


def evaluation_line(evaluation: Evaluation, averaged: bool, now: datetime.datetime) -> str:
    """Returns the tutorial's console line for an evaluation, plus the step, weights, number of images and duration.

    >>> evaluation_line(Evaluation(5000, 0.8604, 10000, 3.2), True, datetime.datetime(2015, 11, 6, 8, 30, 44, 391206))
    '2015-11-06 08:30:44.391206: precision @ 1 = 0.860 (step 5000, averaged weights, 10000 images, 3.2 s)'
    """
    return (
        f"{now.isoformat(' ', 'microseconds')}: precision @ 1 = {evaluation.precision:.3f} (step {evaluation.step}, "
        f"{'averaged' if averaged else 'raw'} weights, {evaluation.num_examples} "
        f"image{'s' * (evaluation.num_examples != 1)}, {evaluation.seconds:.1f} s)"
    )


class DownloadProgressBar:
    """Prints the progress of a download: one changing line on a terminal, or else a line every 10 seconds."""

    def __init__(self) -> None:
        """Prints nothing yet."""
        self._printed_at = -10.0

    def __call__(self, progress: Progress) -> None:
        """Prints the progress, unless the last line is too recent."""
        live, now = sys.stdout.isatty(), time.monotonic()
        done = progress.total is not None and progress.done >= progress.total
        if now - self._printed_at < (0.2 if live else 10.0) and not done:
            return
        self._printed_at = now
        line = progress_line(progress)
        if live:
            width = max(1, min(79, shutil.get_terminal_size().columns - 1))  # a longer line could not be overwritten
            write_output(f"\r{line[:width]:<{width}}" + ("\n" if done else ""))
        else:
            echo(line)


class ImageProgressBar:
    """Prints how many images were read: one changing line on a terminal, or else a line every 10 seconds.

    Prints nothing in the first second. As a context manager, it ends the line on the terminal.
    """

    def __init__(self) -> None:
        """Prints nothing yet."""
        self._next, self._line_open = time.monotonic() + 1.0, False

    def __enter__(self) -> "ImageProgressBar":
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the line, so that other output begins on a new one."""
        if self._line_open:
            print(flush=True)

    def __call__(self, done: int, total: int | None) -> None:
        """Prints the number of images, unless the last line is too recent."""
        live, now = sys.stdout.isatty(), time.monotonic()
        if now < self._next:
            return
        self._next = now + (0.2 if live else 10.0)
        line = f"{counted(done, 'image')} read" if total is None else f"{done:,} of {total:,} images read"
        if live:
            print(f"\r{line:<79}", end="", flush=True)
            self._line_open = True
        else:
            echo(line)


def progress_line(progress: Progress) -> str:
    """Returns one line about a download: megabytes so far and in total, speed and remaining time."""
    if progress.waiting:
        return f"{progress.name}: waiting for another process to download it, {progress.done / 1e6:.1f} MB so far"
    done = f"{progress.done / 1e6:.1f}"
    of = f" of {progress.total / 1e6:.1f}" if progress.total else ""
    left = "" if progress.seconds_left is None else f", {format_duration(progress.seconds_left)} left"
    return f"{progress.name}: {done}{of} MB, {progress.bytes_per_second / 1e6:.2f} MB/s{left}"


def format_duration(seconds: float) -> str:
    """Formats a duration in hours, minutes and seconds.

    >>> format_duration(75), format_duration(8.2), format_duration(7_400)
    ('1 min 15 s', '8 s', '2 h 03 min')
    """
    minutes, seconds = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


def warn_if_imbalanced(dataset: DataSet) -> None:
    """Warns if the training classes are imbalanced, and prints the majority-class baseline."""
    counts = dataset.class_counts("train")
    if counts.max() <= IMBALANCE_RATIO * counts.min():
        return
    most, least = dataset.classes[counts.argmax()], dataset.classes[counts.argmin()]
    name, share = dataset.majority_class()
    echo(
        f"Imbalanced classes: {counts.max():,} training images of {most}, {counts.min():,} of {least}. "
        f"Always predicting {name} is right for {share:.1%} of the test images."
    )


def echo(line: str) -> None:
    """Prints one or more lines with special characters escaped, and flushes, so that pipes receive them at once.

    Raises:
        OutputError: standard output cannot be written.
        BrokenPipeError: its reader, such as `head`, has exited.
    """
    write_output(f"{sanitize_lines(line)}\n")
