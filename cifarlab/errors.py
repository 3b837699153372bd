"""Errors that the command line prints as one line: user errors (exit status 2) and failed runs (1)."""


class UserError(ValueError):
    """An error that the user can fix. The message says what was expected, what was found and what to do.

    Most modules define a subclass, so that callers can catch a specific error.
    """


class OutputError(UserError):
    """Standard output cannot be written, so a command cannot print its result."""


class NotFiniteError(ArithmeticError):
    """A loss or a gradient became infinite or not a number."""


class WorkerLostError(RuntimeError):
    """Another worker process of a distributed job was lost."""
