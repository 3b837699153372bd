"""What `cifarlab` prints while it downloads, trains and evaluates: the tutorial's lines."""

import datetime
import sys
import time
from typing import Any

from cifarlab.data.dataset import DataSet
from cifarlab.data.pipeline import queue_capacity
from cifarlab.data.sources.download import Progress
from cifarlab.evaluation.evaluator import Evaluation
from cifarlab.text import sanitize_lines
from cifarlab.training.observers import Observer, Run, StepRecord
from cifarlab.training.strategies.placement import placement_lines

RECORDS_PER_SECOND = 100_000
"""Read into the shuffle queue on two cores; only for the estimate that is printed while one waits."""

IMBALANCE_RATIO = 1.2
"""How many times as many pictures as the rarest class the commonest has, before it is worth a line."""


class Console(Observer):
    """Prints a run as the tutorial's program did."""

    def on_start(self, run: Run) -> None:
        """Says what the run goes on from, where it writes, and that the queue is being filled."""
        for warning in run.warnings:
            echo(f"Warning: {warning}")
        if run.first_step >= run.config.max_steps:
            return
        if run.resumed:
            folder = run.config.train_dir if run.is_chief else "the chief's run"
            echo(f"Continuing {folder} from its checkpoint at step {run.first_step}.")
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
        echo(f"Filling queue with {fill} {name} images before starting to train. This takes about {seconds} s.")

    def on_step(self, record: StepRecord) -> None:
        """Prints the tutorial's line: step, loss, examples/sec and sec/batch since the line before."""
        echo(step_line(record, datetime.datetime.now()))

    def on_event(self, event: str, step: int, **values: Any) -> None:
        """Says that steps are taken again when numbers went wrong, which may take as long as they did."""
        if event == "not_finite" and values["replayed"]:
            echo(f"Step {step} went wrong: taking the {values['replayed']:,} steps before it again to find where.")

    def on_end(self, run: Run, reason: str) -> None:
        """Says what is saved and how to go on."""
        if reason == "failed":
            return
        step, folder = int(run.state.step.numpy()), run.config.train_dir
        if not run.is_chief:
            echo(f"Done: {step} steps. The chief saved them." if reason == "max_steps" else f"Stopped at step {step}.")
            return
        if reason == "max_steps" and step == run.first_step:
            echo(f"{folder} is at step {step} already: nothing to do up to --max-steps {run.config.max_steps}.")
        elif reason == "max_steps":
            echo(f"Done: {step} steps. Evaluate them: cifarlab eval --run-once --checkpoint-dir {folder}")
        else:
            again = "the same command again, without --fresh" if run.config.fresh else "the same command again"
            echo(f"Stopped and saved at step {step}. To continue, run {again} (train_dir is {folder}).")


def step_line(record: StepRecord, now: datetime.datetime) -> str:
    """The tutorial's console line for a step.

    >>> record = StepRecord(0, {"total_loss": 4.68}, {}, 0.1, 2.0, 64.221, 0, 0.0)
    >>> step_line(record, datetime.datetime(2015, 11, 4, 11, 45, 45, 927302))
    '2015-11-04 11:45:45.927302: step 0, loss = 4.68 (2.0 examples/sec; 64.221 sec/batch)'
    """
    return (
        f"{now.isoformat(' ', 'microseconds')}: step {record.step}, loss = {record.losses['total_loss']:.2f} "
        f"({record.examples_per_second:.1f} examples/sec; {record.seconds_per_batch:.3f} sec/batch)"
    )


def evaluation_line(evaluation: Evaluation, averaged: bool, now: datetime.datetime) -> str:
    """The tutorial's console line for an evaluation, and what it is of.

    >>> evaluation_line(Evaluation(5000, 0.8604, 10000, 3.2), True, datetime.datetime(2015, 11, 6, 8, 30, 44, 391206))
    '2015-11-06 08:30:44.391206: precision @ 1 = 0.860 (step 5000, averaged weights, 10000 images, 3.2 s)'
    """
    return (
        f"{now.isoformat(' ', 'microseconds')}: precision @ 1 = {evaluation.precision:.3f} (step {evaluation.step}, "
        f"{'averaged' if averaged else 'raw'} weights, {evaluation.num_examples} images, {evaluation.seconds:.1f} s)"
    )


class DownloadProgressBar:
    """Prints how a download goes on: on a terminal one line that changes, elsewhere a line every 10 seconds."""

    def __init__(self) -> None:
        """Has printed nothing yet."""
        self._printed_at = -10.0

    def __call__(self, progress: Progress) -> None:
        """Prints, unless it did so just now."""
        live, now = sys.stdout.isatty(), time.monotonic()
        done = progress.total is not None and progress.done >= progress.total
        if now - self._printed_at < (0.2 if live else 10.0) and not done:
            return
        self._printed_at = now
        line = progress_line(progress)
        if live:
            print(f"\r{line:<79}", end="\n" if done else "", flush=True)
        else:
            echo(line)


def progress_line(progress: Progress) -> str:
    """One line about a download: how much of how much, how fast, how long still."""
    if progress.waiting:
        return f"{progress.name}: another process is fetching it, {progress.done / 1e6:.1f} MB so far; waiting for it"
    done = f"{progress.done / 1e6:.1f}"
    of = f" of {progress.total / 1e6:.1f}" if progress.total else ""
    left = "" if progress.seconds_left is None else f", {format_duration(progress.seconds_left)} left"
    return f"{progress.name}: {done}{of} MB, {progress.bytes_per_second / 1e6:.2f} MB/s{left}"


def format_duration(seconds: float) -> str:
    """Minutes and seconds in words.

    >>> format_duration(75), format_duration(8.2), format_duration(7_400)
    ('1 min 15 s', '8 s', '2 h 03 min')
    """
    minutes, seconds = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


def warn_if_imbalanced(dataset: DataSet) -> None:
    """Says how uneven a data set's classes are, and what always naming the commonest is worth; of even ones nothing."""
    counts = dataset.class_counts("train")
    if counts.max() <= IMBALANCE_RATIO * counts.min():
        return
    most, least = dataset.classes[counts.argmax()], dataset.classes[counts.argmin()]
    name, share = dataset.majority_class()
    echo(
        f"Uneven classes: {counts.max():,} training pictures of {most}, {counts.min():,} of {least}. "
        f"Always answering {name} is right on {share:.1%} of the test pictures."
    )


def echo(line: str) -> None:
    """Prints a line, or several, at once, also into a pipe; what a name brings that no letter does is escaped."""
    print(sanitize_lines(line), flush=True)
