"""Keras models as networks: wrapped, or refused in one line that says how."""

import re
from pathlib import Path

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data.dataset import DataSet
from cifarlab.data.records import read_records
from cifarlab.errors import UserError
from cifarlab.evaluation.classifier import Classifier, export
from cifarlab.evaluation.evaluator import evaluate
from cifarlab.model.custom_network import resolve_network
from cifarlab.model.keras_network import KerasNetwork
from cifarlab.model.network import NetworkError, inference
from cifarlab.monitoring.summaries import Summaries
from cifarlab.training.loop import train
from cifarlab.training.state import TrainState
from cifarlab.training.step import train_step

keras = pytest.importorskip("keras")
layers = keras.layers
PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()


def sequential(*more, size=24, classes=10):
    return keras.Sequential([keras.Input([size, size, 3]), *more, layers.Flatten(), layers.Dense(classes)])


def functional():
    images = keras.Input([24, 24, 3])
    values = layers.Conv2D(4, 3, activation="relu", name="my_conv")(images)
    return keras.Model(images, layers.Dense(10)(layers.GlobalAveragePooling2D()(values)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flat, self.dense = layers.Flatten(), layers.Dense(10)

    def call(self, images):
        return self.dense(self.flat(images))


def subclassed():
    model = Subclassed()
    model(np.zeros([1, 24, 24, 3], np.float32))
    return model


def ending(*last):
    return keras.Sequential([keras.Input([24, 24, 3]), layers.Flatten(), layers.Dense(10), *last])


def softmax_in_the_layer():
    return keras.Sequential([keras.Input([24, 24, 3]), layers.Flatten(), layers.Dense(10, activation="softmax")])


def unbuilt():
    return keras.Sequential([layers.Flatten(), layers.Dense(10)])


def with_a_frozen_layer():
    model = sequential(layers.Conv2D(4, 3))
    model.layers[0].trainable = False
    return model


@pytest.mark.parametrize("make", [sequential, functional, subclassed, with_a_frozen_layer], ids=lambda f: f.__name__)
def test_a_wrapped_model_computes_and_learns_like_the_model(make):
    model = make()
    network = KerasNetwork(model)
    images = tf.random.stateless_normal([4, 24, 24, 3], [1, 2])
    np.testing.assert_allclose(inference(network, images), model(images), atol=1e-5)
    names = [variable.name for variable in network.variables]
    assert len(set(names)) == len(names) == len(model.weights)
    state = TrainState(network)
    frozen = [variable.numpy() for variable in network.frozen]
    before = model(images).numpy()
    for _ in range(3):
        train_step(state, images, tf.constant([0, 1, 2, 3]))
    np.testing.assert_array_equal(model(images), before)
    assert np.abs(inference(network, images) - before).max() > 1e-3
    assert np.abs(inference(state.averages, images) - inference(network, images)).max() > 1e-6
    for variable, value in zip(network.frozen, frozen, strict=True):
        np.testing.assert_array_equal(variable, value)
    network.assign_to(model)
    np.testing.assert_allclose(model(images), inference(network, images), atol=1e-5)


REFUSED = {
    "softmax": (softmax_in_the_layer, "must return logits; the Keras model .* returns probabilities"),
    "softmax layer": (lambda: ending(layers.Softmax()), "returns probabilities"),
    "activation layer": (lambda: ending(layers.Activation("sigmoid")), "returns probabilities"),
    "a name with a blank": (
        lambda: sequential(layers.Conv2D(4, 3, name="my conv")),
        "'my conv' is not a valid scope name",
    ),
    "weight decay": (lambda: sequential(layers.Conv2D(4, 3, kernel_regularizer="l2")), "no separate losses"),
    "not built": (unbuilt, r"it is not built. Begin it with keras.Input\(\[24, 24, 3\]\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_model_that_would_be_trained_wrongly_is_one_line(case):
    """A softmax before a loss that applies one is a common mistake (nfmcclure/tensorflow_cookbook #86)."""
    make, said = REFUSED[case]
    with pytest.raises(NetworkError, match=said) as error:
        KerasNetwork(make())
    assert "\n" not in str(error.value)


def stochastic():
    """A model whose layers behave differently in training."""
    return sequential(layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Dropout(0.5, seed=1))


CHANGING = {
    "dropout": lambda: sequential(layers.Dropout(0.5, seed=1)),
    "batch normalization": lambda: sequential(layers.BatchNormalization()),
    "nested": lambda: sequential(keras.Sequential([layers.Dropout(0.5, seed=1)])),
    "augmentation": lambda: sequential(layers.RandomFlip(seed=1)),
}


@pytest.mark.parametrize("case", CHANGING)
def test_layers_that_behave_differently_in_training(case):
    model = CHANGING[case]()
    network, images = KerasNetwork(model), tf.random.stateless_normal([4, 24, 24, 3], [1, 2])
    expected = model(images, training=False)
    np.testing.assert_allclose(inference(network, images), expected, atol=1e-5)
    first, second = (inference(network, images, training=True).numpy() for _ in range(2))
    assert np.abs(first - expected).max() > 1e-3
    again = case == "batch normalization"  # which draws no random numbers
    assert np.allclose(first, second, atol=1e-6) == again


def test_batch_normalization_trains_as_in_keras():
    """Its moving averages follow Keras's own, which the model computes for the same batches."""
    model = sequential(layers.BatchNormalization())
    state = TrainState(KerasNetwork(model), schedule=lambda step: tf.constant(0.0))
    for number in range(3):
        images = tf.random.stateless_normal([8, 24, 24, 3], [number, 2], mean=2.0, stddev=3.0)
        train_step(state, images, tf.range(8))
        model(images, training=True)
    for mine, theirs in zip(state.network.frozen, model.non_trainable_variables, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)
        assert np.abs(mine - (0 if "mean" in mine.name else 1)).max() > 0.01


@pytest.mark.slow
def test_a_run_with_dropout_and_normalization_resumes_exactly(drawn, tmp_path):
    """The state of the random numbers is saved, too."""

    def trained(folder, steps):
        config = TrainConfig(train_dir=str(tmp_path / folder), max_steps=steps, batch_size=8)
        return train(config, dataset=drawn, network=lambda: KerasNetwork(made))

    made = stochastic()
    whole = trained("whole", 4)
    trained("parts", 2)
    for mine, other in zip(whole.network.variables, trained("parts", 4).network.variables, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6, err_msg=mine.name)


@pytest.mark.full
@pytest.mark.slow
def test_replicas_train_it_too(drawn, tmp_path):
    settings = {"num_gpus": 2, "strategy": "mirrored", "virtual_devices": True, "max_steps": 2, "batch_size": 4}
    config = TrainConfig(train_dir=str(tmp_path), **settings)
    state = train(config, dataset=drawn, network=lambda: KerasNetwork(stochastic()))
    assert all(np.isfinite(variable.numpy()).all() for variable in state.network.variables)


@pytest.mark.parametrize("value", ["model", 3, None, Subclassed])
def test_only_models_are_wrapped(value):
    with pytest.raises(NetworkError, match="takes a model of Keras 3; got"):
        KerasNetwork(value)


def test_an_unwrapped_model_is_refused_with_the_wrapper(drawn, tmp_path):
    model = sequential()
    for use in (
        lambda: train(TrainConfig(train_dir=str(tmp_path)), network=model, dataset=drawn),
        lambda: inference(model, tf.zeros([1, 24, 24, 3])),
        lambda: TrainState(model),
        lambda: resolve_network(lambda: model, drawn),
    ):
        with pytest.raises(
            NetworkError, match=r"got the Keras model sequential.* Wrap it: .*KerasNetwork\(model\)"
        ) as e:
            use()
        assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: sequential(classes=3), r"got float32\[B, 3\]"),
        (lambda: sequential(size=32), r"must take images of the dataset, float32\[B, 24, 24, 3\]"),
    ],
)
def test_a_model_for_other_images_or_classes_is_refused(make, said, drawn):
    with pytest.raises(UserError, match=said) as error:
        resolve_network(KerasNetwork(make()), drawn)
    assert "\n" not in str(error.value)


def test_mixed_precision_is_refused():
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        network = KerasNetwork(sequential())
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    with pytest.raises(NetworkError, match=r"got float16\[B, 10\]"):
        resolve_network(network, DataSet("letters", tuple("abcdefghij")))


@pytest.mark.slow
def test_a_wrapped_model_is_trained_resumed_evaluated_and_exported(drawn, tmp_path):
    run, images = str(tmp_path / "run"), read_records(drawn.test_files[0])[0][:5]
    for steps in (2, 4):
        state = train(
            TrainConfig(train_dir=run, max_steps=steps, batch_size=16),
            network=lambda: KerasNetwork(functional()),
            dataset=drawn,
            observers=[Summaries(1)],
        )
    assert int(state.step) == 4
    network = KerasNetwork(functional())
    assert evaluate(EvalConfig(checkpoint_dir=run, num_examples=50), network=network, dataset=drawn).step == 4
    for mine, trained in zip(network.variables, state.averages.variables, strict=True):
        np.testing.assert_array_equal(mine, trained)
    classifier = Classifier(network, drawn)
    served = tf.saved_model.load(str(export(classifier, tmp_path / "model"))).signatures["serving_default"]
    np.testing.assert_allclose(served(images=tf.constant(images))["logits"], classifier.logits(images), atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation")  # by Keras when it saves a model
def test_the_pages_code_runs(drawn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict = {}
    exec(block.replace("max_steps=1000", "max_steps=2"), names)
    assert names["evaluation"].step == 2
    loaded = keras.models.load_model("trained.keras")
    images = tf.random.stateless_normal([2, 24, 24, 3], [0, 1])
    np.testing.assert_allclose(loaded(images), inference(names["state"].averages, images), atol=1e-5)
