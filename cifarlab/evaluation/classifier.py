"""What a trained network says of any picture, and the network as a SavedModel for other programs."""

import dataclasses
import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cifarlab.backend import tf
from cifarlab.data.dataset import DataSet
from cifarlab.data.distortions import central_crop, standardize
from cifarlab.data.records import CLASSES
from cifarlab.errors import UserError
from cifarlab.evaluation.evaluator import load_run_config
from cifarlab.model import pretrained_weights
from cifarlab.model.network import ConvNet, inference, with_reference_ops
from cifarlab.training.checkpoints import require_checkpoint, restore_latest_network
from cifarlab.training.state import make_network


class Prediction(NamedTuple):
    """A class and how probable the network holds it.

    Attributes:
        name: of the class.
        probability: 0 to 1; all classes of a picture sum to 1.
    """

    name: str
    probability: float


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A network and what its logits mean; takes pictures as they are.

    Attributes:
        network: a trained ConvNet, or anything with its `stages`.
        dataset: what it was trained on; only its description is used.
        warnings: a line about each later checkpoint of its run that could not be used.
    """

    network: tf.Module
    dataset: DataSet
    warnings: tuple[str, ...] = ()

    def logits(self, pictures: tf.Tensor) -> tf.Tensor:
        """The logits of raw pictures: cropped centrally and standardized as in evaluation.

        Args:
            pictures: uint8[B, 32, 32, 3], 0-255; any B.

        Returns:
            float32[B, num_classes].
        """
        return inference(self.network, standardize(central_crop(pictures, self.dataset.crop_size)))


def load_classifier(checkpoint_dir: str | os.PathLike, *, averaged: bool = True) -> Classifier:
    """The network of a run's newest checkpoint; needs none of the run's pictures.

    Args:
        checkpoint_dir: folder of the run.
        averaged: the moving averages of the weights; otherwise the weights themselves.

    Raises:
        CheckpointError: there is no checkpoint, or none that can be read and is of this network.
        DataSetError: the folder does not say what the network was trained on.
    """
    require_checkpoint(checkpoint_dir)
    dataset = DataSet.read_description(Path(checkpoint_dir) / "dataset.json")
    network = make_network(load_run_config(checkpoint_dir), dataset)
    restored = restore_latest_network(network, checkpoint_dir, averaged=averaged)
    return Classifier(network, dataset, restored.warnings)


def pretrained_classifier() -> Classifier:
    """The tutorial's network with the weights that come with cifarlab, trained on CIFAR-10.

    How they were made, and how good they are, is in `cifarlab.model.pretrained_weights.training_record()`.

    >>> pretrained_classifier().dataset.classes[:3]
    ('airplane', 'automobile', 'bird')
    """
    network = ConvNet()
    pretrained_weights.load_weights(network)
    return Classifier(network, DataSet("cifar10", CLASSES))


def classify(classifier: Classifier, pictures: np.ndarray, *, top_k: int = 3) -> list[list[Prediction]]:
    """The most probable classes of each picture, best first.

    Args:
        classifier: a trained network and its classes.
        pictures: uint8[B, 32, 32, 3], 0-255.
        top_k: how many classes of each.

    >>> from cifarlab.model.network import ConvNet
    >>> classifier = Classifier(ConvNet(), DataSet("letters", tuple("abcdefghij")))
    >>> predictions = classify(classifier, np.zeros([1, 32, 32, 3], np.uint8), top_k=2)
    >>> [len(predictions[0]), 0 <= predictions[0][0].probability <= 1]
    [2, True]
    """
    probabilities = tf.nn.softmax(classifier.logits(tf.constant(pictures))).numpy()
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top_k]
    classes = classifier.dataset.classes
    return [[Prediction(classes[c], float(p[c])) for c in row] for p, row in zip(probabilities, order, strict=True)]


def export(classifier: Classifier, folder: str | os.PathLike) -> Path:
    """Writes a network as a SavedModel that takes any batch of raw pictures.

    Its signature `serving_default` takes `images`, uint8[B, 32, 32, 3], and returns `logits` and `probabilities`,
    float32[B, num_classes]; the file `assets.extra/classes.txt` holds the classes' names, a line each. The operations
    are TensorFlow's own, whichever form the classifier's network takes, so that TensorFlow Lite can quantize them;
    docs/export.md tells how to use the folder there and in Keras.

    Args:
        classifier: a trained network and its classes; not changed.
        folder: that must not exist yet, or be empty.

    Raises:
        UserError: the folder is not empty, or cannot be written to.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     converter = tf.lite.TFLiteConverter.from_saved_model(str(export(pretrained_classifier(), folder)))
    ...     converter.optimizations = [tf.lite.Optimize.DEFAULT]  # weights in 8 bits
    ...     model = converter.convert()
    >>> f"{len(model) / 1e6:.1f} MB"
    '1.1 MB'
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} should be a new or an empty folder for the SavedModel; it is not. Name another.")
    exported = dataclasses.replace(classifier, network=with_reference_ops(classifier.network))
    pictures = tf.TensorSpec([None, *classifier.dataset.image_shape], tf.uint8, name="images")

    @tf.function(input_signature=[pictures])
    def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = exported.logits(images)
        return {"logits": logits, "probabilities": tf.nn.softmax(logits)}

    module = tf.Module()
    module.network, module.serve = exported.network, serve
    try:
        with tempfile.TemporaryDirectory() as saved:  # the folder's own name need not be valid UTF-8
            tf.saved_model.save(module, saved, signatures={"serving_default": serve})
            (Path(saved) / "assets.extra").mkdir()
            classes = "\n".join(classifier.dataset.classes) + "\n"
            (Path(saved) / "assets.extra" / "classes.txt").write_text(classes, encoding="utf-8")
            shutil.copytree(saved, folder, dirs_exist_ok=True)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"{folder} should be a folder that can be written to; {getattr(error, 'message', error)}. Name another."
        ) from None
    return folder
