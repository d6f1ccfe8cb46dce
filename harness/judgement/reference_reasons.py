"""How a run compares with the same case on another implementation: reasons beside those of figures."""

from __future__ import annotations

from harness.judgement.reasons import Reason


class UnlikeReference(Reason):
    """The run and its reference on ``device`` do not run the same case: ``what`` of them differs.

    It is their draws, their schedule, or the shape of their latents or of their output.
    """

    what: str
    device: str


class FartherThanReference(Reason):
    """The run is farther from float64 than its reference on ``device`` allows.

    That is so in ``exceeded`` of ``limited`` parts. ``step`` is where it is farthest, None for the output.
    There, the run is ``measured`` away from float64 and its reference ``original``, rounding alone makes
    ``envelope`` of it, and so the run needs ``needed`` as a factor, where ``factor`` is the limit.
    """

    device: str
    exceeded: int
    limited: int
    step: int | None
    measured: float
    original: float
    envelope: float
    needed: float
    factor: float


class WithinReference(Reason):
    """The run is as near to float64 as its reference on ``device`` allows; the fields are those above."""

    device: str
    step: int | None
    measured: float
    original: float
    envelope: float
    needed: float
    factor: float
