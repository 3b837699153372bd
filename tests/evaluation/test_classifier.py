import subprocess
import sys

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.data.pipeline import inputs
from cifarlab.data.records import read_records
from cifarlab.evaluation.classifier import classify, export, load_classifier
from cifarlab.evaluation.evaluator import logits_and_labels
from cifarlab.training.loop import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("run")
    train(TrainConfig(dataset="drawn", train_dir=str(folder), max_steps=3, batch_size=16), dataset=drawn)
    return folder


@pytest.fixture(scope="module")
def pictures(drawn):
    return read_records(drawn.test_files[0])[0][:5]


def test_raw_images_get_the_logits_of_evaluation(run_dir, drawn, pictures):
    classifier = load_classifier(run_dir)
    expected, _ = logits_and_labels(classifier.network, inputs(drawn, num_examples=5))
    np.testing.assert_allclose(classifier.logits(pictures).numpy(), expected, atol=1e-5)


def test_predictions_are_the_most_probable_classes_best_first(run_dir, pictures):
    classifier = load_classifier(run_dir)
    logits = classifier.logits(pictures).numpy()
    for predictions, row in zip(classify(classifier, pictures, top_k=10), logits, strict=True):
        assert predictions[0].name == classifier.dataset.classes[row.argmax()]
        probabilities = [prediction.probability for prediction in predictions]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)


@pytest.mark.full
@pytest.mark.parametrize("count", [1, 5])
def test_an_exported_network_takes_any_batch_in_a_process_without_cifarlab(run_dir, pictures, tmp_path, count):
    classifier = load_classifier(run_dir)
    folder = export(classifier, tmp_path / "model")
    np.save(tmp_path / "pictures.npy", pictures[:count])
    code = (
        "import sys, numpy as np, tensorflow as tf\n"
        f"serve = tf.saved_model.load({str(folder)!r}).signatures['serving_default']\n"
        f"out = serve(images=tf.constant(np.load({str(tmp_path / 'pictures.npy')!r})))\n"
        f"np.savez({str(tmp_path / 'out.npz')!r}, **out)\n"
        "assert not any(name.startswith('cifarlab') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    out = np.load(tmp_path / "out.npz")
    np.testing.assert_allclose(out["logits"], classifier.logits(pictures[:count]).numpy(), atol=1e-5)
    np.testing.assert_allclose(out["probabilities"].sum(1), 1, atol=1e-5)
    names = (folder / "assets.extra" / "classes.txt").read_text().split()
    assert tuple(names) == classifier.dataset.classes


def test_either_kind_of_weights_is_exported(run_dir, pictures, tmp_path):
    logits = {}
    for averaged in (False, True):
        classifier = load_classifier(run_dir, averaged=averaged)
        served = tf.saved_model.load(str(export(classifier, tmp_path / f"{averaged}"))).signatures["serving_default"]
        logits[averaged] = served(images=tf.constant(pictures))["logits"].numpy()
        np.testing.assert_allclose(logits[averaged], classifier.logits(pictures).numpy(), atol=1e-5)
    assert np.abs(logits[True] - logits[False]).max() > 1e-3


def test_export_overwrites_nothing(run_dir, tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(ValueError, match="must be new or empty"):
        export(load_classifier(run_dir), tmp_path)
