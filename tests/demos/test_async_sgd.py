"""Training by a timetable, against the same updates made one by one."""

import numpy as np
import pytest

from cifarlab.demos.async_sgd import Rehearsal, SmallNet, asynchronous, synchronous
from cifarlab.model.network import ConvNet
from cifarlab.model.profile import multiply_adds


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
