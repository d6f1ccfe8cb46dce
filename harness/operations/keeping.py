"""Keeping what has run as a candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.baselines.arrays import check_storable
from harness.baselines.baseline import Baseline, Key, Provenance, device_key
from harness.baselines.candidates import Candidate, Kept, Why
from harness.baselines.origin import Origin
from harness.baselines.store import ANY, BaselineStore
from harness.cases.case import Case
from harness.judgement.check import Check
from harness.judgement.judgement import Verdict
from harness.judgement.reasons import Failed, Stale
from harness.judgement.repetition import FreshRunner, check_repeats
from harness.judgement.second_call import check_second_call
from harness.measurement.measurement import Measurement
from harness.operations.proposal import commit_of


def candidate_of(
    case: Case, measurement: Measurement, store: BaselineStore, expected: str | None, *, runs: int, why: Why
) -> Candidate:
    """Return what is to be kept of ``measurement``, whose bits ``runs`` runs gave.

    ``expected`` is the sha256 of the JSON of the stored baseline before they began, None if there was none.

    Raises :class:`harness.baselines.errors.NotStorable` for a measurement that can be no baseline, and the
    errors of the store.
    """
    check_storable(case.name, measurement)
    key = Key(case.suite, case.id, device_key(measurement.fingerprint))
    made = Provenance.of(case, reason="", git_commit=commit_of(case, store))
    provenance = replace(made, origin=Origin.here())
    # If it could not be read, this raises the error that says why.
    replaces = store.sha256(key) if expected == ANY else expected
    return Candidate(Baseline(*key, measurement, provenance), Kept(provenance, runs, why, replaces))


def waiting(
    case: Case,
    result: Check,
    store: BaselineStore,
    runner: FreshRunner,
    before: Mapping[Key, str | None],
    *,
    twice: bool = False,
) -> Candidate | None:
    """Return what is to be kept of the check of ``case``, None if nothing is.

    That is a drift, and a case that has no usable baseline. Such a case may not have run, so it runs now. A
    drift that does not repeat can be no baseline, nor can a case that leaves a state behind. ``before`` are
    the :func:`stored_hashes` of the case before it was checked. With ``twice``, no candidate has only one
    run. Raises the error of a case that cannot run, or does not repeat.
    """
    if (why := _why(result)) is None:
        return None
    measured = runner.run(case.job("always")) if result.measurement is None else result.measurement
    check_second_call(case.name, measured)
    runs = 2 if result.repeated else 1
    if twice and runs == 1:
        check_repeats(case.name, measured, runner.run(case.job().alone()))
        runs = 2
    expected = before.get(Key(case.suite, case.id, device_key(measured.fingerprint)))
    return candidate_of(case, measured, store, expected, runs=runs, why=why)


def _why(result: Check) -> Why | None:
    judgement = result.judgement
    if judgement.verdict is Verdict.DRIFT:
        return None if judgement.unrepeated or judgement.keeps_state else "drift"
    for reason in judgement.reasons:
        if isinstance(reason, Stale):
            return "stale"
        if isinstance(reason, Failed) and reason.failure != "other":
            return reason.failure
    return None
