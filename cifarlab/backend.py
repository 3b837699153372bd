"""TensorFlow, imported in silence: the one place through which the package and the lessons get it.

Importing TensorFlow writes time-stamped lines to file descriptor 2 from C++, at any log level and past Python's own
`sys.stderr`. In a notebook they land below the first cell, differ from run to run and, in a graded one, cost points.

>>> from cifarlab.backend import tf
>>> tf.add(1, 2).numpy().item()
3
"""

import contextlib
import ctypes
import functools
import gc
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import TypeVar

_Function = TypeVar("_Function", bound=Callable)


@contextlib.contextmanager
def suppressed_stderr() -> Iterator[None]:
    """Keeps what is written to file descriptor 2 away, and shows it after all when an exception is raised.

    >>> with suppressed_stderr():
    ...     _ = os.write(2, b"not seen")
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except Exception:
            hidden.seek(0)
            os.write(kept, hidden.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextlib.contextmanager
def lazy_keras() -> Iterator[None]:
    """Keeps TensorFlow from loading Keras, and with it pyplot: a quarter of the time of its import, and not used here.

    TensorFlow loads one module of Keras early, for the sake of Keras's own registry, and goes on where there is none;
    `tf.keras` is loaded when it is first used, as ever.

    >>> with lazy_keras():
    ...     pass
    >>> tf.keras.activations.relu.__name__
    'relu'
    """
    early = "keras.src.optimizers"
    if early in sys.modules:
        yield
        return
    sys.modules[early] = None  # type: ignore[assignment]  # to Python: there is no such module
    try:
        yield
    finally:
        del sys.modules[early]


@contextlib.contextmanager
def gc_disabled() -> Iterator[None]:
    """Keeps Python from collecting garbage: looking through all that an import makes takes a tenth of its time.

    >>> with gc_disabled():
    ...     gc.isenabled()
    False
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


# 3 leaves only fatal messages; what goes wrong still reaches the user as a Python exception. A level that the user
# has set is respected.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# oneDNN's convolutions train this network 1.6 times as fast on a processor with AVX2 and no more, for which TensorFlow
# leaves them off by itself.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# A trainer takes the GPU memory that it uses and leaves the rest to the evaluator beside it.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

with suppressed_stderr(), lazy_keras(), gc_disabled():
    import tensorflow as tf

# Warnings of TensorFlow's own Python code, such as that one of its functions will be replaced some day.
tf.get_logger().setLevel("ERROR")


def do_not_convert(function: _Function) -> _Function:
    """Decorates a function whose Python is run as it stands when `tf.function` or `tf.data` traces it.

    AutoGraph would first read its source and those of all that it calls, and write them anew, for the sake of branches
    and loops that hang on a tensor's value. Here is none, and a run starts a second and a half sooner. What calls a
    user's own functions is not decorated: there may be some in these.

    >>> @do_not_convert
    ... def twice(x: tf.Tensor) -> tf.Tensor:
    ...     return 2 * x
    >>> tf.function(twice)(tf.constant(3)).numpy().item()
    6
    """
    return tf.autograph.experimental.do_not_convert(function)


def compiled(function: _Function) -> _Function:
    """Decorate a function of tensors that XLA compiles; its Python is run as it stands, as by `do_not_convert`.

    TensorFlow 2.19 writes four lines about XLA to file descriptor 2 when it compiles the first function of a process,
    at any log level. So a function of no use is compiled before it, in silence.

    >>> @compiled
    ... def twice(x: tf.Tensor) -> tf.Tensor:
    ...     return 2 * x
    >>> twice(tf.constant(3)).numpy().item()
    6
    """
    by_xla = tf.function(function, jit_compile=True, autograph=False)

    @functools.wraps(function)
    def quietly(*tensors: tf.Tensor) -> tf.Tensor:
        _start_xla()
        return by_xla(*tensors)

    return quietly  # type: ignore[return-value]


@functools.cache
def _start_xla() -> None:
    with tf.init_scope(), suppressed_stderr():  # outside of the function that is being traced: now, not when it runs
        tf.function(lambda: tf.constant(0), jit_compile=True, autograph=False)()


__all__ = ["compiled", "do_not_convert", "suppressed_stderr", "tf"]


def trim_heap() -> None:
    """Asks glibc's malloc to return free pages to the system, which it otherwise keeps. Does nothing elsewhere."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
