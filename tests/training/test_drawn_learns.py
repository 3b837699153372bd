"""The tutorial's recipe learns the drawn dataset, which every lesson relies on."""

import pytest

from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.evaluation.evaluator import evaluate
from cifarlab.training.loop import train

pytestmark = [pytest.mark.slow, pytest.mark.full]


def test_the_network_passes_80_percent_by_step_800(tmp_path, drawn):
    train(TrainConfig(dataset="drawn", train_dir=str(tmp_path), max_steps=800), dataset=drawn)
    evaluation = evaluate(EvalConfig(checkpoint_dir=str(tmp_path)), dataset=drawn)
    assert evaluation.step == 800
    assert evaluation.precision > 0.8
