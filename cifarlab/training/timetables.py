"""Whose update comes when, with several towers of unequal speed.

A timetable says when each tower computes and when its gradients are applied. It is worked out, not measured, so that
it is the same on every machine and a lesson can train by it: real asynchronous runs differ every time.
"""

import heapq
from collections.abc import Sequence
from typing import NamedTuple


class Turn(NamedTuple):
    """One tower's work on one share of images.

    Attributes:
        tower: its number.
        start: when it reads the weights, in units of time.
        end: when its gradients are ready.
        read: how many updates the weights had seen when they were read.
        applied: how many they had seen when these gradients are applied.
    """

    tower: int
    start: int
    end: int
    read: int
    applied: int

    @property
    def staleness(self) -> int:
        """How many updates old the weights are that these gradients were computed on.

        >>> Turn(tower=1, start=0, end=3, read=0, applied=5).staleness
        5
        """
        return self.applied - self.read


def synchronous(durations: Sequence[int], until: int) -> list[Turn]:
    """The timetable of towers that all wait for the slowest, and then make one update together.

    Args:
        durations: by tower, units of time that it computes.
        until: the last update is due by then.

    Returns:
        turns in the order of their updates, those of one update in the order of the towers.

    >>> [(turn.tower, turn.start, turn.end, turn.applied) for turn in synchronous([1, 2], until=5)]
    [(0, 0, 1, 0), (1, 0, 2, 0), (0, 2, 3, 1), (1, 2, 4, 1)]
    """
    slowest = max(durations)
    return [
        Turn(tower, slowest * update, slowest * update + duration, update, update)
        for update in range(until // slowest)
        for tower, duration in enumerate(durations)
    ]


def asynchronous(durations: Sequence[int], until: int) -> list[Turn]:
    """The timetable of towers that wait for nobody: each applies its own gradients and reads the weights again.

    Args:
        durations: by tower, units of time that it computes.
        until: the last update is due by then.

    Returns:
        turns in the order of their updates; of towers that end at the same time the first by number comes first.

    >>> [(turn.tower, turn.end, turn.staleness) for turn in asynchronous([1, 2], until=3)]
    [(0, 1, 0), (0, 2, 0), (1, 2, 2), (0, 3, 1)]
    """
    working = [(duration, tower, 0, 0) for tower, duration in enumerate(durations)]  # end, tower, start, read
    heapq.heapify(working)
    turns: list[Turn] = []
    while working[0][0] <= until:
        end, tower, start, read = heapq.heappop(working)
        turns.append(Turn(tower, start, end, read, applied=len(turns)))
        heapq.heappush(working, (end + durations[tower], tower, end, len(turns)))
    return turns
