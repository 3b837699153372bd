"""The errors that the command line prints as one line: the user's to mend (status 2), and a run that failed (1)."""


class UserError(ValueError):
    """Something that was expected and not got; the message says what to do.

    Each module has its own subclass, for whoever wants to catch just that.
    """


class NotFiniteError(ArithmeticError):
    """A loss or a gradient became infinite or not a number."""


class WorkerLostError(RuntimeError):
    """Another process of a job of several is gone."""
