"""Whether a case needs to be strict, as its calibration shows: reasons beside those of figures."""

from __future__ import annotations

from harness.judgement.reasons import Reason


class NeedsStrict(Reason):
    """Rounding turns the case into another mode, or is amplified without bound (``chaotic``).

    ``strict`` is whether the case is strict already.
    """

    chaotic: bool
    strict: bool


class NeedsNoStrict(Reason):
    """The case is strict, but its ``runs`` stay in one mode and are not chaotic, so limits can judge it."""

    runs: int
