"""The check of exercise 2's network, whose top layers are locally connected as in cuda-convnet."""

import copy
from typing import Any, NamedTuple

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import ConvNet, Layer, Stages, layers, variable_name
from cifarlab.model.profile import count_parameters
from cifarlab.teaching.checks.ex02_local_layer import (
    DECAY,
    TRUNCATED,
    check_initial_values,
    check_layer,
    fail_compiled,
    shape_of,
)
from cifarlab.teaching.checks.ex02_locally_connected import connected, traced
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckPassed
from cifarlab.teaching.checks.student_calls import Raised, capture_exception, short_repr

_NO_RELU_LOCAL3 = Advice("no-relu-local3", "the ReLU of local3 is missing.")
_NO_RELU_LOCAL4 = Advice("no-relu-local4", "the ReLU of local4 is missing.")
_SKIPS_LOCAL3 = Advice("skips-local3", "local4 gets the result of pool2; it should get the result of local3.")
_RELU_ON_LOGITS = Advice(
    "relu-on-logits", "there is a ReLU after softmax_linear. Logits may be negative: pass activation=None."
)
_SOFTMAX_ON_LOGITS = Advice(
    "softmax-on-logits",
    "there is a softmax after softmax_linear: return the logits; the loss applies it (exercise 1).",
)
_FLATTENED_OTHERWISE = Advice(
    "flattened-otherwise",
    "local4's values should enter softmax_linear in the order rows, columns, channels.",
)

PARAMETERS = 2_112_970
"""The number of parameters of the whole network, with a bias for each position and channel."""

_SHAPES = {
    "conv1": ([5, 5, 3, 64], [64]),
    "conv2": ([5, 5, 64, 64], [64]),
    "local3": ([6, 6, 3, 3, 64, 64], [6, 6, 64]),
    "local4": ([6, 6, 3, 3, 64, 32], [6, 6, 32]),
    "softmax_linear": ([1152, 10], [10]),
}
_STAGE_FALLBACK = Advice(
    "other", "Is it computed from the stage before it, in the order of ConvNet.stages, by the layer with its name?"
)
_COPY_FALLBACK = Advice(
    "copy-differs",
    "The network is correct, but a deep copy of it is not. Training keeps the averages in a deep copy, which should "
    "compute with its own weights: access every layer through self.",
)


class _Expected(NamedTuple):
    """The expected stages, and the results of known mistakes by stage and advice; all float64."""

    stages: dict[str, np.ndarray]
    mistakes: dict[str, dict[Advice, np.ndarray]]


def check_local_network(local_network: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's class `LocallyConnected(seed)`, the tutorial's network with cuda-convnet's top layers.

    Args:
        local_network: returns a `ConvNet` whose layers local3 and local4 are locally connected, with 6 x 6 positions,
            64 to 64 and 64 to 32 channels; its `stages` returns a `network.Stages`.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("local_network", key, seconds=40)
    seed = int(examiner.random.integers(1, 1000))
    net, other = (examiner.call(local_network, number) for number in (seed, seed + 1))
    for one in (net, other):
        _check_layers(examiner, one)
    _check_initial_values(examiner, net, seed)
    for name in _SHAPES:
        if np.array_equal(getattr(net, name).weights, getattr(other, name).weights):
            examiner.fail(
                "seed-ignored", f"{name}'s initial weights do not depend on the seed: pass it on to every layer."
            )
    _check_stages(examiner, net, _STAGE_FALLBACK)
    copied = examiner.call(capture_exception(copy.deepcopy), net)
    if isinstance(copied, Raised):
        examiner.fail(
            "copy-fails",
            f"training keeps averages in a deep copy, but copy.deepcopy raises {type(copied.error).__name__}.",
        )
    if copied is net:
        examiner.fail(
            "copy-is-itself", "training keeps averages in a deep copy, but copy.deepcopy returns the network itself."
        )
    _check_layers(examiner, copied)
    _check_stages(examiner, copied, _COPY_FALLBACK)
    return examiner.passed(f"{PARAMETERS:,} parameters, all stages in order, and ready for training.")


def _check_layers(examiner: Examiner, net: Any) -> None:
    """Fails the check unless a network has the expected layers."""
    if not isinstance(net, ConvNet):
        examiner.fail("not-a-network", f"this should be a class derived from cifarlab.ConvNet; got {short_repr(net)}.")
    found = {name: examiner.call(getattr, net, name, None) for name in _SHAPES}
    for name, layer in found.items():
        weights = examiner.call(getattr, layer, "weights", None)
        if isinstance(layer, Layer) and isinstance(weights, tf.Variable):
            _check_weights(examiner, name, shape_of(weights))
        check_layer(examiner, layer, name, *_SHAPES[name], DECAY if name.startswith("local") else 0.0)
    if len(examiner.call(layers, net)) != len(_SHAPES):
        examiner.fail(
            "layers-differ", f"the network should have the layers {', '.join(_SHAPES)}, each once, and no others."
        )
    count = examiner.call(count_parameters, net)
    if count != PARAMETERS:
        examiner.fail(
            "parameter-count", f"the layers are correct, with {PARAMETERS:,} parameters, but the network has {count:,}."
        )


def _check_weights(examiner: Examiner, name: str, got: list[int | None]) -> None:
    """Fails the check if the shape of a layer's weights has a known cause."""
    right = _SHAPES[name][0]
    if name == "local3" and got == [*right[:-1], 32]:
        examiner.fail(
            "channels-32",
            "local3 has 32 channels, as in another common version of cuda-convnet; the version that this exercise "
            "builds has 64.",
        )
    if name.startswith("local") and len(got) == 2:
        examiner.fail(
            "fully-connected",
            f"{name} is still the tutorial's fully connected layer: replace it with a locally connected one.",
        )
    if name == "softmax_linear" and got != right:
        examiner.fail(
            "softmax-shape",
            f"softmax_linear has weights {got}. How many values does local4 pass on, from 6 x 6 positions with 32 "
            "channels each, and how many classes are there?",
        )


def _check_initial_values(examiner: Examiner, net: ConvNet, seed: int) -> None:
    """Fails the check unless all layers have the expected initial values: the tutorial's, where they are its layers."""
    tutorials = ConvNet(seed=seed)
    for name in ("conv1", "conv2"):
        for own, wanted in zip(getattr(net, name).variables, getattr(tutorials, name).variables, strict=True):
            if not np.array_equal(own, wanted):
                examiner.fail(
                    "convolutions-start",
                    f"{name} does not start from the same values as that of cifarlab.ConvNet(seed=seed), so the two "
                    "networks could not be compared: pass the seed on to super().__init__.",
                )
    check_initial_values(examiner, net.local3, "local3")
    check_initial_values(examiner, net.local4, "local4")
    if np.any(net.softmax_linear.biases.numpy()):
        examiner.fail("softmax-biases-start", "softmax_linear's biases should start at 0.")
    deviation = float(net.softmax_linear.weights.numpy().std()) / TRUNCATED
    if abs(deviation * 1152 - 1) > 0.05:
        got = f"1 / {1 / max(deviation, 1e-9):.0f}"
        examiner.fail(
            "softmax-stddev", f"softmax_linear's weights should start with stddev 1 / 1152, 1 / its inputs; got {got}."
        )


def _check_stages(examiner: Examiner, net: ConvNet, fallback: Advice) -> None:
    """Fails the check unless a network computes the expected stages with random weights and can be trained."""
    draw = examiner.random.normal
    for layer in (net.local3, net.local4, net.softmax_linear):
        inputs = np.prod(layer.weights.shape[-4:-1])
        layer.weights.assign(draw(0, 1.5 / np.sqrt(inputs), layer.weights.shape))
        layer.biases.assign(draw(0, 0.5, layer.biases.shape))
    # Large values, so that a missing normalization is detected: it hardly changes the results of ordinary images.
    images = tf.constant(draw(0, 20, [3, 24, 24, 3]), tf.float32)
    right = _expected(net, images)
    _compare(examiner, examiner.call(net.stages, images), right, fallback)
    variables = list(net.trainable_variables)
    outcome = examiner.call(capture_exception(traced(net.stages, None, images.shape[1:], variables)), images)
    if isinstance(outcome, Raised):
        fail_compiled(examiner, outcome)
    stages, (_, *gradients) = outcome
    _compare(examiner, stages, right, fallback)
    missing = [variable_name(one) for one, gradient in zip(variables, gradients, strict=True) if gradient is None]
    if missing:
        examiner.fail("no-gradient", f"it cannot be trained: no gradient reaches {', '.join(missing)}.")


def _compare(examiner: Examiner, stages: Any, right: _Expected, fallback: Advice) -> None:
    names = getattr(stages, "_fields", ()) if isinstance(stages, tuple) else ()
    if names != Stages._fields:
        examiner.fail(
            "not-stages",
            f"`stages` should return a network.Stages, all {len(Stages._fields)} in order; got {short_repr(stages)}.",
        )
    for name, value in right.stages.items():
        examiner.assert_close(
            getattr(stages, name),
            value,
            what=f"the stage {name}",
            misconceptions=right.mistakes.get(name, {}),
            fallback=fallback,
            tolerance=5e-3,  # in float32, large terms that cancel to nearly 0 leave errors of up to 1e-3
        )


def _expected(net: ConvNet, images: tf.Tensor) -> _Expected:
    tutorials = ConvNet(fast_ops=False)
    for name in ("conv1", "conv2"):
        for own, other in zip(getattr(tutorials, name).variables, getattr(net, name).variables, strict=True):
            own.assign(other)
    stages = {name: value.numpy().astype(np.float64) for name, value in tutorials.stages(images)._asdict().items()}
    sum3 = _summed(stages["pool2"], net.local3)
    local3 = np.maximum(sum3, 0)
    sum4 = _summed(local3, net.local4)
    local4 = np.maximum(sum4, 0)
    logits = _summed(local4, net.softmax_linear)
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    mistakes = {
        "local3": {_NO_RELU_LOCAL3: sum3},
        "local4": {
            _NO_RELU_LOCAL4: sum4,
            _SKIPS_LOCAL3: np.maximum(_summed(stages["pool2"], net.local4), 0),
        },
        "softmax_linear": {
            _RELU_ON_LOGITS: np.maximum(logits, 0),
            _SOFTMAX_ON_LOGITS: (exponentials / exponentials.sum(-1, keepdims=True)),
            _FLATTENED_OTHERWISE: _summed(local4.transpose(0, 3, 1, 2), net.softmax_linear),
        },
    }
    return _Expected(stages | {"local3": local3, "local4": local4, "softmax_linear": logits}, mistakes)


def _summed(values: np.ndarray, layer: Layer) -> np.ndarray:
    weights, biases = layer.weights.numpy().astype(np.float64), layer.biases.numpy()
    if weights.ndim == 2:
        return values.reshape(len(values), -1) @ weights + biases
    return connected(values, weights, biases)
