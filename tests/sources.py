"""Syntax trees of source files, each read once a process."""

import ast
import functools
from pathlib import Path


@functools.cache
def tree(path: Path) -> ast.Module:
    """Returns the syntax tree of a file. Do not change it: other tests get the same one."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Returns all nodes of a file's syntax tree, as `ast.walk` does."""
    return tuple(ast.walk(tree(path)))
