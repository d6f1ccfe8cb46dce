"""Selection: which stored baseline a measurement is held to."""

from __future__ import annotations

from collections.abc import Mapping

from harness.baselines.baseline import Baseline, Provenance, device_key
from harness.baselines.errors import BaselineMissing
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.measurement.measurement import Measurement


def select_baseline(store: BaselineStore, case: Case, fingerprint: Mapping[str, str]) -> Baseline:
    """Return the baseline that a measurement with ``fingerprint`` is held to.

    That of its own device where there is one, damaged or not. Another device's only where the case sets
    ``tolerance.across_devices`` and is not strict, and the judgement then says so: one of the same kind (NPU
    for NPU) first, then by name.

    Raises :class:`BaselineMissing` where there is none to hold it to, and :class:`BaselineError` for one
    that cannot be read.
    """
    own = device_key(dict(fingerprint))
    try:
        return store.load(case.suite, case.id, own, suite_file=case.path)
    except BaselineMissing as missing:
        others = sorted(store.devices(case.suite, case.id), key=lambda d: ((d == "cpu") != (own == "cpu"), d))
        if not others:
            raise
        if case.strict or case.tolerance.across_devices is None:
            why = "is strict" if case.strict else "sets no tolerance.across_devices"
            hint = f"There is one for {', '.join(others)}, not used, as the case {why}"
            raise BaselineMissing(f"{missing}. {hint}", remedy=missing.remedy) from None
        return store.load(case.suite, case.id, others[0], suite_file=case.path)


def as_baseline(case: Case, measurement: Measurement) -> Baseline:
    """Return ``measurement`` as a baseline of ``case`` that is not to be stored."""
    provenance = Provenance.of(case, reason="", git_commit=None)
    return Baseline(case.suite, case.id, device_key(measurement.fingerprint), measurement, provenance)
