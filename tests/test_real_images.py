"""Training and evaluation on the real CIFAR-10 images; skipped if they are missing."""

import dataclasses
import filecmp
import functools
import hashlib
import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from benchmarks.exercises import solution
from cifarlab import cli
from cifarlab.config import TrainConfig
from cifarlab.data import registry
from cifarlab.data.distortions import random_contrast
from cifarlab.data.pipeline import distorted_inputs, inputs
from cifarlab.data.records import read_records
from cifarlab.data.sources import cifar10 as source
from cifarlab.data.sources.svhn import convert_to_records
from cifarlab.evaluation.classifier import pretrained_classifier
from cifarlab.evaluation.evaluator import logits_and_labels
from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model import pretrained_weights
from cifarlab.model.losses import loss
from cifarlab.model.network import ConvNet, inference
from cifarlab.training.loop import train
from cifarlab.training.observers import Observer

pytestmark = [pytest.mark.slow, pytest.mark.full]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def cifar10(real_data_dir):
    return registry.load("cifar10", real_data_dir)


@pytest.fixture(scope="module")
def svhn(real_data_dir, tmp_path_factory):
    """Returns the dataset of SVHN's files, or of their first digits, and the folder of the files."""
    home = real_data_dir / "svhn"
    if not (home / "train_32x32.mat").exists():
        pytest.skip(f"no real house numbers: {home} must contain train_32x32.mat and test_32x32.mat")
    folder = tmp_path_factory.mktemp("data") / "svhn"
    folder.mkdir()
    for part in ("train", "test"):
        convert_to_records(home / f"{part}_32x32.mat", folder / f"{part}.bin")
    return registry.load("svhn", folder.parent), home


def test_sizes_and_classes(cifar10):
    assert cifar10.num_examples("train") == 50_000
    assert cifar10.num_examples("test") == 10_000
    labels = np.concatenate([labels for _, labels in inputs(cifar10, "test", 2500)])
    assert np.bincount(labels).tolist() == [1000] * 10


def test_the_archive_is_fetched_and_unpacked_like_from_the_official_host(cifar10, real_data_dir, tmp_path, monkeypatch):
    """Downloads like a new user, from a host on loopback and with the copy's checksum."""
    archive = real_data_dir / "cifar-10-binary.tar.gz"
    if not archive.exists():
        pytest.skip(f"no archive of the real images: {archive} is not there")
    with archive.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    handler = functools.partial(_Quiet, directory=str(real_data_dir))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(source, "URL", f"http://127.0.0.1:{server.server_port}/{archive.name}")
        monkeypatch.setattr(source, "ARCHIVE_HASH", f"sha256:{checksum}")
        monkeypatch.setattr(source, "ARCHIVE_BYTES", archive.stat().st_size)
        fetched = registry.load("cifar10", tmp_path)
        server.shutdown()
    for split in ("train", "test"):
        pairs = zip(fetched.files(split), cifar10.files(split), strict=True)
        assert all(filecmp.cmp(ours, theirs, shallow=False) for ours, theirs in pairs)


@pytest.mark.parametrize("seed", range(5))
def test_loss_at_step_0_is_4_68(cifar10, seed):
    net = ConvNet(seed=seed)
    images, labels = next(iter(distorted_inputs(cifar10, seed=seed)))
    assert float(loss(net, inference(net, images), labels).total) == pytest.approx(4.68, abs=0.03)


def test_the_tutorials_published_log_is_that_of_its_early_version(cifar10, tmp_path):
    """4.68, 4.66, 4.64, 4.62, 4.61, 4.59: its convolutions start with a standard deviation of 1e-4, not 0.05."""
    losses = []

    class Log(Observer):
        def on_step(self, record):
            losses.append(record.losses["total_loss"])

    net = ConvNet(seed=0)
    for layer in (net.conv1, net.conv2):
        layer.weights.assign(layer.weights / 500)
    train(TrainConfig(train_dir=str(tmp_path), max_steps=51), dataset=cifar10, network=net, observers=[Log()])
    assert losses == pytest.approx([4.68, 4.66, 4.64, 4.62, 4.61, 4.59], abs=0.03)


def test_train_and_eval_from_the_command_line(cifar10, real_data_dir, tmp_path, capsys):
    flags = ["--data-dir", str(real_data_dir)]
    assert cli.main(["train", *flags, "--train-dir", str(tmp_path / "run"), "--max-steps", "151"]) == 0
    out = capsys.readouterr().out
    assert "Filling queue with 20000 CIFAR images before starting to train. This takes about 1 s." in out
    losses = [float(value) for value in re.findall(r"step \d+, loss = (\d+\.\d\d)", out)]
    assert len(losses) == 16
    assert losses[0] == pytest.approx(4.68, abs=0.03)
    assert losses[-1] < 4.1  # 4.41 with weight decay only
    flags += ["--checkpoint-dir", str(tmp_path / "run"), "--eval-dir", str(tmp_path / "eval"), "--run-once"]
    assert cli.main(["eval", *flags]) == 0
    precision, images = re.search(r"precision @ 1 = (0\.\d+) .* (\d+) images", capsys.readouterr().out).groups()
    assert int(images) == 10_000
    assert float(precision) > 0.3  # after 151 steps; chance is 0.1


def test_the_shipped_weights_are_as_good_as_their_record_says(cifar10):
    logits, labels = logits_and_labels(pretrained_classifier().network, inputs(cifar10, batch_size=500))
    assert precision_at_1(logits, labels) == pytest.approx(
        pretrained_weights.training_record()["precision_at_1"], abs=0.001
    )


def test_house_numbers_are_read_as_the_solution_of_exercise_6_reads_them(svhn):
    dataset, home = svhn
    images, labels = read_records(dataset.train_files[0])
    by_scipy = solution("06_svhn")["read_digits"](str(home / "train_32x32.mat"))
    assert (images == by_scipy[0]).all()
    assert (labels == by_scipy[1]).all()
    name, share = dataset.majority_class()
    assert name == "1"
    assert share == pytest.approx(0.19, abs=0.01)


def test_the_adapted_network_is_better_on_real_house_numbers(svhn, tmp_path):
    """A short version of `benchmarks/svhn.py`: 300 steps of each network with the same seed."""
    dataset, solved, found = svhn[0], solution("06_svhn"), {}
    larger = dataclasses.replace(dataset, crop_size=28)
    config = TrainConfig(train_dir=str(tmp_path / "as_it_is"), max_steps=300, batch_size=64)
    found["as it is"] = inputs(dataset), train(config, dataset=dataset)
    quick = {"schedule": "one-cycle", "initial_learning_rate": 0.05, "momentum": 0.9, "moving_average_decay": 0.99}
    config = TrainConfig(train_dir=str(tmp_path / "adapted"), max_steps=300, batch_size=64, **quick)
    distortions = [solved["negative"], random_contrast]
    state = train(config, network=solved["DigitsNet"](), dataset=larger, distortions=distortions)
    found["adapted"] = inputs(larger), state
    right = {
        name: precision_at_1(*logits_and_labels(state.averages, images)) for name, (images, state) in found.items()
    }
    assert right["adapted"] > right["as it is"] + 0.05
    assert right["adapted"] > 0.6
