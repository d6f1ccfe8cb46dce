"""The one base class of errors that a user can act on."""


class HarnessError(Exception):
    """An error shown to the user as one message, without a traceback.

    Its text says what is wrong, where (a file, with line and column where there is one) and what to do.
    """


class UsageError(HarnessError):
    """What was asked for makes no sense: the command line's exit code is that of wrong usage."""
