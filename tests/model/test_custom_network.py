"""What a user may pass as `network=`: each works, or is refused in one line before anything is written."""

import functools
from typing import NamedTuple

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data.dataset import DataSet
from cifarlab.errors import UserError
from cifarlab.evaluation.evaluator import evaluate
from cifarlab.model.custom_network import resolve_network
from cifarlab.model.network import ConvNet, NetworkError, inference
from cifarlab.training.loop import train
from cifarlab.training.state import TrainState

LETTERS = DataSet("letters", tuple("abcdefghij"))


class Logits(NamedTuple):
    logits: tf.Tensor


class Small(tf.Module):
    """A network that is not a ConvNet; its settings make it wrong in one way each."""

    def __init__(self, classes=10, dtype=tf.float32, trainable=True, wrap=Logits):
        super().__init__()
        self.weights = tf.Variable(tf.zeros([24 * 24 * 3, classes], dtype), trainable=trainable)
        self.calls = tf.Variable(0, trainable=False)
        self.wrap = wrap

    def stages(self, images):
        self.calls.assign_add(1)
        values = tf.cast(tf.reshape(images, [-1, 24 * 24 * 3]), self.weights.dtype)
        return self.wrap(values @ self.weights)


class NeedsClasses(Small):
    def __init__(self, classes):
        super().__init__(classes)


class Plain:
    """Has stages, but its variables would not be found."""

    def stages(self, images):
        return Logits(tf.zeros([2, 10]))


def forward(images):
    return tf.zeros([2, 10])


ACCEPTED = {
    "a class": lambda: ConvNet,
    "a network": ConvNet,
    "a function": lambda: lambda: ConvNet(seed=3),
    "a partial class": lambda: functools.partial(Small, 10),
    "a network that is not a ConvNet": Small,
    "a class that is not a ConvNet": lambda: Small,
}
"""Functions that return what is passed: no network is created before the test runs."""


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_network_or_what_creates_one_is_accepted(case):
    network = ACCEPTED[case]()
    resolved = resolve_network(network, LETTERS)
    assert isinstance(resolved, tf.Module)
    assert inference(resolved, tf.zeros([3, 24, 24, 3])).shape == (3, 10)
    if not callable(network) or isinstance(network, tf.Module):
        assert resolved is network


def test_checking_a_network_changes_no_variable():
    network = Small()
    resolve_network(network, LETTERS)
    assert int(network.calls) == 0


REFUSED = {
    "a name": ("ConvNet", "a network must be a tf.Module whose method `stages` returns.*; got 'ConvNet'"),
    "a number": (10, "got 10"),
    "a forward function": (forward, r"must have no required arguments; forward has \(images\). Pass a network"),
    "a class with arguments": (NeedsClasses, r"NeedsClasses has \(classes\).*lambda: NeedsClasses\(...\)"),
    "a function that returns nothing": (lambda: None, "got None"),
    "no module": (Plain(), "must be a tf.Module, so that its variables are found; got Plain"),
    "other classes": (Small(12), r"float32\[B, 10\], a logit for each class of letters; got float32\[B, 12\]"),
    "half precision": (Small(dtype=tf.float16), r"got float16\[B, 10\]"),
    "double precision": (lambda: Small(dtype=tf.float64), r"got float64\[B, 10\]"),
    "no variables": (Small(trainable=False), "must have trainable variables; got none"),
    "bare logits": (Small(wrap=lambda logits: logits), "must return a NamedTuple whose last item.*got EagerTensor"),
    "a tuple": (Small(wrap=lambda logits: (logits,)), "must return a NamedTuple whose last item.*got tuple"),
    "one image": (Small(wrap=lambda logits: Logits(logits[0])), r"got float32\[10\]"),
    "another crop": (ConvNet(image_size=32), "for images of 24 x 24.*create a network with that image_size"),
    "other channels": (ConvNet(channels=1), r"must take images of the dataset, float32\[B, 24, 24, 3\]; it raised"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_one_line(case):
    network, said = REFUSED[case]
    with pytest.raises(UserError, match=said) as error:
        resolve_network(network, LETTERS)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_an_error_in_the_users_code_stays_as_it_is():
    class Broken(Small):
        def stages(self, images):
            return self.missing

    with pytest.raises(AttributeError, match="missing"):
        resolve_network(Broken(), LETTERS)
    with pytest.raises(ZeroDivisionError):
        resolve_network(lambda: 1 / 0, LETTERS)


@pytest.mark.parametrize("use", [lambda net: inference(net, tf.zeros([1, 24, 24, 3])), TrainState])
@pytest.mark.parametrize("network", ["ConvNet", ConvNet, None])
def test_other_functions_refuse_it_as_well(use, network):
    with pytest.raises(NetworkError, match="a network must be a"):
        use(network)


@pytest.mark.slow
def test_train_and_evaluate_refuse_before_they_write(drawn, tmp_path):
    with pytest.raises(NetworkError, match="for each class of drawn"):
        train(TrainConfig(train_dir=str(tmp_path / "run"), max_steps=1), network=Small(7), dataset=drawn)
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left <= {"trainer.lock"}
    train(TrainConfig(train_dir=str(tmp_path / "run"), max_steps=1, batch_size=8), network=Small, dataset=drawn)
    config = EvalConfig(checkpoint_dir=str(tmp_path / "run"), num_examples=10)
    with pytest.raises(NetworkError, match="for each class of drawn"):
        evaluate(config, network=Small(7), dataset=drawn)
    by_class, by_instance = (evaluate(config, network=network, dataset=drawn) for network in (Small, Small()))
    assert by_class.precision == by_instance.precision
    assert by_class.step == 1


def test_a_new_network_starts_with_its_weights(drawn):
    made = Small()
    made.weights.assign(tf.ones_like(made.weights))
    assert resolve_network(lambda: made, drawn) is made
    np.testing.assert_array_equal(made.weights, 1)
