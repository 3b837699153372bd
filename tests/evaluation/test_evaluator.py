import dataclasses
import itertools
import shutil

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data import custom
from cifarlab.data.dataset import DataSetError
from cifarlab.data.pipeline import inputs
from cifarlab.data.records import read_records
from cifarlab.evaluation.evaluator import evaluate, evaluate_repeatedly, logits_and_labels
from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import ConvNet
from cifarlab.training.checkpoints import CheckpointError
from cifarlab.training.loop import train

PLAIN = {"fast_ops": False}
"""The graph of TensorFlow's own operations is built in less time."""


@pytest.fixture(scope="module")
def run(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("run")
    config = TrainConfig(dataset="drawn", train_dir=str(folder), max_steps=40, batch_size=8, **PLAIN)
    return folder, train(config, dataset=drawn)


def test_precision_counts_the_first_largest_logit():
    logits = np.array([[0, 1, 0], [2, 2, 0], [0, 0, 5.0]])
    assert precision_at_1(logits, np.array([1, 0, 2])) == 1.0
    assert precision_at_1(logits, np.array([1, 1, 2])) == pytest.approx(2 / 3)


def test_every_test_image_counts_exactly_once(run, drawn):
    evaluation = evaluate(EvalConfig(checkpoint_dir=str(run[0]), batch_size=128), dataset=drawn)
    assert evaluation.num_examples == 2000
    assert evaluation.step == 40
    assert evaluation.precision * 2000 == pytest.approx(round(evaluation.precision * 2000))


@pytest.mark.parametrize("averaged", [True, False])
def test_averaged_or_raw_weights_are_evaluated(run, drawn, averaged):
    folder, state = run
    config = EvalConfig(checkpoint_dir=str(folder), moving_average=averaged, num_examples=300)
    evaluation = evaluate(config, dataset=drawn)
    net = state.averages if averaged else state.network
    logits, labels = logits_and_labels(net, inputs(drawn, num_examples=300))
    assert evaluation.precision == precision_at_1(logits, labels)


def test_raw_and_averaged_weights_differ(run, drawn):
    _, state = run
    raw, averaged = (
        logits_and_labels(net, inputs(drawn, num_examples=50))[0] for net in (state.network, state.averages)
    )
    assert np.abs(raw - averaged).max() > 1e-3


@pytest.mark.parametrize("batch_size", [1, 33, 1000])
def test_the_batch_size_changes_no_result(run, drawn, batch_size):
    net = run[1].averages
    logits, labels = logits_and_labels(net, inputs(drawn, batch_size=batch_size, num_examples=70))
    expected, expected_labels = logits_and_labels(net, inputs(drawn, batch_size=70, num_examples=70))
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert (labels == expected_labels).all()


def test_training_images_without_distortions(run, drawn):
    config = EvalConfig(checkpoint_dir=str(run[0]), eval_data="train_eval", num_examples=3000)
    assert evaluate(config, dataset=drawn).num_examples == 3000


def test_validation_images_are_evaluated_if_there_are_any(run, drawn):
    config = EvalConfig(checkpoint_dir=str(run[0]), eval_data="validation")
    with pytest.raises(DataSetError, match="split that drawn has; it has no validation images"):
        evaluate(config, dataset=drawn)
    held = dataclasses.replace(drawn, validation_files=drawn.train_files[:1])
    assert evaluate(config, dataset=held).num_examples == held.num_examples("validation") == 2000


def test_a_network_that_knows_the_answer_has_precision_one(drawn):
    class Oracle(tf.Module):
        def stages(self, images):
            return (tf.one_hot(answers[: tf.shape(images)[0]], 10),)

    answers = tf.constant(logits_and_labels(ConvNet(), inputs(drawn, num_examples=100))[1])
    logits, labels = logits_and_labels(Oracle(), inputs(drawn, batch_size=100, num_examples=100))
    assert precision_at_1(logits, labels) == 1.0


def test_a_damaged_latest_checkpoint_is_skipped(tmp_path, drawn):
    settings = {"max_steps": 2, "checkpoint_steps": 1, "batch_size": 8, **PLAIN}
    train(TrainConfig(dataset="drawn", train_dir=str(tmp_path), **settings), dataset=drawn)
    (tmp_path / "model.ckpt-2.data-00000-of-00001").write_bytes(b"torn")
    config = EvalConfig(checkpoint_dir=str(tmp_path), num_examples=20)
    assert evaluate(config, dataset=drawn).step == 1
    (tmp_path / "model.ckpt-2.index").unlink()
    assert evaluate(config, dataset=drawn).step == 1


def test_a_run_on_a_custom_dataset_is_not_evaluated_on_another(tmp_path, drawn):
    mine = dataclasses.replace(drawn, name="mine")
    train(TrainConfig(train_dir=str(tmp_path), max_steps=1, batch_size=8, **PLAIN), dataset=mine)
    assert evaluate(EvalConfig(checkpoint_dir=str(tmp_path), num_examples=20), dataset=mine).num_examples == 20


@pytest.mark.parametrize(
    ("size", "classes", "differs"),
    [(32, "abcdefghij", "classes differ: a, b"), (48, None, "image shape differs: 48 x")],
)
def test_a_run_is_not_evaluated_on_other_classes_or_sizes(run, drawn, tmp_path, size, classes, differs):
    _, labels = read_records(drawn.train_files[0])
    images = np.zeros([50, size, size, 3], np.uint8)
    custom.from_arrays(images, labels[:50], tmp_path / "few", classes=classes or drawn.classes)
    with pytest.raises(DataSetError, match=f"was trained on drawn; got few, whose {differs}"):
        evaluate(EvalConfig(checkpoint_dir=str(run[0]), dataset=str(tmp_path / "few")))


def few_of(drawn, directory, classes="drawn's", size=32):
    """Writes a dataset of few images, with the images of `drawn` if they have its size."""
    images, labels = read_records(drawn.train_files[0])
    images = images[:50] if size == 32 else np.zeros([50, size, size, 3], np.uint8)
    return custom.from_arrays(images, labels[:50], directory, classes=drawn.classes if "drawn" in classes else classes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "classes", "differs"),
    [(32, "abcdefghij", "classes differ now"), (48, "drawn's", "image shape differs now")],
)
def test_a_dataset_that_was_written_again_is_not_evaluated_with_other_classes_or_sizes(
    drawn, tmp_path, size, classes, differs
):
    run = EvalConfig(checkpoint_dir=str(tmp_path / "run"))
    train(
        TrainConfig(train_dir=run.checkpoint_dir, max_steps=1, batch_size=8, **PLAIN),
        dataset=few_of(drawn, tmp_path / "few"),
    )
    few_of(drawn, tmp_path / "few", classes, size)
    with pytest.raises(DataSetError, match=f"run was trained on few, whose {differs}"):
        evaluate(run)
    again = few_of(drawn, tmp_path / "few")
    assert evaluate(run).num_examples == again.num_examples("test")


@pytest.mark.slow
def test_evaluate_finds_the_dataset_of_the_run(tmp_path, drawn):
    """The dataset is found under any name, with the crop size of the run; if it is missing, the error names it."""
    images, labels = read_records(drawn.train_files[0])
    few = custom.from_arrays(images[:50], labels[:50], tmp_path / "few", classes=drawn.classes, crop_size=28)
    run, held = str(tmp_path / "run"), few.num_examples("test")
    train(TrainConfig(train_dir=run, max_steps=1, batch_size=8, **PLAIN), dataset=few)
    for elsewhere in (None, str(tmp_path)):  # a directory of other datasets
        assert evaluate(EvalConfig(checkpoint_dir=run, data_dir=elsewhere)).num_examples == held
    data_dir = str(drawn.train_files[0].parent.parent)
    elsewhere = EvalConfig(checkpoint_dir=run, dataset="drawn", data_dir=data_dir, num_examples=20)
    assert evaluate(elsewhere).num_examples == 20  # also with crops of 28
    assert evaluate(EvalConfig(checkpoint_dir=run, dataset=str(tmp_path / "few"))).num_examples == held
    shutil.rmtree(tmp_path / "few")
    with pytest.raises(DataSetError, match=r"the files of few, .* are no longer where they were"):
        evaluate(EvalConfig(checkpoint_dir=run))


def test_no_checkpoint_is_one_clear_line(tmp_path, drawn):
    with pytest.raises(CheckpointError, match="found none"):
        evaluate(EvalConfig(checkpoint_dir=str(tmp_path)), dataset=drawn)


def test_evaluating_nothing_is_refused(drawn):
    with pytest.raises(ValueError, match="at least one image"):
        logits_and_labels(ConvNet(), inputs(drawn).take(0))


def test_evaluate_repeatedly_evaluates_each_new_checkpoint_once(run, drawn, tmp_path):
    folder, waits = tmp_path / "run", []
    config = EvalConfig(checkpoint_dir=str(folder), num_examples=50, eval_interval_secs=7.0)

    def wait(seconds):
        """At first there is no directory, then a checkpoint, then nothing new, then a later checkpoint."""
        waits.append(seconds)
        if len(waits) == 1:
            shutil.copytree(run[0], folder)
        if len(waits) == 4:
            train(
                TrainConfig(dataset="drawn", train_dir=str(folder), max_steps=41, batch_size=8, **PLAIN), dataset=drawn
            )

    found = [
        evaluation.step for evaluation in itertools.islice(evaluate_repeatedly(config, dataset=drawn, wait=wait), 2)
    ]
    assert found == [40, 41]
    assert waits == [7.0] * 4


def test_evaluate_repeatedly_survives_a_deleted_checkpoint(run, drawn, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run[0], folder)
    for part in folder.glob("model.ckpt-40*"):
        part.rename(part.with_name(part.name + ".away"))
    looks = []

    def wait(seconds):
        looks.append(seconds)
        for part in folder.glob("*.away"):
            part.rename(part.with_name(part.name.removesuffix(".away")))

    config = EvalConfig(checkpoint_dir=str(folder), num_examples=50)
    assert next(evaluate_repeatedly(config, dataset=drawn, wait=wait)).step == 40
    assert len(looks) == 1
