"""What the Python code of a notebook cell defines and uses, also if it contains IPython's magics or syntax errors."""

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator
from typing import NamedTuple

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")  # what follows them in the cell is Python


class Code(NamedTuple):
    """The names of a cell's code.

    Attributes:
        parsed: whether it is Python, apart from magics.
        defined: the functions and classes that it defines at top level, as syntax trees (None after a syntax error).
        aliases: names that it assigns another function to, as in `softmax = tf.nn.softmax`.
        bound: all names that it binds at top level, including imports.
        imported: those that it imports.
        used: global names that it uses.
        void: functions and classes that are still to be written, below one of the same name that is written.
    """

    parsed: bool
    defined: dict[str, ast.AST | None]
    aliases: frozenset[str]
    bound: frozenset[str]
    imported: frozenset[str]
    used: frozenset[str]
    void: list[ast.AST]


def analyze(text: str) -> Code:
    r"""Returns the names that a cell defines and uses.

    >>> code = analyze("%matplotlib inline\nimport math\ndef half(x):\n    return round(math.fsum(x)) / 2")
    >>> list(code.defined), sorted(code.bound), sorted(code.used)
    (['half'], ['half', 'math'], ['math', 'round'])
    >>> code = analyze("def half(x:\n    return x")
    >>> code.parsed, list(code.defined)
    (False, ['half'])
    """
    tree = parse(text)
    if tree is None:
        found = re.findall(r"^(?:async\s+def|def|class)\s+(\w+)", text, re.MULTILINE)
        names = frozenset(found)
        return Code(
            False, dict.fromkeys(found), frozenset(), names, frozenset(), frozenset(re.findall(r"\w+", text)), []
        )
    defined: dict[str, ast.AST | None] = {}
    void: list[ast.AST] = []
    aliases: set[str] = set()
    bound: set[str] = set()
    imported: set[str] = set()
    for node in _top_level(tree):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            earlier = defined.pop(node.name, None)
            replaces = earlier is None or is_stub(earlier, None) or not is_stub(node, None)
            defined[node.name] = node if replaces else earlier
            void += [] if replaces else [node]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imported.update(alias.asname or alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.Assign):
            targets = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if isinstance(node.value, ast.Lambda):
                defined.update(dict.fromkeys(targets, node))
            elif isinstance(node.value, ast.Name | ast.Attribute):
                aliases.update(targets)
    bound |= imported | set(defined)
    return Code(True, defined, frozenset(aliases), frozenset(bound), frozenset(imported), _used(tree), void)


def parse(text: str) -> ast.Module | None:
    """Returns the syntax tree of a cell without its magics; None if it is not Python."""
    for attempt in (text, without_magics(textwrap.dedent(text))):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about escape sequences, for example
                return ast.parse(attempt)
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # or null bytes, or too many nested brackets
            continue
    return None


def without_magics(text: str) -> str:
    r"""Replaces lines with magics, shell commands or IPython's help by `pass`; keeps the number of lines.

    >>> without_magics("%time x = 1\nif x:\n    !ls\nlen?")
    'pass\nif x:\n    pass\npass'
    >>> without_magics("%%bash\nls")
    ''
    """
    if text.lstrip().startswith("%%") and not text.lstrip().startswith(_PYTHON_MAGICS):
        return ""
    return re.sub(r"^([ \t]*)(?:[%!?].*|[\w.]+\?\??[ \t]*)$", r"\1pass", text, flags=re.MULTILINE)


def _top_level(tree: ast.AST) -> Iterator[ast.AST]:
    """Yields the nodes that are executed with the cell, in order, but not those inside functions and classes."""
    waiting = list(ast.iter_child_nodes(tree))[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting += list(ast.iter_child_nodes(node))[::-1]


def _used(tree: ast.AST) -> frozenset[str]:
    """Returns the names that are read, except those of arguments and of variables inside functions."""
    read, local = set(), set()
    top = {id(node) for node in _top_level(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            read.add(node.id)
        elif isinstance(node, ast.arg):
            local.add(node.arg)
        elif isinstance(node, ast.Name) and id(node) not in top:
            local.add(node.id)
    return frozenset(read - local)


def is_stub(node: ast.AST | None, released: ast.AST | None) -> bool:
    """Returns whether a function or class is still to be written.

    Its body consists of its docstring, `pass`, `...` or `raise NotImplementedError`, or it equals the released one.
    A class is a stub if all its methods are.
    """
    if node is None:
        return False
    if released is not None and _dump(node) == _dump(released):
        return True
    if isinstance(node, ast.ClassDef):
        stubs = {part.name: part for part in getattr(released, "body", ()) if isinstance(part, FUNCTIONS)}
        return all(is_stub(part, stubs.get(getattr(part, "name", ""))) for part in node.body if not _is_empty(part))
    return isinstance(node, FUNCTIONS) and all(map(_is_empty, node.body))


def _is_empty(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Raise):
        raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _dump(node: ast.AST) -> str:
    """Returns the statements of a function or class as text, without docstrings and positions."""
    body = getattr(node, "body", None)
    if not isinstance(body, list):
        return ast.dump(node)
    documented = body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    parts = body[1:] if documented else body
    head = getattr(node, "name", "")
    return f"{type(node).__name__} {head}: " + "; ".join(
        _dump(part) if isinstance(part, FUNCTIONS) else ast.dump(part) for part in parts
    )


def without_definitions(text: str, nodes: list[ast.AST]) -> str:
    """Returns a cell's text without the lines of some of its functions or classes."""
    lines = text.split("\n")
    for node in nodes:
        first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])  # type: ignore[attr-defined]
        lines[first - 1 : node.end_lineno] = [""] * (node.end_lineno - first + 1)  # type: ignore[attr-defined]
    return "\n".join(lines).strip("\n")


def continues(first: str, second: str) -> bool:
    r"""Returns whether a function or class that begins in one cell continues in the next, after a cell was split.

    >>> continues("def half(x):\n    y = x / 2", "    return y")
    True
    >>> continues("def half(x):\n    return x / 2", "    print(half(3))")
    False
    """
    start = re.match(r"(?:[ \t]*(?:#.*)?\n)*[ \t]+\S", second)
    if not start or not analyze(first).defined or parse(f"{first}\n{second}") is None:
        return False
    tree = parse(second)
    returns = tree is not None and any(isinstance(node, ast.Return) for node in _top_level(tree))
    return tree is None or returns or re.search(r"^[ \t]+def \w+\(self\b", second, re.MULTILINE) is not None
