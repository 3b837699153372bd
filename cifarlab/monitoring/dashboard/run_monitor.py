"""RunMonitor: observes a dashboard's run and keeps what is shown, of many steps a part, for another thread."""

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
"""Between two looks into the network; each costs a forward pass and some sums, about a hundredth of that time."""

MAX_POINTS = 1_600
"""Logged steps that are kept for the curves; of more, every other one is dropped."""

MAX_IMAGES = 24
"""Of the last batch."""


class EventBuffer:
    """Events of a run, like those of its log, thinned where there are many.

    >>> history = EventBuffer(max_points=4)
    >>> for step in range(6):
    ...     history.append({"event": "step", "step": step})
    >>> history.append({"event": "pause", "step": 6})
    >>> [event["step"] for event in history.events()]
    [0, 2, 4, 6]
    """

    def __init__(self, events: Iterable[dict[str, Any]] = (), max_points: int = MAX_POINTS) -> None:
        """Holds the given events, thinned like later ones."""
        self._lock = threading.Lock()
        self.count = self.other_count = 0  # of all that came, kept or not; of those that are no steps
        self._max_points, self._stride, self._seen = max_points, 1, 0
        self._steps: list[dict[str, Any]] = []
        self._others: list[dict[str, Any]] = []
        for event in events:
            self.append(event)

    def append(self, event: dict[str, Any]) -> None:
        """Adds an event; of the kind "step", only every so manyth once there are many."""
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
        """All that are kept, in the order of their steps."""
        with self._lock:
            return sorted([*self._steps, *self._others], key=lambda event: event["step"])


class RunMonitor(Observer):
    """Keeps of a run what a dashboard shows.

    Attributes:
        run: once it has started.
        record: of the latest logged step.
        history: its events from the start of the log on.
        network_stats: what was seen in the network over time: "gradient_norm", "weight_norm" and, by layer, "sparsity".
        images: float32[n, 24, 24, 3], the first of the latest batch that was looked at, as the network saw it.
        filters: float32[5, 5, channels, 64], the first layer's weights at that time; None before.
        steps_done: updates done, as far as it was told.
        saved_step: of the latest checkpoint of this session, or None.
    """

    def __init__(self) -> None:
        """Has seen nothing yet."""
        self.run: Run | None = None
        self.record: StepRecord | None = None
        self.history, self.network_stats = EventBuffer(), EventBuffer()
        self.images: np.ndarray | None = None
        self.filters: np.ndarray | None = None
        self.steps_done = 0
        self.saved_step: int | None = None
        self._looked_at = float("-inf")
        self._seconds_per_batch: list[float] = []

    @classmethod
    def of_log(cls, train_dir: str) -> "RunMonitor":
        """What the log in a run's folder tells, before the run goes on."""
        monitor = cls()
        monitor.history = EventBuffer(read_logged_events(train_dir))
        logged = [event["step"] for event in monitor.history.events() if event["event"] == "step"]
        monitor.steps_done = logged[-1] + 1 if logged else 0
        return monitor

    def on_start(self, run: Run) -> None:
        """Reads what the run's log tells of earlier sessions."""
        self._layers = [layer.name for layer in layers(run.state.network)]
        self.history = EventBuffer(read_logged_events(run.config.train_dir))
        self.steps_done, self.run = run.first_step, run

    def wants_details(self, step: int) -> bool:
        """Every few seconds, the first step included."""
        return time.monotonic() - self._looked_at >= STATS_INTERVAL_S

    def on_details(self, record: StepRecord, details: StepDetails) -> None:
        """Keeps norms, sparsity, the filters of the first layer and some images."""
        hidden = self._layers[:-1]  # the last one's are the logits, which are never silent
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
        self._looked_at = time.monotonic()

    def on_step(self, record: StepRecord) -> None:
        """Keeps a logged step."""
        self.history.append({"event": "step", **record._asdict()})
        if self.record is not None:  # the first one's time includes building the graph
            self._seconds_per_batch = [*self._seconds_per_batch[-19:], record.seconds_per_batch]
        self.record, self.steps_done = record, record.step + 1

    def on_checkpoint(self, step: int, path: str) -> None:
        """Notes the step."""
        self.saved_step = self.steps_done = step

    def on_end(self, run: Run, reason: str) -> None:
        """Notes the last step."""
        self.steps_done = int(run.state.step.numpy())

    def on_event(self, event: str, step: int, **values: Any) -> None:
        """Keeps what was steered."""
        self.history.append({"event": event, "step": step, **values})

    @property
    def seconds_left(self) -> float | None:
        """To the run's end at the median speed of the last twenty logged steps; None before there is one."""
        if self.run is None or not self._seconds_per_batch:
            return None
        return (self.run.config.max_steps - self.steps_done) * statistics.median(self._seconds_per_batch)


def read_logged_events(train_dir: str | os.PathLike) -> Iterator[dict[str, Any]]:
    """What the log in a run's folder tells, checkpoints apart, event by event; nothing where there is none."""
    with contextlib.suppress(OSError):
        yield from (event for event in read_log(train_dir) if event["event"] != "checkpoint")
