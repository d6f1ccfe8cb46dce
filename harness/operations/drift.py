"""Checking what a user's own function returns, in the process of the test that calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from harness.baselines.baseline import Baseline, Provenance
from harness.baselines.calibration import Calibration
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated, Limits, Tolerance
from harness.errors import HarnessError, UsageError
from harness.execution.in_force import settings_in_force
from harness.judgement.calibration.envelope import Member, make_calibration
from harness.judgement.calibration.findings import chaos_of
from harness.judgement.check import Check
from harness.judgement.failures import Refused, reason_of
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.metrics import check_exact
from harness.judgement.repetition import check_repeats, first_difference
from harness.measurement.figures import CheckpointIdentity
from harness.measurement.measurement import Measurement
from harness.measurement.statistics import summarise
from harness.measurement.values import Change, OneUlp, described, output_arrays, with_arrays
from harness.operations.calibrate import MEMBERS, Settings
from harness.operations.check import hold
from harness.operations.fresh import FreshRuns, save_run
from harness.operations.proposal import Proposed, commit_of, proposed
from harness.operations.record import FIRST_REASON
from harness.remedy import Action

FOLDER = "__drift__"
# Allowed in file names besides letters, digits and ``_.-~``; anything else is percent-encoded. A file name
# has at most 255 bytes.
_SAFE, _LONGEST = "[]", 150

# The results of one call of the function, by the names of :func:`harness.measurement.values.leaves`.
Outputs = Mapping[str, Measurement]


class CheckError(HarnessError):
    """A check that cannot be made as written, or whose function cannot be compared with a baseline."""


@dataclass(frozen=True)
class UserTest:
    """A test that checks functions: its file, the line it starts in (from 1), and its name in that file.

    ``runs`` are its runs in fresh processes, if it is being recorded. ``fresh`` is the folder for its
    results, if this is such a run. ``reason`` is the reason why baselines may change, and is empty if they
    may not.
    """

    path: Path
    line: int
    name: str
    runs: FreshRuns | None = None
    fresh: Path | None = None
    reason: str = ""
    names: set[str] = field(default_factory=set)

    @property
    def store(self) -> BaselineStore:
        """The baselines of the tests in this file."""
        return BaselineStore(self.path.parent / FOLDER / self.path.stem)

    def check(
        self,
        function: Callable[..., Any],
        inputs: tuple[Any, ...],
        name: str,
        *,
        tolerance: Mapping[str, Any] | None = None,
        members: int = MEMBERS,
    ) -> tuple[Any, list[Check]]:
        """Call ``function`` with ``inputs``; return its result, and the check of each array in the result.

        Raises HarnessError if the check cannot be made at all, and whatever ``function`` raises.
        """
        settings = Settings(members)
        if not (isinstance(name, str) and name):
            raise CheckError(f"{self.name}: a check needs a name, such as name='decode'")
        if name in self.names:
            raise self._twice(name)
        known = described(inputs)
        kept = with_arrays(inputs, lambda array, _: array) if self.runs is not None else ()
        value = function(*inputs)
        measured = _measurements(value)
        case = Case(
            suite=_file_name(self.name),
            id=_file_name(name),
            pipeline=getattr(function, "__qualname__", type(function).__qualname__),
            seeds=(),
            steps=None,
            path=self.path,
            line=self.line,
            column=1,
            arguments={**known, "outputs": list(measured)},
            tolerance=_tolerance(self.name, tolerance),
        )
        for leaf in measured:
            if name + leaf in self.names:
                raise self._twice(name + leaf)
        self.names.update([name, *(name + leaf for leaf in measured)])
        cases = {leaf: replace(case, id=_file_name(name + leaf)) for leaf in measured}
        if self.fresh is not None:
            for leaf, each in cases.items():
                save_run(self.fresh, each, measured[leaf])
            return value, []
        if self.runs is None:
            return value, [hold(each, measured[leaf], self.store) for leaf, each in cases.items()]

        def again(change: Change) -> Outputs:
            return _measurements(function(*with_arrays(kept, change)))

        return value, self._record(self.runs, cases, measured, again, settings)

    def failed(self, name: str, error: HarnessError) -> Judgement:
        """Return the judgement of the check ``name``, which ended with ``error``."""
        return Judgement(
            _file_name(self.name), str(name), Verdict.ERROR, reasons=(reason_of(error),), remedy=error.remedy
        )

    def _twice(self, name: str) -> CheckError:
        return CheckError(f"{self.name}: there are two checks named {name!r}; give each a name of its own")

    def _record(
        self,
        runs: FreshRuns,
        cases: Mapping[str, Case],
        measured: Outputs,
        again: Callable[[Change], Outputs],
        settings: Settings,
    ) -> list[Check]:
        """Store what repeats and return the checks against it.

        Anything that cannot be recorded is found before the first file is written.
        """
        found = {leaf: self._proposed(runs, case, measured[leaf]) for leaf, case in cases.items()}
        # A baseline in which only the commit differs is as good as a new one.
        kept = [leaf for leaf, each in found.items() if each.state == "changed" and each.renews is None]
        if kept and not self.reason:
            return [self._refusal(cases[leaf], measured[leaf]) for leaf in kept]
        stored = {leaf: self._stored(each, settings) for leaf, each in found.items()}
        wanted = [leaf for leaf, case in cases.items() if case.needs_calibration and stored[leaf] is None]
        calibrations = {**stored, **_calibrations(cases, wanted, measured, again, settings)}
        for leaf, each in found.items():
            case, measurement = each.case, each.measurement
            commit = commit_of(case, self.store)
            provenance = Provenance.of(case, reason=self.reason or FIRST_REASON, git_commit=commit)
            baseline = Baseline(case.suite, case.id, each.device, measurement, provenance, calibrations[leaf])
            self.store.write(baseline)
        return [hold(case, measured[leaf], self.store) for leaf, case in cases.items()]

    def _proposed(self, runs: FreshRuns, case: Case, measured: Measurement) -> Proposed:
        if any(isinstance(limits, Limits | Calibrated) for _, limits in case.tolerance):
            check_exact(measured.output)
        for run in runs.of(case):
            check_repeats(case.name, run, measured)
        return proposed(case, measured, self.store)

    def _stored(self, found: Proposed, settings: Settings) -> Calibration | None:
        """Return the stored calibration if it belongs to this measurement and has as many members."""
        case, old = found.case, found.renews
        if found.state == "unchanged":
            old = self.store.load(case.suite, case.id, found.device, suite_file=case.path)
        stored = None if old is None else old.calibration
        other = stored is not None and len(stored.members) != settings.members
        return None if other and case.needs_calibration else stored

    def _refusal(self, case: Case, measured: Measurement) -> Check:
        """Return the check of ``measured`` against the baseline that it would replace, given a reason."""
        check = hold(case, measured, self.store)
        error = CheckError("the baseline is kept as it is: it changes only with a reason")
        judgement = check.judgement
        verdict = Verdict.ERROR if judgement.passed else judgement.verdict
        reasons = (*judgement.reasons, reason_of(error))
        remedy = case.remedy(Action.UNDO_EDIT)
        return replace(check, judgement=replace(judgement, verdict=verdict, reasons=reasons, remedy=remedy))


def _measurements(value: Any) -> dict[str, Measurement]:
    arrays = output_arrays(value)
    # After the call, because it may have imported MindSpore.
    settings = settings_in_force()
    return {
        name: Measurement(
            output=array,
            statistics=summarise(array),
            trace=(),
            ledger=(),
            fingerprint={**settings, "dtype": dtype},
            checkpoint=CheckpointIdentity(None, {}),
            output_dtype=None if dtype == str(array.dtype) else dtype,
        )
        for name, (array, dtype) in arrays.items()
    }


def _calibrations(
    cases: Mapping[str, Case],
    wanted: list[str],
    measured: Outputs,
    again: Callable[[Change], Outputs],
    settings: Settings,
) -> dict[str, Calibration]:
    """Return the envelopes of the outputs ``wanted``, made from members with inputs moved by one ulp.

    Raises :class:`CheckError` and :class:`harness.judgement.failures.Refused` if an output has no envelope by
    which it could be judged.
    """
    if not wanted:
        return {}
    same = again(lambda array, _: array)
    for leaf, base in measured.items():
        if leaf not in same or first_difference(same[leaf], base) is not None:
            raise CheckError(
                f"{cases[leaf].name}: a second call in the same process returns something else, so no "
                "tolerance can be measured: the function keeps a state, or changes what it stands on"
            )
    members: dict[str, list[Member]] = {leaf: [] for leaf in wanted}
    for seed in range(1, settings.members + 1):
        move = OneUlp(seed)
        outputs = again(move)
        if not move.moved:
            raise _uncalibrated(cases[wanted[0]], "none of its inputs is an array of floating-point numbers")
        for leaf in wanted:
            if outputs.keys() != measured.keys():
                raise _uncalibrated(cases[leaf], "with its inputs moved by one ulp it returns other parts")
            members[leaf].append(Member.of(seed, outputs[leaf], measured[leaf], cases[leaf].name))
    made = {}
    for leaf in wanted:
        case = cases[leaf]
        made[leaf] = make_calibration(members[leaf], measured[leaf], settings.factor, case.name)
        if made[leaf].stable:
            raise _uncalibrated(case, "its inputs moved by one ulp change no value of its output")
        if made[leaf].chaos is not None:
            raise Refused(case.name, chaos_of(made[leaf]))
    return made


def _uncalibrated(case: Case, why: str) -> CheckError:
    return CheckError(
        f"{case.name}: {why}, so no tolerance can be measured. Give the check one: "
        'tolerance={"across_releases": {"max_abs": 1e-5}}, or "exact" in place of the limits'
    )


def _tolerance(test: str, given: Mapping[str, Any] | None) -> Tolerance:
    try:
        return Tolerance.model_validate(dict(given or {}))
    except (ValidationError, TypeError, ValueError) as error:
        problems = [str(error)]
        if isinstance(error, ValidationError):
            problems = [
                f"{'.'.join(map(str, each['loc']))}: {each.get('ctx', {}).get('error', each['msg'])}"
                for each in error.errors()[:5]
            ]
        raise UsageError(f"{test}: tolerance: {'; '.join(problems)}") from None


def _file_name(name: str) -> str:
    """Return ``name`` as a file name; different names give different file names."""
    safe = quote(name, safe=_SAFE, errors="backslashreplace")
    safe = safe.replace(".", "%2E", 1) if safe.startswith(".") else safe
    return safe if len(safe) <= _LONGEST else f"{safe[:_LONGEST]}~{sha256(safe.encode()).hexdigest()[:12]}"
