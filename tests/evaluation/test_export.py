"""The exported model in other programs: runs the code of docs/export.md on the pretrained weights."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarlab.backend import suppressed_stderr, tf
from cifarlab.data.dataset import DataSet
from cifarlab.data.records import CLASSES, read_records
from cifarlab.evaluation.classifier import Classifier, export, pretrained_classifier
from cifarlab.model.network import ConvNet, fully_connected, with_reference_ops
from cifarlab.model.profile import count_operations

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
COUNT = 128
CONVERSIONS = ("in_floats", "dynamic_range", "integer")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(r"ignore:\s*Warning. tf.lite.Interpreter is deprecated:UserWarning"),
]


@pytest.fixture(scope="module")
def classifier():
    return pretrained_classifier()


@pytest.fixture(scope="module")
def pictures(drawn):
    return read_records(drawn.test_files[0])[0][:COUNT]


@pytest.fixture(scope="module")
def expected(classifier, pictures):
    return classifier.logits(pictures).numpy()


@pytest.fixture(scope="module")
def page(classifier, pictures, drawn, tmp_path_factory):
    """The names defined by the page's code blocks, run in order next to the directory `model`."""
    folder = tmp_path_factory.mktemp("page")
    export(classifier, folder / "model")
    Image.fromarray(pictures[0]).save(folder / "image.png")
    names = {"training_images": read_records(drawn.train_files[0])[0][:100]}
    # The converter and the interpreter write to stderr.
    with pytest.MonkeyPatch.context() as patch, suppressed_stderr():
        patch.chdir(folder)
        for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
            exec(block.replace("examples = batch ", "examples = training_images "), names)
    assert len(names["examples"]) == 100
    return {**names, "folder": folder}


@pytest.mark.full
def test_tensorflow_names_the_class(page, classifier, pictures, expected):
    np.testing.assert_array_equal(page["batch"], pictures[:1])
    np.testing.assert_allclose(page["logits"], expected[:1], atol=1e-3)
    assert page["classes"] == list(classifier.dataset.classes)


@pytest.mark.full
def test_keras_takes_it_as_a_layer(page, pictures, expected):
    np.testing.assert_allclose(page["keras_logits"], expected[:1], atol=1e-3)
    np.testing.assert_allclose(page["network"](pictures)["logits"], expected, atol=1e-3)
    np.testing.assert_allclose(page["network"].predict(pictures, verbose=0)["logits"], expected, atol=1e-3)


@pytest.mark.full
def test_keras_needs_the_dtype(page, pictures):
    images = page["keras"].Input(shape=(32, 32, 3))
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected to be a uint8 tensor"):
        page["keras"].Model(images, page["layer"](images))(pictures)


def test_the_images_have_many_classes_and_no_ties(expected):
    assert len(np.unique(expected.argmax(axis=1))) > 7
    first, second = np.sort(expected, axis=1)[:, :-3:-1].T
    assert (first - second).min() > 5e-3


@pytest.mark.parametrize("name", CONVERSIONS)
def test_tensorflow_lite_model_matches_the_page_in_size_and_classes(page, pictures, expected, name):
    size, wanted = re.search(
        rf"^\| `{name}`.*? \| ([\d.]+) MB \| (?:all|at least) (\d+) \|$", PAGE, re.MULTILINE
    ).groups()
    assert f"{len(page[name]) / 1e6:.1f}" == size
    with suppressed_stderr():
        logits = page["lite_logits"](page[name], pictures)
    assert (logits.argmax(axis=1) == expected.argmax(axis=1)).sum() >= int(wanted)
    if name == "in_floats":
        np.testing.assert_allclose(logits, expected, atol=1e-3)


def test_an_integer_model_with_a_quantized_division_fails_as_the_page_says(page, pictures):
    """If this test fails, TensorFlow Lite has fixed the division, and the page's workaround can go."""
    (message,) = re.findall(r"and fails with\s`(.*?)`", PAGE)
    # One image at 400 contrasts: its quantized deviations cover all 256 values of their range.
    contrasts = np.linspace(0.05, 1, 400)[:, None, None, None]
    of_every_contrast = (max(pictures, key=np.std) * contrasts).astype(np.uint8)
    with suppressed_stderr():
        converter = tf.lite.TFLiteConverter.from_saved_model(str(page["folder"] / "model"))
        converter.optimizations = page["converter"].optimizations
        converter.representative_dataset = page["converter"].representative_dataset
        model = converter.convert()
        runner = page["Interpreter"](model_content=model).get_signature_runner("serving_default")
    with pytest.raises(RuntimeError, match=re.escape(message)):
        runner(images=of_every_contrast)


# --- what is written


class Deeper(ConvNet):
    """A subclass with a different last stage, and with a function that was compiled before the export."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.compiled = tf.function(self.stages)

    def stages(self, images):
        found = super().stages(images)
        return found._replace(softmax_linear=2 * found.softmax_linear)


class Pair(tf.Module):
    """A network that contains two others in a list."""

    def __init__(self):
        super().__init__()
        self.members = [ConvNet(seed=1), Deeper(seed=2)]

    def stages(self, images):
        return (sum(member.stages(images)[-1] for member in self.members),)


class OnlyStages(tf.Module):
    """A network of a different kind, without `fast_ops`."""

    def __init__(self):
        super().__init__()
        self.layer = ConvNet(image_size=4).local3

    def stages(self, images):
        return (fully_connected(tf.reshape(images[:, :8, :8, :1], [-1, 64]), self.layer),)


@pytest.mark.parametrize("make", [ConvNet, Deeper, Pair, OnlyStages])
def test_export_uses_standard_operations_and_leaves_the_network_unchanged(make, pictures, tmp_path):
    network = make()
    if isinstance(network, Deeper):
        network.compiled(tf.zeros([1, 24, 24, 3]))
    nets = [module for module in (network, *network.submodules) if isinstance(module, ConvNet)]
    classifier = Classifier(network, DataSet("letters", CLASSES))
    before, variables = classifier.logits(pictures[:9]).numpy(), network.variables
    served = tf.saved_model.load(str(export(classifier, tmp_path / "model"))).signatures["serving_default"]
    np.testing.assert_allclose(served(images=tf.constant(pictures[:9]))["logits"], before, atol=1e-4)
    assert all(net.fast_ops for net in nets)
    assert all(one is other for one, other in zip(network.variables, variables, strict=True))
    np.testing.assert_array_equal(classifier.logits(pictures[:9]).numpy(), before)
    assert operations_of(served)["Conv2D"] == operations_of(served)["LRN"] == 2 * len(nets)


def operations_of(signature):
    """Counts the operations of each type in a signature, including the functions that it calls."""
    definition = signature.graph.as_graph_def()
    counts = count_operations(signature.graph)
    for function in definition.library.function:
        for node in function.node_def:
            counts[node.op] += 1
    return counts


def test_a_network_without_fast_ops_is_not_copied():
    for network in (ConvNet(fast_ops=False), OnlyStages()):
        assert with_reference_ops(network) is network
