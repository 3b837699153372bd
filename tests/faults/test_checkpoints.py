"""Checkpoints: whatever happens to the latest one, the earlier ones are kept and used."""

import errno
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from cifarlab.backend import tf
from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.evaluation.evaluator import Evaluation, evaluate, evaluate_repeatedly
from cifarlab.model.network import ConvNet
from cifarlab.monitoring.summaries import EvaluationSummaries, Summaries, SummaryError
from cifarlab.training import checkpoints as checkpoints_module
from cifarlab.training.checkpoints import CheckpointError, Checkpoints, latest_checkpoint, restore_latest_network
from cifarlab.training.loop import train
from cifarlab.training.run_log import RunLog, RunLogError
from cifarlab.training.state import TrainState

pytestmark = [pytest.mark.slow, pytest.mark.full]


def config(folder, **settings):
    settings = {"checkpoint_steps": 1, **settings}
    return TrainConfig(dataset="drawn", train_dir=str(folder), batch_size=8, **settings)


def checkpoints_in(folder):
    return sorted(path.stem for path in Path(folder).glob("model.ckpt-*.index"))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 30 MB; the test is skipped if it cannot be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here; another test simulates ENOSPC")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.fault(promise="checkpoints", injection="a real full disk of 30 MB")
def test_full_disk_keeps_earlier_checkpoints_and_reports_missing_space(small_disk, drawn):
    (small_disk / "filler").write_bytes(bytes(10_000_000))
    with pytest.raises(CheckpointError, match=r"It needs 8\.5 MB, but only \d\.\d MB are free\. Free") as error:
        train(config(small_disk / "run", max_steps=9), dataset=drawn)
    assert "\n" not in str(error.value)
    kept = checkpoints_in(small_disk / "run")
    assert kept == ["model.ckpt-1", "model.ckpt-2"]
    (small_disk / "filler").unlink()
    state = train(config(small_disk / "run", max_steps=3, max_checkpoints_to_keep=2), dataset=drawn)
    assert int(state.step) == 3
    assert checkpoints_in(small_disk / "run") == ["model.ckpt-2", "model.ckpt-3"]


@pytest.mark.fault(promise="checkpoints", injection="a full disk while the run's log is written")
def test_unwritable_log_is_reported_in_one_line(small_disk):
    log = RunLog(small_disk)
    log.append("step", 1)
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        while shutil.disk_usage(small_disk).free:
            filler.write(bytes(4096))
    with pytest.raises(RunLogError, match="No space left on device") as error:
        log.append("step", 2, filling="what is left of the log's block" * 1000)
    assert "\n" not in str(error.value)


@pytest.mark.fault(promise="checkpoints", injection="a full disk while event files are written")
def test_unwritable_event_file_is_reported_in_one_line(small_disk, drawn):
    (small_disk / "filler").write_bytes(bytes(20_000_000))  # leaves room for the starting point
    with pytest.raises(SummaryError, match=r"No space left on device.* --summary-frequency 0\.") as error:
        train(config(small_disk / "run", max_steps=200, checkpoint_steps=0), dataset=drawn, observers=[Summaries(1)])
    assert "\n" not in str(error.value)
    (small_disk / "filler").unlink()
    assert int(train(config(small_disk / "run", max_steps=2), dataset=drawn, observers=[Summaries(1)]).step) == 2


@pytest.mark.fault(promise="checkpoints", injection="a full disk while event files are written")
def test_unwritable_evaluation_is_reported_in_one_line(small_disk):
    summaries = EvaluationSummaries(small_disk)
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        while shutil.disk_usage(small_disk).free:
            filler.write(bytes(4096))
    with pytest.raises(SummaryError, match="No space left on device") as error:  # noqa: PT012, one of them does not fit
        for step in range(1000):
            summaries.write(Evaluation(step, 0.5, 10, 1.0))
    assert "\n" not in str(error.value)


@pytest.mark.fault(promise="checkpoints", injection="a full disk, simulated by ENOSPC")
def test_error_while_saving_keeps_earlier_checkpoints(tmp_path, drawn, monkeypatch):
    train(config(tmp_path, max_steps=2), dataset=drawn)

    def full(*arguments, **values):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tf.train.Checkpoint, "write", full)
        with pytest.raises(CheckpointError, match=r"checkpoint of step 3 .* No space left on device") as error:
            train(config(tmp_path, max_steps=4), dataset=drawn)
    assert "\n" not in str(error.value)
    assert checkpoints_in(tmp_path) == ["model.ckpt-1", "model.ckpt-2"]
    assert int(train(config(tmp_path, max_steps=4), dataset=drawn).step) == 4


@pytest.mark.fault(promise="checkpoints", injection="the latest one is from a different network")
def test_restore_refuses_latest_of_other_network(tmp_path):
    """An earlier checkpoint fits this network, but resuming from it would overwrite the other network's work."""
    small, large = TrainState(ConvNet(seed=1)), TrainState(ConvNet(num_classes=12))
    small.step.assign(5)
    Checkpoints(tmp_path, small).save()
    large.step.assign(9)
    Checkpoints(tmp_path, large).save()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(CheckpointError, match=r"model\.ckpt-9 cannot be resumed: .* a different network") as error:
        Checkpoints(tmp_path, TrainState(ConvNet(seed=2))).restore_latest()
    assert "\n" not in str(error.value)
    with pytest.raises(CheckpointError, match=r"model\.ckpt-9 cannot be used: .* a different network"):
        restore_latest_network(ConvNet(), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.fault(promise="checkpoints", injection="deleted while they are evaluated")
def test_evaluator_survives_deleted_checkpoints(tmp_path, drawn, count_trial, soak):
    state, done = TrainState(ConvNet()), threading.Event()
    checkpoints = Checkpoints(tmp_path, state, max_to_keep=1)
    checkpoints.save()

    def trainer():
        """Saves checkpoints until done, each of which deletes the previous one."""
        while not done.is_set():
            state.step.assign_add(1)
            checkpoints.save()

    thread = threading.Thread(target=trainer)
    thread.start()
    settings = EvalConfig(checkpoint_dir=str(tmp_path), num_examples=1)
    try:
        watched = evaluate_repeatedly(settings, dataset=drawn, wait=lambda seconds: None)
        last = -1
        for _ in range(400 if soak else 25):
            step = next(watched).step
            assert step > last
            last = step
            assert evaluate(settings, dataset=drawn).step >= last
            count_trial(2)
    finally:
        done.set()
        thread.join()


@pytest.mark.fault(promise="checkpoints", injection="deleted while they are evaluated")
@pytest.mark.parametrize("times", [1, 5])
def test_evaluator_retries_if_all_found_checkpoints_are_deleted(tmp_path, drawn, monkeypatch, times):
    state, restore, calls = TrainState(ConvNet()), checkpoints_module.restore_network, []
    checkpoints = Checkpoints(tmp_path, state, max_to_keep=1)
    checkpoints.save()

    def too_late(*arguments, **values):
        """Wraps restore_network; a few times the trainer saves the next checkpoint first."""
        calls.append(arguments)
        if len(calls) <= times:
            state.step.assign_add(1)
            checkpoints.save()
        return restore(*arguments, **values)

    monkeypatch.setattr(checkpoints_module, "restore_network", too_late)
    settings = EvalConfig(checkpoint_dir=str(tmp_path), num_examples=1)
    assert evaluate(settings, dataset=drawn).step == times
    assert len(calls) == times + 1


@pytest.mark.fault(promise="checkpoints", injection="the latest one is truncated while an evaluator waits for it")
def test_evaluator_uses_latest_readable_checkpoint_and_continues(tmp_path, drawn):
    train(config(tmp_path, max_steps=2), dataset=drawn)
    torn = Path(latest_checkpoint(tmp_path) + ".data-00000-of-00001")
    whole = torn.read_bytes()
    torn.write_bytes(whole[: len(whole) // 2])
    waits = []

    def wait(seconds):
        """Resumes the run after a while."""
        waits.append(seconds)
        if len(waits) == 2:
            train(config(tmp_path, max_steps=3), dataset=drawn)

    watched = evaluate_repeatedly(EvalConfig(checkpoint_dir=str(tmp_path), num_examples=10), dataset=drawn, wait=wait)
    assert [next(watched).step, next(watched).step] == [1, 3]
