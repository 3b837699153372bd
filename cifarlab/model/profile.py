"""How large a network is: parameters, multiply-adds, and the operations of a graph."""

import math
from collections import Counter

from cifarlab.backend import tf
from cifarlab.model.network import layers


def count_parameters(network: tf.Module) -> int:
    """The number of learnable values.

    >>> from cifarlab.model.network import ConvNet
    >>> count_parameters(ConvNet())
    1068298
    """
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)


def multiply_adds(network: tf.Module, image_shape: tuple[int, int, int] = (24, 24, 3)) -> dict[str, int]:
    """The multiply-adds of each weighted layer for one image.

    A layer's weights are used once at each place of its result: 24 x 24 places for conv1, one for local3. The
    tutorial says "about 19.5 M"; its five weighted layers make 18.47 M.

    Args:
        network: whose layers bear the names of their stages; others are not counted.
        image_shape: rows, columns and channels of what the network sees.

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
    """How often each type of operation stands in a graph.

    Args:
        graph: such as that of `tf.function(...).get_concrete_function(...)`.

    >>> graph = tf.function(lambda x: x * x + x).get_concrete_function(tf.TensorSpec([])).graph
    >>> count_operations(graph)["Mul"]
    1
    """
    return Counter(operation.type for operation in graph.get_operations())
