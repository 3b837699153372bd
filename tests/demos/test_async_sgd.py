"""Training with a schedule, compared with the same updates made one by one."""

import numpy as np
import pytest

from cifarlab.demos.async_sgd import AsyncSGDSimulation, SmallNet, asynchronous_schedule, synchronous_schedule
from cifarlab.model.network import ConvNet
from cifarlab.model.profile import multiply_adds


@pytest.fixture(scope="module")
def simulation(drawn):
    return AsyncSGDSimulation(drawn, batches=12, batch_size=8)


def weights(simulation):
    return np.concatenate([np.ravel(weight) for weight in simulation._weights])


def test_one_tower_is_plain_training(simulation):
    times, losses = simulation.run(synchronous_schedule([2], until=10))
    followed = weights(simulation)
    simulation.reset()
    for batch in simulation.batches[:5]:
        simulation.apply_gradients(simulation.gradients(*batch))
    np.testing.assert_array_equal(weights(simulation), followed)
    assert times == [2, 4, 6, 8, 10]
    assert losses[-1] == pytest.approx(simulation.test_loss())


def test_gradients_use_the_weights_that_were_read(simulation):
    """Two towers; the gradients of the second are two updates old when it ends."""
    simulation.run(asynchronous_schedule([1, 2], until=2))
    followed = weights(simulation)
    simulation.reset()
    first, second, third = simulation.batches[:3]
    late = simulation.gradients(*second)
    simulation.apply_gradients(simulation.gradients(*first))
    simulation.apply_gradients(simulation.gradients(*third))
    simulation.apply_gradients(late)
    np.testing.assert_array_equal(weights(simulation), followed)


def test_synchronous_towers_apply_the_mean_of_their_gradients(simulation):
    times, losses = simulation.run(synchronous_schedule([1, 3], until=6), rate=0.05)
    assert times == [3, 6]
    assert len(losses) == 2
    simulation.reset()
    for pair in (simulation.batches[:2], simulation.batches[2:4]):
        both = [simulation.gradients(*batch) for batch in pair]
        simulation.apply_gradients([(a + b) / 2 for a, b in zip(*both, strict=True)], 0.05)
    assert losses[-1] == pytest.approx(simulation.test_loss(), abs=1e-6)


def test_every_simulation_starts_with_the_same_weights(simulation):
    turns = asynchronous_schedule([1, 3], until=4)
    np.testing.assert_array_equal(simulation.run(turns), simulation.run(turns))


def test_the_small_network_is_a_thirtieth():
    """Counts its multiply-adds: conv1 at 12 x 12 places, conv2 at 6 x 6, and the softmax layer."""
    small = 12 * 12 * 5 * 5 * 3 * 16 + 6 * 6 * 5 * 5 * 16 * 32 + 6 * 6 * 32 * 10
    assert SmallNet(24, 10).softmax_linear.weights.shape == [6 * 6 * 32, 10]
    assert 28 < sum(multiply_adds(ConvNet()).values()) / small < 32
