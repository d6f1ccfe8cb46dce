"""Reasons about a second call of the pipeline in words."""

from __future__ import annotations

from harness.judgement import call_reasons as c
from harness.reporting.wording import Words

_NOT_CALLED = {
    "repeat": "the case says `repeat: false`",
    "timeout": "it might not have ended within the case's time limit; raise `timeout`",
}


def _second_call_failed(reason: c.SecondCallFailed) -> str:
    """Return one line with the last one of the traceback, which names the exception, and the traceback."""
    last = reason.told.strip().rpartition("\n")[2]
    text = f"the second call in the same process, with the same seeds, fails: {last}"
    return text if last == reason.told else f"{text}\n{reason.told}"


CALL_REASONS: Words = {
    c.StateLeftBehind: (
        "the second call in the same process, with the same seeds, gives other bits, first in {first}: the "
        "first call left a state behind. Let each call start from the same state"
    ),
    c.SecondCallFailed: _second_call_failed,
    c.NotCalledTwice: lambda reason: f"the pipeline was not called a second time: {_NOT_CALLED[reason.why]}",
}
