import functools
import re

import pytest

from cifarlab.backend import tf
from cifarlab.demos import graphs
from cifarlab.model.network import ConvNet, Stages
from cifarlab.model.profile import count_operations
from cifarlab.training.state import TrainState
from cifarlab.training.step import train_step


@pytest.fixture(scope="module")
def inference():
    net = ConvNet(fast_ops=False)
    return tf.function(net.stages).get_concrete_function(tf.TensorSpec([None, 24, 24, 3], name="images")).graph


@pytest.fixture(scope="module")
def training():
    signature = [tf.TensorSpec([8, 24, 24, 3], name="images"), tf.TensorSpec([8], tf.int32, name="labels")]
    step = functools.partial(train_step, TrainState(ConvNet(fast_ops=False)))
    return tf.function(step, input_signature=signature).get_concrete_function().graph


def test_every_operation_is_in_one_node(training):
    for opened in ([], ["conv1", "gradient_tape", "gradient_tape/conv2"]):
        counted = sum(node.operations for node in graphs.collapse(training, opened).nodes.values())
        assert counted == sum(count_operations(training).values())


def test_the_nine_stages_are_in_order(inference):
    flows = graphs.collapse(inference)
    assert [name for name in flows.nodes if name in Stages._fields] == list(Stages._fields)
    assert flows.values["conv1", "pool1"] == ["[B, 24, 24, 64]"]
    assert flows.values["pool2", "Reshape"] == ["[B, 6, 6, 64]"]
    assert not flows.writes
    with_variables = [name for name, node in flows.nodes.items() if node.holds_variables]
    assert with_variables == ["conv1", "conv2", "local3", "local4", "softmax_linear"]


def test_expanding_a_scope_changes_only_that_scope(inference):
    closed, opened = graphs.collapse(inference).nodes, graphs.collapse(inference, ["conv1"]).nodes
    assert [name for name in opened if name.startswith("conv1/")] == [
        "conv1/Conv2D",
        "conv1/BiasAdd",
        "conv1/activations",
    ]
    assert "conv1" not in opened
    assert {name: node for name, node in closed.items() if name != "conv1"} == {
        name: node for name, node in opened.items() if not name.startswith("conv1/")
    }


def test_expanding_an_inner_scope_expands_the_outer_one(training):
    outer = "gradient_tape"
    inner = next(name for name in graphs.collapse(training, [outer]).nodes if name.startswith(f"{outer}/conv1"))
    both = [outer, inner]
    assert graphs.collapse(training, [inner]) == graphs.collapse(training, both)
    assert graphs.mermaid(training, [inner]) == graphs.mermaid(training, both)
    assert inner not in graphs.collapse(training, [inner]).nodes


def test_the_training_graph_says_who_changes_the_weights(training):
    flows = graphs.collapse(training)
    assert ("apply_gradients", "conv1") in flows.writes
    assert ("loss", "gradient_tape") in flows.values
    assert {source for source, _ in flows.writes} == {"apply_gradients"}  # others only change their own variables
    assert "apply_gradients: 22 operations; from learning_rate, gradient_tape; changes variables of conv1" in "\n".join(
        graphs.describe(training)
    )


@pytest.mark.parametrize("opened", [[], ["conv1"], ["gradient_tape", "gradient_tape/conv2", "loss"]])
def test_mermaid_names_are_safe_and_every_arrow_has_two_ends(training, opened):
    lines = [line.strip() for line in graphs.mermaid(training, opened).splitlines()]
    nodes = {match[1] for line in lines if (match := re.fullmatch(r'(n\d+)\["[^"]+"\](:::variables)?', line))}
    arrows = [re.fullmatch(r'(n\d+) (?:-- "[^"]+" -->|-->|-\.->) (n\d+)', line) for line in lines]
    ends = {end for arrow in arrows if arrow for end in arrow.groups()}
    assert ends <= nodes
    assert len([arrow for arrow in arrows if arrow]) > 10
    frames = [line for line in lines if line.startswith("subgraph ")]
    assert len(frames) == len(opened) == lines.count("end")
    assert len(lines) == len(nodes) + len([a for a in arrows if a]) + 2 * len(frames) + 3  # spacing, kind, style


def test_an_unknown_scope_is_refused(inference):
    with pytest.raises(ValueError, match=r"one of Reshape, conv1, .* got 'conv3'"):
        graphs.collapse(inference, ["conv3"])


def test_a_graph_is_shown_with_a_description(inference, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    graphs.show(inference, "Nine stages.", expanded=["conv1"])
    assert set(shown[0]) == {"text/vnd.mermaid", "text/plain"}
    assert shown[0]["text/plain"].startswith("Nine stages.\nimages: 1 operation\nconv1/Conv2D: 3 operations")
    assert shown[0]["text/vnd.mermaid"] == graphs.mermaid(inference, ["conv1"])
