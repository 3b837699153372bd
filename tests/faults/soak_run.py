"""A long run with all observers: `python -m tests.faults.soak_run SECONDS FILE`.

It trains on drawn images with a dashboard, summaries and an evaluator, measures its own memory, threads and open files,
and writes the measurements as JSON. `test_soak.py` checks them.
"""

import ctypes
import gc
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data import registry
from cifarlab.evaluation.evaluator import evaluate, evaluate_repeatedly
from cifarlab.monitoring import summaries
from cifarlab.monitoring.dashboard import Dashboard
from cifarlab.monitoring.dashboard import dashboard as dashboard_module
from cifarlab.monitoring.dashboard.widgets import DashboardWidgets
from cifarlab.training.control import Control
from cifarlab.training.loop import train

SUMMARIES_PER_FILE, STEPS_A_SUMMARY = 40, 5
FEWEST_STEPS, FEWEST_UPDATES = 2 * SUMMARIES_PER_FILE * STEPS_A_SUMMARY, 60
"""The minimum numbers of steps, which fill two event files, and of dashboard updates; the run continues until then."""
BATCH = 16


def around_once(folder: Path) -> None:
    """Loads and starts everything that stays permanently, such as TensorFlow's threads and matplotlib's fonts."""
    config = TrainConfig(dataset="drawn", train_dir=str(folder), max_steps=8, batch_size=BATCH, log_frequency=1)
    train(config, observers=[summaries.Summaries(1)], control=Control())
    evaluate(EvalConfig(checkpoint_dir=str(folder), num_examples=100))
    dashboard = Dashboard(TrainConfig(dataset="drawn", train_dir=str(folder), max_steps=9, batch_size=BATCH))
    dashboard.start()
    dashboard.wait()
    dashboard.evaluate()
    dashboard.wait()
    dashboard.close()


def what_is_open() -> dict[str, Any]:
    """Returns the Python threads and open files of this process.

    Fonts do not count: matplotlib keeps at most 64 open, one of each for every thread that ever drew a figure. How many
    that are depends on whether the system gives a new thread the identifier of one that ended.
    """
    process = psutil.Process()
    names = sorted(thread.name for thread in threading.enumerate())
    files = sorted(
        link
        for entry in Path("/proc/self/fd").iterdir()
        if (link := _target(entry)) and not link.endswith((".ttf", ".otf"))
    )
    return {"threads": names, "files": files, "native threads": process.num_threads()}


def _target(entry: Path) -> str | None:
    """Returns the target of a file descriptor; None for the one that lists this directory."""
    try:
        return os.readlink(entry)
    except FileNotFoundError:
        return None


class _Mallinfo2(ctypes.Structure):
    """glibc's `struct mallinfo2`: ten numbers, of which hblkhd is the fifth and uordblks the eighth."""

    _fields_ = (("numbers", ctypes.c_size_t * 10),)


def handed_out() -> float:
    """Returns the megabytes allocated by malloc, without freed memory that it keeps; NaN without glibc."""
    try:
        look = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return float("nan")
    look.restype = _Mallinfo2
    numbers = look().numbers
    return (numbers[4] + numbers[7]) / 1e6


class Evaluator(threading.Thread):
    """Runs `cifarlab eval` alongside the run, until it is stopped."""

    def __init__(self, folder: Path) -> None:
        super().__init__(name="evaluator")
        self.stopped, self.steps = threading.Event(), []
        self.config = EvalConfig(checkpoint_dir=str(folder), num_examples=200, eval_interval_secs=2.0)

    def run(self) -> None:
        def wait(seconds: float) -> None:
            if self.stopped.wait(seconds):
                raise StopIteration

        try:
            for evaluation in evaluate_repeatedly(self.config, wait=wait):
                self.steps.append(evaluation.step)
        except RuntimeError:  # Python turns a StopIteration inside a generator into this
            pass


def run(folder: Path, seconds: float) -> dict[str, Any]:
    """Trains for some seconds, and up to five minutes more until the minimums are met; returns the measurements."""
    updates, samples, every = 0, [], max(seconds / 360, 1.0)
    show = DashboardWidgets.show

    def counted(view: DashboardWidgets, status: Any) -> None:
        nonlocal updates
        show(view, status)
        updates += 1

    DashboardWidgets.show = counted  # type: ignore[method-assign]
    config = TrainConfig(
        dataset="drawn", train_dir=str(folder), batch_size=BATCH, log_frequency=1, checkpoint_steps=200, max_steps=10**7
    )
    dashboard = Dashboard(config, observers=[summaries.Summaries(STEPS_A_SUMMARY)])
    dashboard.start()
    evaluator, start = Evaluator(folder), time.monotonic()
    evaluator.start()

    def enough() -> bool:
        seen = dashboard.monitor.steps_done >= FEWEST_STEPS and updates >= FEWEST_UPDATES and evaluator.steps
        return time.monotonic() - start > seconds + (0 if seen else 300)

    while not enough():
        time.sleep(every)
        if len(samples) % 10 == 9:
            dashboard.evaluate()
        gc.collect()
        memory = psutil.Process().memory_info().rss / 1e6
        # Not gc.get_objects(): it keeps references to tuples that other threads are still filling, which then fail.
        blocks = sys.getallocatedblocks()
        samples.append([round(time.monotonic() - start, 1), round(memory, 1), blocks, updates, round(handed_out(), 2)])
    lasted = evaluator.is_alive() and dashboard.run.phase == "running"
    evaluator.stopped.set()
    evaluator.join()
    dashboard.close()
    DashboardWidgets.show = show  # type: ignore[method-assign]
    training, display = dashboard.run, dashboard._display
    return {
        "steps": dashboard.monitor.steps_done,
        "updates": updates,
        "evaluated": evaluator.steps,
        "evaluated by the dashboard": sum(e["event"] == "evaluation" for e in dashboard.monitor.history.events()),
        "lasted": lasted,
        "failures": [words for words in (training.error, training.evaluation_error, display._failure) if words],
        "samples": samples,
    }


def main() -> None:
    """Runs, and writes the measurements."""
    seconds, path = float(sys.argv[1]), Path(sys.argv[2])
    summaries.SUMMARIES_PER_FILE = SUMMARIES_PER_FILE
    dashboard_module.has_widgets = lambda: True  # as in a notebook
    registry.load("drawn")
    with tempfile.TemporaryDirectory() as warm:
        around_once(Path(warm))
    folder = path.with_suffix("")
    gc.collect()
    before = what_is_open()
    seen = run(folder, seconds)
    gc.collect()
    path.write_text(json.dumps({**seen, "before": before, "after": what_is_open()}, indent=1) + "\n")
    os._exit(0)  # threads and files left at the end are recorded in the file


if __name__ == "__main__":
    main()
