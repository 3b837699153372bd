"""The check of exercise 2's layer; and what the check of its network asks of such a layer, too."""

from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import Layer, variable_name
from cifarlab.teaching.checks.ex02_locally_connected import connected, traced
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import CheckPassed
from cifarlab.teaching.checks.student_calls import Raised, capture_exception, short_repr

STDDEV, DECAY, BIAS = 0.04, 0.004, 0.1
"""The tutorial's and cuda-convnet's standard deviation and weight decay; the tutorial's initial bias."""

TRUNCATED = 0.8796
"""The standard deviation of a normal distribution of 1 that is cut off at -2 and 2."""


def check_local_layer(local_layer: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's class `LocalLayer(name, rows, columns, inputs, outputs, seed)`.

    Args:
        local_layer: makes a `network.Layer` with weights float32[rows, columns, 3, 3, inputs, outputs] and biases
            float32[rows, columns, outputs]; calling it with float32[B, rows, columns, inputs] gives its results,
            float32[B, rows, columns, outputs], ReLU included.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.
    """
    examiner = Examiner("local_layer", key, seconds=20)
    draw = examiner.random
    for name in ("local3", "local4"):
        sizes = [int(size) for size in (*draw.permutation([3, 4, 5, 6])[:2], *draw.integers(9, 15, 2))]
        seed = int(draw.integers(1000))
        layer = examiner.call(local_layer, name, *sizes, seed)
        look_at_layer(examiner, layer, name, *_shapes(*sizes))
        look_at_start(examiner, layer, name)
        for other_name, other_seed, same, advice in (
            (name, seed, True, "two layers of the same name and seed should start from the same weights."),
            (name, seed + 1, False, "the seed makes no difference: pass it on to network.Layer."),
            (f"{name}b", seed, False, "the name makes no difference: pass it on to network.Layer."),
        ):
            twin = examiner.call(local_layer, other_name, *sizes, other_seed)
            look_at_layer(examiner, twin, other_name, *_shapes(*sizes))
            if np.array_equal(layer.weights.numpy(), twin.weights.numpy()) != same:
                examiner.fail(advice)
        _look_at_call(examiner, layer, sizes)
    return CheckPassed("weights and biases of its own at each position, which start, decay and train as they should.")


def look_at_layer(
    examiner: Examiner, layer: Any, name: str, weights: list[int], biases: list[int], decay: float = DECAY
) -> None:
    """Refuses a layer whose kind, variables or weight decay are not as they should be.

    Args:
        examiner: who refuses.
        layer: the student's, anything.
        name: that it should have.
        weights: their shape.
        biases: their shape.
        decay: of its weights.
    """
    if not isinstance(layer, Layer):
        examiner.fail(
            f"{name} should be of a class derived from network.Layer; got {short_repr(layer)}. Weight decay, and "
            "whatever else goes through the layers of a network, finds no others."
        )
    if examiner.call(getattr, layer, "name", None) != name:
        examiner.fail(f"{name} should have its name in the attribute `name`: pass it on to super().__init__.")
    for what, shape in (("weights", weights), ("biases", biases)):
        variable = examiner.call(getattr, layer, what, None)
        if not isinstance(variable, tf.Variable):
            examiner.fail(
                f"{name}'s {what} should be a tf.Variable, which training can change; got {short_repr(variable)}."
            )
        _look_at_shape(examiner, f"{name}'s {what}", shape_of(variable), shape)
        if not variable.trainable or variable.dtype != tf.float32:
            examiner.fail(f"{name}'s {what} should be trainable, and float32.")
        if variable_name(variable) != f"{name}/{what}":
            examiner.fail(f"{name}'s {what} should be named {name}/{what}; got {variable_name(variable)[:40]!r}.")
    count = len(examiner.call(_variables, layer))
    if count != 2:
        examiner.fail(f"{name} should hold two variables, its weights and its biases; it holds {count}.")
    strength = examiner.call(getattr, layer, "weight_decay", None)
    if not isinstance(strength, float | int) or not abs(strength - decay) < 1e-9:
        examiner.fail(f"the weight decay of {name} should be {decay:g}; got {short_repr(strength)}.")


def look_at_start(examiner: Examiner, layer: Layer, name: str) -> None:
    """Refuses a layer that does not start from a truncated normal distribution of 0.04, anew at each position."""
    weights, biases = layer.weights.numpy(), layer.biases.numpy()
    if not np.allclose(biases, BIAS):
        examiner.fail(f"{name}'s biases should start at {BIAS}, as in the tutorial; got {biases.flat[0]:g}.")
    if np.array_equal(weights[0, 0], weights[-1, -1]):
        examiner.fail(f"{name}'s weights start as the same set at all positions: draw them in their whole shape.")
    deviation, cut_off = float(weights.std()), float(np.abs(weights).max()) < 2.01 * STDDEV
    if not cut_off and abs(deviation / STDDEV - 1) < 0.03:
        examiner.fail(f"{name}'s weights are normally distributed, not truncated: let network.Layer draw them.")
    if abs(deviation / (STDDEV * TRUNCATED) - 1) > 0.03:
        examiner.fail(f"{name}'s weights should start with stddev {STDDEV}; got {deviation / TRUNCATED:.2g}.")
    if not cut_off or not 0.68 < float((np.abs(weights) < STDDEV).mean()) < 0.75:  # 0.715 within one stddev
        examiner.fail(f"{name}'s weights are not from a truncated normal distribution: let network.Layer draw them.")


def shape_of(variable: tf.Variable) -> list[int | None]:
    """Its shape as a list; empty where it has none in particular."""
    return [] if variable.shape.rank is None else variable.shape.as_list()


def refuse_compiled(examiner: Examiner, outcome: Raised) -> None:
    """Refuses what is right by itself, and raised an exception inside of tf.function with a batch of unknown size."""
    examiner.fail(
        "right by itself, but training cannot use it: inside of tf.function, where the batch's size may be unknown, it "
        f"raised {type(outcome.error).__name__}. Use TensorFlow's operations only, and take no size from shape[0]."
    )


def _shapes(rows: int, columns: int, inputs: int, outputs: int) -> tuple[list[int], list[int]]:
    return [rows, columns, 3, 3, inputs, outputs], [rows, columns, outputs]


def _look_at_shape(examiner: Examiner, what: str, got: list[int | None], right: list[int]) -> None:
    shapes = f"expected {right}, got {got}"
    if len(right) == 3 and got == right[-1:]:
        examiner.fail(f"{what}: one for each channel, shared by all positions. Each position has its own: {shapes}.")
    if len(right) == 6 and got == right[2:]:
        examiner.fail(f"{what}: one set, shared by all positions, as in a convolution. Each has its own: {shapes}.")
    if got != right:
        examiner.fail(f"{what} have another shape: {shapes}.")


def _variables(module: tf.Module) -> tuple:
    return module.trainable_variables


def _look_at_call(examiner: Examiner, layer: Any, sizes: list[int]) -> None:
    """Refuses a layer that does not compute ReLU of its sums with its present weights, or cannot be trained."""
    if not callable(layer):
        examiner.fail("give the class a method __call__(self, values), so that a layer is called like a function.")
    draw, old = examiner.random.normal, (layer.weights.numpy(), layer.biases.numpy())
    weights, biases = draw(0, 1, layer.weights.shape), draw(0, 5, layer.biases.shape)
    layer.weights.assign(weights)
    layer.biases.assign(biases)
    values = draw(0, 1, [3, *sizes[:3]])
    summed = connected(values, weights, biases)
    wrong = {
        "the ReLU is missing: no result of the layer is negative.": summed,
        "the layer's biases are missing.": np.maximum(summed - biases, 0),
        "the ReLU comes before the biases; add them first.": np.maximum(summed - biases, 0) + biases,
        "it computes with the weights that it started with, not with those that it has: use self.weights and "
        "self.biases.": np.maximum(connected(values, *old), 0),
    }
    step = traced(layer.__call__, None, values.shape[1:], [layer.weights, layer.biases])
    for function in (layer.__call__, capture_exception(step)):
        outcome = examiner.call(function, tf.constant(values, tf.float32))
        if isinstance(outcome, Raised):
            refuse_compiled(examiner, outcome)
        result, gradients = (outcome, ()) if function == layer.__call__ else outcome
        examiner.assert_close(
            result,
            np.maximum(summed, 0),
            what="the layer's results",
            misconceptions=wrong,
            fallback="they are the ReLU of what locally_connected makes of the values, the weights and the biases.",
            tolerance=1e-3,
        )
        if any(gradient is None for gradient in gradients):
            examiner.fail("it cannot be trained: no gradient reaches its weights, its biases or what comes before it.")
