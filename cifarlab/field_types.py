"""The types of the fields of a dataclass: whether a value has one, and how to name it in a message."""

import types
import typing
from typing import Any


def has_type(value: Any, kind: Any) -> bool:
    """Returns whether a value has a field's type; a bool is not accepted as an int, but an int is as a float."""
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if isinstance(value, bool):
        return bool in kinds
    if isinstance(value, int) and float in kinds:
        return True
    return isinstance(value, kinds)


def type_name(kind: Any) -> str:
    """Returns the type of a field in words, such as "a number or None"."""
    names = {
        "str": "a string",
        "int": "an integer",
        "float": "a number",
        "bool": "a boolean",
        "NoneType": "None",
    }
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    return " or ".join(names[k.__name__] for k in kinds)
