"""The common base class of errors that a user can act on."""

from __future__ import annotations

import signal
from enum import Enum

from harness.remedy import Remedy

# The end of a traceback says the most.
_LONGEST_BEGINNING, _LONGEST_END = 8_000, 12_000


class FailureCause(str, Enum):
    """Why a case has no measurement, as far as the type of the error shows."""

    UNSEEDED_DRAW = "unseeded-draw"
    MISSING_KERNEL = "missing-kernel"
    MISSING_PACKAGE = "missing-package"
    FAILED_OPERATOR = "failed-operator"
    NOT_COMPILED = "not-compiled"
    NOT_REPEATABLE = "not-repeatable"
    STATE_LEFT_BEHIND = "state-left-behind"
    OUT_OF_MEMORY = "out-of-memory"
    CRASH = "crash"
    TIMEOUT = "timeout"
    OTHER = "other"


class HarnessError(Exception):
    """An error shown to the user as one message, without a traceback.

    Its text says what is wrong, where (a file, with line and column if there is one) and what to do, unless a
    ``remedy`` says that. ``harness.reporting.commands.error_text`` combines the two. The text begins with
    what it is ``about``, such as a case; ``message`` is the rest. ``cause`` is why a case that raised the
    error has no measurement. ``answers`` is whether the error answers the question (the case does not
    repeat, the certificate is not sound). Otherwise something failed and the answer is unknown.
    """

    cause: FailureCause = FailureCause.OTHER
    answers = False
    about: tuple[str, ...] = ()

    def __init__(self, *words: object, remedy: Remedy | None = None, about: tuple[str, ...] = ()) -> None:
        super().__init__(*words)
        self.remedy = remedy
        self.about = about

    @property
    def message(self) -> str:
        """The text without what it is about, for where that is shown beside it."""
        return super().__str__().lstrip("\n")

    def __str__(self) -> str:
        text = super().__str__()
        # A traceback begins on a line of its own.
        between = ":" if text.startswith("\n") else ": "
        return between.join([": ".join(self.about), text]) if self.about else text


def shortened(text: str) -> str:
    """Return the ``text`` of an error, with the middle removed if it is very long."""
    left_out = len(text) - _LONGEST_BEGINNING - _LONGEST_END
    if left_out <= 0:
        return text
    return f"{text[:_LONGEST_BEGINNING]}\n[… {left_out:,} characters are left out …]\n{text[-_LONGEST_END:]}"


def in_short(text: str) -> str:
    """Return the message of an error without any log or traceback that follows."""
    first, _, rest = text.partition("\n")
    # The last line of a traceback names the exception.
    last = rest.strip().rpartition("\n")[2]
    return f"{first} {last.strip()}" if first.endswith(":") else first


class UsageError(HarnessError):
    """A request that makes no sense; the command exits with the code for wrong usage."""


class ProfileError(HarnessError):
    """The profile cannot be applied."""


class FingerprintError(HarnessError):
    """A field of the fingerprint cannot be read; with a guess, comparisons would be wrong."""


class Stopped(KeyboardInterrupt):
    """The process received Ctrl-C, or a signal that is treated the same way."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Interrupted(Exception):
    """An operation was interrupted by the signal ``number``; the text says what it leaves behind."""

    def __init__(self, left: str, cause: KeyboardInterrupt) -> None:
        super().__init__(left)
        self.number = cause.number if isinstance(cause, Stopped) else int(signal.SIGINT)
