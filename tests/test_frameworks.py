"""The three programs of docs/frameworks.md compute the same training step."""

import functools
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "frameworks.md").read_text()
PROGRAMS = dict(re.findall(r"^## (\w+)\n.*?^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
RATE = 0.5

PACKAGES = {"TensorFlow": "tensorflow", "PyTorch": "torch", "JAX": "jax"}
JAX = os.environ.get("CIFARLAB_JAX")
"""A directory in which JAX is installed, apart from the packages of the lock."""

GIVEN = """
import json, sys
import numpy as np

images, labels, weights, rate = ARGUMENTS
images, labels = np.float32(images), np.int64(labels)
weights = {name: np.float32(values) for name, values in weights.items()}
"""
TOLD = """
found = {name: np.asarray(value.detach() if hasattr(value, "detach") else value) for name, value in weights.items()}
print(json.dumps([float(loss), {name: value.tolist() for name, value in found.items()}]))
"""


def values():
    draw = np.random.default_rng(0)
    weights = {
        "filters": draw.normal(0, 0.3, [3, 3, 3, 4]),
        "biases": draw.normal(0, 0.1, [4]),
        "linear": draw.normal(0, 0.3, [4 * 4 * 4, 5]),
    }
    return draw.normal(size=[6, 8, 8, 3]), draw.integers(0, 5, 6), weights


@functools.cache
def run(name):
    """Runs a program of the page in a process and returns the loss and the new weights."""
    images, labels, weights = values()
    arguments = [images.tolist(), labels.tolist(), {key: value.tolist() for key, value in weights.items()}, RATE]
    code = GIVEN.replace("ARGUMENTS", "json.load(sys.stdin)") + PROGRAMS[name] + TOLD
    environment = {**os.environ, "PYTHONPATH": JAX or ""} if name == "JAX" else None
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loss, found = json.loads(done.stdout.splitlines()[-1])
    return loss, {key: np.array(value) for key, value in found.items()}


def by_hand():
    """Returns the loss, and its gradient for the linear layer and for one filter's weight, computed with NumPy."""
    images, labels, weights = values()

    def loss_of(weights):
        padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))  # [B, 8, 8, in, k, k]
        maps = np.maximum(np.einsum("byxikl,klio->byxo", windows, weights["filters"]) + weights["biases"], 0)
        pooled = maps.reshape(6, 4, 2, 4, 2, 4).max(axis=(2, 4)).reshape(6, -1)
        logits = pooled @ weights["linear"]
        logits -= logits.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(6), labels]))

    def slope(name, place, by=1e-5):
        losses = []
        for sign in (1, -1):
            moved = {key: value.copy() for key, value in weights.items()}
            moved[name][place] += sign * by
            losses.append(loss_of(moved))
        return (losses[0] - losses[1]) / (2 * by)

    places = {"filters": (0, 2, 1, 3), "biases": (2,), "linear": (7, 4)}
    expected = {name: weights[name][place] - RATE * slope(name, place) for name, place in places.items()}
    return loss_of(weights), places, expected


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKAGES)
def test_each_program_computes_the_step(name):
    installed = JAX if name == "JAX" and JAX else importlib.util.find_spec(PACKAGES[name])
    if not installed:
        pytest.skip(f"{name} is not installed: pip install {PACKAGES[name]}")
    loss, found = run(name)
    expected_loss, places, expected = by_hand()
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    for key, place in places.items():
        assert found[key][place] == pytest.approx(expected[key], abs=1e-5)
    reference_loss, reference = run("TensorFlow")
    assert loss == pytest.approx(reference_loss, abs=1e-5)
    for key, value in reference.items():
        np.testing.assert_allclose(found[key], value, atol=1e-5)
    assert all(np.abs(found[key] - start).max() > 1e-3 for key, start in values()[2].items())


def test_the_page_has_all_three():
    assert set(PROGRAMS) == set(PACKAGES)
