"""Networks by name, as in `--network`: tutorial, modern, or MODULE:CLASS for a custom one."""

import difflib
import functools
import importlib.machinery
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from cifarlab.backend import tf
from cifarlab.files import as_path
from cifarlab.model.network import NetworkError
from cifarlab.text import sanitize

BUILT_IN = {"tutorial": "cifarlab.model.network:ConvNet", "modern": "cifarlab.model.modern:ModernNet"}
"""The networks that come with cifarlab, as MODULE:CLASS."""


def create_network(name: str, **settings: Any) -> tf.Module:
    """Returns a new network.

    Args:
        name: a key of `BUILT_IN`, or MODULE:CLASS. MODULE is the name of a module, which is also looked for in the
            current directory, or the path of a Python file. CLASS is a class in it, or a function that returns a
            network.
        settings: the arguments `num_classes`, `image_size`, `channels`, `seed`, `fast_ops` and `weight_decay`. Each is
            passed if the class has an argument of this name.

    Raises:
        NetworkError: there is no such network; or it cannot be created with these settings.

    >>> create_network("tutorial", num_classes=3, seed=0).softmax_linear.weights.shape
    TensorShape([192, 3])
    """
    make = find_network(name)
    parameters = inspect.signature(make).parameters.values()
    any_name = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    by_name = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    given = settings if any_name else {key: value for key, value in settings.items() if key in by_name}
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = [p.name for p in parameters if p.default is p.empty and p.kind not in variable]
    if missing := [key for key in required if key not in given]:
        raise NetworkError(
            f"the network {sanitize(name)} must have no required arguments except {', '.join(settings)}; it also "
            f"requires {', '.join(missing)}. Give them defaults."
        )
    return make(**given)


def find_network(name: str) -> Callable[..., tf.Module]:
    """Returns the class or function that creates a network; see `create_network`.

    Raises:
        NetworkError: there is no such network.
    """
    module_name, colon, attribute = BUILT_IN.get(name, name).rpartition(":")
    if not (colon and module_name and attribute):
        near = difflib.get_close_matches(name.lower(), BUILT_IN, n=1)
        hint = (
            f"Did you mean {near[0]}?" if near else "For a class in my_network.py: --network my_network.py:MyNetwork."
        )
        raise NetworkError(f"network must be {', '.join(BUILT_IN)} or MODULE:CLASS; got {sanitize(name)!r}. {hint}")
    module = _module(module_name)
    if not callable(found := getattr(module, attribute, None)):
        classes = [key for key, value in vars(module).items() if isinstance(value, type) and not key.startswith("_")]
        here = [key for key in classes if vars(module)[key].__module__ == module.__name__]
        raise NetworkError(
            f"{sanitize(module_name)} must have a class or function {sanitize(attribute)}; its classes are "
            f"{sanitize(', '.join(here)) or 'none'}."
        )
    return found


def _module(name: str) -> ModuleType:
    """Imports a module by name or by the path of its file."""
    try:
        return _module_of_file(as_path(name).absolute()) if name.endswith(".py") else _module_by_name(name)
    except NetworkError:
        raise
    except Exception as error:  # whatever the module raises
        why = sanitize(str(error).strip().splitlines()[0] if str(error).strip() else "no message")
        raise NetworkError(
            f"{sanitize(name)} must be a module that can be imported; it raised {type(error).__name__}: {why}"
        ) from error


def _module_by_name(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # as `python -m` does
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise NetworkError(
                f"there is no module {sanitize(name)} in {here} or among the installed packages. Run the command in "
                "its directory, or pass the path of its file: --network path/to/file.py:CLASS."
            ) from None
        raise


@functools.cache
def _module_of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise NetworkError(f"there is no file {sanitize(path)}, which should define the network. Correct its path.")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))  # it may import its neighbors, as if it were run
    loader = importlib.machinery.SourceFileLoader(path.stem, str(path))
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(path.stem, loader, origin=str(path)))
    module.__file__ = str(path)
    sys.modules.setdefault(path.stem, module)
    loader.exec_module(module)
    return module
