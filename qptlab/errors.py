"""What can go wrong, by who has to do something about it.

Anything else is a defect of qptlab: the command line shows where, and where to report it.
"""


class InputError(ValueError):
    """What a user gave is wrong: what it was, what was given, what is allowed, in one sentence."""


class MissingFile(InputError, FileNotFoundError):
    """There is no such file or folder, nor anything else of that name."""


class NotConverged(RuntimeError):
    """A calculation came to no end: nothing is wrong with what was asked for."""
