from cifarlab.backend import tf
from cifarlab.demos import tf1_graph


def test_the_tutorials_graph_comes_near_its_765_operations():
    """The tutorial says "roughly 765", with the TensorFlow of 2015."""
    assert 0.9 < sum(tf1_graph.operations_by_part().values()) / 765 < 1.1


def test_counting_adds_nothing_to_the_default_graph():
    before = len(tf.compat.v1.get_default_graph().get_operations())
    first = tf1_graph.operations_by_part()
    assert tf1_graph.operations_by_part() == first
    assert len(tf.compat.v1.get_default_graph().get_operations()) == before
    assert tf.executing_eagerly()
    assert first["inference"] < first["averages of the weights"]
