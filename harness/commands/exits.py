"""How a command ends: its exit codes, and its last words.

Imports nothing that takes time: some commands are to be over in the blink of an eye.
"""

from __future__ import annotations

import sys
from typing import NoReturn

FAILED, INCOMPLETE, USAGE, INTERRUPTED = 1, 2, 4, 130


class Ending(SystemExit):
    """An exit with a code of the command's own, also where the parser has another meaning for it."""


def end(message: str, code: int) -> NoReturn:
    """Leave with a message on stderr."""
    print(message, file=sys.stderr)
    raise Ending(code)
