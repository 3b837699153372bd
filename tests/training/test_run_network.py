"""The network of a run: custom ones are named, and none takes weights from one run to the next unnoticed."""

import copy
import sys
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from cifarlab import cli
from cifarlab.backend import tf
from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.evaluation.classifier import Classifier, classify, load_classifier
from cifarlab.evaluation.evaluator import evaluate
from cifarlab.model import named_networks
from cifarlab.model.keras_network import KerasNetwork
from cifarlab.model.network import ConvNet, NetworkError
from cifarlab.monitoring.console import Console
from cifarlab.training.loop import train
from cifarlab.training.run_network import record_network, recorded_name


class Stages(NamedTuple):
    logits: tf.Tensor


class Tiny(tf.Module):
    """A linear classifier of mean colors."""

    def __init__(self, start=0.5):
        super().__init__()
        self.weights = tf.Variable(tf.fill([3, 10], start), name="weights")

    def stages(self, images):
        return Stages(tf.reduce_mean(images, [1, 2]) @ self.weights)


class Unnormalized(ConvNet):
    """The tutorial's variables, but other logits."""

    def normalize(self, values, name):
        return values


def small_keras():
    import keras

    return keras.Sequential([keras.Input([24, 24, 3]), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])


def run(drawn, folder, network, steps=1, **arguments):
    return train(
        TrainConfig(train_dir=str(folder), max_steps=steps, batch_size=8), network=network, dataset=drawn, **arguments
    )


@pytest.mark.slow
def test_a_trained_network_does_not_start_another_run(drawn, tmp_path):
    network = KerasNetwork(small_keras())
    created = [variable.numpy() for variable in network.variables]
    run(drawn, tmp_path / "a", network)
    run(drawn, tmp_path / "a", network, steps=2)  # resumed: its weights are those of the checkpoint
    for again in (network, lambda: network):
        with pytest.raises(NetworkError, match=rf"must not begin with the weights of .* has those of {tmp_path}/a\. "):
            run(drawn, tmp_path / "b", again)
    trained = [variable.numpy() for variable in network.variables]
    assert not all(map(np.array_equal, created, trained))
    run(drawn, tmp_path / "c", copy.deepcopy(network), steps=0)
    state = run(drawn, tmp_path / "c", copy.deepcopy(network), steps=1)
    assert int(state.step) == 1
    for variable, value in zip(network.variables, created, strict=True):
        variable.assign(value)
    run(drawn, tmp_path / "d", network)
    for path in (tmp_path / "b", tmp_path / "d"):
        assert (path / "model.ckpt-1.index").exists() == (path.name == "d")


@pytest.mark.full
@pytest.mark.slow
def test_an_evaluated_network_does_not_start_a_run_either(drawn, tmp_path):
    run(drawn, tmp_path / "a", Tiny())
    network = Tiny()
    evaluate(EvalConfig(checkpoint_dir=str(tmp_path / "a"), num_examples=10), network=network, dataset=drawn)
    with pytest.raises(NetworkError, match=rf"has those of {tmp_path}/a\. Create a new one: .*=copy\.deepcopy"):
        run(drawn, tmp_path / "b", network)


@pytest.mark.slow
def test_a_custom_network_is_named_where_it_is_needed(drawn, tmp_path, capsys):
    """Also one whose variables have the names and shapes of the tutorial's, which could be read by mistake."""
    folder = tmp_path / "a"
    state = run(drawn, folder, Unnormalized, observers=[Console()])
    done = f"Done: 1 step. Evaluate it: cifarlab.evaluate(cifarlab.EvalConfig(checkpoint_dir='{folder}'), network=...)"
    assert done in capsys.readouterr().out
    said = f"{folder} was trained with a custom network, Unnormalized, which is not saved with it. Pass it again"
    for use in (
        lambda: evaluate(EvalConfig(checkpoint_dir=str(folder)), dataset=drawn),
        lambda: load_classifier(folder),
        lambda: run(drawn, folder, None, steps=2),
    ):
        with pytest.raises(NetworkError) as error:
            use()
        assert said in str(error.value)
    for command in (["eval", "--run-once"], ["classify", "a.png"], ["export", str(tmp_path / "model")]):
        assert cli.main([*command, "--checkpoint-dir", str(folder)]) == 2
        assert said in capsys.readouterr().err
    network = Unnormalized()
    assert evaluate(EvalConfig(checkpoint_dir=str(folder)), network=network, dataset=drawn).step == 1
    images = np.zeros([1, 32, 32, 3], np.uint8)
    assert classify(Classifier(network, drawn), images) == classify(Classifier(state.averages, drawn), images)
    (folder / "network.json").write_text("{")
    with pytest.raises(NetworkError, match="a custom network, of an unknown class, which"):
        load_classifier(folder)
    (folder / "network.json").unlink()  # a run from before this file was written, with other variables
    run(drawn, tmp_path / "b", Tiny)
    (tmp_path / "b" / "network.json").unlink()
    assert cli.main(["eval", "--run-once", "--checkpoint-dir", str(tmp_path / "b"), "--num-examples", "9"]) == 2
    assert "or the custom network of this run: cifarlab.evaluate(config, network=...)." in capsys.readouterr().err


@pytest.mark.full
@pytest.mark.slow
def test_the_tutorials_network_is_not_custom(drawn, tmp_path):
    run(drawn, tmp_path / "a", ConvNet(seed=3))
    assert not (tmp_path / "a" / "network.json").exists()
    assert evaluate(EvalConfig(checkpoint_dir=str(tmp_path / "a"), num_examples=10)).step == 1


SOURCE = """
from typing import NamedTuple

from cifarlab.backend import tf


class Stages(NamedTuple):
    logits: tf.Tensor


class Colors(tf.Module):
    def __init__(self, num_classes, seed=0):
        super().__init__()
        draw = tf.random.stateless_normal([3, num_classes], [seed, 0])
        self.weights = tf.Variable(draw, name="weights")

    def stages(self, images):
        return Stages(tf.reduce_mean(images, [1, 2]) @ self.weights)
"""


@pytest.fixture
def where(tmp_path, monkeypatch):
    """The current directory, with the file of a network; what its import changes is undone."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "my_network.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", sys.modules | {})
    named_networks._module_of_file.cache_clear()
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "my_network.py:Colors",
        pytest.param("my_network:Colors", marks=pytest.mark.full),
        pytest.param("modern", marks=pytest.mark.full),
    ],
)
def test_the_commands_reopen_a_run_of_a_named_network(where, data_dir, monkeypatch, capsys, name):
    """From another directory, too: the run records where the file is."""
    data, folder = ["--data-dir", str(data_dir)], str(where / "run")
    train_command = [
        "train",
        "--dataset",
        "drawn",
        *data,
        "--train-dir",
        folder,
        "--batch-size",
        "4",
        "--network",
        name,
    ]
    assert cli.main([*train_command, "--max-steps", "1"]) == 0
    assert f"Evaluate it: cifarlab eval --run-once --checkpoint-dir {folder}" in capsys.readouterr().out
    assert cli.main([*train_command, "--max-steps", "2"]) == 0
    Image.new("RGB", (32, 32), "red").save(where / "red.png")
    (where / "elsewhere").mkdir()
    monkeypatch.chdir(where / "elsewhere")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(where / "here")])
    sys.modules.pop("my_network", None)
    run_of = ["--checkpoint-dir", folder]
    assert cli.main(["eval", "--run-once", *data, *run_of, "--num-examples", "9"]) == 0
    assert "(step 2, averaged weights, 9 images" in capsys.readouterr().out
    assert cli.main(["classify", *run_of, str(where / "red.png")]) == 0
    assert cli.main(["export", *run_of, str(where / "model")]) == 0
    served = tf.saved_model.load(str(where / "model")).signatures["serving_default"]
    image = np.full([1, 32, 32, 3], 7, np.uint8)
    expected = load_classifier(folder).logits(tf.constant(image))
    np.testing.assert_allclose(served(images=tf.constant(image))["logits"], expected, atol=1e-4)


@pytest.mark.parametrize("name", ["package.net:Other", "package/alone.py:Other"])
def test_a_class_is_found_again_under_the_name_by_which_it_was_found(where, monkeypatch, name):
    """In a package with relative imports, or under another name than that of its definition."""
    package = where / "here" / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text(SOURCE)
    (package / "net.py").write_text("from .parts import Colors as Other\n")
    (package / "alone.py").write_text("from parts import Colors as Other\n")
    made = named_networks.create_network(name, num_classes=3)
    record_network(where, made, name, given=False)
    for module in ("package", "package.net", "package.parts", "parts", "alone"):
        sys.modules.pop(module, None)
    named_networks._module_of_file.cache_clear()
    monkeypatch.chdir(where)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if not path.startswith(str(where))])
    again = named_networks.create_network(recorded_name(where, name), num_classes=3)
    assert type(again).__name__ == "Colors"


@pytest.mark.slow
def test_the_file_of_a_named_network_is_missing_or_changed(where, data_dir, capsys):
    data, folder = ["--data-dir", str(data_dir)], where / "run"
    common = ["--dataset", "drawn", *data, "--train-dir", str(folder), "--batch-size", "4", "--max-steps"]
    assert cli.main(["train", *common, "1", "--network", "my_network:Colors"]) == 0
    assert cli.main(["train", *common, "2"]) == 2  # without --network, it would be the tutorial's
    assert "was trained with --network my_network:Colors; got tutorial." in capsys.readouterr().err
    path = where / "here" / "my_network.py"
    path.write_text(SOURCE.replace("Colors", "Hues"))
    sys.modules.pop("my_network")  # as in a new process
    assert cli.main(["eval", "--run-once", "--checkpoint-dir", str(folder)]) == 2
    assert "must have a class or function Colors; its classes are Stages, Hues" in capsys.readouterr().err
    path.unlink()
    sys.modules.pop("my_network")
    assert cli.main(["classify", "--checkpoint-dir", str(folder), "a.png"]) == 2
    assert "there is no module my_network in " in capsys.readouterr().err
