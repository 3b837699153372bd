"""examples/one_file.py gives the same results as the package."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.data.pipeline import distorted_inputs, inputs
from cifarlab.evaluation.evaluator import logits_and_labels
from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import ConvNet, variable_name
from cifarlab.training.state import TrainState
from cifarlab.training.step import train_step
from examples import one_file

SOURCE = Path(one_file.__file__)


@pytest.fixture(scope="module")
def batches(drawn):
    return list(distorted_inputs(drawn, 16).take(3))


@pytest.mark.parametrize("fast_ops", [False, True])
def test_three_steps_have_the_losses_and_weights_of_the_package(batches, fast_ops):
    state = TrainState(ConvNet(seed=3, fast_ops=fast_ops))
    weights = {variable_name(v): tf.Variable(v) for v in state.network.trainable_variables}
    averages, step = {name: tf.Variable(weight) for name, weight in weights.items()}, tf.Variable(0, dtype=tf.int64)
    assert weights.keys() == one_file.make_weights().keys()
    for images, labels in batches:
        total = one_file.train_step(weights, averages, step, images, labels)
        np.testing.assert_allclose(total, train_step(state, images, labels).losses.total, atol=1e-5)
    assert step.numpy() == state.step.numpy() == 3
    for ours, theirs in ((state.network, weights), (state.averages, averages)):
        for variable in ours.trainable_variables:
            np.testing.assert_allclose(theirs[variable_name(variable)], variable, atol=1e-5)


@pytest.mark.parametrize("step", [0, 136_717, 136_718, 273_436])
def test_the_learning_rate_is_that_of_the_package(batches, step):
    images, labels = batches[0]
    state = TrainState(ConvNet(seed=3, fast_ops=False))
    state.step.assign(step)
    weights = {variable_name(v): tf.Variable(v) for v in state.network.trainable_variables}
    averages = {name: tf.Variable(weight) for name, weight in weights.items()}
    one_file.train_step(weights, averages, tf.Variable(step, dtype=tf.int64), images, labels)
    train_step(state, images, labels)
    for variable in state.network.trainable_variables:
        np.testing.assert_allclose(weights[variable_name(variable)], variable, atol=1e-6)


def test_weights_start_as_the_tutorials_do():
    weights = one_file.make_weights()
    for variable in ConvNet().trainable_variables:
        made = weights[variable_name(variable)].numpy()
        assert made.shape == variable.shape
        assert made.std() == pytest.approx(variable.numpy().std(), rel=0.1, abs=1e-9)
        assert made.mean() == pytest.approx(variable.numpy().mean(), abs=0.01)


@pytest.mark.full
def test_it_evaluates_what_the_package_evaluates(drawn):
    files = [str(file) for file in drawn.test_files]
    for (images, labels), (theirs, their_labels) in zip(
        one_file.inputs(files), inputs(drawn, batch_size=500), strict=True
    ):
        np.testing.assert_allclose(images, theirs, atol=1e-4)
        np.testing.assert_array_equal(labels, their_labels)
    net = ConvNet(seed=3)
    weights = {variable_name(v): v for v in net.trainable_variables}
    assert float(one_file.evaluate(weights, files)) == pytest.approx(
        precision_at_1(*logits_and_labels(net, inputs(drawn))), abs=0.002
    )


def test_its_batches_have_the_packages_shapes_and_are_standardized(drawn):
    images, labels = next(iter(one_file.distorted_inputs([str(file) for file in drawn.train_files])))
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((128, 24, 24, 3), "float32", (128,), "int32")
    np.testing.assert_allclose(tf.reduce_mean(images, [1, 2, 3]), np.zeros(128), atol=1e-4)
    np.testing.assert_allclose(tf.math.reduce_std(images, [1, 2, 3]), np.ones(128), atol=1e-3)


def run(*arguments):
    command = [sys.executable, str(SOURCE), *map(str, arguments)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize("data", ["drawn", "files"])
def test_it_runs_as_its_first_lines_say(drawn, tmp_path, data):
    if data == "files":
        for name, file in {"data_batch_1.bin": drawn.train_files[0], "test_batch.bin": drawn.test_files[0]}.items():
            (tmp_path / name).write_bytes(Path(file).read_bytes())
    done = run("--steps", 11, *(["--data", tmp_path] if data == "files" else []))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(": ")[2].split(",")[0] for line in lines[:2]] == ["step 0", "step 10"]
    assert " loss = 4.6" in lines[0]
    assert " precision @ 1 = 0." in lines[2]


@pytest.mark.full
@pytest.mark.slow
def test_a_directory_without_the_files_is_one_line(tmp_path):
    done = run("--data", tmp_path)
    assert done.returncode == 2
    assert f"data_batch_5.bin; {tmp_path} has none" in done.stderr.splitlines()[-1]


def test_it_can_be_read_in_one_go():
    lines = SOURCE.read_text().splitlines()
    assert len(lines) <= 130
    assert sum("cifarlab" in line and "import" in line for line in lines) == 1
