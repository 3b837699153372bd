"""The kernel in which students' notebooks are graded: IPython's, but for the tests.

`execution.py` starts it as a program. It leaves a supervisor behind, gives up what a notebook does not need
(`landlock.py`), imports what the tests use and remembers it (`snapshot.py`); only then the notebook's cells are run.
Tests are held by `autograder.py`. What came of one is signed with a secret of the grader's, so that a student's code
cannot send its own.
"""

import builtins
import contextlib
import importlib.util
import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from cifarlab.teaching.sandbox import landlock, seccomp, supervisor

PRELOADED_MODULES = ("scipy.io", "scipy.ndimage", "matplotlib", "PIL.ImageDraw", "PIL.ImageFont")
"""What checks import when they are called: it is there, and remembered, before anybody can put another in its place."""

LAZY_TF_MODULES = ("keras", "losses", "metrics", "optimizers", "initializers")
"""Modules that TensorFlow itself puts into their places when they are first used; whoever does so later meddles."""


def _sandboxed_kernel_class() -> type:
    """Takes from stdin what the grader says of a notebook, and encloses this process; returns the kernel's class."""
    job = json.load(sys.stdin)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nobody reads it twice
    supervisor.fork_supervised(job["grader"], job["folder"])
    for limit, most in ((resource.RLIMIT_FSIZE, job["largest_file"]), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (most, most))
    landlock.restrict_self(Path(job["folder"]), [*landlock.python_readable_paths(), *map(Path, job["readable"])])
    return _kernel(lambda: _make_autograder(job["secret"], job["test_imports"]))


def _kernel(examiner: Callable[[], Callable[[str, dict[str, Any]], dict[str, Any]]]) -> type:
    """A kernel that runs cells without history as tests."""
    from ipykernel.ipkernel import IPythonKernel

    examine: Callable[[str, dict[str, Any]], dict[str, Any]]

    class GradingKernel(IPythonKernel):
        def start(self) -> None:
            nonlocal examine
            examine = examiner()
            seccomp.block_network()  # those to the grader are there
            super().start()

        async def do_execute(self, code: str, silent: bool, store_history: bool = True, *rest: Any, **more: Any) -> Any:
            if store_history:
                return await super().do_execute(code, silent, store_history, *rest, **more)
            return {"status": "ok", "execution_count": 0, "user_expressions": {}, **examine(code, self.shell.user_ns)}  # type: ignore[union-attr]

    return GradingKernel


def _make_autograder(secret: str, test_imports: list[str]) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Imports what tests use; returns what holds a test."""
    names: dict[str, Any] = {}
    for line in [*test_imports, *(f"import {module}" for module in PRELOADED_MODULES)]:
        with contextlib.suppress(Exception):  # the test itself will say so
            exec(line, names)
    for name in LAZY_TF_MODULES if "tensorflow" in sys.modules else ():
        dir(getattr(sys.modules["tensorflow"], name))
    tests = _private_copy("autograder")
    autograder = tests.Autograder(_private_copy("snapshot").ModuleSnapshot)

    def examine(source: str, defined: dict[str, Any]) -> dict[str, Any]:
        held = autograder.run_test(source, defined)  # first: until then `json.dumps` may be a student's
        outcome = json.dumps(held)
        return {"outcome": outcome, "signature": tests.sign(secret, source, outcome)}

    return examine


def _private_copy(module: str) -> ModuleType:
    """A copy of a module of ours to which no name leads, and whose built-in functions are its own."""
    spec = importlib.util.find_spec(f"cifarlab.teaching.sandbox.{module}")
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    vars(copy)["__builtins__"] = dict(vars(builtins))
    spec.loader.exec_module(copy)
    return copy


if __name__ == "__main__":
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(kernel_class=_sandboxed_kernel_class())
