"""The kernel that runs students' notebooks for grading: IPython's kernel, except for tests.

On Linux, `kernel_server.py` forks it; elsewhere, `execution.py` starts it as a program. It forks and leaves its parent
as supervisor, restricts itself (`landlock.py`), imports what the tests use and takes a snapshot (`snapshot.py`). Only
then does it run the notebook's cells.
`autograder.py` runs the tests. Results are signed with the grader's secret, so that a student's code cannot forge them.
"""

import builtins
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from cifarlab.teaching.sandbox import landlock, seccomp, supervisor

PRELOADED_MODULES = ("scipy.io", "scipy.ndimage", "matplotlib", "PIL.ImageDraw", "PIL.ImageFont")
"""Modules that checks import when they are called. They are imported before the snapshot, so that it covers them."""

LAZY_TF_MODULES = ("keras", "losses", "metrics", "optimizers", "initializers")
"""Modules that TensorFlow loads lazily. They are loaded before the snapshot, so that a later change is tampering."""


def _sandboxed_kernel_class(starter: int | None) -> type:
    """Reads the grader's job from stdin and restricts this process; returns the kernel class."""
    with open(0, encoding="utf-8", closefd=False) as stdin:
        job = json.load(stdin)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # so that a student's code cannot read it again
    supervisor.fork_supervised(starter or job["grader"], job["directory"])
    for limit, most in ((resource.RLIMIT_FSIZE, job["largest_file"]), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (most, most))
    landlock.restrict_self(Path(job["directory"]), [*landlock.python_readable_paths(), *map(Path, job["readable"])])
    return _kernel(lambda: _make_autograder(job["secret"], job["test_imports"]))


def _kernel(examiner: Callable[[], Callable[[str, dict[str, Any]], dict[str, Any]]]) -> type:
    """Returns a kernel class that runs cells as tests if they are executed without history."""
    from ipykernel.ipkernel import IPythonKernel

    examine: Callable[[str, dict[str, Any]], dict[str, Any]]

    class GradingKernel(IPythonKernel):
        def start(self) -> None:
            nonlocal examine
            examine = examiner()
            seccomp.block_network()  # the connections to the grader exist already
            super().start()

        async def do_execute(self, code: str, silent: bool, store_history: bool = True, *rest: Any, **more: Any) -> Any:
            if store_history:
                return await super().do_execute(code, silent, store_history, *rest, **more)
            return {"status": "ok", "execution_count": 0, "user_expressions": {}, **examine(code, self.shell.user_ns)}  # type: ignore[union-attr]

    return GradingKernel


def _make_autograder(secret: str, test_imports: list[str]) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Imports what the tests use; returns a function that runs a test and signs its result."""
    names: dict[str, Any] = {}
    for line in test_imports:
        with contextlib.suppress(Exception):  # the test will raise the same error
            exec(line, names)
    preload()
    tests = _private_copy("autograder")
    gc.unfreeze()  # objects that the kernel server has frozen belong to the snapshot, too
    gc.disable()
    autograder = tests.Autograder(_private_copy("snapshot").ModuleSnapshot)
    gc.enable()
    gc.freeze()  # a garbage collection would write to all pages that are still shared with the server

    def examine(source: str, defined: dict[str, Any]) -> dict[str, Any]:
        result = autograder.run_test(source, defined)  # before json.dumps, which it restores if a student replaced it
        outcome = json.dumps(result)
        return {"outcome": outcome, "signature": tests.sign(secret, source, outcome)}

    return examine


def _private_copy(module: str) -> ModuleType:
    """Loads a private copy of a sandbox module, unreachable by name and with its own copy of the builtins."""
    spec = importlib.util.find_spec(f"cifarlab.teaching.sandbox.{module}")
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    vars(copy)["__builtins__"] = dict(vars(builtins))
    spec.loader.exec_module(copy)
    return copy


def preload() -> None:
    """Imports what tests use, and what TensorFlow would load lazily, before a snapshot or a fork."""
    for module in PRELOADED_MODULES:
        importlib.import_module(module)
    for name in LAZY_TF_MODULES if "tensorflow" in sys.modules else ():
        dir(getattr(sys.modules["tensorflow"], name))


def main(arguments: Sequence[str], starter: int | None = None) -> None:
    """Runs the kernel, with the grader's job on stdin.

    Args:
        arguments: the options of the command line.
        starter: the ID of the process that started this one, if it is not the grader.
    """
    from ipykernel.kernelapp import IPKernelApp

    kernel_class = _sandboxed_kernel_class(starter)
    parent = f"--IPKernelApp.parent_handle={os.getppid()}"  # the kernel exits when its supervisor has exited
    IPKernelApp.launch_instance(argv=[*arguments, parent], kernel_class=kernel_class)


if __name__ == "__main__":
    main(sys.argv[1:])
