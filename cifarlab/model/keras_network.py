"""A Keras model as a network, so that `train`, `evaluate`, checkpoints and `export` can use it."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from cifarlab.backend import do_not_convert, tf
from cifarlab.model.network import NetworkError, is_keras
from cifarlab.text import sanitize

CHECKED_IMAGES = 8


class KerasStages(NamedTuple):
    """The only stage of a Keras model.

    Attributes:
        logits: float32[B, num_classes], unnormalized.
    """

    logits: tf.Tensor


class KerasNetwork(tf.Module):
    """A network that computes what a Keras model does, with a copy of its weights.

    The loss, the optimizer and the metrics of `model.compile` are not used: `train` has its own. The model itself is
    not changed; `assign_to` copies trained weights back. Layers that behave differently in training, such as dropout
    and batch normalization, do so in training steps.

    Attributes:
        weights: the trainable variables.
        frozen: the other variables: those of layers that are not trainable, moving averages, and states of random
            numbers. Training steps change the last two.

    >>> import keras
    >>> model = keras.Sequential([keras.Input([24, 24, 3]), keras.layers.Flatten(), keras.layers.Dense(10)])
    >>> network = KerasNetwork(model)
    >>> network.stages(tf.zeros([2, 24, 24, 3])).logits.shape, [tuple(variable.shape) for variable in network.weights]
    (TensorShape([2, 10]), [(1728, 10), (10,)])
    """

    def __init__(self, model: Any) -> None:
        """Copies the weights of a model.

        Args:
            model: a built Keras model that takes standardized images, float32[B, 24, 24, 3], and returns logits.

        Raises:
            NetworkError: it is not such a model: it returns probabilities, or has separate losses.
        """
        super().__init__(name="keras_network")
        _check_model(model)
        self.weights = [_copied(variable) for variable in model.trainable_variables]
        self.frozen = [_copied(variable) for variable in model.non_trainable_variables]
        # A function, because a model that is an attribute would be copied with the network, and saved with it.
        self._call = _stateless_call(model)
        _check_outputs(self, model)

    @do_not_convert
    def stages(self, images: tf.Tensor, training: bool = False) -> KerasStages:
        """Returns the logits of images, float32[B, 24, 24, 3]; `training` is passed to the model."""
        weights, frozen = ([tf.convert_to_tensor(v) for v in variables] for variables in (self.weights, self.frozen))
        logits, changed = self._call(weights, frozen, images, training=training)
        if training:
            for variable, value in zip(self.frozen, changed, strict=True):
                variable.assign(value)
        return KerasStages(logits)

    def assign_to(self, model: Any) -> None:
        """Assigns the weights to a Keras model with the same layers, for example to save them with `model.save`."""
        for variables, theirs in (
            (self.weights, model.trainable_variables),
            (self.frozen, model.non_trainable_variables),
        ):
            for mine, other in zip(variables, theirs, strict=True):
                other.assign(mine.value())


def _stateless_call(model: Any) -> Callable[..., tuple[tf.Tensor, list[tf.Tensor]]]:
    """Returns a function that computes a model with given values of its variables.

    It takes the trainable variables, the others, images and `training`, and returns the outputs and the new values of
    the others. `model.stateless_call` would refuse `training` if only the layers of a model have such an argument.
    """
    import keras

    def call(
        weights: list[tf.Tensor], others: list[tf.Tensor], images: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        with keras.StatelessScope(zip(variables, [*weights, *others], strict=True)) as scope:
            outputs = model(images, training=training)
            return outputs, [scope.get_current_value(variable) for variable in model.non_trainable_variables]

    return call


def _copied(variable: Any) -> tf.Variable:
    """Returns a copy of a Keras variable, whose full path is its name, so that names are unique."""
    name = re.sub(r"[^A-Za-z0-9_./-]", "_", variable.path)
    if variable.trainable:
        return tf.Variable(variable.value, name=name)
    # Each replica of tf.distribute has its own moving averages and random numbers.
    of_first = tf.VariableAggregation.ONLY_FIRST_REPLICA
    aggregation = tf.VariableAggregation.MEAN if tf.as_dtype(variable.dtype).is_floating else of_first
    on_read = tf.VariableSynchronization.ON_READ
    return tf.Variable(variable.value, trainable=False, name=name, synchronization=on_read, aggregation=aggregation)


def _check_model(model: Any) -> None:
    if not is_keras(model) or not hasattr(model, "stateless_call"):
        raise NetworkError(f"KerasNetwork takes a model of Keras 3; got {sanitize(repr(model))[:80]}.")
    import keras

    if keras.backend.backend() != "tensorflow":
        raise NetworkError(
            f"Keras must compute with TensorFlow; it uses {keras.backend.backend()}. Set KERAS_BACKEND=tensorflow."
        )
    if not model.built:
        raise NetworkError(
            f"the Keras model {model.name} must have its variables; it is not built. Begin it with "
            "keras.Input([24, 24, 3]), or call it once."
        )
    if model.losses:
        raise NetworkError(
            "a network must have no separate losses, which training would ignore; the Keras model "
            f"{model.name} has some. Leave out its regularizers and calls of add_loss."
        )


def _check_outputs(network: KerasNetwork, model: Any) -> None:
    """Raises NetworkError if the outputs for random images look like probabilities."""
    shape = [size or 24 for size in (getattr(model, "input_shape", None) or (None, 24, 24, 3))[1:]]
    images = tf.random.stateless_normal([CHECKED_IMAGES, *shape], [0, 0], mean=0.5, stddev=2.0)
    try:
        outputs = tf.function(network.stages)(images).logits.numpy()
    except ValueError as error:
        told = re.sub(r"\x1b\[\d+m", "", str(error)).partition("Arguments received")[0].strip()  # bold in Keras
        why = sanitize(told.splitlines()[-1])[:200]
        raise NetworkError(f"the Keras model {sanitize(model.name)} cannot be computed in a graph: {why}") from None
    sums_to_1 = bool((abs(outputs.sum(-1) - 1) < 1e-3).all())
    if outputs.min() >= 0 and outputs.max() <= 1 and (sums_to_1 or outputs.max() > outputs.min()):
        raise NetworkError(
            f"a network must return logits; the Keras model {model.name} returns probabilities (softmax or sigmoid). "
            "Build its last layer without an activation."
        )
