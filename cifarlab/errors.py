"""The error that is the user's to mend: the command line prints it as one line and exits with 2."""


class UserError(ValueError):
    """Something that was expected and not got; the message says what to do.

    Each module has its own subclass, for whoever wants to catch just that.
    """
