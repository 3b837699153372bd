"""Timetables of towers, worked out by hand for small ones, and training by them."""

from collections import Counter

import numpy as np
import pytest

from cifarlab.model.network import ConvNet
from cifarlab.model.profile import multiply_adds
from cifarlab.training.timetables import Rehearsal, SmallNet, asynchronous, synchronous


def test_synchronous_towers_wait_for_the_slowest():
    turns = synchronous([1, 1, 3], until=7)
    assert [(t.tower, t.start, t.end) for t in turns] == [
        (0, 0, 1),
        (1, 0, 1),
        (2, 0, 3),
        (0, 3, 4),
        (1, 3, 4),
        (2, 3, 6),
    ]
    assert [t.applied for t in turns] == [0, 0, 0, 1, 1, 1]
    assert {t.staleness for t in turns} == {0}


def test_equal_asynchronous_towers_are_as_stale_as_there_are_others():
    turns = asynchronous([1, 1, 1, 1], until=10)
    assert len(turns) == 40
    assert [t.tower for t in turns] == [0, 1, 2, 3] * 10
    assert [t.staleness for t in turns] == [0, 1, 2, 3] + [3] * 36


def test_a_slow_asynchronous_tower_is_the_most_stale():
    turns = asynchronous([1, 1, 1, 3], until=60)
    assert Counter(t.tower for t in turns) == {0: 60, 1: 60, 2: 60, 3: 20}
    assert {t.staleness for t in turns if t.tower == 3} == {9}
    assert max(t.staleness for t in turns if t.tower != 3) == 3


@pytest.mark.parametrize("durations", [[1], [2, 3], [5, 1, 4], [1, 1, 2, 7]])
def test_a_tower_reads_the_weights_right_after_its_own_update(durations):
    """What lets a lesson train by the timetable: compute when read, keep, apply."""
    turns = asynchronous(durations, until=40)
    assert [t.applied for t in turns] == list(range(len(turns)))
    assert [t.end for t in turns] == sorted(t.end for t in turns)
    for tower, duration in enumerate(durations):
        mine = [t for t in turns if t.tower == tower]
        assert [(t.start, t.end) for t in mine] == [(n * duration, (n + 1) * duration) for n in range(40 // duration)]
        assert [t.read for t in mine] == [0, *(t.applied + 1 for t in mine[:-1])]


def test_one_tower_is_never_stale():
    assert asynchronous([2], until=6) == synchronous([2], until=6)


@pytest.fixture(scope="module")
def rehearsal(drawn):
    return Rehearsal(drawn, batches=12, batch_size=8)


def weights(rehearsal):
    return np.concatenate([np.ravel(weight) for weight in rehearsal._weights])


def test_one_tower_by_the_timetable_is_plain_training(rehearsal):
    times, losses = rehearsal.follow(synchronous([2], until=10))
    followed = weights(rehearsal)
    rehearsal.restart()
    for batch in rehearsal.batches[:5]:
        rehearsal.descend(rehearsal.gradients(*batch))
    np.testing.assert_array_equal(weights(rehearsal), followed)
    assert times == [2, 4, 6, 8, 10]
    assert losses[-1] == pytest.approx(rehearsal.test_loss())


def test_gradients_are_of_the_weights_that_were_read(rehearsal):
    """Two towers; the second's gradients are two updates old when it ends."""
    rehearsal.follow(asynchronous([1, 2], until=2))
    followed = weights(rehearsal)
    rehearsal.restart()
    first, second, third = rehearsal.batches[:3]
    late = rehearsal.gradients(*second)
    rehearsal.descend(rehearsal.gradients(*first))
    rehearsal.descend(rehearsal.gradients(*third))
    rehearsal.descend(late)
    np.testing.assert_array_equal(weights(rehearsal), followed)


def test_synchronous_towers_apply_the_mean_of_their_gradients(rehearsal):
    times, losses = rehearsal.follow(synchronous([1, 3], until=6), rate=0.05)
    assert times == [3, 6]
    assert len(losses) == 2
    rehearsal.restart()
    for pair in (rehearsal.batches[:2], rehearsal.batches[2:4]):
        both = [rehearsal.gradients(*batch) for batch in pair]
        rehearsal.descend([(a + b) / 2 for a, b in zip(*both, strict=True)], 0.05)
    assert losses[-1] == pytest.approx(rehearsal.test_loss(), abs=1e-6)


def test_every_run_starts_alike(rehearsal):
    turns = asynchronous([1, 3], until=4)
    np.testing.assert_array_equal(rehearsal.follow(turns), rehearsal.follow(turns))


def test_the_small_network_is_a_thirtieth():
    """Its multiply-adds by hand: conv1 at 12 x 12 places, conv2 at 6 x 6, and the softmax layer."""
    small = 12 * 12 * 5 * 5 * 3 * 16 + 6 * 6 * 5 * 5 * 16 * 32 + 6 * 6 * 32 * 10
    assert SmallNet(24, 10).softmax_linear.weights.shape == [6 * 6 * 32, 10]
    assert 28 < sum(multiply_adds(ConvNet()).values()) / small < 32
