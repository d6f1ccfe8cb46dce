"""What a gate found out about each case, as plain data: the complete basis of its decision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from harness.gate.details import Gap, State
from harness.judgement.reasons import Chaotic, Reason
from harness.promises import Promise
from harness.remedy import Remedy


@dataclass(frozen=True)
class Worst:
    """The figure that uses most of its limit; ``measured`` is None if it could not be computed."""

    name: str
    measured: float | None
    limit: float
    at_least: bool

    @property
    def exceeded(self) -> bool:
        """Whether the figure is on the wrong side of its limit; NaN always is."""
        measured = math.nan if self.measured is None else self.measured
        return not (measured >= self.limit if self.at_least else measured <= self.limit)


@dataclass(frozen=True)
class HeldTo:
    """A case's baseline; ``files`` maps each file, relative to the store's folder, to its sha256.

    ``date`` is when it was recorded (ISO 8601), and ``mindspore`` is that field of its fingerprint. ``facts``
    is whether parameters and constants are stored with it. ``runs`` were compared with it bit by bit by
    `harness soak`, and ``deviating`` of them gave other bits; None if no run was. ``invariances`` says how
    each relation held that `harness invariance` measured with it; None if none was.
    """

    device: str
    date: str
    mindspore: str
    files: dict[str, str]
    facts: bool = False
    runs: int | None = None
    deviating: int | None = None
    invariances: dict[str, str] | None = None


@dataclass(frozen=True)
class CaseFacts:
    """What is known about one case after the run.

    The case is in ``file``, its suite, at ``line``. ``case_hash`` is the hash of its definition. ``verdict``,
    ``tier``, ``margin``, ``worst``, ``reasons``, ``remedy`` and ``notes`` are those of the judgement; if
    ``state`` is not ``judged``, there is no verdict and ``reasons`` say why. ``environment`` and
    ``checkpoint`` are keys into the certificate's tables. ``bits`` is the sha256 of everything that the run
    computed. ``vacuous`` says why the case would notice nothing, and ``power_gap`` why no power table covers
    it. ``promises`` are what the case promises of its invariances, None if nothing.
    """

    suite: str
    case_id: str
    file: str
    line: int
    tags: tuple[str, ...]
    case_hash: str
    state: State
    verdict: Literal["identical", "within", "drift", "incomparable"] | None = None
    tier: str | None = None
    margin: float | None = None
    bits: str | None = None
    worst: Worst | None = None
    reasons: tuple[Reason, ...] = ()
    remedy: Remedy | None = None
    notes: tuple[Reason, ...] = ()
    baseline: HeldTo | None = None
    environment: str | None = None
    checkpoint: str | None = None
    vacuous: Reason | None = None
    chaos: Chaotic | None = None
    power_gap: Gap | None = None
    promises: dict[str, Promise] | None = None

    @property
    def name(self) -> str:
        """The name of the case in policies and for users."""
        return f"{self.suite}/{self.case_id}"

    @property
    def reason(self) -> Reason | None:
        """The most informative reason, or None."""
        return self.reasons[0] if self.reasons else None

    @property
    def incomparable_by_chaos(self) -> bool:
        """Whether chaos is the only thing that prevented a verdict."""
        by_chaos = bool(self.reasons) and all(isinstance(reason, Chaotic) for reason in self.reasons)
        return self.verdict == "incomparable" and by_chaos
