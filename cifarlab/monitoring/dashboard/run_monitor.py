"""RunMonitor: the dashboard's observer, which buffers a run's events (downsampled) for the display thread."""

import contextlib
import os
import statistics
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import layers
from cifarlab.training.observers import Observer, Run, StepDetails, StepRecord
from cifarlab.training.run_log import read_log

STATS_INTERVAL_S = 5.0
"""Seconds between two samples of the network's statistics; each sample takes about a hundredth of that time."""

MAX_POINTS = 1_600
"""Maximum number of logged steps kept for the curves; whenever it is exceeded, every other one is dropped."""

MAX_IMAGES = 24
"""Number of images kept from the latest sampled batch."""


class EventBuffer:
    """Events of a run, in the format of its log, downsampled when there are many.

    >>> history = EventBuffer(max_points=4)
    >>> for step in range(6):
    ...     history.append({"event": "step", "step": step})
    >>> history.append({"event": "pause", "step": 6})
    >>> [event["step"] for event in history.events()]
    [0, 2, 4, 6]
    """

    def __init__(self, events: Iterable[dict[str, Any]] = (), max_points: int = MAX_POINTS) -> None:
        """Starts with the given events, which are downsampled like later ones."""
        self._lock = threading.Lock()
        self.count = self.other_count = 0  # all events, including dropped ones; all events other than steps
        self._max_points, self._stride, self._seen = max_points, 1, 0
        self._steps: list[dict[str, Any]] = []
        self._others: list[dict[str, Any]] = []
        for event in events:
            self.append(event)

    def append(self, event: dict[str, Any]) -> None:
        """Adds an event; of many "step" events, only every Nth is kept."""
        with self._lock:
            self.count += 1
            if event["event"] != "step":
                self.other_count += 1
                self._others.append(event)
                return
            if self._seen % self._stride == 0:
                self._steps.append(event)
            self._seen += 1
            if len(self._steps) > self._max_points:
                self._steps, self._stride = self._steps[::2], 2 * self._stride

    def events(self) -> list[dict[str, Any]]:
        """Returns the events that were kept, ordered by step."""
        with self._lock:
            return sorted([*self._steps, *self._others], key=lambda event: event["step"])


class RunMonitor(Observer):
    """Records what a dashboard shows of a run.

    Attributes:
        run: the run, or None before it starts.
        record: the latest logged step, or None.
        history: the events of the run, including those of earlier sessions.
        network_stats: samples over time of "gradient_norm", "weight_norm" and, by layer, "sparsity".
        images: float32[n, 24, 24, 3], the first images of the latest sampled batch, as the network saw them, or None.
        filters: float32[5, 5, channels, 64], the first layer's weights at that time, or None.
        steps_done: the number of updates, as far as known.
        saved_step: step of the latest checkpoint of this session, or None.
    """

    def __init__(self) -> None:
        """Starts without any events."""
        self.run: Run | None = None
        self.record: StepRecord | None = None
        self.history, self.network_stats = EventBuffer(), EventBuffer()
        self.images: np.ndarray | None = None
        self.filters: np.ndarray | None = None
        self.steps_done = 0
        self.saved_step: int | None = None
        self._sampled_at = float("-inf")
        self._seconds_per_batch: list[float] = []

    @classmethod
    def of_log(cls, train_dir: str) -> "RunMonitor":
        """Returns a monitor with the events of a run's log, for display before the run is resumed."""
        monitor = cls()
        monitor.history = EventBuffer(read_logged_events(train_dir))
        logged = [event["step"] for event in monitor.history.events() if event["event"] == "step"]
        monitor.steps_done = logged[-1] + 1 if logged else 0
        return monitor

    def on_start(self, run: Run) -> None:
        """Reads the events of earlier sessions from the run's log."""
        self._layers = [layer.name for layer in layers(run.state.network)]
        self.history = EventBuffer(read_logged_events(run.config.train_dir))
        self.steps_done, self.run = run.first_step, run

    def wants_details(self, step: int) -> bool:
        """Returns true every few seconds, starting with the first step."""
        return time.monotonic() - self._sampled_at >= STATS_INTERVAL_S

    def on_details(self, record: StepRecord, details: StepDetails) -> None:
        """Records norms, sparsity, the filters of the first layer and some images."""
        hidden = self._layers[:-1]  # the last layer returns logits, for which sparsity has no meaning
        stages = {name: getattr(details.stages, name) for name in hidden if hasattr(details.stages, name)}
        stats = {
            "gradient_norm": float(tf.linalg.global_norm(list(details.gradients.values()))),
            "weight_norm": float(tf.linalg.global_norm(list(details.variables.values()))),
            "sparsity": {name: float(tf.nn.zero_fraction(values)) for name, values in stages.items()},
        }
        self.network_stats.append({"event": "step", "step": record.step, **stats})
        self.images = details.images[:MAX_IMAGES].numpy()
        first = details.variables.get("conv1/weights")
        self.filters = None if first is None else first.numpy()
        self._sampled_at = time.monotonic()

    def on_step(self, record: StepRecord) -> None:
        """Records a logged step."""
        self.history.append({"event": "step", **record._asdict()})
        if self.record is not None:  # the time of the first step includes building the graph
            self._seconds_per_batch = [*self._seconds_per_batch[-19:], record.seconds_per_batch]
        self.record, self.steps_done = record, record.step + 1

    def on_checkpoint(self, step: int, path: str) -> None:
        """Records the step of the checkpoint."""
        self.saved_step = self.steps_done = step

    def on_end(self, run: Run, reason: str) -> None:
        """Records the last step."""
        self.steps_done = int(run.state.step.numpy())

    def on_event(self, event: str, step: int, **values: Any) -> None:
        """Records the event."""
        self.history.append({"event": event, "step": step, **values})

    @property
    def seconds_left(self) -> float | None:
        """Returns the estimated seconds to the end, from the median speed of the last 20 records; None if unknown."""
        if self.run is None or not self._seconds_per_batch:
            return None
        return (self.run.config.max_steps - self.steps_done) * statistics.median(self._seconds_per_batch)


def read_logged_events(train_dir: str | os.PathLike) -> Iterator[dict[str, Any]]:
    """Yields the events of the log in a run's directory, without checkpoints; nothing if there is no log."""
    with contextlib.suppress(OSError):
        yield from (event for event in read_log(train_dir) if event["event"] != "checkpoint")
