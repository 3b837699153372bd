from cifarlab.backend import tf
from cifarlab.model.network import ConvNet
from cifarlab.model.profile import count_operations, count_parameters, multiply_adds


def test_parameters():
    assert count_parameters(ConvNet()) == 1_068_298


def test_multiply_adds_by_layer():
    by_layer = multiply_adds(ConvNet())
    assert by_layer == {
        "conv1": 24 * 24 * 5 * 5 * 3 * 64,
        "conv2": 12 * 12 * 5 * 5 * 64 * 64,
        "local3": 2304 * 384,
        "local4": 384 * 192,
        "softmax_linear": 192 * 10,
    }
    assert sum(by_layer.values()) == 18_470_784


def test_operations_of_a_graph():
    net = ConvNet(fast_ops=False)
    graph = tf.function(net.stages).get_concrete_function(tf.TensorSpec([1, 24, 24, 3])).graph
    counts = count_operations(graph)
    assert counts["Conv2D"] == 2
    assert counts["MaxPool"] == 2
    assert sum(counts.values()) == len(graph.get_operations())
