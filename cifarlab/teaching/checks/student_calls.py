"""Calls a student's function, whatever it is and does, and gets a value or words that help."""

import contextlib
import ctypes
import io
import re
import threading
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from cifarlab.teaching.checks.result import CheckFailedError

MAX_OUTPUT_CHARS = 10_000
"""Characters that one call may print; more is taken for a loop without end, which it usually is."""
_MAX_SHOWN_CHARS = 400  # characters of what was printed, or of an exception's words

after_call_hook: Callable[[], object] = lambda: None  # noqa: E731, a grader's kernel puts its own look at the checks here

_NOISE = re.compile(
    r"\{\{function_node.*?\}\}|\[Op:\w+\].*", re.DOTALL
)  # what TensorFlow adds to its exceptions' words

_ADVICE = {
    "NameError": " Run the cells above it first.",
    "a symbolic tf.Tensor": " Numpy knows no tensors inside of tf.function: use TensorFlow's operations.",
    "Incompatible shapes": " Did a sum lose its axis? `keepdims=True` keeps it.",
    "to be a int64 tensor but is a int32": " `tf.argmax` takes an `output_type`.",
    "int32 tensor but is a int64": " `tf.argmax` takes an `output_type`.",
}
"""What helps with exceptions that are often met, by something in their words."""


class _CallTimeoutError(BaseException):
    """Raised in the student's thread; not an Exception, so that a broad `except` there does not swallow it."""


class _OutputLimitError(BaseException):
    """As above."""


class _Printed(io.TextIOBase):
    """Keeps what a call prints, up to a limit."""

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
    """One call on a thread of its own, which can be ended from outside."""

    def __init__(self, function: Any, arguments: tuple) -> None:
        super().__init__(daemon=True)
        self.function, self.arguments = function, arguments
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.value = self.function(*self.arguments)
        except BaseException as error:  # whatever it is, it is the student's, and is told as words
            self.error = error

    def end(self) -> None:
        """Raises an exception in the thread as soon as it runs Python again; it may be deaf to it."""
        if self.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.ident), ctypes.py_object(_CallTimeoutError))
            self.join(0.5)


def call_with_timeout(function: Any, *args: Any, timeout: float = 10.0) -> Any:
    """What a student's function returns.

    Args:
        function: anything; a student may pass what is not a function.
        args: of the call.
        timeout: seconds after which a call is given up. A loop in Python is ended then; one inside a library goes on.

    Raises:
        CheckFailedError: it is not a function, it is not written yet, it raised, took too long or printed too much.

    >>> call_with_timeout(lambda a, b: a + b, 1, 2)
    3
    >>> call_with_timeout(None)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cifarlab.teaching.checks.result.CheckFailedError: Not yet: a function is checked here; got None. Pass its name...
    """
    if not callable(function):
        raise CheckFailedError(f"a function is checked here; got {short_repr(function)}. Pass its name, no brackets.")
    printed, running, looked = _Printed(), _Call(function, args), after_call_hook
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        running.start()
        try:
            running.join(timeout)
        finally:  # also when the student interrupts the kernel
            still_running = running.is_alive()
            if still_running:
                running.end()
            looked()
    if still_running:
        raise CheckFailedError(
            f"no answer within {timeout:g} s. Is there a loop that does not end?", _quote(printed.text)
        )
    if running.error is not None:
        raise _told(running.error, function, printed.text)
    return running.value


class Raised(NamedTuple):
    """In place of what a function returns: the exception that it raised."""

    error: Exception


def capture_exception(function: Any) -> Callable:
    """The same function, but its exceptions are returned: for cases where they are right, or say something.

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
    """A value in a few words, however large it is and whatever its own words do.

    >>> short_repr(None), short_repr("softmax"), short_repr([1, 2])
    ('None', "the string 'softmax'", 'a list of 2')
    >>> import numpy as np
    >>> short_repr(np.zeros([2, 10]))
    'float64[2, 10]'
    """
    with contextlib.suppress(Exception):  # of an object of the student's own, or an integer of thousands of digits
        if value is None or isinstance(value, bool | int | float):
            return str(value)[:40]
        if isinstance(value, str):
            return f"the string {value[:30]!r}"
        return f"{value.dtype.name}[{', '.join(map(str, value.shape))}]"[:80]
    if isinstance(value, list | tuple | dict | set):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def _told(error: BaseException, function: Any, printed: str) -> CheckFailedError:
    """What to say of an exception that a student's function raised."""
    name = "the function"
    with contextlib.suppress(Exception):  # of an object of the student's own
        name = str(function.__name__)[:40]
    frames = traceback.extract_tb(error.__traceback__)[1:]
    try:
        said = _NOISE.sub("", str(error)).strip()
    except Exception:  # an exception of the student's own, whose words raise another
        said = None
    if isinstance(error, NotImplementedError) and not said:  # TensorFlow's own has words
        stub = frames[-1].name if frames and frames[-1].name != "__init__" else name
        return CheckFailedError(f"{stub} is not written yet. Replace `raise NotImplementedError()` by your code.")
    if isinstance(error, _OutputLimitError):
        return CheckFailedError(
            f"{name} printed more than {MAX_OUTPUT_CHARS:,} characters. Is there a print in a loop?"
        )
    if isinstance(error, CheckFailedError):
        return error
    words = type(error).__name__ if said is None else f"{type(error).__name__}: {said}"
    words = words[:_MAX_SHOWN_CHARS].rstrip(".")
    own = [frame for frame in frames if frames[0].filename == frame.filename]
    place = f" in line {own[-1].lineno} of its cell" if own and "autograph" not in own[-1].filename else ""
    advice = next((advice for sign, advice in _ADVICE.items() if sign in words), "")
    return CheckFailedError(f"{name} raised {words}{place}.{advice}", _quote(printed), from_exception=True)


def _quote(printed: str) -> str:
    text = printed.strip()
    return f"It printed: {text[:_MAX_SHOWN_CHARS]}{' ...' if len(text) > _MAX_SHOWN_CHARS else ''}" if text else ""
