"""Exact resume: a run that is killed repeatedly ends with the same bits as an uninterrupted one."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.data.pipeline import READ_CHUNK, QueueCounter, distorted_inputs, queue_capacity
from cifarlab.training import checkpoint_files
from cifarlab.training.checkpoints import latest_checkpoint
from cifarlab.training.loop import train
from cifarlab.training.observers import Observer
from cifarlab.training.run_log import RunLog, read_log

pytestmark = pytest.mark.slow

STEPS, CHECKPOINT_STEPS = {False: 400, True: 3000}, 4
MEASURED = {"examples_per_second", "seconds_per_batch", "queue_fill", "input_wait"}
"""The measurements in a log, which differ between runs: times, speeds and the fill of the input queue."""


def start(folder: Path, steps: int) -> subprocess.Popen:
    """Starts `cifarlab train` in a process."""
    settings = {
        "--dataset": "drawn",
        "--train-dir": str(folder),
        "--batch-size": "8",
        "--max-steps": str(steps),
        "--checkpoint-steps": str(CHECKPOINT_STEPS),
        "--checkpoint-secs": "0",
        "--log-frequency": "1",
        "--summary-frequency": "0",
        "--min-fraction-of-examples-in-queue": "0.1",
    }
    arguments = [word for pair in settings.items() for word in pair]
    command = [sys.executable, "-m", "cifarlab", "train", "--deterministic", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> None:
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said


def steps_logged(folder: Path) -> int:
    log = folder / "log.jsonl"
    return log.read_bytes().count(b'"step", "step"') if log.exists() else 0


def writes_a_checkpoint(folder: Path) -> bool:
    """Returns whether a checkpoint is incomplete: under a temporary name, or with data but without an index."""
    return any(folder.glob("model.ckpt-*.part")) or bool(
        {path.name.partition(".data-")[0] for path in folder.glob("model.ckpt-*.data-*")}
        - {path.stem for path in folder.glob("model.ckpt-*.index")}
    )


def kill_when(process: subprocess.Popen, folder: Path, writing: bool, delay: float) -> bool:
    """Kills a run after a delay, or while it saves a checkpoint; returns whether it was still running."""
    before = steps_logged(folder)
    while steps_logged(folder) == before and process.poll() is None:
        time.sleep(0.01)
    time.sleep(delay)
    while writing and not writes_a_checkpoint(folder) and process.poll() is None:
        pass
    process.send_signal(signal.SIGKILL)
    _, said = process.communicate(timeout=300)
    assert process.returncode in (0, -signal.SIGKILL), said
    return process.returncode == -signal.SIGKILL


def what_is_left(folder: Path) -> tuple[dict, list]:
    """Returns all values of a run's last checkpoint as bytes, and its log without measurements."""
    reader = tf.train.load_checkpoint(latest_checkpoint(folder))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("state/")]
    values = {name: reader.get_tensor(name).tobytes() for name in names}
    log = [{key: value for key, value in line.items() if key not in MEASURED} for line in read_log(folder)]
    return values, log


@pytest.fixture(scope="module")
def uninterrupted(data_dir, tmp_path_factory, soak):
    """The number of steps of an uninterrupted run, and its last checkpoint and log."""
    steps = STEPS[soak]
    folder = tmp_path_factory.mktemp("uninterrupted")
    finish(start(folder, steps))
    return steps, what_is_left(folder)


@pytest.mark.full
@pytest.mark.fault(
    promise="exact resume", injection="killed with SIGKILL at random moments, half of them while saving a checkpoint"
)
def test_run_killed_repeatedly_ends_like_uninterrupted_run(uninterrupted, tmp_path, count_trial, soak):
    steps, (values, log) = uninterrupted
    rng, torn = random.Random(9), 0
    for number in range(50 if soak else 5):
        process = start(tmp_path, steps)
        assert kill_when(process, tmp_path, writing=number % 2 == 1, delay=rng.uniform(0, 0.3)), "it ended before"
        torn += writes_a_checkpoint(tmp_path)
        count_trial()
    assert torn
    finish(start(tmp_path, steps))
    values_after, log_after = what_is_left(tmp_path)
    assert log_after == log
    assert values_after == values
    assert not writes_a_checkpoint(tmp_path)


class KilledError(BaseException):
    """Simulates a kill at a certain line; nothing catches it."""


def killed(*arguments, **values):
    raise KilledError


def killed_at(step):
    """Replaces `checkpoint_files.write_index` with a kill when it would name the checkpoint of a step."""
    write_index = checkpoint_files.write_index

    def write(folder, index):
        return killed() if index.entries[-1].step == step else write_index(folder, index)

    return write


class Sessions(Observer):
    """Records the first step of each session of a run."""

    def __init__(self):
        self.began = []

    def on_start(self, run):
        self.began.append(run.first_step)


@pytest.mark.fault(promise="exact resume", injection="killed between saving a checkpoint and indexing or logging it")
@pytest.mark.parametrize("moment", [pytest.param("before it is named", marks=pytest.mark.full), "before it is logged"])
def test_run_resumes_from_checkpoint_that_was_not_logged(tmp_path, drawn, monkeypatch, moment):
    settings = {"dataset": "drawn", "train_dir": str(tmp_path), "batch_size": 8, "checkpoint_steps": 2}
    train(TrainConfig(**settings, max_steps=2), dataset=drawn)
    with monkeypatch.context() as patch:
        if moment == "before it is named":
            patch.setattr(checkpoint_files, "write_index", killed_at(4))
        else:
            append = RunLog.append
            patch.setattr(
                RunLog,
                "append",
                lambda log, event, *more, **values: (
                    killed() if event == "checkpoint" else append(log, event, *more, **values)
                ),
            )
        with pytest.raises(KilledError):
            train(TrainConfig(**settings, max_steps=6), dataset=drawn)
    sessions = Sessions()
    train(TrainConfig(**settings, max_steps=6), dataset=drawn, observers=[sessions])
    assert sessions.began == [4]
    assert [line["path"] for line in read_log(tmp_path) if line["event"] == "checkpoint"] == [
        "model.ckpt-2",
        "model.ckpt-4",
        "model.ckpt-6",
    ]


@pytest.mark.full
@pytest.mark.fault(promise="exact resume", injection="resumed at step 100,000")
def test_resume_skips_at_most_one_epoch_of_records(drawn):
    records, batch, counter = drawn.num_examples("train"), 32, QueueCounter()
    batches = distorted_inputs(drawn, batch, first_step=100_000, counter=counter, num_preprocess_threads=2)
    next(iter(batches))
    ahead = 10 * batch + READ_CHUNK  # ahead of the delivered records: prefetched batches, and records read in one chunk
    assert int(counter._read) <= records + queue_capacity(records, batch) + ahead


@pytest.mark.full
@pytest.mark.fault(promise="exact resume", injection="a dataset description or settings file truncated by a kill")
@pytest.mark.parametrize("name", ["config.json", "dataset.json"])
def test_small_files_of_a_run_are_written_atomically(tmp_path, drawn, monkeypatch, name):
    settings = {"dataset": "drawn", "train_dir": str(tmp_path), "batch_size": 8}
    train(TrainConfig(**settings, max_steps=1), dataset=drawn)
    before = (tmp_path / name).read_text()
    opened = Path.open

    def torn(path, mode="r", *more, **values):
        """Wraps `Path.open`, with a kill in the middle of writing to one of the files."""
        file = opened(path, mode, *more, **values)
        if "w" in mode and path.name.startswith(name):
            write = file.write

            def half(text):
                write(text[: len(text) // 2])
                file.flush()
                raise KilledError

            file.write = half
        return file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", torn)
        with pytest.raises(KilledError):
            train(TrainConfig(**settings, max_steps=2), dataset=drawn)
    assert (tmp_path / name).read_text() == before
    assert int(train(TrainConfig(**settings, max_steps=2), dataset=drawn).step) == 2
