"""How a command ends: its exit codes, and its last words.

Imports nothing slow, because some commands must finish at once.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from harness.errors import HarnessError, UsageError
from harness.foreign_text import LINES, printable

# The answer is no; unknown, because something did not run; harness itself failed.
FAILED, INCOMPLETE, BROKEN, USAGE = 1, 2, 3, 4
# Added to the number of the signal that ended the command.
SIGNALLED = 128
# The outcomes of a gate.
GATE_CODES = {"passed": 0, "drift": FAILED, "incomplete": INCOMPLETE}


def code_of(error: HarnessError) -> int:
    """Return the exit code of a command that ends with ``error``."""
    if isinstance(error, UsageError):
        return USAGE
    return FAILED if error.answers else BROKEN


def say(text: str) -> None:
    """Print ``text``, which may hold foreign words, on stdout."""
    print(printable(text, LINES))


def end(message: str, code: int) -> NoReturn:
    """Exit with a message on stderr."""
    print(printable(message, LINES), file=sys.stderr)
    sys.exit(code)


def leave(*, passed: bool, incomplete: bool = False) -> None:
    """Exit with the code of an operation that did not pass; return if it passed.

    ``incomplete`` is whether it failed only because something did not run.
    """
    if not passed:
        sys.exit(INCOMPLETE if incomplete else FAILED)
