"""The power of cases: every fault put into it, judged, and searched for its smallest size caught."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.baselines.baseline import Baseline, baseline_sha256, device_key
from harness.baselines.current import load_current, unusable
from harness.baselines.errors import BaselineError, BaselineMissing
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated
from harness.errors import HarnessError, UsageError
from harness.execution.pool import RunnerPool
from harness.faults.catalogue import FAULTS, Fault, fault
from harness.judgement.calibration.findings import chaos_of
from harness.judgement.failures import Refused
from harness.judgement.power.case_power import CasePower, PowerReport, Vacuity, vacuity
from harness.judgement.power.detection import TIER, tolerance_used
from harness.judgement.power.vacuity import vacuous_output
from harness.judgement.reasons import (
    ChaoticWithoutPower,
    FailsWithoutFault,
    StrictWithoutPower,
    WithoutCalibration,
)
from harness.judgement.tiers import calibration_remedy
from harness.judgement.verdicts import judge
from harness.operations.courses import SoundCase, reason_beside, run_courses
from harness.operations.progress import SILENT, Progress, each_case, stage
from harness.operations.workers import Workers


def chosen_faults(names: Sequence[str]) -> tuple[Fault, ...]:
    """Return the faults called ``names``, all where there are none, in the order of the catalogue.

    Raises :class:`harness.errors.UsageError` for a name that no fault has.
    """
    if not names:
        return FAULTS
    try:
        chosen = {fault(name) for name in names}
    except HarnessError as error:
        raise UsageError(str(error)) from None
    return tuple(each for each in FAULTS if each in chosen)


def power(
    cases: Sequence[Case],
    workers: Workers,
    store: BaselineStore,
    faults: Sequence[Fault] = FAULTS,
    *,
    quick: bool = False,
    progress: Progress[CasePower] = SILENT,
) -> PowerReport:
    """Return the power of all ``cases``; ``progress`` counts their faults. See :func:`measure_power`."""
    found: list[CasePower] = []
    runs = len(cases) * len(faults)
    with stage(progress, "examining", runs, interrupted="no file was written"), workers.pool() as pool:
        for case, done in each_case(progress, cases, len(faults)):
            found.append(measure_power(case, pool, store, faults, quick=quick, progress=done))
            progress.finished(found[-1])
    return PowerReport.of(found, faults, quick=quick)


def measure_power(
    case: Case,
    pool: RunnerPool,
    store: BaselineStore,
    faults: Sequence[Fault] = FAULTS,
    *,
    quick: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> CasePower:
    """Return the power of ``case``, held to its stored baseline at the tolerance across releases.

    The case runs once as it is, which must pass, then with each of ``faults``, as many side by side as
    ``pool`` has runners; ``progress`` is told how many faults are done. ``quick`` looks at the reference
    sizes alone. A case that cannot be examined is returned with the reason.
    """
    try:
        subject = _subject(case, pool, store)
    except HarnessError as error:
        return CasePower(
            case.suite, case.id, refusal=reason_beside(error, case.place, case.name), remedy=error.remedy
        )
    found = run_courses(subject, pool, faults, quick=quick, progress=progress)
    silent = vacuity(found)
    if (why := vacuous_output(case, subject.baseline)) is not None:
        silent = Vacuity(True, why)
    return CasePower(
        suite=case.suite,
        case_id=case.id,
        device=subject.baseline.device,
        case_hash=case.hash(),
        baseline_sha256=baseline_sha256(subject.baseline),
        tolerance=tolerance_used(case, subject.baseline),
        sound_margin=subject.margin,
        faults=found,
        vacuous=silent.vacuous,
        why_vacuous=silent.why,
    )


def _subject(case: Case, pool: RunnerPool, store: BaselineStore) -> SoundCase:
    """Run ``case`` as it is; raises HarnessError unless it can be judged across releases, and passes."""
    _check_stored(case, store)
    measurement = pool.run(case.job())
    baseline = _fit(case, store, device_key(measurement.fingerprint))
    judgement = judge(case, measurement, baseline, tier=TIER)
    if not judgement.passed:
        why = FailsWithoutFault(judgement.verdict.value, TIER.value, judgement.reasons)
        raise Refused(case.name, why)
    return SoundCase(case, baseline, measurement, judgement.margin)


def _check_stored(case: Case, store: BaselineStore) -> None:
    """Raise, before anything runs, where not one of the stored baselines is fit for an examination."""
    if isinstance(found := unusable(case, store), BaselineMissing):
        raise found
    problems: list[HarnessError] = []
    for device in store.devices(case.suite, case.id):
        try:
            _fit(case, store, device)
        except (BaselineError, Refused) as error:
            problems.append(error)
        else:
            return
    raise problems[0]


def _fit(case: Case, store: BaselineStore, device: str) -> Baseline:
    """Return the baseline for ``device``; raises HarnessError where ``case`` has none across releases."""
    baseline = load_current(store, case, device)
    if case.strict:
        raise Refused(case.name, StrictWithoutPower(TIER.value))
    if not isinstance(case.tolerance.across_releases, Calibrated):
        return baseline
    if baseline.calibration is None:
        # Whether the interpreter that faults run under is that of the baseline is not known before they run.
        remedy = calibration_remedy(case, baseline.device, TIER)
        raise Refused(case.name, WithoutCalibration(TIER.value), remedy=remedy)
    if baseline.calibration.chaos is not None:
        raise Refused(case.name, ChaoticWithoutPower(chaos_of(baseline.calibration)))
    return baseline
