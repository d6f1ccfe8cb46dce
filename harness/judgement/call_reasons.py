"""Why a second call of the pipeline decides a verdict, or was not made: reasons beside those of figures."""

from __future__ import annotations

from typing import Literal

from harness.judgement.reasons import Difference, Reason


class StateLeftBehind(Reason):
    """A second call in the same process, with the same seeds, gives other bits; ``first`` is where."""

    first: Difference


class SecondCallFailed(Reason):
    """A second call in the same process, with the same seeds, raised an error; ``told`` is its text."""

    told: str


class NotCalledTwice(Reason):
    """The pipeline was not called a second time: the case forbids it, or its time limit leaves too little."""

    why: Literal["repeat", "timeout"]
