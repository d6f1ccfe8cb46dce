"""How a command ends: its exit codes, and its last words.

Imports nothing that takes time: some commands are to be over in the blink of an eye.
"""

from __future__ import annotations

import sys
from typing import NoReturn

FAILED, INCOMPLETE, USAGE, INTERRUPTED = 1, 2, 4, 130
# What a gate came to.
GATE_CODES = {"passed": 0, "drift": FAILED, "incomplete": INCOMPLETE}


class Ending(SystemExit):
    """An exit with a code of the command's own, also where the parser has another meaning for it."""


def end(message: str, code: int) -> NoReturn:
    """Leave with a message on stderr."""
    print(message, file=sys.stderr)
    raise Ending(code)


def leave(*, passed: bool) -> None:
    """Leave with the exit code of an operation that did not pass; go on where it did."""
    if not passed:
        raise Ending(FAILED)
