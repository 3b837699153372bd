"""Holds one test of a student's code, in the student's own process, and says what came of it."""

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
"""The file that a test's code says it is from; there is none, so nobody can look its lines up."""
_MAX_ERROR_CHARS = 2000  # characters of an error's words


class Autograder:
    """Puts back what was replaced, runs a test, and looks whether anything was replaced meanwhile.

    The grader's kernel makes it before any code of a student's has run.
    """

    def __init__(self, snapshot: type) -> None:
        """Remembers what is there.

        Args:
            snapshot: `snapshot.ModuleSnapshot`, in the kernel's own copy.
        """
        student_calls.after_call_hook = self._check_tampering
        self.restore: Callable[[], list[str]] = snapshot().restore
        self.restore_quick: Callable[[], list[str]] = snapshot("cifarlab", "numpy").restore  # it takes milliseconds
        self.handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self.handlers[signal.SIGINT] = signal.default_int_handler  # as Jupyter sets it while a cell runs
        self.tampered: list[str] = []

    def run_test(self, source: str, names: dict[str, Any]) -> dict[str, Any]:
        """Runs a test's code.

        Args:
            source: of the test, which imports what it uses of ours.
            names: what the student's cells have defined; they are not changed.

        Returns:
            What came of it. `replaced` names what was put back first. Where the test passed, `right` holds its
            verdict's words and `number` the points that it gives, if it says so. Where it failed, `error` holds a name,
            words and evidence, and `raised_by` says whose code raised it: "test", "check" or "answer".
        """
        given = {name: value for name, value in dict.items(names) if type(name) is str}  # calls nothing of theirs
        outcome: dict[str, Any] = {"replaced": list(dict.fromkeys(self.restore()))}
        self._remove_hooks()
        self.tampered.clear()
        try:
            value = _run(source, {**given, "__name__": "__main__", "__builtins__": builtins})
            outcome["right"] = value.words if type(value) is CheckPassed else ""
            outcome["number"] = float(value) if type(value) in (int, float) else None
        except BaseException as error:  # whatever it is, the test has failed
            outcome |= _told(error)
        self.tampered += self.restore()
        if self.tampered:
            words = f"{self.tampered[0]} was replaced while the test ran"
            outcome |= {"error": ["TamperingError", words, ""], "raised_by": "check"}
        return outcome

    def _check_tampering(self) -> None:
        """Notices what a student's function replaces while a check calls it, even if it is for that moment."""
        self.tampered += self.restore_quick()

    def _remove_hooks(self) -> None:
        """Takes away what would call a student's code between the lines of a test."""
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
    """What only the grader and its kernel can put under a test's code and what came of it."""
    return hmac.new(secret.encode(), f"{source}\n{outcome}".encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def _run(source: str, names: dict[str, Any]) -> Any:
    """What the last line of a test is worth; no history, cache or hook hears of it."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body else None
    if last is not None and not isinstance(last, ast.Expr):
        tree.body.append(last)
    exec(compile(tree, TEST_FILENAME, "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), TEST_FILENAME, "eval"), names)
    return None


def _told(error: BaseException) -> dict[str, Any]:
    """An error's words, and whose code raised it."""
    if type(error) is CheckFailedError:
        words, evidence, raised_by = str(error.advice), str(error.evidence), "check"
    else:
        try:
            words, evidence = str(error), ""
        except BaseException:  # of a class of the student's own
            words, evidence = "", ""
        raised_by = "test" if _innermost(error.__traceback__) == TEST_FILENAME else "answer"
    return {
        "error": [type(error).__name__, words[:_MAX_ERROR_CHARS], evidence[:_MAX_ERROR_CHARS]],
        "raised_by": raised_by,
    }


def _innermost(trace: TracebackType | None) -> str:
    """The file of the code that raised an exception."""
    place = ""
    while trace is not None:
        place, trace = trace.tb_frame.f_code.co_filename, trace.tb_next
    return place
