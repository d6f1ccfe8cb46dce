"""Showing what is stored: each baseline with how it relates to its case, and the power known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.baselines.baseline import Baseline
from harness.baselines.current import unusable
from harness.baselines.errors import BaselineDamaged, BaselineMissing, shown
from harness.baselines.soak import SoakRecord, read_soak
from harness.baselines.staleness import BaselineStale, stale
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.gate.details import FaultsFailed, Gap, NoTable, TooFewFaults
from harness.gate.power_table import Powers
from harness.judgement.calibration.findings import Finding, findings
from harness.judgement.judgement import Verdict
from harness.judgement.power.case_power import CasePower
from harness.judgement.rows import Row
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import limited_rows
from harness.operations.proposal import Refusal
from harness.remedy import Action

_ELSEWHERE = (Tier.ACROSS_RELEASES, Tier.ACROSS_DEVICES)


@dataclass(frozen=True)
class StoredBaseline:
    """A stored baseline of ``case``; ``edited`` says what changed in the case since (None: nothing).

    ``limits`` are those on its figures in each tier outside its environment, and ``findings`` what its
    calibration reveals. ``power`` is what a power table says of it; ``gap`` is why that is nothing, or
    undecided. ``soaked`` are the runs that were compared with it bit by bit.
    """

    case: Case
    baseline: Baseline
    edited: BaselineStale | None
    limits: Mapping[Tier, Mapping[str, Row]]
    findings: tuple[Finding, ...]
    power: CasePower | None
    gap: Gap | None
    soaked: SoakRecord


def show(
    cases: Iterable[Case], store: BaselineStore, device: str | None = None, powers: Powers | None = None
) -> Iterator[StoredBaseline | Refusal]:
    """Yield the stored baselines of each case, for all devices or only for ``device`` (a device key).

    A case without such a baseline, and a damaged baseline, give a :class:`Refusal`. One baseline is read at
    a time, as their arrays may be large.
    """
    for case in cases:
        devices = store.devices(case.suite, case.id)
        if not (chosen := [each for each in devices if device in (None, each)]):
            yield Refusal(case, _missing(case, store, device, devices))
        for each in chosen:
            try:
                baseline = store.load(case.suite, case.id, each, suite_file=case.path)
                yield _shown(case, baseline, powers, read_soak(store, baseline))
            except HarnessError as error:
                yield Refusal(case, error)


def how_many(cases: Iterable[Case], store: BaselineStore, device: str | None = None) -> int:
    """Return the number of results of :func:`show`."""
    found = ([each for each in store.devices(c.suite, c.id) if device in (None, each)] for c in cases)
    return sum(max(len(devices), 1) for devices in found)


def _shown(case: Case, baseline: Baseline, powers: Powers | None, soaked: SoakRecord) -> StoredBaseline:
    """Return ``baseline`` with what follows from it.

    Raises :class:`BaselineDamaged` if nothing can: its seal is right, but harness did not write its figures.
    """
    calibration = baseline.calibration
    try:
        limits = {tier: limited_rows(case, baseline, tier, Verdict.WITHIN) or {} for tier in _ELSEWHERE}
        found = () if calibration is None else findings(case, baseline, calibration)
        power = _power(case, baseline, powers)
    except (LookupError, ValueError, TypeError, OverflowError) as error:
        problem = f"its figures are not those of a baseline ({type(error).__name__})"
        remedy = case.remedy(Action.RESTORE, calibrate=case.needs_calibration)
        path = baseline.name if baseline.path is None else shown(baseline.path)
        raise BaselineDamaged(f"{path}: {problem}", remedy=remedy) from None
    return StoredBaseline(case, baseline, stale(case, baseline), limits, found, *power, soaked)


def _missing(case: Case, store: BaselineStore, device: str | None, devices: tuple[str, ...]) -> HarnessError:
    if not devices and (missing := unusable(case, store)) is not None:
        return missing
    return BaselineMissing(
        f"there is no baseline of {case.name} for {device}, only for {', '.join(devices)}",
        remedy=case.remedy(Action.RECORD, calibrate=case.needs_calibration),
    )


def _power(case: Case, baseline: Baseline, powers: Powers | None) -> tuple[CasePower | None, Gap | None]:
    if powers is None:
        return None, NoTable()
    gap = powers.gap(case, baseline)
    # What was examined then does not hold for another case or baseline.
    holds = gap is None or isinstance(gap, FaultsFailed | TooFewFaults)
    return (powers.cases.get((case.suite, case.id)) if holds else None), gap
