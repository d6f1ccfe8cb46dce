"""The only way to show text from an external source: a name, a message, a log, the path of a file.

Terminals obey escape sequences, and GitHub Actions obeys lines. Everything printed passes through here.
"""

from __future__ import annotations

import re

# The characters kept in a text of several lines.
LINES = "\n\t"
# What GitHub's runner treats as a command (`TryParseV2` and `TryParse` of `ActionCommand` in actions/runner):
# "::" at the beginning of a line, also after spaces, and "##[" anywhere in it. Azure's agent has "##vso[".
_LINE_COMMAND = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)
_COMMAND = re.compile(r"##(?=\w*\[)")


def printable(text: str, kept: str = "") -> str:
    """Return ``text`` as one line with no sequence that is obeyed; characters in ``kept`` are unchanged.

    Backslash escapes replace control characters, line breaks, surrogates, and characters that are invisible
    or change the writing direction. They also replace one character of anything that a CI system would take
    as a command.
    """
    if not text.isprintable():
        text = "".join(
            c if c.isprintable() or c in kept else c.encode("unicode_escape").decode("ascii") for c in text
        )
    return _COMMAND.sub(r"#\\x23", _LINE_COMMAND.sub(r"\1\\x3a", text))
