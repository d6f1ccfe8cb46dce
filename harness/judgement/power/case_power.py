"""What is known about the power of cases, as plain data and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, get_args

from harness import __version__
from harness.codec import from_json, to_json
from harness.faults.catalogue import FAULTS, Family, Fault
from harness.judgement.reasons import CatchesNoFault, Reason
from harness.remedy import Remedy

FORMAT = 2
FAMILIES: tuple[Family, ...] = get_args(Family)

FaultOutcome = Literal["caught", "missed", "not applicable", "failed"]
OUTCOMES: tuple[FaultOutcome, ...] = get_args(FaultOutcome)


@dataclass(frozen=True)
class FaultPower:
    """The result of one fault in one case, judged at the tolerance across releases.

    ``outcome``, ``by``, ``margin`` and ``numbers_alone`` apply to the ``reference`` size, which is None for a
    fault without sizes; the unit of such a fault is empty.
    :class:`harness.judgement.power.detection.Detection` defines the last three. ``why`` says why a fault is
    not applicable or how its run failed. ``caught_from``, ``missed_at`` and ``numbers_from`` are defined by
    :class:`harness.judgement.power.search.Bracket`; the first two are None if no size was searched for.
    """

    name: str
    family: Family
    reference: float | None
    unit: str
    outcome: FaultOutcome
    why: Reason | None = None
    by: str | None = None
    margin: float | None = None
    numbers_alone: bool = False
    caught_from: float | None = None
    missed_at: float | None = None
    numbers_from: bool = False

    @property
    def applicable(self) -> bool:
        """Whether the fault could be put into the case and the result is known."""
        return self.outcome in ("caught", "missed")

    @property
    def searched(self) -> bool:
        """Whether a search for the smallest size caught was made."""
        return self.caught_from is not None or self.missed_at is not None


@dataclass(frozen=True)
class CasePower:
    """The power of one case. If it could not be examined, ``refusal`` says why, with a ``remedy``.

    ``case_hash``, ``baseline_sha256`` (of the baseline's JSON file, which names the hash of its arrays) and
    ``tolerance`` identify what was examined. If any of them has changed since, this result no longer applies.
    ``tolerance`` has a ``kind``, which is ``calibrated`` (with the ``factor`` in force and the number of
    ``members``), ``limits`` (with ``limits``) or ``exact``. ``sound_margin`` is the margin of a run without a
    fault. ``faults`` are in the order of the catalogue.

    ``vacuous`` is whether the case can pass whatever goes wrong, as defined by :func:`vacuity` and
    :func:`harness.judgement.power.vacuity.vacuous_output`, and ``why_vacuous`` says how that was found. It is
    None if the case was not examined, or not with enough faults.
    """

    suite: str
    case_id: str
    device: str | None = None
    case_hash: str | None = None
    baseline_sha256: str | None = None
    tolerance: dict[str, Any] | None = None
    sound_margin: float | None = None
    faults: tuple[FaultPower, ...] = ()
    vacuous: bool | None = None
    why_vacuous: Reason | None = None
    refusal: Reason | None = None
    remedy: Remedy | None = None

    @property
    def name(self) -> str:
        """The name of the case as shown to the user."""
        return f"{self.suite}/{self.case_id}"

    @property
    def blind(self) -> tuple[Family, ...]:
        """The families whose faults could be put into the case and were all missed."""
        counts = self.counts()
        return tuple(
            family for family in FAMILIES if counts[family]["missed"] and not counts[family]["caught"]
        )

    @property
    def failed(self) -> tuple[FaultPower, ...]:
        """The faults for which it is unknown whether they are caught, because their runs failed."""
        return tuple(fault for fault in self.faults if fault.outcome == "failed")

    @property
    def sound(self) -> bool:
        """Whether every fault asked for was examined, and the case is not known to be vacuous."""
        return self.refusal is None and not self.vacuous and not self.failed

    def counts(self) -> dict[Family, dict[FaultOutcome, int]]:
        """Return the number of faults per family and outcome, at their reference sizes."""
        return {
            family: {
                outcome: sum(f.family == family and f.outcome == outcome for f in self.faults)
                for outcome in OUTCOMES
            }
            for family in FAMILIES
        }


@dataclass(frozen=True)
class Vacuity:
    """Whether a case is ``vacuous`` (None: undecided), and ``why``."""

    vacuous: bool | None
    why: Reason | None = None


def vacuity(faults: Sequence[FaultPower]) -> Vacuity:
    """Return whether a case with the results ``faults`` can pass whatever goes wrong.

    A case is vacuous if its numbers catch none of the faults, at their reference sizes, in what the pipeline
    computes (noise, scheduler, model), or none in what it returns (output). Only numbers count: the ledger
    and the schedule catch any change to the draws and timesteps, however loose the tolerance, and a loader
    that mixes up two layers changes neither. The two groups are kept apart because each can hide the other.
    An output that shows nothing of the computation, such as an all-black one, still reveals a fault that is
    put into it afterwards. Limits that pass any change of brightness still detect different noise. If none of
    a group's faults could be put into the case, that group proves nothing.

    The answer is undecided if only part of the catalogue was examined and that part does not show that the
    case is not vacuous.
    """
    computed = [fault for fault in faults if fault.applicable and fault.family != "output"]
    output = [fault for fault in faults if fault.applicable and fault.family == "output"]
    silent = [
        len(group) if group and not any(fault.numbers_alone for fault in group) else None
        for group in (computed, output)
    ]
    found = any(silent)
    if {fault.name for fault in faults} != {fault.name for fault in FAULTS}:
        return Vacuity(None if found or not computed or not output else False)
    return Vacuity(found, CatchesNoFault(*silent) if found else None)


@dataclass(frozen=True)
class PowerReport:
    """The power of cases, sorted by name: one run of ``harness power``.

    ``quick`` is whether only reference sizes were examined. ``faults`` are the names of the faults examined.
    ``date`` is ISO 8601 in UTC.
    """

    harness_version: str
    date: str
    quick: bool
    faults: tuple[str, ...]
    cases: tuple[CasePower, ...]

    @classmethod
    def of(cls, cases: Iterable[CasePower], faults: Iterable[Fault], *, quick: bool) -> PowerReport:
        """Return a report, made now by this version of harness, on the power of ``cases``."""
        return cls(
            harness_version=__version__,
            date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            quick=quick,
            faults=tuple(fault.name for fault in faults),
            cases=tuple(sorted(cases, key=lambda case: (case.suite, case.case_id))),
        )

    @property
    def sound(self) -> bool:
        """Whether every fault asked for was examined in every case, and no case is known to be vacuous."""
        return all(case.sound for case in self.cases)

    @property
    def refuted(self) -> bool:
        """Whether a case is vacuous, even if others were not examined."""
        return any(case.vacuous for case in self.cases)

    @property
    def uncaught(self) -> tuple[str, ...]:
        """The faults that can be put into some case but that no case catches at the reference size."""
        missed, caught = (
            {fault.name for case in self.cases for fault in case.faults if fault.outcome == outcome}
            for outcome in ("missed", "caught")
        )
        return tuple(fault.name for fault in FAULTS if fault.name in missed - caught)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values. An infinite margin becomes the text ``inf``."""
        # These can be derived from the rest. They are for readers of the JSON who do not have this module.
        cases = [{**to_json(case), "blind": list(case.blind), "counts": case.counts()} for case in self.cases]
        return {**to_json(self), "format": FORMAT, "uncaught": list(self.uncaught), "cases": cases}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PowerReport:
        """Rebuild a report from the data of :meth:`to_dict`. Raises ValueError for data of any other form."""
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']!r} is unknown; this version of harness reads {FORMAT}")
        cases = [_without(case, "blind", "counts") for case in data["cases"]]
        return from_json(cls, {**_without(data, "format", "uncaught"), "cases": cases})

    def text(self) -> str:
        """Return the report as the text of a JSON file with sorted keys."""
        return (
            json.dumps(self.to_dict(), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
        )


def _without(data: dict[str, Any], *derived: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in derived}
