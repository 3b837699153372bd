"""Towers on four logical CPU devices, which conftest.py creates before TensorFlow's first operation."""

import functools
import re

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.model.losses import loss
from cifarlab.model.network import ConvNet
from cifarlab.training.state import TrainState
from cifarlab.training.step import train_step
from cifarlab.training.strategies.towers import CPU, average_gradients, tower_step

pytestmark = pytest.mark.slow

DEVICES = [f"/device:CPU:{number}" for number in range(4)]
TOLERANCE = 5e-6
"""The tolerance for a weight after one step; weights have a deviation of 0.04 and change by up to 1e-2 per step."""


def state():
    with tf.device(CPU):
        return TrainState(ConvNet(seed=2))


def batches(size, count):
    draw = np.random.default_rng(size)
    for _ in range(count):
        images = draw.normal(size=[size, 24, 24, 3])
        yield tf.constant(images, tf.float32), tf.constant(draw.integers(0, 10, size), tf.int32)


def values(state):
    """Returns the weights, their averages, and the averages of the losses."""
    return [*state.network.variables, *state.averages.variables, *state.loss_averages.values()]


def largest_difference(first, second):
    pairs = zip(values(first), values(second), strict=True)
    return max(float(tf.reduce_max(tf.abs(a - b))) for a, b in pairs)


@pytest.mark.full
@pytest.mark.parametrize("towers", [1, 2, 3, 4])
def test_towers_match_the_update_of_one_device(towers):
    """In 20 steps of 64 images per tower, each from the same weights, all weights and averages agree."""
    together, apart = state(), state()
    one = tf.function(functools.partial(train_step, together))
    several = tf.function(functools.partial(tower_step, apart, devices=DEVICES[:towers]))
    for batch in batches(64 * towers, 20):
        whole, shared = one(*batch), several(*batch)
        for name, value in whole.losses.by_name().items():
            assert float(shared.losses.by_name()[name]) == pytest.approx(float(value), rel=1e-5), name
        assert largest_difference(together, apart) < TOLERANCE
        for mine, other in zip(values(apart), values(together), strict=True):
            mine.assign(other)  # keeps rounding errors from growing, for instance where they move a maximum
    assert int(apart.step) == int(together.step) == 20
    assert largest_difference(together, state()) > 100 * TOLERANCE  # the weights did change


def test_the_check_fails_when_all_towers_see_the_same_images():
    """An early version of the tutorial fed every GPU the same batch."""
    together, apart = state(), state()
    for images, labels in batches(64, 1):
        train_step(together, images, labels)
        tower_step(apart, tf.tile(images[:32], [2, 1, 1, 1]), tf.tile(labels[:32], [2]), DEVICES[:2])
    assert largest_difference(together, apart) > 100 * TOLERANCE


@pytest.mark.full
def test_twenty_steps_in_a_row_end_at_the_same_weights():
    """The difference is below a hundredth of the change; the largest measured for a single weight is 2e-4."""
    together, apart = state(), state()
    for batch in batches(32, 20):
        train_step(together, *batch)
        tower_step(apart, *batch, DEVICES[:2])
    assert largest_difference(together, apart) < 0.01 * largest_difference(together, state())


def test_each_tower_gets_its_own_images():
    seen = []

    def noting_loss(net, logits, labels):
        seen.append(labels.numpy().tolist())
        return loss(net, logits, labels)

    apart = TrainState(ConvNet(), loss=noting_loss)
    seen.clear()  # discards the call with which the state finds the names of the losses
    tower_step(apart, tf.zeros([6, 24, 24, 3]), tf.range(6), DEVICES[:3])
    assert seen == [[0, 1], [2, 3], [4, 5]]


def test_a_batch_that_cannot_be_split_equally_is_refused():
    with pytest.raises(ValueError, match="must be a multiple of the number of towers; got 4 images for 3 towers"):
        tower_step(state(), tf.zeros([4, 24, 24, 3]), tf.zeros([4], tf.int32), DEVICES[:3])


@pytest.mark.full
def test_a_custom_network_works_in_towers():
    class Small(ConvNet):
        def stages(self, images):
            stages = super().stages(images)
            return stages._replace(softmax_linear=2 * stages.softmax_linear)

    together, apart = TrainState(Small(seed=1)), TrainState(Small(seed=1))
    for images, labels in batches(8, 2):
        train_step(together, images, labels)
        tower_step(apart, images, labels, DEVICES[:2])
    assert largest_difference(together, apart) < TOLERANCE


def test_gradients_are_averaged_by_variable():
    mean = average_gradients([[tf.constant(2.0), tf.constant([0.0, 8.0])], [tf.constant(4.0), tf.constant([1.0, 0.0])]])
    assert [value.numpy().tolist() for value in mean] == [3.0, [0.5, 4.0]]


@pytest.fixture(scope="module")
def traced():
    apart = state()
    step = tf.function(functools.partial(tower_step, apart, devices=DEVICES[:2]))
    specs = [tf.TensorSpec([8, 24, 24, 3]), tf.TensorSpec([8], tf.int32)]
    return apart, step.get_concrete_function(*specs)


def heavy(operations):
    return [operation for operation in operations if operation.type in ("Conv2D", "MatMul", "BatchMatMulV2", "MaxPool")]


@pytest.mark.parametrize("tower", [0, 1])
def test_each_towers_operations_are_on_its_device(traced, tower):
    operations = traced[1].graph.get_operations()
    forward = [op for op in operations if op.name.startswith(f"tower_{tower}/")]
    backward = [op for op in operations if op.name.startswith(f"gradient_tape/tower_{tower}/")]
    for stage in ("conv1", "pool1", "norm1", "conv2", "norm2", "pool2", "local3", "local4", "softmax_linear"):
        assert any(op.name.startswith(f"tower_{tower}/{stage}/") for op in forward), stage
    for stage in ("conv1", "conv2", "local3", "local4", "softmax_linear"):
        assert any(op.name.startswith(f"gradient_tape/tower_{tower}/{stage}/") for op in backward), stage
    assert len(heavy(forward)) >= 10
    assert len(heavy(backward)) >= 15
    assert {op.device for op in heavy(forward) + backward} == {DEVICES[tower]}


def test_no_heavy_operation_is_outside_of_the_towers(traced):
    outside = [op.name for op in heavy(traced[1].graph.get_operations()) if "tower_" not in op.name]
    assert outside == []


def test_every_variable_is_on_the_cpu(traced):
    devices = {variable.device for variable in traced[0].variables}
    assert {device.rpartition("/")[2] for device in devices} == {"device:CPU:0"}


@pytest.mark.full
def test_a_trace_shows_the_towers_on_their_devices(traced):
    """The graph partitions that TensorFlow ran on each device, recorded during a step."""
    from tensorflow.python.eager import context

    _, step = traced
    context.enable_run_metadata()
    try:
        step(tf.zeros([8, 24, 24, 3]), tf.zeros([8], tf.int32))
        graphs = context.export_run_metadata().partition_graphs
    finally:
        context.disable_run_metadata()
    nodes = [node for graph in graphs for node in graph.node if re.search("Conv2D|MatMul|MaxPool", node.op)]
    placed = {(re.search(r"tower_\d", node.name)[0], node.device.rpartition("/")[2]) for node in nodes}
    assert placed == {("tower_0", "device:CPU:0"), ("tower_1", "device:CPU:1")}
    assert len(nodes) > 40
