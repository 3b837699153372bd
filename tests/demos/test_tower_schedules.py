"""Schedules of towers, compared with small ones worked out by hand."""

from collections import Counter

import pytest

from cifarlab.demos.async_sgd import asynchronous_schedule, synchronous_schedule


def test_synchronous_towers_wait_for_the_slowest():
    turns = synchronous_schedule([1, 1, 3], until=7)
    assert [(t.tower, t.start, t.end) for t in turns] == [
        (0, 0, 1),
        (1, 0, 1),
        (2, 0, 3),
        (0, 3, 4),
        (1, 3, 4),
        (2, 3, 6),
    ]
    assert [t.update_index for t in turns] == [0, 0, 0, 1, 1, 1]
    assert {t.staleness for t in turns} == {0}


def test_equal_asynchronous_towers_are_as_stale_as_there_are_others():
    turns = asynchronous_schedule([1, 1, 1, 1], until=10)
    assert len(turns) == 40
    assert [t.tower for t in turns] == [0, 1, 2, 3] * 10
    assert [t.staleness for t in turns] == [0, 1, 2, 3] + [3] * 36


def test_a_slow_asynchronous_tower_is_the_most_stale():
    turns = asynchronous_schedule([1, 1, 1, 3], until=60)
    assert Counter(t.tower for t in turns) == {0: 60, 1: 60, 2: 60, 3: 20}
    assert {t.staleness for t in turns if t.tower == 3} == {9}
    assert max(t.staleness for t in turns if t.tower != 3) == 3


@pytest.mark.parametrize("durations", [[1], [2, 3], [5, 1, 4], [1, 1, 2, 7]])
def test_a_tower_reads_the_weights_right_after_its_own_update(durations):
    """Required for training with a schedule: gradients can be computed as soon as the weights are read."""
    turns = asynchronous_schedule(durations, until=40)
    assert [t.update_index for t in turns] == list(range(len(turns)))
    assert [t.end for t in turns] == sorted(t.end for t in turns)
    for tower, duration in enumerate(durations):
        mine = [t for t in turns if t.tower == tower]
        assert [(t.start, t.end) for t in mine] == [(n * duration, (n + 1) * duration) for n in range(40 // duration)]
        assert [t.weights_version for t in mine] == [0, *(t.update_index + 1 for t in mine[:-1])]


def test_one_tower_is_never_stale():
    assert asynchronous_schedule([2], until=6) == synchronous_schedule([2], until=6)
