"""Runs a test of a student's code in the student's process and reports the result."""

import ast
import builtins
import hmac
import signal
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from cifarlab.teaching.checks import student_calls
from cifarlab.teaching.checks.result import CheckFailedError, CheckPassed

TEST_FILENAME = "<test>"
"""The filename of a test's code. There is no such file, so its lines cannot be looked up."""
REPLACED_BY_IMPORTS = ("pyparsing.core.ParserElement.", "_frozen_importlib_external.PathFinder.find_distributions")
"""Beginnings of names that importing matplotlib's parsers, or `importlib_metadata`, replaces. No check uses them."""
_MAX_ERROR_CHARS = 2000  # characters of an error message


class Autograder:
    """Restores replaced names, runs a test, and checks whether the test's run replaced any names.

    Honest code replaces names, too: drawing with matplotlib does. So nothing is said about names that were restored
    before a test, and those that imports are known to replace may also be replaced while it runs.

    The grader's kernel creates it before it runs any code of a student.
    """

    def __init__(self, snapshot: type) -> None:
        """Takes a snapshot of all imported modules and of the signal handlers.

        Args:
            snapshot: the class `snapshot.ModuleSnapshot`, from the kernel's private copy of that module.
        """
        student_calls.after_call_hook = self._check_tampering
        modules = snapshot()
        self.restore: Callable[[], list[str]] = modules.restore
        self.restore_quick: Callable[[], list[str]] = modules.part("cifarlab", "numpy").restore
        self.handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self.handlers[signal.SIGINT] = signal.default_int_handler  # as Jupyter sets it while a cell runs
        self.tampered: list[str] = []

    def run_test(self, source: str, names: dict[str, Any]) -> dict[str, Any]:
        """Runs a test's code.

        Args:
            source: the test's code, which imports the modules that it needs.
            names: the names that the student's cells have defined; they are not changed.

        Returns:
            A dict with the result. If the test passed, `right` is the check's summary and `number` the points, if the
            test gives any. If it failed, `error` is a list of the error's name, message and evidence, `raised_by` says
            whose code raised it: "test", "check" or "answer", and `advice_id` is the id of a check's advice.
        """
        given = {name: value for name, value in dict.items(names) if type(name) is str}  # calls no student code
        outcome: dict[str, Any] = {}
        self.restore()
        self._remove_hooks()
        self.tampered.clear()
        try:
            value = _run(source, {**given, "__name__": "__main__", "__builtins__": builtins})
            outcome["right"] = value.words if type(value) is CheckPassed else ""
            outcome["number"] = float(value) if type(value) in (int, float) else None
        except BaseException as error:  # whichever exception it is, the test has failed
            outcome |= _told(error)
        self.tampered += self.restore()
        if tampered := [name for name in self.tampered if not name.startswith(REPLACED_BY_IMPORTS)]:
            words = f"your code replaces {tampered[0]} while the check runs, so its result cannot be used."
            outcome = {"error": ["CheckFailedError", f"{words} Leave out the replacement.", ""], "raised_by": "check"}
            outcome["advice_id"] = ""
        return outcome

    def _check_tampering(self) -> None:
        """Restores and records names that a student's function has replaced while a check called it."""
        self.tampered += self.restore_quick()

    def _remove_hooks(self) -> None:
        """Removes tracing functions, signal handlers and timers that could run a student's code during a test."""
        sys.settrace(None)
        sys.setprofile(None)
        threading.settrace(None)  # type: ignore[arg-type]
        threading.setprofile(None)
        if watching := getattr(sys, "monitoring", None):  # from Python 3.12 on
            for tool in filter(watching.get_tool, range(6)):
                watching.set_events(tool, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self.handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def sign(secret: str, source: str, outcome: str) -> str:
    """Returns the HMAC signature of a test's code and result, which only the grader and its kernel can compute."""
    return hmac.new(secret.encode(), f"{source}\n{outcome}".encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def _run(source: str, names: dict[str, Any]) -> Any:
    """Runs a test's code and returns the value of its last expression, bypassing IPython's history and hooks."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body else None
    if last is not None and not isinstance(last, ast.Expr):
        tree.body.append(last)
    exec(compile(tree, TEST_FILENAME, "exec", optimize=0), names)  # `python -O` would skip its `assert` statements
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), TEST_FILENAME, "eval", optimize=0), names)
    return None


def _told(error: BaseException) -> dict[str, Any]:
    """Returns an error's name, message and evidence, and whose code raised it."""
    if type(error) is CheckFailedError:
        words, evidence, raised_by, advice_id = str(error.advice), str(error.evidence), "check", str(error.advice_id)
    else:
        advice_id = ""
        try:
            words, evidence = str(error), ""
        except BaseException:  # raised by the __str__ of a student's class
            words, evidence = "", ""
        raised_by = "test" if _innermost(error.__traceback__) == TEST_FILENAME else "answer"
    return {
        "error": [type(error).__name__, words[:_MAX_ERROR_CHARS], evidence[:_MAX_ERROR_CHARS]],
        "raised_by": raised_by,
        "advice_id": advice_id,
    }


def _innermost(trace: TracebackType | None) -> str:
    """Returns the filename of the code that raised an exception."""
    place = ""
    while trace is not None:
        place, trace = trace.tb_frame.f_code.co_filename, trace.tb_next
    return place
