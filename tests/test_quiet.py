"""A normal run writes nothing to stderr with any supported version of TensorFlow."""

import os
import subprocess
import sys


def cifarlab(*arguments):
    """Runs the program without the TensorFlow settings of the test process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    command = [sys.executable, "-m", "cifarlab", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)


def test_training_and_evaluation_write_nothing_to_stderr(tmp_path, data_dir):
    """TensorFlow's and XLA's logs and Python's warnings are written to stderr."""
    data, run_dir = ["--data-dir", data_dir], tmp_path / "run"
    flags = ["--dataset", "drawn", *data, "--train-dir", run_dir, "--batch-size", "8", "--max-steps", "2"]
    trained = cifarlab("train", *flags)
    assert (trained.returncode, trained.stderr) == (0, "")
    assert "Done: 2 steps." in trained.stdout
    flags = ["--run-once", *data, "--checkpoint-dir", run_dir, "--eval-dir", tmp_path / "eval", "--num-examples", "10"]
    evaluated = cifarlab("eval", *flags)
    assert (evaluated.returncode, evaluated.stderr) == (0, "")
    assert "precision @ 1" in evaluated.stdout
