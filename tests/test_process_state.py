"""What a program set up before it calls cifarlab: the results are the same as always, or one line says why not.

Reported of others: scikit-optimize/scikit-optimize #903 (numpy raises), tensorflow/datasets #52 (eager execution).
"""

import contextlib
import subprocess
import sys
import warnings

import numpy as np
import pytest

from cifarlab.backend import ProcessStateError, tf
from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data.pipeline import distorted_inputs, inputs
from cifarlab.data.records import read_records
from cifarlab.evaluation import metrics
from cifarlab.evaluation.classifier import classify, pretrained_classifier
from cifarlab.evaluation.evaluator import evaluate, logits_and_labels
from cifarlab.model.network import ConvNet
from cifarlab.monitoring.summaries import Summaries
from cifarlab.plotting import evaluations, figures
from cifarlab.training.loop import train
from cifarlab.training.state import TrainState
from cifarlab.training.step import train_step


@contextlib.contextmanager
def eager_functions():
    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Even though the `tf.config", UserWarning)  # tf.data's
            yield
    finally:
        tf.config.run_functions_eagerly(False)


@contextlib.contextmanager
def numerics_checks():
    tf.debugging.enable_check_numerics()
    try:
        yield
    finally:
        tf.debugging.disable_check_numerics()


@contextlib.contextmanager
def keras_settings():
    import keras

    keras.config.set_floatx("float64")
    keras.config.set_image_data_format("channels_first")
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
        keras.config.set_image_data_format("channels_last")
        keras.config.set_floatx("float32")


@contextlib.contextmanager
def random_seeds():
    tf.random.set_seed(5)
    kept = tf.random.get_global_generator()
    tf.random.set_global_generator(tf.random.Generator.from_seed(6))
    try:
        yield
    finally:
        tf.random.set_global_generator(kept)
        tf.compat.v1.get_default_graph().seed = None
        tf.random.set_seed(None)


@contextlib.contextmanager
def warnings_as_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@contextlib.contextmanager
def matplotlib_settings():
    import matplotlib

    with matplotlib.rc_context({"text.usetex": True}):
        yield


QUICK = {
    "numpy raises": lambda: np.errstate(all="raise"),
    "Keras settings": keras_settings,
    "random seeds": random_seeds,
    "a device": lambda: tf.device("CPU:0"),
    "warnings as errors": warnings_as_errors,
    "formulas by LaTeX": matplotlib_settings,
}
SLOW = {"numerics checks": numerics_checks, "functions run eagerly": eager_functions}


@contextlib.contextmanager
def all_of(states):
    with contextlib.ExitStack() as stack:
        for enter in states.values():
            stack.enter_context(enter())
        yield


def results(drawn):
    """Numbers from every part of the package, from images to figures."""
    state, net = TrainState(ConvNet(seed=1)), pretrained_classifier()
    batches = iter(distorted_inputs(drawn, 8, min_fraction_of_examples_in_queue=0.01))
    losses = [float(train_step(state, *next(batches)).losses.total) for _ in range(2)]
    logits, labels = logits_and_labels(state.averages, inputs(drawn, batch_size=20, num_examples=30))
    answer = classify(net, read_records(drawn.test_files[0])[0][:4])
    sure = metrics.softmax(1000 * logits).max(axis=1)
    matrix = metrics.confusion_matrix(logits, labels)
    figure, (ax,) = figures.subplots()
    evaluations.confusion(ax, matrix, drawn.classes)
    evaluations.per_class_accuracy(figures.subplots()[1][0], matrix, drawn.classes)
    return {
        "losses": losses,
        "logits": logits,
        "sure": sure > 0.5,
        "answer": [prediction.probability for row in answer for prediction in row],
        "weights": state.network.local4.weights.numpy(),
        "pixels": np.frombuffer(figures.png(figure), np.uint8),
    }


@pytest.fixture(scope="module")
def usual(drawn):
    return results(drawn)


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize("states", [QUICK, *({name: state} for name, state in SLOW.items())], ids=", ".join)
def test_results_are_the_same_as_always(states, drawn, usual, capfd):
    with all_of(states):
        found = results(drawn)
    for name, values in usual.items():
        np.testing.assert_allclose(found[name], values, atol=1e-5, err_msg=name)
    assert capfd.readouterr().err == ""


def run(folder, drawn):
    settings = {"max_steps": 3, "batch_size": 8, "min_fraction_of_examples_in_queue": 0.01}
    state = train(TrainConfig(train_dir=str(folder), **settings), dataset=drawn, observers=[Summaries(1)])
    evaluation = evaluate(EvalConfig(checkpoint_dir=str(folder), num_examples=100), dataset=drawn)
    return evaluation.precision, state.network.softmax_linear.biases.numpy()


@pytest.mark.full
@pytest.mark.slow
def test_a_run_is_the_same_under_all_of_them(drawn, tmp_path, capfd):
    precision, biases = run(tmp_path / "usual", drawn)
    with all_of({**QUICK, "numerics checks": numerics_checks}):
        found = run(tmp_path / "other", drawn)
    assert found[0] == precision
    np.testing.assert_allclose(found[1], biases, atol=1e-6)
    assert capfd.readouterr().err == ""


def test_a_strategy_scope_is_one_line(drawn, tmp_path):
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        with pytest.raises(ProcessStateError, match=r"distributes training itself; .*Leave the scope") as error:
            train(TrainConfig(train_dir=str(tmp_path / "run")), dataset=drawn)
        (tmp_path / "run").mkdir()
    assert "\n" not in str(error.value)
    assert list((tmp_path / "run").iterdir()) == []


def test_a_default_graph_is_one_line(drawn):
    for use in (lambda: TrainState(None), lambda: inputs(drawn), pretrained_classifier, lambda: train(dataset=drawn)):
        with (
            tf.Graph().as_default(),
            pytest.raises(ProcessStateError, match="TensorFlow must execute eagerly") as error,
        ):
            use()
        assert "\n" not in str(error.value)


TENSORFLOW_1 = """
import tensorflow as tf
tf.compat.v1.{call}()
import cifarlab, os
from cifarlab.errors import UserError
data = cifarlab.DataSet("letters", tuple("abcdefghij"))
run = cifarlab.TrainConfig(train_dir="new")
for use in (
    lambda: cifarlab.train(run),
    lambda: cifarlab.train(run, dataset=data),
    lambda: cifarlab.inputs(data),
    lambda: cifarlab.distorted_inputs(data),
    lambda: cifarlab.TrainState(None),
    lambda: cifarlab.pretrained_classifier(),
):
    try:
        use()
    except UserError as error:
        print(error)
assert not os.path.exists("new")
"""


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize("call", ["disable_v2_behavior", "disable_v2_tensorshape"])
def test_tensorflow_1_behavior_is_one_line(call, tmp_path):
    code = TENSORFLOW_1.format(call=call)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert len(lines) == 6, done.stderr
    assert len(set(lines)) == 1
    assert "TensorFlow 1 behavior is enabled" in lines[0]
    assert "disable_v2_behavior()" in lines[0]
