import json

import numpy as np
import pytest

from cifarlab.model import pretrained_weights
from cifarlab.model.network import ConvNet


def test_weights_are_complete_and_small():
    with np.load(pretrained_weights.FOLDER / pretrained_weights.WEIGHTS) as weights:
        assert sum(weights[name].size for name in weights) == 1_068_298
        assert {weights[name].dtype.name for name in weights} == {"float16"}
    assert (pretrained_weights.FOLDER / pretrained_weights.WEIGHTS).stat().st_size < 2.2e6


def test_saved_weights_are_loaded(tmp_path, monkeypatch):
    made = ConvNet(seed=7)
    pretrained_weights.save_weights(made, {"dataset": "mine"}, tmp_path)
    monkeypatch.setattr(pretrained_weights, "FOLDER", tmp_path)
    net = ConvNet(seed=1)
    pretrained_weights.load_weights(net)
    for ours, theirs in zip(net.trainable_variables, made.trainable_variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-6)
    assert pretrained_weights.training_record() == {"dataset": "mine"}


def test_the_record_describes_the_training():
    record = pretrained_weights.training_record()
    assert set(record) >= {"dataset", "pictures", "weights", "precision_at_1", "minutes", "machine", "config"}
    assert record["precision_at_1"] == pytest.approx(record["precision_at_1_before_rounding"], abs=0.002)
    assert json.loads(json.dumps(record)) == record
