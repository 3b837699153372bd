"""Measures of a network's size: parameters, multiply-adds and operations."""

import math
from collections import Counter

from cifarlab.backend import tf
from cifarlab.model.network import layers


def count_parameters(network: tf.Module) -> int:
    """Returns the number of trainable parameters.

    >>> from cifarlab.model.network import ConvNet
    >>> count_parameters(ConvNet())
    1068298
    """
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)


def multiply_adds(network: tf.Module, image_shape: tuple[int, int, int] = (24, 24, 3)) -> dict[str, int]:
    """Returns the number of multiply-adds per image of each layer with weights.

    A layer uses its weights once at each position of its output: 24 x 24 positions for conv1, one for local3. The
    tutorial says "about 19.5 M"; its five layers with weights have 18.47 M.

    Args:
        network: a network whose layers have the names of their stages; other layers are not counted.
        image_shape: rows, columns and channels of the network's input.

    >>> from cifarlab.model.network import ConvNet
    >>> sum(multiply_adds(ConvNet()).values())
    18470784
    """
    spec = tf.TensorSpec([1, *image_shape], tf.float32)
    stages = tf.function(network.stages).get_concrete_function(spec).structured_outputs
    shapes = {name: tensor.shape for name, tensor in stages._asdict().items()}
    return {
        layer.name: math.prod(layer.weights.shape) * math.prod(shapes[layer.name][1:-1])  # [1, rows, columns, out]
        for layer in layers(network)
        if layer.name in shapes
    }


def count_operations(graph: tf.Graph) -> Counter:
    """Counts the operations of each type in a graph.

    Args:
        graph: a graph, such as `tf.function(...).get_concrete_function(...).graph`.

    >>> graph = tf.function(lambda x: x * x + x).get_concrete_function(tf.TensorSpec([])).graph
    >>> count_operations(graph)["Mul"]
    1
    """
    return Counter(operation.type for operation in graph.get_operations())
