"""For lesson 2: diagrams of TensorFlow graphs, with operations collapsed into scopes that can be expanded.

TensorBoard draws graphs in the same way, but in a separate program. Here a graph is converted to the Mermaid language,
which JupyterLab can draw, and to a description in words. A *scope* is the part before a slash in the name of an
operation: `conv1/Conv2D` is in the scope `conv1`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cifarlab.backend import tf

RESULTS = "results"
"""The node of the operations that return a function's results; it is counted but not drawn."""

MERMAID_SPACING = (
    '%%{init: {"flowchart": {"rankSpacing": 22, "nodeSpacing": 30, "subGraphTitleMargin": {"top": 2, "bottom": 16}}}}%%'
)
"""Spacing in screen pixels; with Mermaid's defaults, nine stages fill two screens."""

MAX_LABELLED_EDGES = 4
"""The labels of arrows to a node are omitted if there are more arrows than this, because they would overlap."""

VARIABLE_STYLE = "fill:#D6E8F5,stroke:#0072B2,color:#000000"
"""The style of nodes that contain variables."""


class Node(NamedTuple):
    """A collapsed scope, or an operation outside of all scopes.

    Attributes:
        operations: the number of operations in it.
        holds_variables: whether one of them is a variable.
    """

    operations: int
    holds_variables: bool


class CollapsedGraph(NamedTuple):
    """A graph with collapsed scopes.

    Attributes:
        nodes: the nodes by name, in the order in which the graph was built.
        values: the distinct shapes of the tensors between two nodes, by (from, to).
        writes: (from, to) for each node with operations that change a variable of another node.
    """

    nodes: dict[str, Node]
    values: dict[tuple[str, str], list[str]]
    writes: list[tuple[str, str]]


def collapse(graph: tf.Graph, expanded: Sequence[str] = ()) -> CollapsedGraph:
    """Collapses the operations of a graph into one node per scope.

    Args:
        graph: a graph, such as that of `tf.function(...).get_concrete_function(...)`.
        expanded: scopes whose inner scopes and operations become separate nodes; enclosing scopes are expanded, too.

    Raises:
        ValueError: there is no such scope.

    >>> def half(x):
    ...     with tf.name_scope("half"):
    ...         return x / 2
    >>> graph = tf.function(half).get_concrete_function(tf.TensorSpec([4], name="x")).graph
    >>> collapse(graph).nodes["half"].operations, collapse(graph).values["x", "half"]
    (2, ['[4]'])
    >>> [name for name in collapse(graph, ["half"]).nodes]
    ['x', 'half/truediv', 'results']
    """
    _check(graph, expanded)
    expanded = _with_parents(expanded)
    names = {operation.name: _node_of(operation, expanded) for operation in graph.get_operations()}
    nodes: dict[str, Node] = {}
    values: dict[tuple[str, str], list[str]] = {}
    writes: dict[tuple[str, str], None] = {}
    for operation in graph.get_operations():
        here = names[operation.name]
        before = nodes.get(here, Node(0, False))
        nodes[here] = Node(before.operations + 1, before.holds_variables or _is_variable(operation))
        for tensor in operation.inputs:
            there = names[tensor.op.name]
            if there == here:
                continue
            if _is_variable(tensor.op) and operation.type.startswith("Assign"):
                writes[here, there] = None
            else:
                shapes = values.setdefault((there, here), [])
                if (shape := _shape(tensor)) not in shapes:
                    shapes.append(shape)
    return CollapsedGraph(nodes, values, list(writes))


def mermaid(graph: tf.Graph, expanded: Sequence[str] = ()) -> str:
    """Returns a Mermaid diagram of a graph; nodes with variables are blue, and dotted arrows change variables.

    Args:
        graph: the graph to draw.
        expanded: scopes to draw as frames with their contents.

    >>> graph = tf.function(lambda x: x / 2).get_concrete_function(tf.TensorSpec([4], name="x")).graph
    >>> print(*mermaid(graph).splitlines()[1:], sep=chr(10))
    flowchart TD
      n0["x"]
      n1["truediv<br/>2 operations"]
      n0 -- "[4]" --> n1
      classDef variables fill:#D6E8F5,stroke:#0072B2,color:#000000
    """
    flows = collapse(graph, expanded)
    drawn = [name for name in flows.nodes if name != RESULTS]
    ids = {name: f"n{number}" for number, name in enumerate(drawn)}
    lines = [MERMAID_SPACING, "flowchart TD", *_subgraphs(flows, ids, _with_parents(expanded))]
    sources = Counter(target for _, target in flows.values)
    for (source, target), shapes in flows.values.items():
        if RESULTS not in (source, target):
            label = _label(shapes) if sources[target] <= MAX_LABELLED_EDGES else ""
            arrow = f'-- "{label}" -->' if label else "-->"
            lines.append(f"  {ids[source]} {arrow} {ids[target]}")
    lines += [f"  {ids[source]} -.-> {ids[target]}" for source, target in flows.writes]
    lines.append(f"  classDef variables {VARIABLE_STYLE}")
    return "\n".join(lines)


def describe(graph: tf.Graph, expanded: Sequence[str] = ()) -> Iterator[str]:
    """Yields a line for each node of a graph: its number of operations, and the nodes from which its inputs come.

    Args:
        graph: the graph to describe.
        expanded: scopes whose contents are listed separately.

    >>> graph = tf.function(lambda x: x / 2).get_concrete_function(tf.TensorSpec([4], name="x")).graph
    >>> list(describe(graph))
    ['x: 1 operation', 'truediv: 2 operations; from x [4]', 'results: 1 operation']
    """
    flows = collapse(graph, expanded)
    for name, node in flows.nodes.items():
        parts = [f"{name}: {_count(node)}{', with variables' if node.holds_variables else ''}"]
        sources = [f"{a}{_label(shapes, ' ')}" for (a, b), shapes in flows.values.items() if b == name]
        if sources and name != RESULTS:
            parts.append(f"from {', '.join(sources)}")
        changed = [b for a, b in flows.writes if a == name]
        if changed:
            parts.append(f"changes variables of {', '.join(changed)}")
        yield "; ".join(parts)


def show(graph: tf.Graph, alt: str, *, expanded: Sequence[str] = ()) -> None:
    """Shows a graph below a notebook's cell: as a diagram if Mermaid is available, as in JupyterLab, or else in words.

    Args:
        graph: the graph to show.
        alt: what can be seen in the diagram, in one or two sentences.
        expanded: scopes to show with their contents.
    """
    from IPython.display import display

    text = "\n".join([alt, *describe(graph, expanded)])
    display({"text/vnd.mermaid": mermaid(graph, expanded), "text/plain": text}, raw=True)


def _check(graph: tf.Graph, expanded: Sequence[str]) -> None:
    names = [operation.name for operation in graph.get_operations()]
    scopes = {name[: slash.start()] for name in names for slash in re.finditer("/", name)}
    for scope in expanded:
        if scope not in scopes:
            outermost = sorted({name.partition("/")[0] for name in names if "/" in name})
            raise ValueError(f"a scope must be one of {', '.join(outermost)}, or inside one of them; got {scope!r}.")


def _with_parents(expanded: Sequence[str]) -> list[str]:
    """Returns scopes, each preceded by its enclosing scopes."""
    parts = (scope.split("/") for scope in expanded)
    return list(dict.fromkeys("/".join(names[: depth + 1]) for names in parts for depth in range(len(names))))


def _node_of(operation: tf.Operation, expanded: Sequence[str]) -> str:
    """Returns the collapsed scope of an operation; without a scope, its name without a trailing number."""
    parts = operation.name.split("/")
    if len(parts) == 1 and operation.type in ("Identity", "NoOp"):
        return RESULTS
    if len(parts) == 1:
        return re.sub(r"_\d+$", "", parts[0])
    depth = 1
    while depth < len(parts) and "/".join(parts[:depth]) in expanded:
        depth += 1
    return "/".join(parts[:depth])


def _is_variable(operation: tf.Operation) -> bool:
    return operation.type == "Placeholder" and operation.outputs[0].dtype == tf.resource


def _shape(tensor: tf.Tensor) -> str:
    """Returns a shape such as [B, 24, 24, 3]; an axis of unknown length is the batch."""
    if tensor.shape.rank is None or tensor.dtype == tf.resource:
        return "[]"
    return f"[{', '.join('B' if size is None else str(size) for size in tensor.shape)}]"


def _label(shapes: Sequence[str], before: str = "") -> str:
    """Returns the label of an arrow: the shape of its tensors, if they have the same one and are not scalars."""
    return before + shapes[0] if len(shapes) == 1 and shapes[0] != "[]" else ""


def _count(node: Node) -> str:
    return f"{node.operations} operation{'s' if node.operations > 1 else ''}"


def _subgraphs(
    flows: CollapsedGraph, ids: dict[str, str], expanded: Sequence[str], frame: str = "", depth: int = 1
) -> Iterator[str]:
    """Yields the lines of the nodes in a frame, and of the frames inside it."""
    inner = [scope for scope in expanded if scope.startswith(frame) and "/" not in scope[len(frame) :]]
    for name, number in ids.items():
        if name.startswith(frame) and "/" not in name[len(frame) :]:
            node = flows.nodes[name]
            label = name[len(frame) :] + (f"<br/>{_count(node)}" if node.operations > 1 else "")
            yield f'{"  " * depth}{number}["{label}"]{":::variables" if node.holds_variables else ""}'
    for scope in inner:
        yield f'{"  " * depth}subgraph s_{re.sub(r"[^0-9A-Za-z]", "_", scope)}["{scope[len(frame) :]}"]'
        yield from _subgraphs(flows, ids, expanded, f"{scope}/", depth + 1)
        yield f"{'  ' * depth}end"
