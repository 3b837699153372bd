"""The check of exercise 2's layer, and requirements that the check of its network shares."""

from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import Layer, variable_name
from cifarlab.teaching.checks.ex02_locally_connected import connected, traced
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckPassed
from cifarlab.teaching.checks.student_calls import Raised, capture_exception, short_repr

_NOT_REPEATABLE = Advice("not-repeatable", "two layers with the same name and seed should start from the same weights.")
_SEED_IGNORED = Advice("seed-ignored", "the seed makes no difference: pass it on to network.Layer.")
_NAME_IGNORED = Advice("name-ignored", "the name makes no difference: pass it on to network.Layer.")
_NO_RELU = Advice("no-relu", "the ReLU is missing: no result of the layer should be negative.")
_NO_BIASES = Advice("no-biases", "the layer's biases are missing.")
_RELU_FIRST = Advice("relu-first", "the ReLU comes before the biases: add the biases first.")
_INITIAL_WEIGHTS_USED = Advice(
    "initial-weights-used",
    "it computes with its initial weights, not with its current ones: use self.weights and self.biases.",
)

STDDEV, DECAY, BIAS = 0.04, 0.004, 0.1
"""The standard deviation and the weight decay of the tutorial and of cuda-convnet; the tutorial's initial bias."""

TRUNCATED = 0.8796
"""The standard deviation of a standard normal distribution truncated at -2 and 2."""


def check_local_layer(local_layer: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's class `LocalLayer(name, rows, columns, inputs, outputs, seed)`.

    Args:
        local_layer: returns a `network.Layer` with weights float32[rows, columns, 3, 3, inputs, outputs] and biases
            float32[rows, columns, outputs]. The layer takes float32[B, rows, columns, inputs] and returns
            float32[B, rows, columns, outputs], with the ReLU applied.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("local_layer", key, seconds=20)
    draw = examiner.random
    for name in ("local3", "local4"):
        sizes = [int(size) for size in (*draw.permutation([3, 4, 5, 6])[:2], *draw.integers(9, 15, 2))]
        seed = int(draw.integers(1000))
        layer = examiner.call(local_layer, name, *sizes, seed)
        check_layer(examiner, layer, name, *_shapes(*sizes))
        check_initial_values(examiner, layer, name)
        for other_name, other_seed, same, advice in (
            (
                name,
                seed,
                True,
                _NOT_REPEATABLE,
            ),
            (
                name,
                seed + 1,
                False,
                _SEED_IGNORED,
            ),
            (
                f"{name}b",
                seed,
                False,
                _NAME_IGNORED,
            ),
        ):
            other = examiner.call(local_layer, other_name, *sizes, other_seed)
            check_layer(examiner, other, other_name, *_shapes(*sizes))
            if np.array_equal(layer.weights.numpy(), other.weights.numpy()) != same:
                examiner.fail(*advice)
        _check_call(examiner, layer, sizes)
    return examiner.passed(
        "each position has its own weights and biases; initial values, decay and training are correct."
    )


def check_layer(
    examiner: Examiner, layer: Any, name: str, weights: list[int], biases: list[int], decay: float = DECAY
) -> None:
    """Fails the check unless a layer has the expected class, variables and weight decay.

    Args:
        examiner: fails the check.
        layer: the student's layer, which may be anything.
        name: the expected name.
        weights: the expected shape of the weights.
        biases: the expected shape of the biases.
        decay: the expected weight decay.
    """
    if not isinstance(layer, Layer):
        examiner.fail(
            "not-a-layer",
            f"{name} should be a subclass of network.Layer; got {short_repr(layer)}. Weight decay and other code that "
            "needs the layers of a network finds only these.",
        )
    if examiner.call(getattr, layer, "name", None) != name:
        examiner.fail(
            "name-missing", f"{name} should have its name in the attribute `name`: pass it on to super().__init__."
        )
    for what, shape in (("weights", weights), ("biases", biases)):
        variable = examiner.call(getattr, layer, what, None)
        if not isinstance(variable, tf.Variable):
            examiner.fail(
                "not-a-variable",
                f"{name}'s {what} should be a tf.Variable, which training can change; got {short_repr(variable)}.",
            )
        _check_shape(examiner, f"{name}'s {what}", shape_of(variable), shape)
        if not variable.trainable or variable.dtype != tf.float32:
            examiner.fail("not-trainable", f"{name}'s {what} should be trainable and float32.")
        if variable_name(variable) != f"{name}/{what}":
            examiner.fail(
                "variable-name", f"{name}'s {what} should be named {name}/{what}; got {variable_name(variable)[:40]!r}."
            )
    count = len(examiner.call(_variables, layer))
    if count != 2:
        examiner.fail(
            "variable-count", f"{name} should hold two variables, its weights and its biases; it holds {count}."
        )
    strength = examiner.call(getattr, layer, "weight_decay", None)
    if not isinstance(strength, float | int) or not abs(strength - decay) < 1e-9:
        examiner.fail("wrong-decay", f"the weight decay of {name} should be {decay:g}; got {short_repr(strength)}.")


def check_initial_values(examiner: Examiner, layer: Layer, name: str) -> None:
    """Fails the check unless each position's weights start from a truncated normal distribution with stddev 0.04."""
    weights, biases = layer.weights.numpy(), layer.biases.numpy()
    if not np.allclose(biases, BIAS):
        examiner.fail(
            "biases-start", f"{name}'s biases should start at {BIAS}, as in the tutorial; got {biases.flat[0]:g}."
        )
    if np.array_equal(weights[0, 0], weights[-1, -1]):
        examiner.fail(
            "equal-at-all-positions",
            f"{name}'s weights start out equal at all positions: draw them in their full shape.",
        )
    deviation, cut_off = float(weights.std()), float(np.abs(weights).max()) < 2.01 * STDDEV
    if not cut_off and abs(deviation / STDDEV - 1) < 0.03:
        examiner.fail(
            "not-truncated", f"{name}'s normal distribution is not truncated: let network.Layer draw the weights."
        )
    if abs(deviation / (STDDEV * TRUNCATED) - 1) > 0.03:
        examiner.fail(
            "wrong-stddev", f"{name}'s weights should start with stddev {STDDEV}; got {deviation / TRUNCATED:.2g}."
        )
    if not cut_off or not 0.68 < float((np.abs(weights) < STDDEV).mean()) < 0.75:  # 0.715 within one stddev
        examiner.fail(
            "wrong-distribution",
            f"{name}'s weights are not from a truncated normal distribution: let network.Layer draw them.",
        )


def shape_of(variable: tf.Variable) -> list[int | None]:
    """Returns a variable's shape as a list; an empty list if its rank is unknown."""
    return [] if variable.shape.rank is None else variable.shape.as_list()


def fail_compiled(examiner: Examiner, outcome: Raised) -> None:
    """Fails the check because code that works on its own raised an exception inside tf.function."""
    examiner.fail(
        "not-compiled",
        "correct when called directly, but training cannot use it: inside tf.function, where the batch size may be "
        f"unknown, it raised {type(outcome.error).__name__}. Use only TensorFlow's operations, and do not use "
        "shape[0].",
    )


def _shapes(rows: int, columns: int, inputs: int, outputs: int) -> tuple[list[int], list[int]]:
    return [rows, columns, 3, 3, inputs, outputs], [rows, columns, outputs]


def _check_shape(examiner: Examiner, what: str, got: list[int | None], right: list[int]) -> None:
    shapes = f"expected {right}, got {got}"
    if len(right) == 3 and got == right[-1:]:
        examiner.fail(
            "shared-biases",
            f"{what} are shared by all positions, one per channel. Each position needs its own: {shapes}.",
        )
    if len(right) == 6 and got == right[2:]:
        examiner.fail(
            "shared-weights", f"{what} are shared by all positions, as in a convolution. Each needs its own: {shapes}."
        )
    if got != right:
        examiner.fail("weights-shape", f"{what} have the wrong shape: {shapes}.")


def _variables(module: tf.Module) -> tuple:
    return module.trainable_variables


def _check_call(examiner: Examiner, layer: Any, sizes: list[int]) -> None:
    """Fails the check unless a layer computes the ReLU of its sums with its current weights and can be trained."""
    if not callable(layer):
        examiner.fail(
            "not-callable",
            "give the class a method __call__(self, values), so that a layer can be called like a function.",
        )
    draw, old = examiner.random.normal, (layer.weights.numpy(), layer.biases.numpy())
    weights, biases = draw(0, 1, layer.weights.shape), draw(0, 5, layer.biases.shape)
    layer.weights.assign(weights)
    layer.biases.assign(biases)
    values = draw(0, 1, [3, *sizes[:3]])
    summed = connected(values, weights, biases)
    wrong = {
        _NO_RELU: summed,
        _NO_BIASES: np.maximum(summed - biases, 0),
        _RELU_FIRST: np.maximum(summed - biases, 0) + biases,
        _INITIAL_WEIGHTS_USED: (np.maximum(connected(values, *old), 0)),
    }
    step = traced(layer.__call__, None, values.shape[1:], [layer.weights, layer.biases])
    for function in (layer.__call__, capture_exception(step)):
        outcome = examiner.call(function, tf.constant(values, tf.float32))
        if isinstance(outcome, Raised):
            fail_compiled(examiner, outcome)
        result, gradients = (outcome, ()) if function == layer.__call__ else outcome
        examiner.assert_close(
            result,
            np.maximum(summed, 0),
            what="the layer's results",
            misconceptions=wrong,
            fallback=Advice(
                "other", "They should be the ReLU of what locally_connected returns for the values, weights and biases."
            ),
            tolerance=1e-3,
        )
        if any(gradient is None for gradient in gradients):
            examiner.fail(
                "no-gradient",
                "it cannot be trained: no gradient reaches its weights, its biases or the layers before it.",
            )
