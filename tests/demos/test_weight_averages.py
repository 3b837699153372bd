import numpy as np
import pytest

from cifarlab.config import TrainConfig
from cifarlab.data.pipeline import inputs
from cifarlab.demos.weight_averages import AVERAGED, RAW, WeightAverages, constant_decay, warmup_decay
from cifarlab.evaluation.evaluator import logits_and_labels
from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.training.loop import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory, drawn):
    decays = {
        "tutorial's": warmup_decay(0.9999),
        "none": constant_decay(0.0),
        "all": constant_decay(1.0),
        "half": constant_decay(0.5),
    }
    averages = WeightAverages(decays, inputs(drawn, num_examples=30, batch_size=20), every=2)
    folder = str(tmp_path_factory.mktemp("run"))
    config = TrainConfig(dataset="drawn", train_dir=folder, max_steps=5, batch_size=8, log_frequency=1)
    return averages, train(config, dataset=drawn, observers=[averages])


def values(network):
    return [variable.numpy() for variable in network.trainable_variables]


def test_the_tutorials_decay_gives_the_averages_of_the_run(run):
    averages, state = run
    for mine, theirs in zip(values(averages.networks["tutorial's"]), values(state.averages), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_a_decay_of_zero_forgets_and_a_decay_of_one_never_learns(run, drawn, tmp_path):
    averages, state = run
    start = train(TrainConfig(dataset="drawn", train_dir=str(tmp_path), max_steps=0), dataset=drawn)
    for none, now in zip(values(averages.networks["none"]), values(state.network), strict=True):
        np.testing.assert_allclose(none, now, atol=1e-6)
    for kept, first in zip(values(averages.networks["all"]), values(start.network), strict=True):
        assert (kept == first).all()


def test_each_average_is_evaluated_every_n_updates(run):
    averages, _ = run
    assert averages.steps == [2, 4]
    assert list(averages.precision) == [RAW, AVERAGED, "tutorial's", "none", "all", "half"]
    assert {len(along) for along in averages.precision.values()} == {2}
    assert averages.precision[RAW] == averages.precision["none"]


def test_precision_is_that_of_each_network(drawn, tmp_path):
    averages = WeightAverages({"half": constant_decay(0.5)}, inputs(drawn, num_examples=50), every=3)
    config = TrainConfig(dataset="drawn", train_dir=str(tmp_path), max_steps=3, batch_size=8, log_frequency=1)
    train(config, dataset=drawn, observers=[averages])
    for name, network in averages.networks.items():
        expected = precision_at_1(*logits_and_labels(network, inputs(drawn, num_examples=50)))
        assert averages.precision[name] == [pytest.approx(expected)]


def test_a_run_that_does_not_log_every_step_is_refused(drawn, tmp_path):
    averages = WeightAverages({}, inputs(drawn, num_examples=10), every=1)
    config = TrainConfig(dataset="drawn", train_dir=str(tmp_path), max_steps=1, batch_size=8)
    with pytest.raises(ValueError, match="to average every step; got 10"):
        train(config, dataset=drawn, observers=[averages])


@pytest.mark.parametrize(("decay", "reached"), [(0.9, 80), (0.99, 890), (0.999, 8_990), (0.9999, 89_990)])
def test_the_warm_up_ends_where_its_decay_is_reached(decay, reached):
    rule = warmup_decay(decay)
    assert rule(reached - 1) < decay
    assert rule(reached) == rule(10 * reached) == decay
