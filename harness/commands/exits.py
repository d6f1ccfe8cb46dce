"""How a command ends: its exit codes, and its last words.

Imports nothing that takes time: some commands are to be over in the blink of an eye.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from harness.errors import HarnessError, UsageError
from harness.foreign_text import LINES, printable

# The answer is no; it is not known, as something did not run; harness itself could not do what was asked.
FAILED, INCOMPLETE, BROKEN, USAGE = 1, 2, 3, 4
# Added to the number of the signal that ended the command.
SIGNALLED = 128
# What a gate came to.
GATE_CODES = {"passed": 0, "drift": FAILED, "incomplete": INCOMPLETE}


def code_of(error: HarnessError) -> int:
    """Return the exit code of a command that ends with ``error``."""
    if isinstance(error, UsageError):
        return USAGE
    return FAILED if error.answers else BROKEN


def say(text: str) -> None:
    """Print ``text``, of whatever words it is made, on stdout."""
    print(printable(text, LINES))


def end(message: str, code: int) -> NoReturn:
    """Leave with a message on stderr."""
    print(printable(message, LINES), file=sys.stderr)
    sys.exit(code)


def leave(*, passed: bool, incomplete: bool = False) -> None:
    """Leave with the exit code of an operation that did not pass; go on where it did.

    ``incomplete`` is whether it did not pass for nothing but what did not run.
    """
    if not passed:
        sys.exit(INCOMPLETE if incomplete else FAILED)
