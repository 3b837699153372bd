import datetime
import re

import numpy as np
import pytest

from cifarlab.config import TrainConfig
from cifarlab.data import custom
from cifarlab.data.sources.download import Progress
from cifarlab.evaluation.evaluator import Evaluation
from cifarlab.monitoring.console import (
    Console,
    DownloadProgressBar,
    ImageProgressBar,
    evaluation_line,
    progress_line,
    warn_if_imbalanced,
)
from cifarlab.training.loop import train
from cifarlab.training.observers import Observer

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"
STEP = re.compile(STAMP + r": step (\d+), loss = (\d+\.\d\d) \((\d+\.\d) examples/sec; (\d+\.\d{3}) sec/batch\)")


def test_a_run_prints_the_tutorials_lines(tmp_path, drawn, capfd):
    folder = str(tmp_path / "run")
    config = TrainConfig(dataset="drawn", train_dir=folder, max_steps=21, batch_size=16)
    train(config, dataset=drawn, observers=[Console()])
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[0] == "Filling queue with 4000 drawn images before starting to train. This takes about 1 s."
    steps = [STEP.fullmatch(line) for line in lines[1:-1]]
    assert [int(match[1]) for match in steps] == [0, 10, 20]
    assert float(steps[0][2]) == pytest.approx(4.68, abs=0.05)
    assert float(steps[1][3]) == pytest.approx(16 / float(steps[1][4]), rel=0.1)
    assert lines[-1] == f"Done: 21 steps. Evaluate them: cifarlab eval --run-once --checkpoint-dir {folder}"
    assert err == ""


def test_resuming_and_stopping_are_printed(tmp_path, drawn, capsys):
    config = TrainConfig(dataset="drawn", train_dir=str(tmp_path), max_steps=2, batch_size=16)
    train(config, dataset=drawn)

    class StopAtOnce(Observer):
        def on_start(self, run):
            control.stop()

    from cifarlab.training.control import Control

    control = Control()
    config = TrainConfig(dataset="drawn", train_dir=str(tmp_path), max_steps=9, batch_size=16)
    train(config, dataset=drawn, observers=[Console(), StopAtOnce()], control=control)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Resuming {tmp_path} from its checkpoint at step 2."
    assert lines[-1].startswith("Stopped and saved at step 2. To continue, run the same command again")


def test_a_finished_run_prints_one_line(tmp_path, drawn, capsys):
    config = TrainConfig(dataset="drawn", train_dir=str(tmp_path), max_steps=1, batch_size=16)
    train(config, dataset=drawn)
    train(config, dataset=drawn, observers=[Console()])
    assert capsys.readouterr().out == f"{tmp_path} is already at step 1; nothing to do for --max-steps 1.\n"


def test_cifar10_is_called_cifar_as_in_the_tutorial(drawn, capsys):
    import dataclasses

    from cifarlab.training.observers import Run

    Console().on_start(Run(TrainConfig(), dataclasses.replace(drawn, name="cifar10"), None, None, 0))
    assert "Filling queue with 4000 CIFAR images before starting to train. This takes about" in capsys.readouterr().out


def test_imbalanced_classes_print_the_majority_baseline(tmp_path, drawn, capsys):
    warn_if_imbalanced(drawn)
    assert capsys.readouterr().out == ""
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    images = np.zeros([100, 8, 8, 3], np.uint8)
    uneven = custom.from_arrays(
        images, labels, tmp_path, classes=["oak", "ash", "elm"], test=(images[:70], labels[30:])
    )
    warn_if_imbalanced(uneven)
    assert capsys.readouterr().out == (
        "Imbalanced classes: 60 training images of oak, 10 of elm. "
        "Always predicting oak is right for 42.9% of the test images.\n"
    )


def test_precision_begins_as_in_the_tutorial():
    line = evaluation_line(
        Evaluation(60_000, 0.8601, 10_000, 3.0), True, datetime.datetime(2015, 11, 6, 8, 30, 44, 391206)
    )
    assert line.startswith("2015-11-06 08:30:44.391206: precision @ 1 = 0.860 ")


def progress(**kwargs):
    values = {"name": "cifar-10-binary.tar.gz", "done": 0, "total": 170_052_171, "bytes_per_second": 0.0}
    return Progress(**{**values, "seconds_left": None, **kwargs})


def test_a_download_prints_size_speed_and_remaining_time():
    line = progress_line(progress(done=85_000_000, bytes_per_second=70_000.0, seconds_left=1215.0))
    assert line == "cifar-10-binary.tar.gz: 85.0 of 170.1 MB, 0.07 MB/s, 20 min 15 s left"
    assert progress_line(progress(total=None, done=2_000_000)) == "cifar-10-binary.tar.gz: 2.0 MB, 0.00 MB/s"
    assert "waiting for another process to download it, 2.0 MB so far" in progress_line(
        progress(done=2_000_000, waiting=True)
    )


def test_off_a_terminal_a_download_prints_few_lines(capsys):
    bar = DownloadProgressBar()
    for done in range(0, 170_052_171, 1_000_000):
        bar(progress(done=done))
    bar(progress(done=170_052_171))
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("live", "times", "expected"),
    [
        (False, [0, 0.5, 1.2, 5, 11.3], ["2 of 9 images read", "4 of 9 images read"]),
        (False, [0, 0.5], []),
        (True, [0, 0.5, 1.2, 1.3, 1.5], ["", "2 of 9 images read", "4 of 9 images read"]),
        (True, [0, 0.5], []),
    ],
)
def test_reading_images_is_silent_for_a_second_and_leaves_no_open_line(monkeypatch, capsys, live, times, expected):
    monkeypatch.setattr("sys.stdout.isatty", lambda: live)
    clock = iter(times)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with ImageProgressBar() as progress:
        for done in range(1, len(times)):
            progress(done, 9)
    out = capsys.readouterr().out
    assert out == "" or out.endswith("\n")
    assert [line.strip() for line in out.rstrip("\n").split("\r" if live else "\n")] == (expected or [""])
