"""Numbers: a non-finite loss or gradient stops the run, and the error names the step, the place and the batch."""

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.data.pipeline import distorted_inputs
from cifarlab.errors import NotFiniteError
from cifarlab.model.network import ConvNet
from cifarlab.training.control import Control
from cifarlab.training.loop import train
from cifarlab.training.observers import Observer
from cifarlab.training.run_log import read_log

pytestmark = pytest.mark.slow

BATCH = 8


def config(folder, **settings):
    return TrainConfig(dataset="drawn", train_dir=str(folder), batch_size=BATCH, **{"max_steps": 20, **settings})


@tf.custom_gradient
def spoil(values, now):
    """Returns the values unchanged; their gradient is infinite if `now` is true."""
    return tf.identity(values), lambda upstream: (tf.where(now, float("inf"), upstream), None)


class Spoiled(ConvNet):
    """A network that fails at one step in one place. It counts steps in a variable that checkpoints contain."""

    def __init__(self, step, place):
        super().__init__()
        self.bad_step, self.place = step, place
        self.calls = tf.Variable(0, trainable=False)

    def stages(self, images):
        now = tf.equal(self.calls.assign_add(1), self.bad_step + 1)
        stages = super().stages(images)
        if self.place.startswith("the activations of "):
            name = self.place.removeprefix("the activations of ")
            later = list(stages._fields)[list(stages._fields).index(name) :]
            bad = tf.where(now, float("nan"), 1.0)
            return stages._replace(**{each: getattr(stages, each) * bad for each in later})
        return stages._replace(softmax_linear=spoil(stages.softmax_linear, now))


@pytest.mark.fault(promise="numbers", injection="NaN or infinity in the loss or any gradient")
@pytest.mark.parametrize("bad_step", [pytest.param(0, marks=pytest.mark.full), 7])
@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("the activations of conv1", BATCH * 24 * 24 * 64),
        pytest.param("the activations of norm2", BATCH * 12 * 12 * 64, marks=pytest.mark.full),
        pytest.param("the activations of softmax_linear", BATCH * 10, marks=pytest.mark.full),
        ("the gradient of softmax_linear/weights", 192 * 10),
    ],
)
def test_the_step_the_place_and_the_batch_are_named(tmp_path, drawn, place, values, bad_step):
    with pytest.raises(NotFiniteError) as error:
        train(config(tmp_path, checkpoint_steps=5), network=Spoiled(bad_step, place), dataset=drawn)
    message = str(error.value)
    assert f"step {bad_step} is infinite or NaN" in message
    assert f"It begins with {place} ({values:,} of {values:,} values)." in message
    assert f"Its batch is in {tmp_path / f'not_finite-{bad_step}.npz'}." in message
    assert "\n" not in message
    saved = np.load(tmp_path / f"not_finite-{bad_step}.npz")
    images, labels = next(iter(distorted_inputs(drawn, BATCH, first_step=bad_step)))
    np.testing.assert_array_equal(saved["images"], images)
    np.testing.assert_array_equal(saved["labels"], labels)
    assert saved["step"] == bad_step
    assert next(read_log(tmp_path), {}).get("event") in ("step", "not_finite")
    found = [line for line in read_log(tmp_path) if line["event"] == "first_not_finite"]
    assert [(line["step"], line["batch"]) for line in found] == [(bad_step, f"not_finite-{bad_step}.npz")]


@pytest.mark.fault(promise="numbers", injection="a learning rate raised during the run until the weights overflow")
def test_replay_repeats_changes_of_the_learning_rate(tmp_path, drawn):
    control = Control()

    class Steers(Observer):
        def on_step(self, record):
            if record.step == 5:
                control.scale_learning_rate(1e38)

    with pytest.raises(NotFiniteError, match=r"It begins with the (weights|activations)") as error:
        train(config(tmp_path, log_frequency=1), dataset=drawn, observers=[Steers()], control=control)
    bad = int(str(error.value).split("step ")[1].split()[0])
    assert bad > 5
    assert (tmp_path / f"not_finite-{bad}.npz").exists()


@pytest.mark.fault(promise="numbers", injection="a step that is finite when it is replayed")
def test_step_that_is_finite_when_replayed_is_reported(tmp_path, drawn):
    class Once(ConvNet):
        """Fails at its fourth call, which a replay cannot reproduce: the count is not part of the state."""

        calls = 0

        def stages(self, images):
            stages = super().stages(images)
            bad = tf.py_function(self.next, [], tf.float32)
            return stages._replace(softmax_linear=stages.softmax_linear * tf.reshape(bad, []))

        def next(self):
            Once.calls += 1
            return float("nan") if Once.calls == 4 else 1.0

    with pytest.raises(NotFiniteError, match="When replayed, the step was finite"):
        train(config(tmp_path), network=Once(), dataset=drawn)


@pytest.mark.full
@pytest.mark.fault(promise="numbers", injection="NaN in towers, in replicas and with mixup")
@pytest.mark.parametrize(
    "settings",
    [
        {"num_gpus": 2, "virtual_devices": True},
        {"num_gpus": 2, "virtual_devices": True, "strategy": "mirrored"},
        {"mixup": 0.2, "momentum": 0.9},
    ],
)
def test_other_ways_to_step_are_replayed_too(tmp_path, drawn, settings):
    with pytest.raises(NotFiniteError, match=r"It begins with the activations of .*\. Its batch is in") as error:
        train(config(tmp_path, initial_learning_rate=1e30, checkpoint_steps=1, **settings), dataset=drawn)
    assert "\n" not in str(error.value)
