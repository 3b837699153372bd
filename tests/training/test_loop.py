import dataclasses
import functools
import json
import shutil
import threading

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.config import ConfigError, TrainConfig
from cifarlab.data.dataset import DataSetError
from cifarlab.data.pipeline import distorted_inputs
from cifarlab.model.network import ConvNet, Layer, NetworkError, fully_connected
from cifarlab.monitoring.summaries import Summaries
from cifarlab.training.checkpoints import CheckpointError
from cifarlab.training.control import Control
from cifarlab.training.loop import NotFiniteError, train
from cifarlab.training.observers import Observer
from cifarlab.training.run_log import read_log
from tests.linear_network import Linear


def config(folder, **settings):
    return TrainConfig(dataset="drawn", train_dir=str(folder), batch_size=16, **{"max_steps": 6, **settings})


class Recorder(Observer):
    """Records every hook that is called."""

    def __init__(self, wanted=()):
        self.wanted, self.told, self.records, self.seen = wanted, [], [], {}

    def on_start(self, run):
        self.told.append(("start", run.first_step))

    def wants_details(self, step):
        return step in self.wanted

    def on_details(self, record, details):
        self.seen[record.step] = details

    def on_step(self, record):
        self.told.append(("step", record.step))
        self.records.append(record)

    def on_checkpoint(self, step, path):
        self.told.append(("checkpoint", step))

    def on_end(self, run, reason):
        self.told.append(("end", reason))


train_linear = functools.partial(train, network=Linear)
"""For tests in which the network does not matter."""


def weights(state):
    return np.concatenate([v.numpy().ravel() for v in (*state.network.variables, *state.averages.variables)])


def test_train_runs_to_max_steps(tmp_path, drawn):
    recorder = Recorder()
    state = train(config(tmp_path / "run", log_frequency=2, checkpoint_steps=4), dataset=drawn, observers=[recorder])
    assert int(state.step) == 6
    assert recorder.told == [
        ("start", 0),
        ("step", 0),
        ("step", 2),
        ("checkpoint", 4),
        ("step", 4),
        ("checkpoint", 6),
        ("end", "max_steps"),
    ]
    first = recorder.records[0]
    assert first.losses["total_loss"] == pytest.approx(4.68, abs=0.05)
    assert first.averaged_losses["total_loss"] == pytest.approx(first.losses["total_loss"], rel=1e-4)
    assert first.learning_rate == pytest.approx(0.1)
    assert first.examples_per_second == pytest.approx(16 / first.seconds_per_batch)
    assert 0 <= first.input_wait <= first.seconds_per_batch
    assert 3_000 < first.queue_fill < 5_000
    events = list(read_log(tmp_path / "run"))
    assert [(e["event"], e["step"]) for e in events] == [t for t in recorder.told if t[0] in ("step", "checkpoint")]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["batch_size"] == 16


def test_train_resumes_to_identical_weights(tmp_path, drawn):
    whole = train(config(tmp_path / "whole", max_steps=7), dataset=drawn)
    train(config(tmp_path / "parts", max_steps=3), dataset=drawn)
    recorder = Recorder()
    parts = train(config(tmp_path / "parts", max_steps=7), dataset=drawn, observers=[recorder])
    assert recorder.told[0] == ("start", 3)
    np.testing.assert_allclose(weights(parts), weights(whole), atol=1e-6)
    assert parts.debiased_loss_averages() == pytest.approx(whole.debiased_loss_averages(), rel=1e-5)


def test_run_log_has_each_step_once_after_kill(tmp_path, drawn):
    class Killed(Observer):
        def on_step(self, record):
            if record.step == 5:
                raise RuntimeError("killed")

    cfg = config(tmp_path, max_steps=7, log_frequency=1, checkpoint_steps=4)
    with pytest.raises(RuntimeError, match="killed"):
        train_linear(cfg, dataset=drawn, observers=[Killed()])
    assert [e["step"] for e in read_log(tmp_path) if e["event"] == "step"] == [0, 1, 2, 3, 4, 5]
    train_linear(cfg, dataset=drawn)
    assert [e["step"] for e in read_log(tmp_path) if e["event"] == "step"] == [0, 1, 2, 3, 4, 5, 6]
    assert [e["step"] for e in read_log(tmp_path) if e["event"] == "checkpoint"] == [4, 7]


def test_train_leaves_finished_run_unchanged(tmp_path, drawn):
    train_linear(config(tmp_path, max_steps=2), dataset=drawn)
    before = {p.name: p.read_bytes() for p in tmp_path.glob("model.ckpt*")}
    train_linear(config(tmp_path, max_steps=2), dataset=drawn)
    assert {p.name: p.read_bytes() for p in tmp_path.glob("model.ckpt*")} == before


def test_fresh_refuses_a_directory_that_is_not_empty(tmp_path, drawn):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(ConfigError, match="requires an empty train_dir"):
        train(config(tmp_path, fresh=True), dataset=drawn)
    assert [p.name for p in tmp_path.iterdir()] == ["precious.txt"]


def test_stop_from_another_thread_saves(tmp_path, drawn):
    control = Control()

    class StopAtTwo(Observer):
        def on_step(self, record):
            if record.step == 2:
                threading.Thread(target=control.stop).start()

    recorder = Recorder()
    cfg = config(tmp_path, max_steps=10_000, log_frequency=1)
    state = train_linear(cfg, dataset=drawn, observers=[StopAtTwo(), recorder], control=control)
    assert 3 <= int(state.step) < 10_000
    assert recorder.told[-2:] == [("checkpoint", int(state.step)), ("end", "stopped")]


def test_pause_stops_the_steps_and_does_not_count_as_time(tmp_path, drawn):
    control, paused = Control(), threading.Event()

    class PauseAtTwo(Recorder):
        def on_step(self, record):
            super().on_step(record)
            if record.step == 2:
                control.pause()
                paused.set()

    recorder = PauseAtTwo()
    cfg = config(tmp_path, max_steps=5, log_frequency=1)
    runner = threading.Thread(
        target=train_linear, args=(cfg,), kwargs={"dataset": drawn, "observers": [recorder], "control": control}
    )
    runner.start()
    assert paused.wait(60)
    runner.join(1.0)
    assert runner.is_alive()
    assert recorder.records[-1].step == 2
    control.resume()
    runner.join(60)
    assert not runner.is_alive()
    assert recorder.records[-1].step == 4
    assert recorder.records[3].seconds_per_batch < 0.9
    assert "pause" in [event["event"] for event in read_log(tmp_path)]


def test_call_between_steps_runs_on_training_thread(tmp_path, drawn):
    control, looks, paused = Control(), [], threading.Event()

    def look(state):
        looks.append((threading.current_thread(), int(state.step)))
        paused.set()

    class PauseAtTwo(Recorder):
        def on_step(self, record):
            super().on_step(record)
            if record.step == 2:
                control.pause()
                control.call_between_steps(look)

    recorder = PauseAtTwo()
    runner = threading.Thread(
        target=train_linear,
        args=(config(tmp_path, max_steps=5, log_frequency=1),),
        kwargs={"dataset": drawn, "observers": [recorder], "control": control},
    )
    runner.start()
    assert paused.wait(60)
    paused.clear()
    control.call_between_steps(look)
    assert paused.wait(60)
    control.resume()
    runner.join(60)
    assert looks == [(runner, 3), (runner, 3)]
    assert recorder.records[-1].step == 4


def test_wrong_argument_types_give_one_clear_line(tmp_path):
    for arguments, got in (({"observers": Recorder()}, "Recorder"), ({"config": {"max_steps": 1}}, "dict")):
        with pytest.raises(ConfigError, match=f"a TrainConfig and a list of observers; got .*{got}"):
            train(**{"config": config(tmp_path), **arguments})
    with pytest.raises(DataSetError, match="got 'drawn'"):
        train(config(tmp_path), dataset="drawn")


def test_started_observers_always_get_on_end(tmp_path, drawn):
    class Told(Recorder):
        def on_start(self, run):
            super().on_start(run)
            if self.fails:
                raise ValueError("no")

        def on_end(self, run, reason):
            self.reason = reason
            raise KeyError(reason)

    first, second, third = Told(), Told(), Told()
    first.fails, second.fails, third.fails = False, False, True
    with pytest.raises(KeyError):
        train_linear(config(tmp_path, max_steps=1), dataset=drawn, observers=[first, second, third])
    assert (first.reason, second.reason, hasattr(third, "reason")) == ("failed", "failed", False)


def test_observers_receive_a_changed_learning_rate(tmp_path, drawn):
    class Told(Recorder):
        def on_event(self, event, step, **values):
            self.told.append((event, step, values))

    control, recorder = Control(), Told()
    control.scale_learning_rate(0.5)
    train_linear(config(tmp_path, max_steps=1), dataset=drawn, observers=[recorder], control=control)
    assert ("learning_rate_factor", 0, {"factor": 0.5}) in recorder.told


def test_a_changed_learning_rate_is_logged_and_saved_in_the_checkpoint(tmp_path, drawn):
    control = Control()
    control.scale_learning_rate(0.5)
    recorder = Recorder()
    train_linear(config(tmp_path, max_steps=2), dataset=drawn, observers=[recorder], control=control)
    assert recorder.records[0].learning_rate == pytest.approx(0.05)
    assert {"event": "learning_rate_factor", "step": 0, "factor": 0.5} in list(read_log(tmp_path))
    later = Recorder()
    train_linear(config(tmp_path, max_steps=11), dataset=drawn, observers=[later])
    assert later.records[0].learning_rate == pytest.approx(0.05)


def test_details_come_on_request_and_precede_the_update(tmp_path, drawn):
    recorder = Recorder(wanted={0, 3})
    train(config(tmp_path), dataset=drawn, observers=[recorder])
    assert set(recorder.seen) == {0, 3}
    details = recorder.seen[0]
    first = {v.name.split(":")[0]: v.numpy() for v in ConvNet(seed=0).trainable_variables}
    assert {name: (value.numpy() == first[name]).all() for name, value in details.variables.items()} == dict.fromkeys(
        first, True
    )
    assert details.gradients["conv1/weights"].shape == (5, 5, 3, 64)
    assert details.stages.conv1.shape == (16, 24, 24, 64)
    assert details.images.shape == (16, 24, 24, 3)


@pytest.mark.full
def test_details_do_not_change_the_run(tmp_path, drawn):
    """Details come from a separate forward pass, and the graph of the training step stays the same."""
    blind = train(config(tmp_path / "a"), dataset=drawn)
    seen = train(config(tmp_path / "b"), dataset=drawn, observers=[Recorder(wanted=range(6))])
    np.testing.assert_allclose(weights(seen), weights(blind), atol=1e-6)


def test_not_a_number_stops_with_step_cause_and_last_good_checkpoint(tmp_path, drawn):
    with pytest.raises(NotFiniteError) as error:
        train(config(tmp_path, initial_learning_rate=1e30, log_frequency=2, checkpoint_steps=1), dataset=drawn)
    message = str(error.value)
    assert "training stopped" in message
    assert "last good checkpoint is that of step 1" in message
    assert "\n" not in message
    assert [p.name for p in tmp_path.glob("*.index")] == ["model.ckpt-1.index"]
    assert [e["step"] for e in read_log(tmp_path) if e["event"] == "not_finite"] == [1]


def test_the_bad_step_is_named_even_if_the_loss_is_read_later(tmp_path, drawn):
    class BreaksAtThree(ConvNet):
        def __init__(self):
            super().__init__()
            self.calls = tf.Variable(0, trainable=False)

        def stages(self, images):
            stages = super().stages(images)
            bad = tf.where(self.calls.assign_add(1) == 4, float("nan"), 1.0)
            return stages._replace(softmax_linear=stages.softmax_linear * bad)

    with pytest.raises(NotFiniteError, match="gradient of step 3 "):
        train(config(tmp_path, max_steps=20), network=BreaksAtThree(), dataset=drawn)


def test_train_accepts_a_custom_network(tmp_path, drawn):
    class Deeper(ConvNet):
        def __init__(self):
            super().__init__()
            self.local5 = Layer("local5", [192, 192], stddev=0.04, bias=0.1, weight_decay=0.004)

        def stages(self, images):
            stages = super().stages(images)
            local5 = fully_connected(stages.local4, self.local5)
            logits = fully_connected(local5, self.softmax_linear, activation=None)
            return stages._replace(local4=local5, softmax_linear=logits)

    recorder = Recorder()
    train(config(tmp_path), network=Deeper(), dataset=drawn, observers=[recorder, Summaries(3)])
    assert "local5/weight_loss" in recorder.records[0].losses
    with pytest.raises(NetworkError, match="was trained with a custom network, Deeper, which is not saved with it"):
        train(config(tmp_path, max_steps=8), dataset=drawn)
    (tmp_path / "network.json").unlink()  # as before it was written
    with pytest.raises(CheckpointError, match="a different network"):
        train(config(tmp_path, max_steps=8), dataset=drawn)


def test_an_unwritable_directory_is_refused(tmp_path, drawn):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match="must be a writable directory"):
            train(config(folder), dataset=drawn)


def test_train_resumes_from_the_previous_checkpoint_if_the_latest_is_damaged(tmp_path, drawn):
    train_linear(config(tmp_path, max_steps=4, checkpoint_steps=2), dataset=drawn)
    shutil.copy(tmp_path / "config.json", tmp_path / "model.ckpt-4.index")
    warnings = []

    class Listener(Observer):
        def on_start(self, run):
            warnings.extend(run.warnings)

    recorder = Recorder()
    train_linear(config(tmp_path, max_steps=5), dataset=drawn, observers=[recorder, Listener()])
    assert recorder.told[0] == ("start", 2)
    assert warnings[0].startswith("skipped model.ckpt-4: it is damaged")


@pytest.mark.full
def test_a_learning_rate_changed_just_before_the_end_is_saved(tmp_path, drawn):
    control = Control()

    class SteerAndStop(Observer):
        def on_checkpoint(self, step, path):
            if step == 2:
                control.scale_learning_rate(0.5)

        def on_step(self, record):
            if record.step == 2:
                control.stop()

    cfg = config(tmp_path, max_steps=9, checkpoint_steps=2, log_frequency=1)
    state = train_linear(cfg, dataset=drawn, observers=[SteerAndStop()], control=control)
    later = train_linear(config(tmp_path, max_steps=4), dataset=drawn)
    assert float(state.learning_rate_factor) == float(later.learning_rate_factor) == 0.5
    assert [e["factor"] for e in read_log(tmp_path) if e["event"] == "learning_rate_factor"] == [0.5]


def test_a_run_is_not_resumed_on_another_dataset(tmp_path, drawn):
    train_linear(config(tmp_path, max_steps=1), dataset=drawn)
    other = dataclasses.replace(drawn, name="mine", train_files=drawn.train_files[:4])
    with pytest.raises(DataSetError, match=r"was trained on drawn; got mine\. Choose another --train-dir"):
        train_linear(config(tmp_path, max_steps=2), dataset=other)
    others = {
        "classes": (drawn.classes[::-1], "classes differ now: truck, .* instead of airplane"),
        "crop_size": (22, "crop size differs now: 22 instead of 24"),
    }
    for what, (value, message) in others.items():
        with pytest.raises(DataSetError, match=f"was trained on drawn, whose {message}"):
            train_linear(config(tmp_path, max_steps=2), dataset=dataclasses.replace(drawn, **{what: value}))


@pytest.mark.slow
def test_resume_warns_about_changed_settings(tmp_path, drawn):
    warnings = []

    class Listener(Observer):
        def on_start(self, run):
            warnings.append(run.warnings)

    of_no_consequence = {"log_frequency": 3, "checkpoint_steps": 5, "max_checkpoints_to_keep": 2}
    for settings in ({"max_steps": 2}, {"max_steps": 3, **of_no_consequence}, {"max_steps": 4, "seed": 5}):
        train_linear(config(tmp_path, **settings), dataset=drawn, observers=[Listener()])
    assert warnings == [(), (), ("seed changed from 0 to 5 when this run was resumed.",)]


@pytest.mark.full
def test_resume_warns_about_changed_max_steps_with_one_cycle(tmp_path, drawn):
    warnings = []

    class Listener(Observer):
        def on_start(self, run):
            warnings.append(run.warnings)

    for steps in (2, 3):
        cfg = config(tmp_path, schedule="one-cycle", max_steps=steps)
        train_linear(cfg, dataset=drawn, observers=[Listener()])
    assert warnings == [(), ("max_steps changed from 2 to 3 when this run was resumed.",)]


@pytest.mark.full
@pytest.mark.slow
def test_a_run_with_momentum_resumes_with_its_velocities(tmp_path, drawn):
    settings = {"momentum": 0.9, "initial_learning_rate": 0.01}
    whole = train(config(tmp_path / "whole", max_steps=5, **settings), dataset=drawn)
    train(config(tmp_path / "parts", max_steps=3, **settings), dataset=drawn)
    parts = train(config(tmp_path / "parts", max_steps=5, **settings), dataset=drawn)
    np.testing.assert_allclose(weights(parts), weights(whole), atol=1e-6)
    without = train(config(tmp_path / "without", max_steps=5, initial_learning_rate=0.01), dataset=drawn)
    assert np.abs(weights(without) - weights(whole)).max() > 1e-3


def test_distortions_are_those_of_the_settings(tmp_path, drawn):
    seen = []

    class Looks(Observer):
        def wants_details(self, step):
            return True

        def on_details(self, record, details):
            seen.append(details.images.numpy())

    train_linear(config(tmp_path, max_steps=1, distortions="none"), dataset=drawn, observers=[Looks()])
    expected = next(iter(distorted_inputs(drawn, 16, distortions=())))[0].numpy()
    np.testing.assert_array_equal(seen[0], expected)


def test_checkpoints_by_time(tmp_path, drawn):
    recorder = Recorder()
    train_linear(
        config(tmp_path, checkpoint_steps=0, checkpoint_secs=1e-6, max_steps=3), dataset=drawn, observers=[recorder]
    )
    assert [t for t in recorder.told if t[0] == "checkpoint"] == [("checkpoint", s) for s in (1, 2, 3)]


@pytest.mark.slow
def test_custom_distortions_are_used_and_must_be_passed_again_to_resume(tmp_path, drawn):
    def black(images, seed):
        return tf.zeros_like(images)

    class Looks(Observer):
        def wants_details(self, step):
            return True

        def on_details(self, record, details):
            self.images = details.images.numpy()

    looks = Looks()
    train_linear(config(tmp_path, max_steps=1), dataset=drawn, distortions=[black], observers=[looks])
    assert not looks.images.any()
    assert TrainConfig.load(tmp_path / "config.json").distortions == "custom"
    with pytest.raises(ConfigError, match=r"used custom distortion functions, which are not saved with it") as error:
        train_linear(TrainConfig.load(tmp_path / "config.json"), dataset=drawn)
    assert "\n" not in str(error.value)
    state = train_linear(config(tmp_path, max_steps=2, distortions="custom"), dataset=drawn, distortions=[black])
    assert int(state.step) == 2


@pytest.mark.slow
def test_custom_functions_may_branch_on_tensor_values(tmp_path, drawn):
    def sometimes_black(images, seed):
        if tf.equal(seed[1] % 2, 1):
            images = 0 * images
        return images

    class Capped(ConvNet):
        def stages(self, images):
            stages = super().stages(images)
            if tf.reduce_max(stages.softmax_linear) > -1:
                logits = tf.minimum(stages.softmax_linear, -1)
            else:
                logits = stages.softmax_linear
            return stages._replace(softmax_linear=logits)

    recorder = Recorder(wanted=[0, 1])
    settings = config(tmp_path, max_steps=2, log_frequency=1)
    train(settings, network=Capped(), dataset=drawn, distortions=[sometimes_black], observers=[recorder])
    first, second = (recorder.seen[step] for step in (0, 1))
    assert float(tf.reduce_max(first.images)) > 0
    assert not np.any(second.images)
    assert float(tf.reduce_max(first.stages[-1])) == -1
