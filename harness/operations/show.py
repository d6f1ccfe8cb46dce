"""Showing what is stored: each baseline with how it relates to its case, and the power known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.baselines.baseline import Baseline
from harness.baselines.current import unusable
from harness.baselines.errors import BaselineMissing
from harness.baselines.staleness import BaselineStale, stale
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.gate.details import FaultsFailed, Gap, NoTable, TooFewFaults
from harness.gate.power_table import Powers
from harness.judgement.power.case_power import CasePower
from harness.operations.proposal import Refusal
from harness.remedy import Action


@dataclass(frozen=True)
class StoredBaseline:
    """A stored baseline of ``case``; ``edited`` says what changed in the case since (None: nothing).

    ``power`` is what a power table says of it. ``gap`` is why that is nothing, or undecided.
    """

    case: Case
    baseline: Baseline
    edited: BaselineStale | None
    power: CasePower | None
    gap: Gap | None


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
            except HarnessError as error:
                yield Refusal(case, error)
            else:
                yield StoredBaseline(case, baseline, stale(case, baseline), *_power(case, baseline, powers))


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
