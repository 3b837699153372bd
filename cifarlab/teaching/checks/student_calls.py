"""Calls a student's function with limits on time and output, and turns its failures into helpful messages."""

import contextlib
import ctypes
import io
import re
import threading
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from cifarlab.teaching.checks.result import Advice, CheckFailedError

MAX_OUTPUT_CHARS = 10_000
"""Characters that one call may print. A call that prints more is usually in an endless loop."""
_MAX_SHOWN_CHARS = 400  # characters shown of printed text, or of an exception's message

after_call_hook: Callable[[], object] = lambda: None  # noqa: E731, the grader's kernel installs its tamper check here

_NOISE = re.compile(
    r"\{\{function_node.*?\}\}|\[Op:\w+\].*", re.DOTALL
)  # what TensorFlow adds to the messages of its exceptions

_NOT_WRITTEN = Advice("not-written", "{} is not written yet. Replace `raise NotImplementedError()` with your code.")
_USES_NOT_WRITTEN = Advice("uses-not-written", _NOT_WRITTEN.words)  # the stub belongs to another task
_RAISED = Advice("raised", "{} raised {}{}.")
_OUTPUT_TYPE = Advice("raised-output-type", " `tf.argmax` takes an `output_type`.")
_ADVICE = {
    "NameError": Advice("raised-name-error", " Run the cells above it first."),
    "a symbolic tf.Tensor": Advice(
        "raised-numpy-in-graph", " NumPy cannot use tensors inside tf.function: use TensorFlow's operations."
    ),
    "Incompatible shapes": Advice("raised-shapes", " Did a sum lose its axis? `keepdims=True` keeps it."),
    "to be a int64 tensor but is a int32": _OUTPUT_TYPE,
    "int32 tensor but is a int64": _OUTPUT_TYPE,
}
"""Advice for common exceptions, by a part of their message."""


class _CallTimeoutError(BaseException):
    """Raised in the student's thread; not an Exception, so that a broad `except` there does not swallow it."""


class _OutputLimitError(BaseException):
    """Raised when a call prints too much; a BaseException for the same reason."""


class _Printed(io.TextIOBase):
    """A text stream that keeps what a call prints, up to a limit."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += str(text)[: MAX_OUTPUT_CHARS - len(self.text)]
        if len(self.text) >= MAX_OUTPUT_CHARS:
            raise _OutputLimitError
        return len(text)


class _Call(threading.Thread):
    """A call on a separate thread, which can be ended from outside."""

    def __init__(self, function: Any, arguments: tuple) -> None:
        super().__init__(daemon=True)
        self.function, self.arguments = function, arguments
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.value = self.function(*self.arguments)
        except BaseException as error:  # raised by the student's code; the caller turns it into a message
            self.error = error

    def end(self) -> None:
        """Raises an exception in the thread once it runs Python code again; the thread may catch and ignore it."""
        if self.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.ident), ctypes.py_object(_CallTimeoutError))
            self.join(0.5)


def call_with_timeout(function: Any, *args: Any, timeout: float = 10.0) -> Any:
    """Returns what a student's function returns.

    Args:
        function: the function; a student may pass anything.
        args: its arguments.
        timeout: seconds until the call is abandoned. A loop in Python is ended then; one inside a library keeps
            running.

    Raises:
        CheckFailedError: it is not a function, is not written yet, raised an exception, took too long or printed too
            much.

    >>> call_with_timeout(lambda a, b: a + b, 1, 2)
    3
    >>> call_with_timeout(None)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cifarlab.teaching.checks.result.CheckFailedError: Not yet: expected a function; got None. Pass the function...
    """
    if not callable(function):
        raise CheckFailedError(
            f"expected a function; got {short_repr(function)}. Pass the function itself, without parentheses.",
            advice_id="not-a-function",
        )
    printed, running, hook = _Printed(), _Call(function, args), after_call_hook
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        running.start()
        try:
            running.join(timeout)
        finally:  # also when the student interrupts the kernel
            still_running = running.is_alive()
            if still_running:
                running.end()
            hook()
    if still_running:
        raise CheckFailedError(
            f"no result within {timeout:g} s. Is there an endless loop?", _quote(printed.text), advice_id="timeout"
        )
    if running.error is not None:
        raise _told(running.error, function, printed.text)
    return running.value


class Raised(NamedTuple):
    """The result of a call that raised an exception, in place of its return value."""

    error: Exception


def capture_exception(function: Any) -> Callable:
    """Wraps a function so that it returns its exceptions instead of raising them.

    >>> type(capture_exception(int)("three").error).__name__
    'ValueError'
    """

    def capture_exception(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception as error:
            return Raised(error)

    return capture_exception


def short_repr(value: Any) -> str:
    """Describes a value in a few words, even if it is huge or its `__repr__` fails.

    >>> short_repr(None), short_repr("softmax"), short_repr([1, 2])
    ('None', "the string 'softmax'", 'a list of 2')
    >>> import numpy as np
    >>> short_repr(np.zeros([2, 10]))
    'float64[2, 10]'
    """
    with contextlib.suppress(Exception):  # raised by an object of the student's class, or by a huge integer
        if value is None or isinstance(value, bool | int | float):
            return str(value)[:40]
        if isinstance(value, str):
            return f"the string {value[:30]!r}"
        return f"{value.dtype.name}[{', '.join(map(str, value.shape))}]"[:80]
    if isinstance(value, list | tuple | dict | set):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def _told(error: BaseException, function: Any, printed: str) -> CheckFailedError:
    """Turns an exception that a student's function raised into a message."""
    name = "the function"
    with contextlib.suppress(Exception):  # raised by an object of the student's class
        name = str(function.__name__)[:40]
    frames = traceback.extract_tb(error.__traceback__)[1:]
    try:
        said = _NOISE.sub("", str(error)).strip()
    except Exception:  # an exception of the student's class, whose __str__ raises another
        said = None
    if isinstance(error, NotImplementedError) and not said:  # TensorFlow's have a message
        stub = frames[-1].name if frames and frames[-1].name != "__init__" else name
        cells = {frame.filename for frame in frames if "ipykernel" in frame.filename}
        advice = _NOT_WRITTEN if len(cells) < 2 else _USES_NOT_WRITTEN
        return CheckFailedError(advice.format(stub).words, advice_id=advice.id)
    if isinstance(error, _OutputLimitError):
        return CheckFailedError(
            f"{name} printed more than {MAX_OUTPUT_CHARS:,} characters. Is there a print in a loop?",
            advice_id="printed-too-much",
        )
    if isinstance(error, CheckFailedError):  # the student's code raised it, so its id may be anything
        return CheckFailedError(error.advice, error.evidence, advice_id="raised", from_exception=error.from_exception)
    words = type(error).__name__ if said is None else f"{type(error).__name__}: {said}"
    words = words[:_MAX_SHOWN_CHARS].rstrip(".")
    own = [frame for frame in frames if frames[0].filename == frame.filename]
    place = f" in line {own[-1].lineno} of its cell" if own and "autograph" not in own[-1].filename else ""
    advice = next((advice for sign, advice in _ADVICE.items() if sign in words), Advice(_RAISED.id, ""))
    said = _RAISED.format(name, words, place).words + advice.words
    return CheckFailedError(said, _quote(printed), advice_id=advice.id, from_exception=True)


def _quote(printed: str) -> str:
    text = printed.strip()
    return f"It printed: {text[:_MAX_SHOWN_CHARS]}{' ...' if len(text) > _MAX_SHOWN_CHARS else ''}" if text else ""
