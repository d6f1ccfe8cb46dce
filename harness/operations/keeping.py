"""Keeping what has run as a candidate."""

from __future__ import annotations

from dataclasses import replace

from harness.baselines.arrays import check_storable
from harness.baselines.baseline import Baseline, Key, Provenance, device_key
from harness.baselines.candidates import Candidate, Kept, Why
from harness.baselines.origin import Origin
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.measurement.measurement import Measurement
from harness.operations.proposal import commit_of


def candidate_of(
    case: Case, measurement: Measurement, store: BaselineStore, *, runs: int, why: Why
) -> Candidate:
    """Return what is to be kept of ``measurement``, whose bits ``runs`` fresh workers gave.

    Raises :class:`harness.baselines.errors.NotStorable` for a measurement that can be no baseline, and the
    errors of the store.
    """
    check_storable(case.name, measurement)
    key = Key(case.suite, case.id, device_key(measurement.fingerprint))
    made = Provenance.of(case, reason="", git_commit=commit_of(case, store))
    provenance = replace(made, origin=Origin.here())
    return Candidate(Baseline(*key, measurement, provenance), Kept(provenance, runs, why, store.sha256(key)))
