"""Classification of images with a trained network, and its export as a SavedModel."""

import dataclasses
import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cifarlab.backend import check_process_state, tf
from cifarlab.data import registry, trained_on
from cifarlab.data.dataset import DESCRIPTION, DataSet
from cifarlab.data.distortions import central_crop, standardize
from cifarlab.data.records import CLASSES
from cifarlab.errors import UserError
from cifarlab.evaluation.evaluator import assumed_dataset, load_run_config
from cifarlab.files import as_path
from cifarlab.model import pretrained_weights
from cifarlab.model.network import ConvNet, ImageShapeError, check_batch, inference, with_reference_ops
from cifarlab.training.checkpoints import require_checkpoint, restore_latest_network
from cifarlab.training.run_network import require_network
from cifarlab.training.state import make_network


class Prediction(NamedTuple):
    """A class and its probability according to the network.

    Attributes:
        name: name of the class.
        probability: 0 to 1; the probabilities of all classes of an image sum to 1.
    """

    name: str
    probability: float


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A trained network and the classes of its logits; takes raw images.

    Attributes:
        network: a trained ConvNet, or any module with the same `stages`.
        dataset: the dataset it was trained on; only the description is used.
        warnings: a line about each later checkpoint of its run that could not be used, and about a dataset that was
            assumed.
    """

    network: tf.Module
    dataset: DataSet
    warnings: tuple[str, ...] = ()

    def logits(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the logits of raw images, which are cropped centrally and standardized as in evaluation.

        Args:
            images: uint8[B, 32, 32, 3], 0-255; any B.

        Returns:
            float32[B, num_classes].

        Raises:
            ImageShapeError: the images have another shape.
        """
        check_batch(images)
        if list(images.shape[1:]) != list(self.dataset.image_shape):
            raise ImageShapeError(
                f"images must be [B, {', '.join(map(str, self.dataset.image_shape))}]; got {list(images.shape)}. Read "
                "files with cifarlab.data.image_files.read_image, which scales them."
            )
        return inference(self.network, standardize(central_crop(images, self.dataset.crop_size)))


def load_classifier(
    checkpoint_dir: str | os.PathLike, *, averaged: bool = True, dataset: DataSet | None = None
) -> Classifier:
    """Returns a classifier with the network of a run's latest checkpoint; does not need the run's images.

    Args:
        checkpoint_dir: directory of the run, or the `train_dir` of the original tutorial's program.
        averaged: whether to use the moving averages of the weights, or the weights themselves.
        dataset: the dataset it was trained on, if the directory does not describe it; only the description is used.

    Raises:
        CheckpointError: there is no readable checkpoint of this network.
        NetworkError: the run has a custom network. Restore it with `evaluate(..., network=network)`, and create a
            `Classifier(network, dataset)`.
        DataSetError: the description of the dataset, `dataset.json`, is missing, damaged, or has other classes than
            `dataset`.
    """
    check_process_state()
    require_checkpoint(checkpoint_dir)
    require_network(checkpoint_dir)
    dataset, notes = _dataset_of(checkpoint_dir, dataset)
    network = make_network(load_run_config(checkpoint_dir), dataset)
    restored = restore_latest_network(network, checkpoint_dir, averaged=averaged)
    return Classifier(network, dataset, (*restored.warnings, *notes))


def _dataset_of(checkpoint_dir: str | os.PathLike, given: DataSet | None) -> tuple[DataSet, tuple[str, ...]]:
    """Returns the description of a run's dataset, and a line if it was assumed."""
    path = as_path(checkpoint_dir) / DESCRIPTION
    if path.exists():
        described = DataSet.read_description(path)
        if given is not None:
            return described, tuple(trained_on.compare(path.parent, given))
        return described, ()
    if given is not None:
        return given, ()
    if assumed := assumed_dataset(checkpoint_dir):
        return DataSet("cifar10", CLASSES), (assumed,)
    return DataSet.read_description(path), ()  # raises the error about the missing file


def described_dataset(name: str) -> DataSet:
    """Returns the description of a dataset by name, or by the directory of a custom one; needs no images.

    Raises:
        DataSetError: there is no such dataset.

    >>> described_dataset("svhn").classes[:3]
    ('0', '1', '2')
    """
    registry.check_name(name)
    if name in registry.SOURCES:
        return DataSet(name, registry.SOURCES[name].classes)
    return DataSet.read_description(as_path(name) / DESCRIPTION)


def pretrained_classifier() -> Classifier:
    """Returns the tutorial's network with the pretrained weights that come with cifarlab, trained on CIFAR-10.

    `cifarlab.model.pretrained_weights.training_record()` returns how they were trained and how good they are.

    >>> pretrained_classifier().dataset.classes[:3]
    ('airplane', 'automobile', 'bird')
    """
    check_process_state()
    network = ConvNet()
    pretrained_weights.load_weights(network)
    return Classifier(network, DataSet("cifar10", CLASSES))


def classify(classifier: Classifier, images: np.ndarray, *, top_k: int = 3) -> list[list[Prediction]]:
    """Returns the most probable classes of each image, best first.

    Args:
        classifier: a trained network and its classes.
        images: uint8[B, 32, 32, 3], 0-255.
        top_k: the number of classes per image.

    >>> from cifarlab.model.network import ConvNet
    >>> classifier = Classifier(ConvNet(), DataSet("letters", tuple("abcdefghij")))
    >>> predictions = classify(classifier, np.zeros([1, 32, 32, 3], np.uint8), top_k=2)
    >>> [len(predictions[0]), 0 <= predictions[0][0].probability <= 1]
    [2, True]
    """
    probabilities = tf.nn.softmax(classifier.logits(tf.constant(images))).numpy()
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top_k]
    classes = classifier.dataset.classes
    return [[Prediction(classes[c], float(p[c])) for c in row] for p, row in zip(probabilities, order, strict=True)]


def export(classifier: Classifier, directory: str | os.PathLike) -> Path:
    """Writes a network as a SavedModel that takes batches of raw images, and returns its path.

    Its signature `serving_default` takes `images`, uint8[B, 32, 32, 3], and returns `logits` and `probabilities`,
    float32[B, num_classes]. The file `assets.extra/classes.txt` has the class names, one per line. The SavedModel uses
    only TensorFlow's standard operations, whether or not the network uses `fast_ops`, so TensorFlow Lite can quantize
    it. docs/export.md shows how to use it there and in Keras.

    Args:
        classifier: a trained network and its classes; not changed.
        directory: output directory; must be empty or not exist yet.

    Raises:
        UserError: the directory is not empty or not writable.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     converter = tf.lite.TFLiteConverter.from_saved_model(str(export(pretrained_classifier(), directory)))
    ...     converter.optimizations = [tf.lite.Optimize.DEFAULT]  # 8-bit weights
    ...     model = converter.convert()
    >>> f"{len(model) / 1e6:.1f} MB"
    '1.1 MB'
    """
    directory = as_path(directory)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UserError(f"the directory for the SavedModel must be new or empty; {directory} is not. Choose another.")
    exported = dataclasses.replace(classifier, network=with_reference_ops(classifier.network))
    spec = tf.TensorSpec([None, *classifier.dataset.image_shape], tf.uint8, name="images")

    @tf.function(input_signature=[spec])
    def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = exported.logits(images)
        return {"logits": logits, "probabilities": tf.nn.softmax(logits)}

    module = tf.Module()
    module.network, module.serve = exported.network, serve
    try:
        with tempfile.TemporaryDirectory() as saved:  # TensorFlow cannot write to a path that is not valid UTF-8
            tf.saved_model.save(module, saved, signatures={"serving_default": serve})
            (Path(saved) / "assets.extra").mkdir()
            classes = "\n".join(classifier.dataset.classes) + "\n"
            (Path(saved) / "assets.extra" / "classes.txt").write_text(classes, encoding="utf-8")
            shutil.copytree(saved, directory, dirs_exist_ok=True)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"the directory for the SavedModel must be writable; {directory} is not "
            f"({getattr(error, 'message', error)}). Choose another."
        ) from None
    return directory
