"""Checkpoints of the original tutorial's program, written here by TensorFlow 1's Saver with its names and shapes."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from cifarlab import cli
from cifarlab.backend import tf
from cifarlab.config import EvalConfig
from cifarlab.data.dataset import DataSetError
from cifarlab.data.pipeline import inputs
from cifarlab.data.records import CLASSES
from cifarlab.evaluation.classifier import load_classifier
from cifarlab.evaluation.evaluator import evaluate, evaluate_repeatedly, logits_and_labels
from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import ConvNet, variable_name
from cifarlab.training.checkpoints import CheckpointError, latest_checkpoint, require_checkpoint
from cifarlab.training.tutorial_checkpoints import AVERAGE, WEIGHTS

V1 = tf.compat.v1
EXAMPLES = 200


def network(seed):
    """A network whose logits differ between images, unlike those of the initial weights."""
    net = ConvNet(seed=seed)
    net.softmax_linear.weights.assign(20 * net.softmax_linear.weights)
    return net


def values_of(raw, averages):
    """The variables of the tutorial's graph: weights, their averages, the step, the averages of the losses."""
    values = {}
    for net, end in ((raw, ""), (averages, AVERAGE)):
        values |= {variable_name(v) + end: v.numpy() for v in net.variables} if net else {}
    return values | {"local3/weight_loss/avg": np.float32(1.0), "total_loss/avg": np.float32(4.0)}


def save(folder, values, steps=(11, 21), version="V2"):
    """Writes checkpoints as the tutorial's program did: the step in the name is one less than `global_step`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tf.Graph().as_default():
        for name, value in values.items():
            V1.get_variable(name, initializer=value, use_resource=False)
        step = V1.train.create_global_step()
        saver = V1.train.Saver(write_version=getattr(V1.train.SaverDef, version))
        with V1.Session() as session:
            session.run(V1.global_variables_initializer())
            for number in steps:
                session.run(step.assign(number + 1))
                saver.save(session, str(folder / "model.ckpt"), global_step=number)


def contents(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def networks():
    return {"raw": network(1), "averaged": network(2)}


@pytest.fixture(scope="module")
def expected(networks, drawn):
    batches = inputs(drawn, num_examples=EXAMPLES)
    return {name: precision_at_1(*logits_and_labels(net, batches)) for name, net in networks.items()}


@pytest.fixture(scope="module", params=[pytest.param("V1", marks=pytest.mark.full), "V2"])
def run(request, networks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "cifar10_train"
    save(folder, values_of(networks["raw"], networks["averaged"]), version=request.param)
    index = folder / "checkpoint"  # copied from another machine
    index.write_text(index.read_text().replace(str(folder), "/tmp/cifar10_train"))
    assert (folder / "model.ckpt-21.index").exists() == (request.param == "V2")
    return folder


def config(folder, **settings):
    return EvalConfig(checkpoint_dir=str(folder), num_examples=EXAMPLES, **settings)


@pytest.mark.parametrize("weights", ["averaged", "raw"])
def test_its_precision_is_that_of_the_same_weights_in_ours(run, drawn, expected, weights):
    before = contents(run)
    found = evaluate(config(run, moving_average=weights == "averaged"), dataset=drawn)
    assert found.precision == expected[weights]
    assert expected["averaged"] != expected["raw"]
    assert (found.step, found.num_examples, found.warnings) == (21, EXAMPLES, ())
    assert contents(run) == before
    assert [path.name for path in run.parent.iterdir()] == [run.name]


@pytest.mark.parametrize("weights", ["averaged", "raw"])
def test_its_logits_are_those_of_the_same_weights_in_ours(run, networks, weights):
    images = np.random.default_rng(0).integers(0, 256, [3, 32, 32, 3], dtype=np.uint8)
    loaded = load_classifier(run, averaged=weights == "averaged")
    assert loaded.dataset.classes == CLASSES
    (note,) = loaded.warnings
    assert "assuming cifar10" in note
    for variable, theirs in zip(loaded.network.variables, networks[weights].variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), theirs.numpy())
    assert loaded.logits(images).shape == (3, 10)


def test_the_commands_say_which_dataset_they_assume(run, tmp_path, data_dir, capsys, monkeypatch):
    before, where = contents(run), ["--checkpoint-dir", str(run)]
    Image.new("RGB", (32, 32), "red").save(tmp_path / "red.png")
    note = (
        f"Warning: {run} was written by the original tutorial's program, which does not record its dataset: assuming "
    )
    assert cli.main(["classify", str(tmp_path / "red.png"), *where]) == 0
    out, err = capsys.readouterr()
    assert err == f"{note}cifar10. For another one, pass --dataset NAME.\n"
    assert re.search(r"red.png: (\w+ [\d.]+%(, )?){3}\n$", out)
    assert cli.main(["classify", str(tmp_path / "red.png"), *where, "--dataset", "street_digits"]) == 0
    out, err = capsys.readouterr()
    assert (err, bool(re.search(r"red.png: (\d [\d.]+%(, )?){3}\n$", out))) == ("", True)
    flags = ["--run-once", "--data-dir", str(data_dir), "--eval-dir", str(tmp_path / "eval"), "--num-examples", "20"]
    assert cli.main(["eval", *where, *flags, "--dataset", "drawn"]) == 0
    out, err = capsys.readouterr()
    assert (err, "(step 21, averaged weights, 20 images" in out) == ("", True)
    assert contents(run) == before


def test_without_a_dataset_the_evaluation_is_on_cifar10(run, drawn, monkeypatch):
    loaded = []
    monkeypatch.setattr("cifarlab.data.registry.load", lambda name, *_, **__: loaded.append(name) or drawn)
    first, second = (evaluate(config(run)) for _ in range(2))
    assert loaded == ["cifar10"] * 2
    assert "assuming cifar10" in first.warnings[0]
    assert first.precision == second.precision


def test_training_there_is_refused(run, data_dir, capsys):
    before = contents(run)
    flags = ["--dataset", "drawn", "--data-dir", str(data_dir), "--train-dir", str(run), "--max-steps", "1"]
    assert cli.main(["train", *flags]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "has checkpoints of another program (model.ckpt-" in err
    assert contents(run) == before


@pytest.mark.full
def test_new_checkpoints_are_evaluated_as_they_are_written(networks, drawn, tmp_path):
    folder = tmp_path / "run"
    values = values_of(networks["raw"], networks["averaged"])
    save(folder, values, steps=(1000,), version="V1")

    def wait(_):
        save(folder, values, steps=(2000,), version="V1")

    evaluations = evaluate_repeatedly(config(folder), dataset=drawn, wait=wait)
    assert [next(evaluations).step, next(evaluations).step] == [1000, 2000]


@pytest.mark.full
@pytest.mark.parametrize("version", ["V1", "V2"])
@pytest.mark.parametrize("damage", [b"", b"\0" * 1000])
def test_a_damaged_latest_one_is_skipped(networks, drawn, tmp_path, version, damage):
    save(tmp_path, values_of(networks["raw"], networks["averaged"]), version=version)
    for name in ("model.ckpt-21", "model.ckpt-21.index"):
        if (tmp_path / name).exists():
            (tmp_path / name).write_bytes(damage)
    found = evaluate(config(tmp_path), dataset=drawn)
    assert found.step == 11
    assert re.match(r"skipped model.ckpt-21: (it is damaged|its \.\w+ file is empty)", found.warnings[0])


def changed(networks, name, value):
    values = values_of(networks["raw"], networks["averaged"])
    return {key: value if key == name else array for key, array in values.items()}


def without(networks, end):
    values = values_of(networks["raw"], networks["averaged"])
    return {name: value for name, value in values.items() if (name.removesuffix(AVERAGE) + end) != name}


CASES = {
    "no averages": (
        lambda nets: values_of(nets["raw"], None),
        True,
        "must contain moving averages; it has no conv1/biases/Exp.* Pass --no-moving-average",
    ),
    "only averages": (
        lambda nets: values_of(None, nets["averaged"]),
        False,
        "must contain raw weights; it has no conv1/biases. Omit --no-moving-average",
    ),
    "100 classes": (
        lambda nets: changed(nets, f"softmax_linear/weights{AVERAGE}", np.zeros([192, 100], np.float32)),
        True,
        r"softmax_linear/weights/Exp.* must have the shape \[192, 10\]; got \[192, 100\].*for another dataset",
    ),
    "another crop": (
        lambda nets: changed(nets, "local3/weights", np.zeros([4096, 384], np.float32)),
        False,
        r"local3/weights in .*model.ckpt-7 must have the shape \[2304, 384\]; got \[4096, 384\]",
    ),
    "another network": (
        lambda nets: {"conv1/weights": np.zeros([5, 5, 3, 64], np.float32)},
        True,
        r"has checkpoints of another program \(model.ckpt-7.meta\), which cifarlab cannot read",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_checkpoint_that_does_not_fit_is_one_line(networks, drawn, tmp_path, case):
    """The tutorial's evaluation failed on missing averages with a trace of its graph (tensorflow/models #7925)."""
    make, averaged, said = CASES[case]
    save(tmp_path, make(networks), steps=(7,))
    before = contents(tmp_path)
    with pytest.raises(CheckpointError, match=said) as error:
        evaluate(config(tmp_path, moving_average=averaged), dataset=drawn)
    assert "\n" not in str(error.value)
    assert contents(tmp_path) == before


def test_half_precision_and_other_steps_are_read(networks, tmp_path, drawn):
    """The tutorial's flag `--use_fp16`; steps with more digits sort by number; no file `checkpoint`, no .meta."""
    values = {
        name: value.astype(np.float16) for name, value in values_of(networks["raw"], networks["averaged"]).items()
    }
    save(tmp_path, values, steps=(900, 10_000))
    for name in ("checkpoint", "model.ckpt-900.meta", "model.ckpt-10000.meta"):
        (tmp_path / name).unlink()
    assert latest_checkpoint(tmp_path) == require_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-10000")
    loaded = load_classifier(tmp_path)
    half = networks["averaged"].conv2.weights.numpy().astype(np.float16)
    np.testing.assert_array_equal(loaded.network.conv2.weights.numpy(), half.astype(np.float32))


def test_a_described_dataset_is_used(run, drawn, tmp_path, networks):
    save(tmp_path, values_of(networks["raw"], networks["averaged"]), steps=(7,))
    drawn.save_description(tmp_path / "dataset.json")
    found = evaluate(config(tmp_path))
    assert (found.step, found.warnings) == (7, ())
    assert load_classifier(tmp_path).dataset.name == "drawn"
    other = json.loads((tmp_path / "dataset.json").read_text()) | {"classes": list("abcdefghij")}
    (tmp_path / "dataset.json").write_text(json.dumps(other))
    with pytest.raises(DataSetError, match=r"whose classes differ now: airplane, .* instead of a, b, c"):
        load_classifier(tmp_path, dataset=drawn)


def test_the_names_are_all_those_of_our_network():
    assert sorted(WEIGHTS) == sorted(variable_name(variable) for variable in ConvNet().variables)
