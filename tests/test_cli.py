"""The command line interface: output, errors and exit statuses."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from cifarlab import cli, config
from cifarlab.data.records import CLASSES, TEST_FILES, TRAIN_FILES, read_records, write_records
from cifarlab.data.sources import cifar10
from cifarlab.model.pretrained_weights import training_record
from cifarlab.training.run_log import read_log

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, "-m", "cifarlab"]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory, data_dir):
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert train(folder, data_dir, "--max-steps", "3") == 0
    return folder


def train(folder, data_dir, *more):
    flags = ["--dataset", "drawn", "--data-dir", str(data_dir), "--train-dir", str(folder), "--batch-size", "16"]
    return cli.main(["train", *flags, *more])


def test_train_eval_classify_and_export(run_dir, data_dir, tmp_path, drawn, capsys):
    flags = ["--checkpoint-dir", str(run_dir)]
    assert cli.main(["eval", *flags, "--run-once", "--data-dir", str(data_dir), "--eval-dir", str(tmp_path / "e")]) == 0
    assert re.search(r": precision @ 1 = 0\.\d{3} \(step 3, averaged weights, 2000 images", capsys.readouterr().out)
    assert list((tmp_path / "e").glob("events.out.tfevents*"))
    raw = ["--no-moving-average", "--eval-data", "train_eval", "--num-examples", "500", "--device", "cpu"]
    assert cli.main(["eval", *flags, *raw, "--run-once", "--data-dir", str(data_dir), "--eval-dir", str(tmp_path)]) == 0
    assert "(step 3, raw weights, 500 images" in capsys.readouterr().out

    Image.fromarray(read_records(drawn.test_files[0])[0][0]).save(tmp_path / "picture.png")
    assert cli.main(["classify", str(tmp_path / "picture.png"), str(tmp_path / "picture.png"), *flags]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    guesses = re.findall(r"(\w+) (\d+\.\d)%", lines[0].removeprefix(f"{tmp_path / 'picture.png'}: "))
    assert len(guesses) == 3
    assert {name for name, _ in guesses} <= set(CLASSES)

    assert cli.main(["export", str(tmp_path / "model"), *flags]) == 0
    assert (tmp_path / "model" / "saved_model.pb").exists()


def test_classify_uses_pretrained_weights_without_a_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 40), "skyblue").save("sky.png")
    assert cli.main(["classify", "sky.png"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == (
        "No checkpoint in runs/train; using the pretrained weights, "
        f"which classify {training_record()['precision_at_1']:.1%} of CIFAR-10's test images correctly."
    )
    assert re.fullmatch(r"sky.png: (\w+ \d+\.\d%(, )?){3}", second)


def test_train_resumes_and_writes_event_files(run_dir, data_dir, capsys):
    assert train(run_dir, data_dir, "--max-steps", "5") == 0
    assert "from its checkpoint at step 3." in capsys.readouterr().out
    assert list(run_dir.glob("events.out.tfevents*"))


def test_data_and_doctor(data_dir, capsys):
    assert cli.main(["data", "drawn", "--data-dir", str(data_dir)]) == 0
    assert "drawn: 10,000 training and 2,000 test images in" in capsys.readouterr().out
    assert cli.main(["doctor", "--data-dir", str(data_dir)]) == 0
    out = capsys.readouterr().out
    assert "tensorflow" in out
    assert "cifarlab data cifar10" in out


def test_flags_have_the_tutorials_names():
    _, commands = cli._parsers()
    flags = {name: set(parser._option_string_actions) for name, parser in commands.items()}
    assert flags["train"] >= {
        *("--batch-size", "--max-steps", "--train-dir", "--data-dir", "--dataset", "--log-frequency"),
        *("--seed", "--checkpoint-steps", "--checkpoint-secs", "--fresh"),
    }
    assert flags["eval"] >= {
        *("--eval-dir", "--eval-data", "--checkpoint-dir", "--eval-interval-secs", "--num-examples", "--run-once"),
        *("--no-moving-average", "--device"),
    }


def test_flags_override_a_recipe(tmp_path, data_dir, monkeypatch):
    monkeypatch.setitem(config.RECIPES, "quick", {"momentum": 0.9, "batch_size": 16, "max_steps": 2})
    flags = ["--dataset", "drawn", "--data-dir", str(data_dir), "--train-dir", str(tmp_path)]
    assert cli.main(["train", "--recipe", "quick", "--max-steps", "1", *flags]) == 0
    ran = config.TrainConfig.load(tmp_path / "config.json")
    assert (ran.momentum, ran.batch_size, ran.max_steps) == (0.9, 16, 1)
    assert ran.initial_learning_rate == config.TrainConfig().initial_learning_rate


def start(*arguments):
    """Starts the program in a separate process that receives Ctrl-C even if the tests run in the background."""
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def refused(capfd, arguments, message, status=2):
    """Asserts that a command exits with the status and exactly one line on stderr, which matches the message."""
    capfd.readouterr()
    try:
        got = cli.main([str(a) for a in arguments])
    except SystemExit as error:
        got = error.code
    out, err = capfd.readouterr()
    assert got == status, err
    assert err.count("\n") == 1, err
    assert err.startswith("cifarlab"), err
    assert re.search(message, err), err
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["trian"], "invalid choice: 'trian'"),
        (["train", "--recipe", "slow"], "--recipe: invalid choice: 'slow' .choose from"),
        (["train", "--batchsize", "5"], "unrecognized arguments: --batchsize.*Did you mean --batch-size"),
        (["train", "--batch-size", "many"], "--batch-size: invalid int value: 'many'"),
        (["train", "--batch-size", "0"], "batch_size = 0 is out of range"),
        (["train", "--dataset", "cifer10"], "unknown dataset 'cifer10'.*Did you mean cifar10"),
        (["data", "imagenet"], "unknown dataset 'imagenet'; available: cifar10, drawn"),
        (["data"], "required: NAME"),
        (["eval", "--eval-data", "val"], "eval_data must be one of test, validation, train_eval; got 'val'"),
        (["eval", "--run-once", "--checkpoint-dir", "/nowhere/run"], "must contain checkpoints of a run; found none"),
        (["classify", "--checkpoint-dir", "/nowhere/run", "a.png"], "found none"),
        (["export", "/tmp", "--checkpoint-dir", "/nowhere/run"], "found none"),
    ],
)
def test_bad_arguments_are_one_line_and_status_2(capfd, arguments, message):
    refused(capfd, arguments, message)


def test_bad_data_files(capfd, tmp_path):
    folder = tmp_path / "data" / cifar10.FOLDER
    folder.mkdir(parents=True)
    for name in TRAIN_FILES + TEST_FILES:
        write_records(folder / name, np.zeros([1, 32, 32, 3], np.uint8), [3])
    arguments = ["train", "--data-dir", tmp_path / "data", "--train-dir", tmp_path / "run"]
    write_records(folder / "data_batch_4.bin", np.zeros([1, 32, 32, 3], np.uint8), [11])
    refused(capfd, arguments, "labels of cifar10 must be from 0 to 9; record 0 of .*data_batch_4.bin has 11")
    (folder / "data_batch_4.bin").write_bytes(b"short")
    refused(capfd, arguments, "data_batch_4.bin has 5 bytes")
    assert not list((tmp_path / "run").iterdir())


def test_a_failed_download_suggests_the_drawn_dataset(capfd, tmp_path, monkeypatch):
    monkeypatch.setattr(cifar10, "URL", "http://127.0.0.1:9/cifar-10-binary.tar.gz")  # no server there
    monkeypatch.setattr("cifarlab.data.sources.download.RETRY_DELAYS_S", ())
    refused(capfd, ["train", "--data-dir", tmp_path / "d", "--train-dir", tmp_path / "r"], "--dataset drawn")


def test_bad_directories(capfd, tmp_path, data_dir, run_dir):
    (tmp_path / "file").write_text("")
    drawn = ["train", "--dataset", "drawn", "--data-dir", data_dir, "--train-dir"]
    refused(capfd, [*drawn, tmp_path / "file"], "must be a writable directory")
    refused(capfd, [*drawn, run_dir, "--fresh"], "requires an empty train_dir")
    refused(capfd, ["data", "drawn", "--data-dir", tmp_path / "file" / "below"], "file")
    once = ["eval", "--run-once", "--checkpoint-dir", run_dir, "--data-dir", data_dir, "--num-examples", "10"]
    refused(capfd, [*once, "--eval-dir", tmp_path / "file" / "below"], "must be a writable directory")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("")
    refused(capfd, ["export", tmp_path / "full", "--checkpoint-dir", run_dir], "must be new or empty")
    refused(capfd, ["export", "/dev/null/model", "--checkpoint-dir", run_dir], "must be writable")


def test_cli_validates_settings_before_download(capfd, tmp_path, run_dir, monkeypatch):
    monkeypatch.setattr(cifar10, "fetch", lambda *args, **kwargs: 1 / 0)
    refused(capfd, ["train", "--data-dir", tmp_path, "--train-dir", run_dir, "--fresh"], "requires an empty train_dir")


def test_a_waiting_evaluator_prints_a_message(tmp_path):
    process = start("eval", "--checkpoint-dir", tmp_path / "typo", "--eval-dir", tmp_path / "eval")
    line = process.stdout.readline()
    process.kill()
    assert line == f"No checkpoint in {tmp_path / 'typo'} yet; checking every 300 s.\n"


def test_bad_images(capfd, tmp_path, run_dir):
    (tmp_path / "text.png").write_text("not an image")
    for name, message in (("text.png", "cannot be read as one"), ("none.png", "no such file")):
        refused(capfd, ["classify", tmp_path / name, "--checkpoint-dir", run_dir], message)


def test_a_damaged_run_directory(capfd, tmp_path, run_dir, data_dir):
    folder = tmp_path / "run"
    shutil.copytree(run_dir, folder)
    (folder / "config.json").write_text("{")
    once = ["eval", "--run-once", "--checkpoint-dir", folder, "--data-dir", data_dir]
    refused(capfd, once, "cannot be read")
    shutil.copy(run_dir / "config.json", folder)
    (folder / "dataset.json").unlink()
    refused(capfd, ["classify", "a.png", "--checkpoint-dir", folder], "must describe a dataset")


def test_cli_names_renamed_settings_of_an_old_run(capfd, tmp_path, run_dir, data_dir):
    folder = tmp_path / "run"
    shutil.copytree(run_dir, folder)
    settings = json.loads((folder / "config.json").read_text())
    old = {"operations": "fast" if settings.pop("fast_ops") else "plain"}
    old["keep_checkpoints"] = settings.pop("max_checkpoints_to_keep")
    (folder / "config.json").write_text(json.dumps({**settings, **old}))
    refused(
        capfd,
        ["eval", "--run-once", "--checkpoint-dir", folder, "--data-dir", data_dir],
        "keep_checkpoints is now max_checkpoints_to_keep; operations is now fast_ops",
    )
    again = ["train", "--dataset", "drawn", "--data-dir", data_dir, "--train-dir", folder]
    refused(capfd, again, "rename them in the file, or move the file away and pass the run's settings again.\n")
    (folder / "config.json").rename(tmp_path / "old.json")
    done = [*read_log(folder)][-1]["step"]
    assert train(folder, data_dir, "--max-steps", str(done + 2)) == 0
    assert [*read_log(folder)][-1]["step"] > done


@pytest.mark.full
def test_not_a_number_is_status_1(capfd, tmp_path, data_dir):
    flags = ["--dataset", "drawn", "--data-dir", data_dir, "--train-dir", tmp_path, "--initial-learning-rate", "1e30"]
    refused(capfd, ["train", *flags, "--max-steps", "20", "--batch-size", "16"], "training stopped", status=1)


@pytest.mark.full
def test_ctrl_c_saves_and_says_how_to_continue(tmp_path, data_dir):
    folder = tmp_path / "run"
    flags = ["--dataset", "drawn", "--data-dir", data_dir, "--train-dir", folder, "--batch-size", "16"]
    process = start("train", *flags)
    for line in process.stdout:
        if "step 10," in line:
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert err == ""
    stopped = re.search(r"Stopped and saved at step (\d+)\. To continue, run the same command again", out)
    assert (folder / f"model.ckpt-{stopped[1]}.index").exists()


@pytest.mark.full
def test_training_in_an_unusual_environment(tmp_path, data_dir):
    """Without UTF-8, a home directory or a known time zone, and with a name that the locale lacks."""
    unusual = {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "TZ": "Nowhere/City",
        "PYTHONHASHSEED": "7",
    }
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "LANG")} | unusual
    name = "b\u00fccher \u732b"
    flags = ["--dataset", "drawn", "--data-dir", data_dir, "--train-dir", tmp_path / name, "--batch-size", "16"]
    command = [sys.executable, "-X", "warn_default_encoding", "-m", "cifarlab", "train", *map(str, flags)]
    done = subprocess.run([*command, "--max-steps", "3"], env=environment, capture_output=True, timeout=300)
    ours = [line for line in done.stderr.splitlines() if b"cifarlab" in line]
    assert (done.returncode, ours) == (0, [])
    assert b"Done: 3 steps." in done.stdout
    assert [line["step"] for line in read_log(tmp_path / name) if line["event"] == "checkpoint"] == [3]


@pytest.mark.full
def test_a_lost_terminal_saves_unless_nohup_ignores_it(tmp_path, data_dir):
    """With its terminal, the output is lost as well; SIGTERM then ends the run that ignored SIGHUP."""
    flags = ["--dataset", "drawn", "--data-dir", data_dir, "--batch-size", "16", "--train-dir"]
    lost = start("train", *flags, tmp_path / "lost")
    nohup = subprocess.Popen(
        ["nohup", *PROGRAM, "train", *map(str, flags), str(tmp_path / "nohup")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for process in (lost, nohup):
        assert any("step 10," in line for line in process.stdout)
    lost.stdout.close()
    lost.send_signal(signal.SIGHUP)
    lost.send_signal(signal.SIGHUP)
    nohup.send_signal(signal.SIGHUP)
    err = lost.stderr.read()
    assert lost.wait(timeout=300) == 128 + signal.SIGHUP
    assert max(int(path.stem.partition("-")[2]) for path in (tmp_path / "lost").glob("model.ckpt-*.index")) > 10
    assert err.count("\n") <= 1, err
    assert "Traceback" not in err
    for _ in range(2):  # at least 10 more steps
        assert "step " in nohup.stdout.readline()
    nohup.send_signal(signal.SIGTERM)
    out, err = nohup.communicate(timeout=300)
    assert (nohup.returncode, err) == (128 + signal.SIGTERM, "")
    assert "Stopped and saved at step" in out


@pytest.mark.full
def test_ctrl_c_stops_an_evaluator_without_output(tmp_path, run_dir, data_dir):
    flags = ["--checkpoint-dir", run_dir, "--data-dir", data_dir, "--eval-dir", tmp_path, "--num-examples", "10"]
    process = start("eval", *flags)
    assert "precision @ 1" in process.stdout.readline()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (130, "")


def test_cli_ignores_broken_pipe(data_dir):
    command = f"{sys.executable} -m cifarlab train --help | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=os.environ)
    assert done.stdout.startswith("usage: cifarlab train")
    assert done.stderr == ""


def test_multi_gpu_trains_with_two_towers(tmp_path, data_dir, capsys):
    flags = ["--dataset", "drawn", "--data-dir", str(data_dir), "--train-dir", str(tmp_path), "--batch-size", "8"]
    assert cli.main(["multi-gpu", *flags, "--max-steps", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 towers of 8 images each, 0 GPUs for them: tower_0 on CPU:0, tower_1 on CPU:0.\n")
    assert "Done: 2 steps." in out


def test_multi_worker_without_tf_config(capfd, monkeypatch, tmp_path):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    refused(capfd, ["train", "--strategy", "multi-worker", "--train-dir", tmp_path], "TF_CONFIG must list all workers")
    refused(
        capfd,
        ["train", "--strategy", "horovod"],
        "strategy must be one of towers, mirrored, multi-worker; got 'horovod'",
    )
