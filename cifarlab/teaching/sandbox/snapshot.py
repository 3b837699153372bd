"""A snapshot of imported modules, taken before student code runs and restored before each test."""

import builtins
import gc
import sys
from collections.abc import Iterator
from types import CellType, FunctionType, ModuleType
from typing import Any

PROTECTED_PACKAGE = "cifarlab"
"""The package in which every name is restored and every added name is removed, because no one should change it."""


class ModuleSnapshot:
    """A snapshot of all imported modules, which can restore what has changed since.

    It covers the functions, classes and modules that names refer to, and each function's code and default values. For
    cifarlab it also covers functions in closures, as in decorated functions, all other names, and the contents of a
    module's lists, dictionaries and sets. In other packages these may change as part of normal operation.

    >>> import math
    >>> snapshot, real = ModuleSnapshot().part("math"), math.floor
    >>> math.floor = math.ceil
    >>> snapshot.restore()
    ['math.floor']
    >>> math.floor is real
    True
    """

    def __init__(self) -> None:
        """Takes a snapshot."""
        self.modules = dict(sys.modules)
        self.bindings = [
            (name, vars(module), _protected_names(name, vars(module)))
            for name, module in self.modules.items()
            if isinstance(module, ModuleType)
        ]
        self.containers = [
            (f"{name}.{key}", container, _contents(container))
            for name, _, kept in self.bindings
            if _is_own(name)
            for key, container in kept.items()
            if type(container) in _CONTAINERS and key[:2] != "__"
        ]
        self.classes: list[tuple[type, dict[str, Any]]] = []
        self.functions: list[tuple[FunctionType, list[tuple[str, Any]], dict[str, Any]]] = []
        self.cells: list[tuple[str, CellType, Any]] = []
        for thing in gc.get_objects():
            if isinstance(thing, type):
                self.classes.append((thing, _protected_names(thing.__module__, vars(thing))))
            elif type(thing) is FunctionType:
                parts = [(part, getattr(thing, part)) for part in ("__code__", "__defaults__", "__kwdefaults__")]
                self.functions.append((thing, parts, dict(thing.__kwdefaults__ or {})))
                if _is_own(thing.__module__):
                    held = [(_name_of(thing), cell, _cell_value(cell)) for cell in thing.__closure__ or ()]
                    self.cells += [each for each in held if isinstance(each[2], FunctionType | type)]

    def part(self, *packages: str) -> "ModuleSnapshot":
        """Returns the part of this snapshot that belongs to these packages; restoring it takes milliseconds."""
        part = ModuleSnapshot.__new__(ModuleSnapshot)
        part.modules = {name: module for name, module in self.modules.items() if _is_in(name, packages)}
        part.bindings = [each for each in self.bindings if _is_in(each[0], packages)]
        part.containers = [each for each in self.containers if _is_in(each[0], packages)]
        part.classes = [each for each in self.classes if _is_in(each[0].__module__, packages)]
        part.functions = [each for each in self.functions if _is_in(each[0].__module__, packages)]
        part.cells = [each for each in self.cells if _is_in(each[0], packages)]
        return part

    def restore(self) -> list[str]:
        """Restores everything; returns the names of what had changed."""
        changed = list(self._modules())
        for name, now, kept in self.bindings:
            for key in _changed_names(name, now, kept):
                changed.append(f"{name}.{key}")
                if key in kept:
                    now[key] = kept[key]
                else:
                    del now[key]
        for cls, kept in self.classes:
            for key in _changed_names(cls.__module__, vars(cls), kept):
                changed.append(f"{cls.__module__}.{cls.__qualname__}.{key}")
                if key in kept:
                    type.__setattr__(cls, key, kept[key])
                else:
                    type.__delattr__(cls, key)
        changed += [*self._functions(), *self._cells(), *self._containers()]
        return changed

    def _modules(self) -> Iterator[str]:
        """Restores modules that were replaced in `sys.modules`; yields their names."""
        for name, module in self.modules.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module
                yield name

    def _containers(self) -> Iterator[str]:
        """Restores lists, dictionaries and sets whose contents have changed; yields their names."""
        for name, container, kept in self.containers:
            now = _contents(container)
            if len(now) == len(kept) and all(one is other for one, other in zip(now, kept, strict=True)):
                continue
            yield name
            if type(container) is list:
                container[:] = kept
            elif type(container) is dict:
                container.clear()
                container.update(zip(kept[::2], kept[1::2], strict=True))
            else:
                container.clear()
                container.update(kept)

    def _functions(self) -> Iterator[str]:
        """Restores functions whose code or default values have changed; yields their names."""
        for function, parts, values in self.functions:
            same = all(getattr(function, part) is value for part, value in parts)
            given = function.__kwdefaults__ or {}
            if not same or any(given.get(key) is not value for key, value in values.items()):
                yield _name_of(function)
                for part, value in parts:
                    setattr(function, part, value)
                if function.__kwdefaults__ is not None:
                    function.__kwdefaults__.clear()
                    function.__kwdefaults__.update(values)

    def _cells(self) -> Iterator[str]:
        """Restores functions whose closures have changed, such as decorated functions; yields their names."""
        for name, cell, content in self.cells:
            if _cell_value(cell) is not content:
                yield name
                cell.cell_contents = content


_CONTAINERS = (list, dict, set)


def _is_in(name: Any, packages: tuple[str, ...]) -> bool:
    """Returns whether a dotted name is one of these packages or of something in it."""
    return isinstance(name, str) and name.split(".")[0] in packages


def _name_of(function: FunctionType) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _cell_value(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _contents(container: Any) -> tuple[Any, ...]:
    """Returns the contents of a list, dictionary or set; for a dictionary, its keys and values alternately."""
    return tuple(thing for pair in container.items() for thing in pair) if type(container) is dict else tuple(container)


_MEANINGS = (ModuleType, property, classmethod, staticmethod)


def _protected_names(owner: Any, names: Any) -> dict[str, Any]:
    """Returns the names of a module or class, with their values, that must not change."""
    if _is_own(owner):
        return dict(names)
    return {key: value for key, value in names.items() if callable(value) or isinstance(value, _MEANINGS)}


def _changed_names(owner: Any, now: Any, kept: dict[str, Any]) -> list[str]:
    """Returns the names with other values now, and new functions that shadow builtins or that Python calls."""
    found = [key for key, value in kept.items() if now.get(key) is not value]
    if len(now) > len(kept) and _is_own(owner):
        added = [key for key in now if key not in kept and isinstance(key, str) and callable(now[key])]
        found += [key for key in added if key[:2] == "__" or hasattr(builtins, key)]
    return found


def _is_own(owner: Any) -> bool:
    return isinstance(owner, str) and owner.split(".")[0] == PROTECTED_PACKAGE
