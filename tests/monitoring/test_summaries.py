"""Event files, read with TensorBoard's reader."""

import time

import numpy as np
import pytest
from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.evaluation.evaluator import Evaluation
from cifarlab.monitoring.summaries import EvaluationSummaries, Summaries, histogram, to_unit_range
from cifarlab.training.loop import train
from cifarlab.training.observers import Observer

LAYERS = ("conv1", "conv2", "local3", "local4", "softmax_linear")
VARIABLES = [f"{layer}/{kind}" for layer in LAYERS for kind in ("weights", "biases")]
LOSSES = ("local3/weight_loss", "local4/weight_loss", "cross_entropy", "total_loss")


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0, "scalars": 0, "images": 0, "histograms": 0})
    events.Reload()
    return events


@pytest.fixture(scope="module")
def run(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("run")
    config = TrainConfig(dataset="drawn", train_dir=str(folder), max_steps=11, batch_size=16)
    state = train(config, dataset=drawn, observers=[Summaries(5)])
    return read(folder), state


def value(events, tag, step):
    (tensor,) = [event.tensor_proto for event in events.Tensors(tag) if event.step == step]
    return tf.make_ndarray(tensor)


def test_every_summary_of_the_tutorial_is_there(run):
    events, _ = run
    expected = {"images", "learning_rate", "queue/records"}
    expected |= {f"{layer}/{kind}" for layer in LAYERS for kind in ("activations", "sparsity")}
    expected |= {f"{loss}{ending}" for loss in LOSSES for ending in ("", " (raw)")}
    expected |= {f"{variable}{ending}" for variable in VARIABLES for ending in ("", "/gradients")}
    tags = set(events.Tags()["tensors"])
    assert expected <= tags
    for tag in expected:
        assert [event.step for event in events.Tensors(tag)] == [0, 5, 10], tag


def test_each_is_of_the_kind_that_tensorboard_shows(run):
    events, _ = run

    def plugin(tag):
        return events.SummaryMetadata(tag).plugin_data.plugin_name

    assert plugin("images") == "images"
    assert {plugin(f"{v}/gradients") for v in VARIABLES} == {"histograms"}
    assert {plugin(f"{layer}/sparsity") for layer in LAYERS} == {"scalars"}


def test_the_training_graph_is_there(run):
    events, _ = run
    graph = events.Graph()
    names = {node.name.split("/")[0] for node in graph.node}
    assert {"conv1", "pool1", "norm1", "conv2", "norm2", "pool2", "local3", "local4", "softmax_linear"} <= names


def test_the_numbers_are_those_of_the_run(run):
    events, _ = run
    assert value(events, "total_loss (raw)", 0) == pytest.approx(4.68, abs=0.05)
    assert value(events, "learning_rate", 5) == pytest.approx(0.1)
    parts = sum(value(events, f"{loss} (raw)", 10) for loss in LOSSES[:3])
    assert value(events, "total_loss (raw)", 10) == pytest.approx(float(parts), rel=1e-5)
    assert 0 <= value(events, "local3/sparsity", 0) <= 1
    histogram = value(events, "conv1/weights", 0)  # rows of left, right, count
    assert histogram[:, 2].sum() == 5 * 5 * 3 * 64
    assert np.abs(histogram[:, :2]).max() <= 0.1001


@pytest.mark.parametrize("values", [np.linspace(-3, 5, 1000), np.zeros(7), np.full(5, -2.5), np.arange(90) % 31])
def test_histograms_are_those_of_tensorboard(tmp_path, values):
    values = tf.constant(values, tf.float32)
    with tf.summary.create_file_writer(str(tmp_path)).as_default(step=0):
        histogram("ours", values)
        tf.summary.histogram("theirs", values)
    events = read(tmp_path)
    ours, theirs = value(events, "ours", 0), value(events, "theirs", 0)
    assert events.SummaryMetadata("ours").plugin_data == events.SummaryMetadata("theirs").plugin_data
    assert ours[:, 2].sum() == theirs[:, 2].sum() == len(values)
    assert ours.shape == theirs.shape == (30, 3)
    if len(set(values.numpy())) > 1:  # for equal values, TensorBoard uses a wide bucket and cifarlab a narrow one
        np.testing.assert_allclose(ours[:, :2], theirs[:, :2], atol=1e-4)
        assert np.abs(ours[:, 2] - theirs[:, 2]).max() <= 2  # values on an edge may be in either bucket


def test_histograms_distinguish_small_values(tmp_path):
    """A histogram of gradients must show vanishing ones."""
    values = tf.constant(np.linspace(-1e-8, 1e-8, 300), tf.float32)
    with tf.summary.create_file_writer(str(tmp_path)).as_default(step=0):
        histogram("small", values)
    assert np.abs(value(read(tmp_path), "small", 0)[:, 2] - 10).max() <= 2


def test_images_are_visible(run):
    events, _ = run
    width, height, *pictures = value(events, "images", 0)
    assert (int(width), int(height), len(pictures)) == (24, 24, 3)
    image = tf.io.decode_png(pictures[0]).numpy()
    assert image.shape == (24, 24, 3)
    assert (image.min(), image.max()) == (0, 255)


def test_frequency_0_writes_only_the_graph(tmp_path, drawn):
    config = TrainConfig(dataset="drawn", train_dir=str(tmp_path), max_steps=1, batch_size=16)
    train(config, dataset=drawn, observers=[Summaries(0)])
    events = read(tmp_path)
    assert not events.Tags()["tensors"]
    assert events.Graph().node


class KillError(Exception):
    """Simulates a kill: nothing is saved after it."""


class Killer(Observer):
    def wants_details(self, step):
        return step == 9

    def on_details(self, record, details):
        raise KillError


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.fault(promise="exact resume", injection="event files of a run that was killed and resumed")
def test_repeated_steps_are_shown_once(tmp_path, drawn):
    settings = {"dataset": "drawn", "train_dir": str(tmp_path), "batch_size": 16, "checkpoint_steps": 4}
    with pytest.raises(KillError):
        train(TrainConfig(**settings, max_steps=20), dataset=drawn, observers=[Summaries(1), Killer()])
    wait_for_the_next_second()
    train(TrainConfig(**settings, max_steps=12), dataset=drawn, observers=[Summaries(1)])
    shown = plugin_event_accumulator.EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    shown.Reload()
    assert [event.step for event in shown.Tensors("total_loss")] == list(range(12))


def wait_for_the_next_second():
    """Waits, because event files are named after the second and read in the order of their names."""
    began = int(time.time())
    while int(time.time()) == began:
        time.sleep(0.05)


def test_evaluations_are_written_by_step(tmp_path):
    summaries = EvaluationSummaries(tmp_path / "eval")
    summaries.write(Evaluation(1000, 0.5, 10, 1.0))
    summaries.write(Evaluation(2000, 0.75, 10, 1.0))
    events = read(tmp_path / "eval").Tensors("Precision @ 1")
    assert [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in events] == [(1000, 0.5), (2000, 0.75)]


def test_an_unwritable_eval_dir_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="must be a writable directory") as error:
        EvaluationSummaries(tmp_path / "file" / "below")
    assert "\n" not in str(error.value)


def test_flat_images_become_black():
    assert not to_unit_range(tf.fill([1, 2, 2, 3], 5.0)).numpy().any()
