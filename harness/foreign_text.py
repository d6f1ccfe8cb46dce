"""The one way to show text that somebody else wrote: a name, a message, a log, the path of a file.

Terminals obey escape sequences, and GitHub Actions obeys lines. Everything printed passes through here.
"""

from __future__ import annotations

import re

# What stays in a text of several lines.
LINES = "\n\t"
# What GitHub's runner takes for a command (`TryParseV2` and `TryParse` of `ActionCommand` in actions/runner):
# "::" where a line begins, also after spaces, and "##[" anywhere in it. Azure's agent knows "##vso[".
_LINE_COMMAND = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)
_COMMAND = re.compile(r"##(?=\w*\[)")


def printable(text: str, kept: str = "") -> str:
    """Return ``text`` in one line that nothing obeys; the characters in ``kept`` stay as they are.

    Backslash escapes stand for control characters, line breaks, surrogates, for what is invisible or changes
    the direction of writing, and for one character of what would be a command of a CI system.
    """
    if not text.isprintable():
        text = "".join(
            c if c.isprintable() or c in kept else c.encode("unicode_escape").decode("ascii") for c in text
        )
    return _COMMAND.sub(r"#\\x23", _LINE_COMMAND.sub(r"\1\\x3a", text))
