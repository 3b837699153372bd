import multiprocessing
import os

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.model.network import ConvNet, Layer
from cifarlab.training.checkpoints import (
    CheckpointError,
    Checkpoints,
    latest_checkpoint,
    require_checkpoint,
    restore_network,
)
from cifarlab.training.run_dir import training_lock
from cifarlab.training.state import TrainState


def state_at(step, fill=0.5, network=None):
    state = TrainState(network or ConvNet(seed=1))
    state.step.assign(step)
    for variable in state.network.trainable_variables:
        variable.assign(tf.fill(variable.shape, fill))
    for average in state.averages.trainable_variables:
        average.assign(tf.fill(average.shape, -fill))
    for loss_average in state.loss_averages.values():
        loss_average.assign(fill)
    return state


def everything(state):
    return {v.name + str(i): v.numpy() for i, v in enumerate(state.variables)}


def test_restore_returns_everything_that_was_saved(tmp_path):
    saved, fresh = state_at(7, 0.25), TrainState(ConvNet(seed=9))
    saved.learning_rate_factor.assign(0.5)
    Checkpoints(tmp_path, saved).save()
    assert Checkpoints(tmp_path, fresh).restore_latest() == 7
    expected, got = everything(saved), everything(fresh)
    assert len(expected) == 2 * 10 + 4 + 3
    for name, value in expected.items():
        assert (got[name] == value).all(), name


def test_an_empty_directory_restores_nothing(tmp_path):
    assert Checkpoints(tmp_path, state_at(0)).restore_latest() is None
    with pytest.raises(CheckpointError, match="found none"):
        require_checkpoint(tmp_path)


def test_foreign_files_are_not_checkpoints(tmp_path):
    for name in ("model.ckpt-1000 (1).index", "model.ckpt-best.index", "model.ckpt-7.index"):
        (tmp_path / name).touch()
    assert latest_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-7")


@pytest.mark.parametrize("name", ["not there", "a file", "half of a character \ud800", "no name \0"])
def test_a_directory_that_does_not_or_cannot_exist_has_no_checkpoint(tmp_path, name):
    (tmp_path / "a file").touch()
    assert latest_checkpoint(tmp_path / name) is None
    with pytest.raises(CheckpointError, match="found none"):
        require_checkpoint(tmp_path / name)


@pytest.mark.parametrize("parent", ["run", "exp.data-aug"])
def test_only_leftovers_are_deleted(tmp_path, parent):
    folder = tmp_path / parent / "train"
    Checkpoints(folder, state_at(7, 0.25)).save()
    stray = ["model.ckpt-8.data-00000-of-00001.part", "model.ckpt-8.index.part"]
    kept = ["model.ckpt-keep", "model.ckpt-7-best.data-00000-of-00001", "model.ckpt-7-best.index", "a.part"]
    kept += ["model.ckpt-8.data-00000-of-00001", "model.ckpt-8.index.part.part"]
    for name in (*stray, *kept):
        (folder / name).mkdir() if name.endswith("-keep") else (folder / name).touch()
    before = {path.name for path in folder.iterdir()}
    assert Checkpoints(folder, TrainState(ConvNet())).restore_latest() == 7
    assert {path.name for path in folder.iterdir()} == before - set(stray)


def test_a_run_whose_index_was_repaired_can_be_moved(tmp_path):
    """The state after a kill between saving and listing a checkpoint: two exist, one is listed."""
    state = state_at(7, 0.25)
    Checkpoints(tmp_path / "run", state).save()
    before = (tmp_path / "run" / "checkpoint").read_bytes()
    state.step.assign(8)
    Checkpoints(tmp_path / "run", state).save()
    (tmp_path / "run" / "checkpoint").write_bytes(before)
    assert Checkpoints(tmp_path / "run", TrainState(ConvNet())).restore_latest() == 8
    (tmp_path / "run").rename(tmp_path / "moved")
    assert Checkpoints(tmp_path / "moved", TrainState(ConvNet())).restore_latest() == 8


def test_only_the_latest_are_kept(tmp_path):
    state = state_at(0)
    checkpoints = Checkpoints(tmp_path, state, max_to_keep=2)
    for step in (10, 20, 30):
        state.step.assign(step)
        checkpoints.save()
    assert sorted(p.stem for p in tmp_path.glob("*.index")) == ["model.ckpt-20", "model.ckpt-30"]


def damage_torn(path):
    data = path.with_name(path.name + ".data-00000-of-00001")
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])


def damage_bit(path):
    data = path.with_name(path.name + ".data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 4
    data.write_bytes(content)


def damage_empty(path):
    for part in (".index", ".data-00000-of-00001"):
        path.with_name(path.name + part).write_bytes(b"")


def damage_gone(path):
    path.with_name(path.name + ".data-00000-of-00001").unlink()


@pytest.mark.fault(
    promise="checkpoints", injection="the latest one truncated, with a flipped bit, empty or missing a file"
)
@pytest.mark.parametrize("damage", [damage_torn, damage_bit, damage_empty, damage_gone])
def test_a_damaged_latest_checkpoint_is_skipped(tmp_path, damage, capfd):
    state = state_at(10, 0.25)
    checkpoints = Checkpoints(tmp_path, state)
    checkpoints.save()
    state = state_at(20, 0.75)
    checkpoints = Checkpoints(tmp_path, state)
    checkpoints.save()
    damage(tmp_path / "model.ckpt-20")
    fresh = TrainState(ConvNet())
    reader = Checkpoints(tmp_path, fresh)
    assert reader.restore_latest() == 10
    assert (fresh.network.conv1.weights.numpy() == 0.25).all()
    assert len(reader.warnings) == 1
    assert reader.warnings[0].startswith("skipped model.ckpt-20: it")
    assert "ram://" not in reader.warnings[0]
    assert capfd.readouterr().err == ""
    with pytest.raises(CheckpointError):
        restore_network(ConvNet(), str(tmp_path / "model.ckpt-20"))


@pytest.mark.fault(promise="checkpoints", injection="TensorFlow's index of them truncated, empty or missing")
@pytest.mark.parametrize("content", [None, "", 'model_checkpoint_path: "model.ck', "\0\0"])
def test_a_damaged_index_loses_nothing(tmp_path, content, capfd):
    state = state_at(9, 0.25)
    Checkpoints(tmp_path, state).save()
    state.step.assign(10)
    Checkpoints(tmp_path, state).save()
    (tmp_path / "checkpoint").unlink()
    if content is not None:
        (tmp_path / "checkpoint").write_text(content)
    assert require_checkpoint(tmp_path).endswith("model.ckpt-10")
    assert Checkpoints(tmp_path, TrainState(ConvNet())).restore_latest() == 10
    assert capfd.readouterr().err == ""


class Deeper(ConvNet):
    def __init__(self):
        super().__init__()
        self.local5 = Layer("local5", [192, 192], stddev=0.04)


@pytest.mark.parametrize("other", [lambda: ConvNet(num_classes=12), Deeper])
def test_a_checkpoint_of_another_network_is_refused(tmp_path, other, capfd):
    Checkpoints(tmp_path, state_at(10)).save()
    with pytest.raises(CheckpointError, match="a different network") as error:
        Checkpoints(tmp_path, TrainState(other())).restore_latest()
    assert "\n" not in str(error.value)
    with pytest.raises(CheckpointError, match="a different network"):
        restore_network(other(), str(tmp_path / "model.ckpt-10"))
    assert capfd.readouterr().err == ""


def test_restore_refuses_checkpoint_with_old_keys(tmp_path, capfd):
    """`first_nonfinite_step` was called `first_bad_step`; its weights can still be evaluated."""
    old = state_at(10)
    old.first_bad_step = old.first_nonfinite_step
    del old.first_nonfinite_step
    keys = tf.train.load_checkpoint(Checkpoints(tmp_path, old).save()).get_variable_to_shape_map()
    assert {key.split("/")[1] for key in keys if "first_" in key} == {"first_bad_step"}
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(CheckpointError) as error:
        Checkpoints(tmp_path, TrainState(ConvNet())).restore_latest()
    assert str(error.value) == (
        f"{tmp_path / 'model.ckpt-10'} cannot be resumed: it was written by a different network or a different version "
        "of cifarlab. Choose another --train-dir, or use the settings of the run that wrote it."
    )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert restore_network(ConvNet(), str(tmp_path / "model.ckpt-10")) == 10
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("averaged", "value"), [(True, -0.5), (False, 0.5)])
def test_raw_or_averaged_weights_are_read(tmp_path, averaged, value):
    Checkpoints(tmp_path, state_at(10)).save()
    net = ConvNet()
    assert restore_network(net, require_checkpoint(tmp_path), averaged=averaged) == 10
    assert all((v.numpy() == value).all() for v in net.trainable_variables)


def test_an_unwritable_directory_gives_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    checkpoints = Checkpoints(tmp_path / "run", state_at(3))
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(CheckpointError, match="could not write the checkpoint of step 3") as error:
        checkpoints.save()
    assert "\n" not in str(error.value)


def hold(folder, held, release):
    with training_lock(folder):
        held.set()
        release.wait(30)


@pytest.mark.fault(promise="checkpoints", injection="two trainers in one directory, or one that died there")
def test_a_second_trainer_is_refused_with_the_id_of_the_first(tmp_path):
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(tmp_path, held, release))
    holder.start()
    assert held.wait(60)
    with pytest.raises(CheckpointError, match=f"process {holder.pid} on"), training_lock(tmp_path):
        pass
    os.kill(holder.pid, 9)  # a dead process keeps no lock
    holder.join()
    with training_lock(tmp_path):
        assert (tmp_path / "trainer.lock").exists()


def test_numbers_survive_bit_for_bit(tmp_path):
    state = state_at(1)
    odd = np.random.default_rng(1).normal(size=[384, 192]).astype(np.float32)
    state.network.local4.weights.assign(odd)
    Checkpoints(tmp_path, state).save()
    fresh = TrainState(ConvNet())
    Checkpoints(tmp_path, fresh).restore_latest()
    assert fresh.network.local4.weights.numpy().tobytes() == odd.tobytes()
