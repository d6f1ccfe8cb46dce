"""Calibrating: run a case's perturbed members, make the envelope, store it with the baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from harness.baselines.baseline import Baseline, Written, device_key
from harness.baselines.calibration import DEFAULT_FACTOR, Calibration
from harness.baselines.current import load_current, own_devices, unusable
from harness.baselines.errors import BaselineError
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.job import Decoding, Job
from harness.cases.tolerance import MOST_FACTOR
from harness.errors import HarnessError, UsageError
from harness.execution.pool import RunnerPool
from harness.judgement import bits
from harness.judgement.calibration.envelope import CalibrationError, Member, make_calibration, strays
from harness.judgement.calibration.findings import Finding, findings
from harness.judgement.calibration.spread import quantised
from harness.judgement.judgement import Verdict
from harness.judgement.power.vacuity import vacuous_output
from harness.judgement.reasons import CalibratedByChance, Difference, Reason, Swallowed, Unlike
from harness.judgement.repetition import NotRepeatableError, first_differences, unrepeated
from harness.measurement.measurement import Measurement
from harness.operations.members import KeptMembers
from harness.operations.progress import KEPT, SILENT, Progress, each_case, stage
from harness.operations.proposal import Refusal
from harness.operations.workers import Workers
from harness.remedy import Action

MEMBERS = 10
_FEWEST = 2
# For each dtype of a case, those with fewer digits that a pipeline may cast to, the coarsest first.
_COARSER = {"float32": ("bfloat16", "float16"), "float16": ("bfloat16",), "bfloat16": ()}


@dataclass(frozen=True)
class Settings:
    """How a calibration is made: ``members`` perturbed runs, and the safety ``factor`` of the limits.

    Raises :class:`harness.errors.UsageError` for values from which no tolerance can be made.
    """

    members: int = MEMBERS
    factor: float = DEFAULT_FACTOR

    def __post_init__(self) -> None:
        # The Python API and the fixture hand over what they are given.
        if isinstance(self.members, bool) or not isinstance(self.members, int):
            raise UsageError(f"members={self.members!r}: give a whole number, {_FEWEST} or more")
        if self.members < _FEWEST:
            raise UsageError(
                f"{self.members} member{'s' * (self.members != 1)} cannot show a spread: give {_FEWEST} or "
                f"more, preferably {MEMBERS} or more"
            )
        # The condition is written so that nan fails it.
        if not self.factor >= 1:
            raise UsageError(
                f"a safety factor of {self.factor:g} makes limits that the members themselves exceed: give "
                "1 or more (the default is 2)"
            )
        if self.factor > MOST_FACTOR:
            raise UsageError(
                f"a safety factor of {self.factor:g} makes limits that nothing exceeds: give {MOST_FACTOR} "
                "or less (the default is 2)"
            )


@dataclass(frozen=True)
class CalibratedCase:
    """A case with its calibration, as it now is in the store.

    ``kept`` are its members on disk. They are removed only when all cases of the call are done, so that a
    call interrupted at the last case does not restart with the first. ``first`` says whether the baseline had
    no calibration before; ``findings`` are what the calibration shows about the case, failing ones first.
    """

    case: Case
    calibration: Calibration
    written: Written
    kept: KeptMembers
    first: bool
    findings: tuple[Finding, ...]

    @property
    def failing(self) -> bool:
        """Whether the case cannot be judged by its calibration."""
        return any(finding.failing for finding in self.findings)


@dataclass(frozen=True)
class VacuousCase:
    """A case that would pass whatever its output is, and why."""

    case: Case
    why: Reason


@dataclass(frozen=True)
class Calibrations:
    """The result of calibrating each case, in the order of the cases.

    ``vacuous`` are the cases that pass whatever goes wrong.
    """

    results: tuple[CalibratedCase | Refusal, ...]
    vacuous: tuple[VacuousCase, ...] = ()

    @property
    def calibrated(self) -> tuple[CalibratedCase, ...]:
        """The cases that now have a calibration."""
        return tuple(result for result in self.results if isinstance(result, CalibratedCase))

    @property
    def failed(self) -> int:
        """The number of cases that cannot be judged by a calibration."""
        return len(self.results) - sum(not each.failing for each in self.calibrated)

    @property
    def passed(self) -> bool:
        """Whether every case can be judged by its calibration, and none is vacuous."""
        return not self.failed and not self.vacuous

    @property
    def refuted(self) -> bool:
        """Whether a case itself failed, regardless of what did not run."""
        return bool(self.vacuous) or any(
            result.error.answers if isinstance(result, Refusal) else result.failing for result in self.results
        )


def calibrate(
    cases: Sequence[Case],
    workers: Workers,
    store: BaselineStore,
    settings: Settings,
    progress: Progress[Any] = SILENT,
) -> Calibrations:
    """Calibrate each of ``cases`` against its stored baseline; ``progress`` counts their members.

    Members that have run are kept on disk until all cases are done.
    """
    results: list[CalibratedCase | Refusal] = []
    with (
        stage(progress, "calibrating", len(cases) * settings.members, interrupted=KEPT),
        workers.pool() as pool,
    ):
        for case, done in each_case(progress, cases, settings.members):
            try:
                results.append(calibrate_case(case, pool, store, settings, done))
            except HarnessError as error:
                results.append(Refusal(case, error))
            progress.finished(results[-1])
    found = Calibrations(tuple(results), vacuous_cases(cases, store))
    for each in found.calibrated:
        each.kept.clear()
    return found


def calibrate_case(
    case: Case,
    pool: RunnerPool,
    store: BaselineStore,
    settings: Settings,
    progress: Callable[[int], None] = lambda _: None,
) -> CalibratedCase:
    """Calibrate ``case`` against its stored baseline; ``progress`` gets the number of finished members.

    The case runs once unperturbed, which must give the baseline's bits, then once for every member that was
    not kept from an interrupted calibration. Whether it repeats is tried as well: before the members in a
    worker that has run it already (with one worker), after them in a fresh one, and in fresh ones with a
    member of each mode other than the baseline's. If the pipeline casts its noise to fewer bits
    than the case's dtype has, all of this is done once more, with the noise moved by one unit of those.
    Raises HarnessError if it cannot be calibrated.
    """
    name = case.name
    if (found := unusable(case, store)) is not None:
        raise found
    base = pool.run(replace(case.job().member(None), decodings=(Decoding(members=settings.members),)))
    baseline = load_current(store, case, device_key(base.fingerprint))
    kept, unit = KeptMembers(store.root, baseline), None
    try:
        members = _members(case, pool, baseline, base, kept, settings, progress)
        if any(member.unmoved for member in members):
            unit = _coarser_unit(case, pool, base, members)
        if unit is not None:
            coarser = KeptMembers(store.root, baseline, unit)
            members = _members(case, pool, baseline, base, coarser, settings, lambda _: None, unit)
    except NotRepeatableError:
        # The members that have run are a matter of chance.
        kept.clear()
        raise
    calibration = make_calibration(members, base, settings.factor, name, unit)
    calibrated = replace(baseline, calibration=calibration)
    written = store.write(calibrated)
    return CalibratedCase(
        case,
        calibration,
        written,
        kept,
        first=baseline.calibration is None,
        findings=findings(case, calibrated, calibration),
    )


def _members(
    case: Case,
    pool: RunnerPool,
    baseline: Baseline,
    base: Measurement,
    kept: KeptMembers,
    settings: Settings,
    progress: Callable[[int], None],
    unit: str | None = None,
) -> list[Member]:
    """Return the members of a case around ``base``, in the order of their seeds.

    Their noise is moved by one unit of the dtype ``unit``, or else of the case's own. Raises
    :class:`NotRepeatableError` for runs that should have the same bits and do not.
    """
    alone = case.job().member(None).alone()
    _check_unchanged(case, base, baseline, lambda: pool.run(alone))
    members = {seed: kept.load(seed) for seed in range(1, settings.members + 1)}
    done = {seed: member for seed, member in members.items() if member is not None}
    progress(len(done))
    waiting = [seed for seed in members if seed not in done]
    jobs: list[tuple[int | None, Job]] = [
        (None, case.job().member(None)),
        *((seed, case.job().member(seed, unit)) for seed in waiting),
        (None, alone),
    ]
    for seed, measured in pool.run_all(jobs):
        if isinstance(measured, HarnessError):
            raise measured
        if seed is None:
            _check_repeats(case, None, first_differences(base, measured))
            continue
        done[seed] = Member.of(seed, measured, base, case.name)
        kept.save(done[seed])
        progress(len(done))
    found = [done[seed] for seed in sorted(done)]
    for stray in strays(found, base):
        measured = pool.run(case.job().member(stray.seed, unit).alone())
        difference = stray.difference(Member.of(stray.seed, measured, base, case.name), base)
        _check_repeats(case, stray.seed, () if difference is None else (difference,))
    return found


def _coarser_unit(case: Case, pool: RunnerPool, base: Measurement, members: Sequence[Member]) -> str | None:
    """Return the dtype to which the pipeline casts its noise, so that one ulp of the case's own is lost.

    Returns None if some other thing keeps ``members`` where they are: an output of few levels, or noise that
    is not used. Raises :class:`CalibrationError` if they are lost in a cast, but not of the noise itself.
    """
    if not base.trace and quantised(base.output):
        return None

    def moved(seed: int | None, unit: str) -> bool:
        measured = pool.run(case.job().member(seed, unit))
        return not Member.of(seed or 0, measured, base, case.name).unmoved

    units = _COARSER[case.dtype]
    for unit in units:
        # What is rounded already does not change when it is rounded in advance.
        if not moved(None, unit):
            return unit if moved(1, unit) else None
    if all(member.unmoved for member in members):
        for unit in reversed(units):
            if moved(1, unit):
                raise CalibrationError(case.name, Swallowed(case.dtype, unit))
    return None


def _check_repeats(case: Case, seed: int | None, differences: tuple[Difference, ...]) -> None:
    if differences:
        raise NotRepeatableError(case.name, CalibratedByChance(differences, seed))


def _check_unchanged(
    case: Case, base: Measurement, baseline: Baseline, again: Callable[[], Measurement]
) -> None:
    """Raise unless ``base`` has the bits of ``baseline``, as members of another run say nothing about it.

    If it has not, a run in a fresh worker, ``again``, says whether the case repeats at all.
    """
    if (change := _change(base, baseline.measurement)) is not None:
        second = again()
        verdict = Verdict.IDENTICAL if _change(second, baseline.measurement) is None else Verdict.DRIFT
        if (difference := unrepeated(base, second, verdict.value)) is not None:
            raise NotRepeatableError(case.name, difference)
        remedy = case.remedy(Action.CALIBRATE_ELSEWHERE, calibrate=True)
        raise CalibrationError(case.name, Unlike(change), remedy=remedy)


def _change(run: Measurement, stored: Measurement) -> Reason | None:
    """Return the first difference of an unperturbed run from the baseline, or None."""
    changes = (
        bits.checkpoint_change(run, stored),
        bits.ledger_change(run, stored),
        bits.schedule_change(run, stored),
        bits.first_changed_step(run, stored),
        bits.output_change(run.output, stored.output),
    )
    return next(filter(None, changes), None)


def vacuous_cases(cases: Iterable[Case], store: BaselineStore) -> tuple[VacuousCase, ...]:
    """Return the ``cases`` that are vacuous according to any of their baselines in ``store``.

    Unreadable and stale baselines are left out, because running the case reports them.
    """
    found = []
    for case in cases:
        for device in own_devices(case, store):
            with suppress(BaselineError):
                baseline = store.load(case.suite, case.id, device)
                if baseline.provenance.case_hash == case.hash():
                    found.append((case, vacuous_output(case, baseline)))
    return tuple(VacuousCase(case, why) for case, why in found if why is not None)
