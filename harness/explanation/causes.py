"""Root causes of a drift, first cause first: a later one may be no more than what an earlier one led to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from harness.baselines.baseline import Baseline
from harness.codec import from_json, to_json
from harness.explanation.evidence import (
    Changed,
    DiffersAfterSteps,
    EnvironmentDiffers,
    Evidence,
    OperatorsDifferHere,
)
from harness.explanation.growth import numerics
from harness.judgement import bits
from harness.judgement.check import Check
from harness.judgement.reasons import Reason
from harness.judgement.tiers import fingerprint_differences
from harness.measurement.measurement import Measurement

Kind = Literal["environment", "inputs", "randomness", "schedule", "numerics", "output"]


@dataclass(frozen=True)
class Cause:
    """One thing that differs between a measurement and its baseline, and may have made the output drift.

    ``kind`` is its class, ``evidence`` what differs; :mod:`harness.reporting.causes` says both.
    """

    kind: Kind
    evidence: Evidence

    def to_dict(self) -> dict[str, Any]:
        """Return the cause as JSON values."""
        data: dict[str, Any] = to_json(self)
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Cause:
        """Rebuild a cause from :meth:`to_dict`'s data; raises ValueError for any other."""
        return from_json(cls, data)


def root_causes(measured: Measurement, baseline: Baseline) -> tuple[Cause, ...]:
    """Return what differs between ``measured`` and ``baseline``, first cause first; empty where nothing does.

    The order is that of a run: the environment, the inputs (weights), the random draws, the schedule, and
    last the numbers: the first step at which the latents left the envelope, or the output alone.
    """
    return tuple(_causes(measured, baseline))


def causes_of(check: Check) -> tuple[Cause, ...]:
    """Return what differs in a case that was checked; empty, too, where nothing was compared."""
    if check.measurement is None or check.baseline is None:
        return ()
    return root_causes(check.measurement, check.baseline)


def _causes(measured: Measurement, baseline: Baseline) -> Iterator[Cause]:
    stored = baseline.measurement
    yield from _environment(measured, stored)
    changes: tuple[tuple[Kind, Reason | None], ...] = (
        ("inputs", bits.checkpoint_change(measured, stored)),
        ("randomness", bits.ledger_change(measured, stored)),
        ("schedule", bits.schedule_change(measured, stored)),
    )
    yield from (Cause(kind, Changed(change)) for kind, change in changes if change is not None)
    if (growth := numerics(measured, baseline)) is not None:
        yield Cause("numerics", growth)
    elif measured.trace and not bits.same_bits(measured.output, stored.output):
        yield Cause("output", DiffersAfterSteps())


def _environment(measured: Measurement, stored: Measurement) -> Iterator[Cause]:
    differences = fingerprint_differences(measured.fingerprint, stored.fingerprint)
    operators = bits.changed_operators(measured, stored)
    if differences:
        tried = len(measured.canaries) if stored.canaries else 0
        yield Cause("environment", EnvironmentDiffers(differences, operators, tried))
    elif operators:
        yield Cause("environment", OperatorsDifferHere(operators))
