"""The package does the same under `python -O` and `-OO`, which remove `assert` statements and docstrings."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cifarlab
from cifarlab.teaching.sandbox.environment import environment_variables

PACKAGE = Path(cifarlab.__file__).parent


def narrows_a_type(test):
    """Returns whether an assertion only tells the type checker that a value is not None."""
    return isinstance(test, ast.Compare) and ast.unparse(test).endswith(" is not None")


def needed_when_optimized(source):
    """The lines whose effect `-O` or `-OO` would remove."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and not narrows_a_type(node.test):
            yield node.lineno
        if isinstance(node, ast.Attribute) and node.attr == "__doc__":
            yield node.lineno


def test_nothing_depends_on_asserts_or_docstrings():
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in needed_when_optimized(path.read_text(encoding="utf-8"))
    ]
    assert not found


@pytest.mark.parametrize(
    ("source", "count"),
    [("assert x > 0", 1), ("assert x is not None", 0), ("print(f.__doc__)", 1), ("raise ValueError(x)", 0)],
)
def test_statements_are_told_apart(source, count):
    assert len(list(needed_when_optimized(source))) == count


OPTIMIZED = """
from cifarlab import cli
from cifarlab.config import TrainConfig
from cifarlab.data import registry, records
from cifarlab.training.strategies.tf_config import parse_tf_config

for refused in (
    lambda: TrainConfig(batch_size=0),
    lambda: registry.load("cifer10"),
    lambda: parse_tf_config("{}"),
    lambda: records.read_records("missing.bin"),
):
    try:
        refused()
        print("accepted")
    except (ValueError, OSError) as error:
        print(error)
cli.main(["train", "--help"])
"""


def test_input_is_checked_and_explained_without_asserts_and_docstrings(tmp_path):
    """Only what needs no TensorFlow, whose modules Python would compile again."""
    command = [sys.executable, "-OO", "-B", "-c", OPTIMIZED]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    for line, words in zip(
        lines, ("out of range", "Did you mean cifar10?", "TF_CONFIG must", "missing.bin"), strict=False
    ):
        assert words in line
    assert "--batch-size" in done.stdout


def test_graded_notebooks_keep_their_asserts(monkeypatch, tmp_path):
    """With PYTHONOPTIMIZE, every test that only asserts would pass (nose-devs/nose#504)."""
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    variables = environment_variables(tmp_path)
    assert "PYTHONOPTIMIZE" not in variables
    assert variables["PYTHONPATH"] == "somewhere"
