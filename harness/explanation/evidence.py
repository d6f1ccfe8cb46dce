"""What root causes rest on, as data: one class for each kind, without sentences."""

from __future__ import annotations

from dataclasses import dataclass

from harness.codec import Tagged
from harness.judgement.reasons import Reason
from harness.judgement.tiers import FieldDifference


class Evidence(Tagged):
    """What differs between a measurement and its baseline; every kind is a dataclass of its own."""


class EnvironmentDiffers(Evidence):
    """Fields of the fingerprint differ; ``operators`` are those that give other bits, of the ``tried``."""

    differences: tuple[FieldDifference, ...]
    operators: tuple[str, ...]
    tried: int


class OperatorsDifferHere(Evidence):
    """Operators give other bits in what looks like the same environment."""

    names: tuple[str, ...]


class Changed(Evidence):
    """What the judgement gives as a reason, too: weights, noise or schedule."""

    reason: Reason


@dataclass(frozen=True)
class StepDifference:
    """The difference of the latents after one step: of which figure, by how much, and in envelopes.

    ``figure`` is the statistic (or ``relative_l2`` where latents are kept) that moved most, ``deviation`` by
    how much; ``excess`` is that over the largest deviation that rounding alone caused there, None where the
    case was not calibrated or is chaotic at that step.
    """

    step: int
    timestep: float
    figure: str
    deviation: float
    excess: float | None


class LeavesEnvelope(Evidence):
    """The latents leave the envelope of rounding at step ``at``, of the steps from 0 to ``last``.

    ``before`` is the excess of the step before it, None for the first step; ``jump`` is whether the
    difference came at once, not by slow amplification. ``final`` is the excess after the last step, None
    where that is this one or has no envelope.
    """

    at: StepDifference
    last: int
    before: float | None
    jump: bool
    final: float | None


class WithinEnvelope(Evidence):
    """``change`` is in the latents, but no step leaves the envelope: ``most`` times it, of ``allowed``."""

    change: Reason
    most: float
    allowed: float


class WithoutEnvelope(Evidence):
    """``change`` is in the latents, ``largest`` its largest difference; no envelope shows what rounding does.

    ``calibrated`` is whether the case was calibrated, and is chaotic.
    """

    change: Reason
    largest: StepDifference
    calibrated: bool


class DiffersAfterSteps(Evidence):
    """The latents of every step have the baseline's bits, the output has not."""
