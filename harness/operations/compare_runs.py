"""Comparing two runs of one case in two environments: by bits, otherwise by the case's tolerance."""

from __future__ import annotations

from dataclasses import replace

from harness.baselines.arrays import check_storable
from harness.baselines.baseline import Baseline, device_key
from harness.baselines.current import load_current, own_devices, unusable
from harness.baselines.errors import BaselineMissing, BaselineUnusable
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.judgement.failures import reason_of
from harness.judgement.hard import hard_failures
from harness.judgement.judgement import Verdict
from harness.judgement.metrics import compare
from harness.judgement.reasons import ReferenceFailed
from harness.judgement.tiers import Tier, calibration_remedy
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.check import as_baseline, hold
from harness.releases.comparison import Comparison, RunResult
from harness.remedy import Remedy


def compare_runs(
    case: Case, reference: RunResult, measured: RunResult, store: BaselineStore, *, tier: Tier | None = None
) -> Comparison:
    """Compare ``measured`` with ``reference``, both runs of ``case``.

    If all bits are the same, they are ``identical``. Otherwise they are judged like a measurement and its
    baseline. The calibration is that of the stored baseline, if that belongs to the case. The limits are
    those of ``tier`` if given, otherwise those of the tier that the fingerprints select.
    """
    if isinstance(reference, HarnessError):
        return Comparison(Verdict.ERROR, reasons=(ReferenceFailed(str(reference)),))
    if isinstance(measured, HarnessError):
        return Comparison(Verdict.ERROR, reasons=(reason_of(measured),))
    try:
        baseline, lacking = _calibrated(case, reference, store)
        # NaN at the same position does not count as equal.
        check_storable("the run compared with", reference)
        judged = judge(case, measured, baseline, tier=tier, uncalibrated=lacking)
    except HarnessError as error:
        return Comparison(Verdict.ERROR, reasons=(reason_of(error),), remedy=error.remedy)
    comparable = not hard_failures(measured, reference)
    # Comparing a batch with its single images concerns one run, not two.
    between = replace(judged, rows=tuple(row for row in judged.rows if row.part != "batch"))
    moved = compare(measured.output, reference.output, similarity=False) if comparable else {}
    found = Comparison(
        verdict=Verdict.WITHIN if judged.verdict is Verdict.IDENTICAL else judged.verdict,
        tier=judged.tier,
        relative_l2=moved.get("relative_l2"),
        share=between.margin,
        worst=None if between.worst is None else between.worst.name,
        operators=judged.changed_operators,
        differences=judged.differences,
        reasons=judged.reasons,
        remedy=judged.remedy,
        strict=case.strict,
    )
    if measured.bits == reference.bits:
        # This applies to strict cases, too: equal bits need no tolerance.
        return replace(found, verdict=Verdict.IDENTICAL, share=0.0, worst=None, reasons=(), remedy=None)
    return found


def compare_with_baseline(case: Case, measured: Measurement, store: BaselineStore) -> Comparison | None:
    """Compare ``measured`` with the baseline stored for its device; None if there is none."""
    if device_key(measured.fingerprint) not in own_devices(case, store):
        return None
    judged = hold(case, measured, store).judgement
    return Comparison(
        judged.verdict,
        judged.tier,
        differences=judged.differences,
        reasons=judged.reasons,
        remedy=judged.remedy,
    )


def _calibrated(
    case: Case, reference: Measurement, store: BaselineStore
) -> tuple[Baseline, BaselineUnusable | Remedy | None]:
    """Return ``reference`` as a baseline with the stored baseline's calibration, if that fits the case.

    If there is no such calibration, also return what is wrong or what to do.
    """
    made = as_baseline(case, reference)
    try:
        calibration = load_current(store, case, made.device).calibration
    except BaselineMissing as missing:
        # If there is none on any device, say how to record and calibrate one.
        return made, unusable(case, store) or missing
    except BaselineUnusable as error:
        return made, error
    # The remedy does not depend on the environment of this run, because a command would use another
    # interpreter.
    remedy = None if calibration else calibration_remedy(case, made.device, Tier.ACROSS_RELEASES)
    return replace(made, calibration=calibration), remedy
