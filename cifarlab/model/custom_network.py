"""Checks a network that a user passes to `train` or `evaluate`, before anything is computed with it."""

import functools
import inspect
from collections.abc import Callable

from cifarlab.backend import tf
from cifarlab.data.dataset import DataSet
from cifarlab.errors import UserError
from cifarlab.model.network import NetworkError, check_is_network
from cifarlab.text import sanitize


def resolve_network(network: tf.Module | Callable[[], tf.Module], dataset: DataSet) -> tf.Module:
    """Returns a network, which may be given by a function that creates it, after checking that it fits a dataset.

    Args:
        network: a ConvNet, or another `tf.Module` with the same `stages`; or a function or class without required
            arguments that creates it.
        dataset: determines the size of the images and the number of logits.

    Raises:
        NetworkError: it is not a network, or is for other images or another number of classes, or has no variables.
        ImageShapeError: it is a ConvNet for images of another size.

    >>> from cifarlab.model.network import ConvNet
    >>> resolve_network(lambda: ConvNet(num_classes=3), DataSet("ab", ("a", "b")))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cifarlab.model.network.NetworkError: ... a logit for each class of ab; got float32[B, 3]. Create it for 2 classes.
    """
    if inspect.isroutine(network) or isinstance(network, type | functools.partial):
        network = _created(network)
    check_is_network(network)
    if not isinstance(network, tf.Module):
        raise NetworkError(
            f"a network must be a tf.Module, so that its variables are found; got {type(network).__name__}. Derive its "
            "class from tf.Module or cifarlab.ConvNet."
        )
    _check_logits(network, dataset)
    if not network.trainable_variables:
        raise NetworkError(
            "a network must have trainable variables; got none. Create them in `__init__` as tf.Variable, and assign "
            "them, or the modules that have them, to attributes."
        )
    return network


def _created(make: Callable[[], tf.Module]) -> tf.Module:
    """Calls a function that creates a network."""
    try:
        inspect.signature(make).bind()
    except TypeError:
        name = sanitize(getattr(make, "__name__", make))
        raise NetworkError(
            f"a function that creates the network must have no required arguments; {name} has "
            f"{inspect.signature(make)}. Pass a network, such as {name}(...), or lambda: {name}(...)."
        ) from None
    return make()


def _check_logits(network: tf.Module, dataset: DataSet) -> None:
    size, channels, count = dataset.crop_size, dataset.image_shape[2], dataset.num_classes
    kept = [(variable, variable.numpy()) for variable in network.non_trainable_variables]  # `stages` may change them
    try:
        stages = network.stages(tf.zeros([2, size, size, channels]))
    except UserError:
        raise
    except (ValueError, tf.errors.InvalidArgumentError) as error:
        why = sanitize(" ".join(str(getattr(error, "message", error)).split()))[:200]
        raise NetworkError(
            f"the network must take images of the dataset, float32[B, {size}, {size}, {channels}]; it raised "
            f"{type(error).__name__}: {why} Create it for this size, or change the dataset's crop_size."
        ) from None
    for variable, value in kept:
        variable.assign(value)
    if not hasattr(stages, "_fields"):
        raise NetworkError(
            "`stages` of the network must return a NamedTuple whose last item is the logits; got "
            f"{type(stages).__name__}. Define one: class Stages(typing.NamedTuple): logits: tf.Tensor."
        )
    logits = tf.convert_to_tensor(stages[-1])
    if logits.shape != [2, count] or logits.dtype != tf.float32:
        sizes = ["B" if place == 0 and size == 2 else str(size) for place, size in enumerate(logits.shape)]
        raise NetworkError(
            f"the network must return float32[B, {count}], a logit for each class of {dataset.name}; got "
            f"{logits.dtype.name}[{', '.join(sizes)}]. Create it for {count} classes."
        )
