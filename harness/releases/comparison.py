"""Comparing two runs of one case, in two environments: by bits, else by the case's tolerance."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from harness.baselines import (
    Baseline,
    BaselineStore,
    Provenance,
    check_storable,
    device_key,
    state_of,
    unusable,
)
from harness.cases import Case
from harness.errors import HarnessError
from harness.judgement import Judgement, Tier, Verdict, judge_against
from harness.judgement.hard import hard_failures
from harness.judgement.metrics import compare
from harness.judgement.remedies import calibration_remedy
from harness.judgement.verdicts import BATCH, judge
from harness.measurement.record import Measurement
from harness.releases.bits import bits_of

Outcome = Measurement | HarnessError


@dataclass(frozen=True)
class Comparison:
    """How a run of a case stands to a run of it elsewhere.

    ``relative_l2`` is how far the output moved, None where that cannot be said; ``share`` the largest part
    of a limit that is used up (1 is at the limit) and ``worst`` the figure that uses it, None where nothing
    is limited. ``operators`` are the canaries that give other bits, ``differences`` the fields of the
    fingerprint that differ, ``reasons`` say why it did not pass. ``strict`` is a case that asks not to be
    compared across environments: that it is ``incomparable`` there is as it should be.
    """

    verdict: Verdict
    tier: Tier | None = None
    relative_l2: float | None = None
    share: float | None = None
    worst: str | None = None
    operators: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    strict: bool = False

    @property
    def passed(self) -> bool:
        """Whether the two are the same or within the tolerance, or not to be compared."""
        if self.strict and self.verdict is Verdict.INCOMPARABLE:
            return True
        return self.verdict in (Verdict.IDENTICAL, Verdict.WITHIN)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        tier = None if self.tier is None else self.tier.value
        lists = {name: list(getattr(self, name)) for name in ("operators", "differences", "reasons")}
        figures = {name: _finite(getattr(self, name)) for name in ("relative_l2", "share")}
        return {**asdict(self), **lists, **figures, "verdict": self.verdict.value, "tier": tier}


def compare_runs(
    case: Case, reference: Outcome, measured: Outcome, store: BaselineStore, *, tier: Tier | None = None
) -> Comparison:
    """Hold ``measured`` to ``reference``, both runs of ``case``.

    The same bits throughout are ``identical``. Others are judged as a measurement is against its baseline,
    with the calibration of the one stored where that is the case's; by the limits of ``tier`` if it is given,
    else by those of the tier that the fingerprints choose.
    """
    if isinstance(reference, HarnessError):
        return Comparison(Verdict.ERROR, reasons=(f"nothing to compare with: {in_short(reference)}",))
    if isinstance(measured, HarnessError):
        return Comparison(Verdict.ERROR, reasons=(str(measured),))
    try:
        baseline, lacking = as_baseline(case, reference, store)
        # NaN is not equal to NaN by being in the same place.
        check_storable("the run compared with", reference)
        judged = judge(case, measured, baseline, tier=tier, uncalibrated=lacking)
    except HarnessError as error:
        return Comparison(Verdict.ERROR, reasons=(str(error),))
    found = replace(_of(judged, measured, reference), strict=case.strict)
    if bits_of(measured) == bits_of(reference):
        # Also of a strict case: that the bits are the same needs no tolerance.
        return replace(found, verdict=Verdict.IDENTICAL, share=0.0, worst=None, reasons=())
    if found.verdict is Verdict.IDENTICAL:
        return replace(found, verdict=Verdict.WITHIN)
    return found


def compare_with_baseline(case: Case, measured: Measurement, store: BaselineStore) -> Comparison | None:
    """Hold ``measured`` to the baseline stored for its device; None where there is none."""
    device = device_key(measured.fingerprint)
    if device not in store.devices(case.suite, case.id):
        return None
    judged = judge_against(store, case, measured)
    found = Comparison(judged.verdict, judged.tier, reasons=judged.reasons)
    return replace(found, differences=tuple(map(str, judged.differences)))


def as_baseline(case: Case, reference: Measurement, store: BaselineStore) -> tuple[Baseline, str | None]:
    """Return ``reference`` as a baseline, with the calibration of the one stored where that is the case's.

    Beside it, where there is no such calibration, why not and what to do.
    """
    provenance = Provenance.of(case, reason="", git_commit=None)
    made = Baseline(case.suite, case.id, device_key(reference.fingerprint), reference, provenance)
    stored = state_of(case, store, made.device)
    if stored.kind == "ok" and stored.baseline is not None:
        calibration = stored.baseline.calibration
        # The run is one of another interpreter than a command would take, whatever that one's environment is.
        tier = Tier.ACROSS_RELEASES
        remedy = calibration_remedy(case, store.root, made.device, tier, options=store.options)
        return replace(made, calibration=calibration), None if calibration else remedy
    if stored.kind == "missing":
        # Of a case that has none on any device it says how to record one that is calibrated.
        stored = unusable(case, store) or stored
    return made, stored.told


def in_short(error: HarnessError) -> str:
    """Return what an error says, without the log or the traceback that may follow."""
    first, _, rest = str(error).partition("\n")
    # Of a traceback the last line says what was raised.
    last = rest.strip().rpartition("\n")[2]
    return f"{first} {last.strip()}" if first.endswith(":") else first


def _finite(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)


def _of(judged: Judgement, measured: Measurement, reference: Measurement) -> Comparison:
    comparable = not hard_failures(measured, reference)
    # How a batch stands to its single images is a matter of one run, not of two.
    between = replace(judged, rows=tuple(row for row in judged.rows if not row.name.startswith(BATCH)))
    return Comparison(
        verdict=judged.verdict,
        tier=judged.tier,
        relative_l2=_moved(measured, reference) if comparable else None,
        share=between.margin,
        worst=None if between.worst is None else between.worst.name,
        operators=judged.changed_operators,
        differences=tuple(map(str, judged.differences)),
        reasons=judged.reasons,
    )


def _moved(measured: Measurement, reference: Measurement) -> float:
    return compare(measured.output, reference.output, similarity=False)["relative_l2"]
