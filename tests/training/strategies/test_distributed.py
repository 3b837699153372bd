"""Mirrored replicas on logical devices of this process, and workers in separate processes on this machine."""

import json
import os
import re
import socket
import subprocess
import sys

import numpy as np
import pytest

from cifarlab.config import ConfigError, TrainConfig
from cifarlab.data.pipeline import distorted_inputs
from cifarlab.model.network import ConvNet
from cifarlab.training.checkpoints import latest_checkpoint, restore_network
from cifarlab.training.loop import train
from cifarlab.training.strategies import strategy

pytestmark = pytest.mark.slow

SLOWLY = 0.001
"""The learning rate. With the tutorial's 0.1, rounding errors grow tenfold in ten steps and could hide a difference."""

TOLERANCE = 0.002
"""The largest difference between two runs, as a fraction of the largest change of any weight."""


def weights(folder):
    net = ConvNet()
    step = restore_network(net, latest_checkpoint(folder), averaged=False)
    return step, [variable.numpy() for variable in net.trainable_variables]


def assert_same_weights(folder, other):
    (step, mine), (other_step, others) = weights(folder), weights(other)
    assert step == other_step
    moved = max(np.abs(a - b.numpy()).max() for a, b in zip(mine, ConvNet().trainable_variables, strict=True))
    assert moved > 1e-4
    assert max(np.abs(a - b).max() for a, b in zip(mine, others, strict=True)) < TOLERANCE * moved


@pytest.mark.full
@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_mirrored_replicas_match_the_update_of_the_whole_batch(tmp_path, drawn, replicas):
    common = {"dataset": "drawn", "max_steps": 20, "initial_learning_rate": SLOWLY}
    whole = TrainConfig(**common, batch_size=8 * replicas, train_dir=str(tmp_path / "whole"))
    shared = TrainConfig(
        **common,
        batch_size=8,
        num_gpus=replicas,
        strategy="mirrored",
        virtual_devices=True,
        train_dir=str(tmp_path / "shared"),
    )
    train(whole, dataset=drawn)
    train(shared, dataset=drawn)
    assert_same_weights(tmp_path / "whole", tmp_path / "shared")


@pytest.mark.full
def test_a_mirrored_run_resumes(tmp_path, drawn):
    config = {"dataset": "drawn", "batch_size": 4, "num_gpus": 2, "strategy": "mirrored", "virtual_devices": True}
    train(TrainConfig(**config, max_steps=6, train_dir=str(tmp_path / "at_once")), dataset=drawn)
    for steps in (3, 6):
        train(TrainConfig(**config, max_steps=steps, train_dir=str(tmp_path / "in_two")), dataset=drawn)
    assert_same_weights(tmp_path / "at_once", tmp_path / "in_two")


class Doubling(ConvNet):
    def stages(self, images):
        stages = super().stages(images)
        return stages._replace(softmax_linear=2 * stages.softmax_linear)


@pytest.mark.full
def test_a_custom_network_must_be_passed_as_a_function(tmp_path, drawn):
    config = {"dataset": "drawn", "batch_size": 4, "max_steps": 3, "initial_learning_rate": SLOWLY}
    replicas = {"num_gpus": 2, "strategy": "mirrored", "virtual_devices": True}
    shared = TrainConfig(**config, **replicas, train_dir=str(tmp_path / "shared"))
    with pytest.raises(ConfigError, match="Pass a function that creates it"):
        train(shared, dataset=drawn, network=Doubling())
    train(shared, dataset=drawn, network=Doubling)
    whole = TrainConfig(**{**config, "batch_size": 8}, train_dir=str(tmp_path / "whole"))
    train(whole, dataset=drawn, network=Doubling())
    assert_same_weights(tmp_path / "whole", tmp_path / "shared")


def test_more_replicas_than_devices():
    with pytest.raises(ConfigError, match="one device per replica; got num_gpus = 3, but 1 available"):
        strategy.make_strategy(TrainConfig(strategy="mirrored", num_gpus=3))


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_read_disjoint_rows_of_the_whole_batch(drawn, workers):
    """Workers read different images, with the same distortions as in the whole batch."""
    images, labels = next(iter(distorted_inputs(drawn, 16, seed=3, first_step=5)))
    shares = [
        next(iter(distorted_inputs(drawn, 16, seed=3, first_step=5, shard=(worker, workers))))
        for worker in range(workers)
    ]
    np.testing.assert_allclose(np.concatenate([share[0] for share in shares]), images, atol=1e-6)
    assert np.concatenate([share[1] for share in shares]).tolist() == labels.numpy().tolist()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start_workers(count, folder, data_dir, *flags):
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    command = [sys.executable, "-m", "cifarlab", "train", "--dataset", "drawn", "--data-dir", str(data_dir), *flags]
    command += [
        "--initial-learning-rate",
        str(SLOWLY),
        "--strategy",
        "multi-worker",
        "--train-dir",
        str(folder),
        "--summary-frequency",
        "20",
    ]
    processes = []
    for index in range(count):
        place = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        processes.append(
            subprocess.Popen(
                command,
                env={**os.environ, "TF_CONFIG": json.dumps(place)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return processes


def one_process(folder, drawn, batch_size, steps):
    config = TrainConfig(
        dataset="drawn", train_dir=str(folder), batch_size=batch_size, max_steps=steps, initial_learning_rate=SLOWLY
    )
    train(config, dataset=drawn)


@pytest.mark.parametrize("workers", [2, pytest.param(4, marks=pytest.mark.full)])
def test_workers_end_with_the_weights_of_one_process(tmp_path, data_dir, drawn, workers):
    """50 steps; only the chief's checkpoints and summaries are kept."""
    flags = ["--batch-size", str(16 // workers), "--max-steps", "50"]
    processes = start_workers(workers, tmp_path / "apart", data_dir, *flags)
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0] * workers, outputs
    for index, (out, err) in enumerate(outputs):
        assert err == ""
        assert out.startswith(f"{workers} replicas of {16 // workers} images each; this is worker {index} of {workers}")
        assert "step 40, loss = " in out
    assert "Done: 50 steps. Evaluate them" in outputs[0][0]
    assert "Done: 50 steps, saved by the chief." in outputs[1][0]
    assert len(list((tmp_path / "apart").glob("events.out.tfevents*"))) == 1
    one_process(tmp_path / "together", drawn, 16, 50)
    assert_same_weights(tmp_path / "together", tmp_path / "apart")


@pytest.mark.full
def test_a_job_resumes_after_a_worker_died(tmp_path, data_dir, drawn):
    flags = ["--batch-size", "8", "--max-steps", "60", "--checkpoint-steps", "20"]
    chief, worker = start_workers(2, tmp_path / "apart", data_dir, *flags)
    for line in chief.stdout:
        if ": step 30," in line:
            break
    worker.kill()
    _, err = chief.communicate(timeout=120)
    worker.communicate()
    assert chief.returncode == 1
    assert re.fullmatch(
        r"cifarlab train: lost contact with another worker at step \d+; training stopped\. The last good checkpoint "
        r"is that of step 20, in .*\. Restart all workers to resume\.\n",
        err,
    ), err
    for process in start_workers(2, tmp_path / "apart", data_dir, *flags):
        out, err = process.communicate(timeout=300)
        assert (process.returncode, err) == (0, ""), out
        assert "from its checkpoint at step 20." in out
    one_process(tmp_path / "together", drawn, 16, 60)
    assert_same_weights(tmp_path / "together", tmp_path / "apart")
