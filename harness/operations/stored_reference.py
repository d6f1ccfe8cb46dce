"""The stored reference of a case: its runs on another implementation, in its own dtype and in float64."""

from __future__ import annotations

from harness.baselines.baseline import is_reference, yardstick_key
from harness.baselines.current import load_current
from harness.baselines.errors import BaselineMissing
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.judgement.reference import Reference
from harness.remedy import Action


def reference_of(case: Case, store: BaselineStore) -> Reference:
    """Return the stored reference of ``case``; that of a CPU, if there are several.

    Raises :class:`harness.baselines.errors.BaselineUnusable` if it, or its run in float64, is missing,
    damaged or stale.
    """
    stored = store.devices(case.suite, case.id)
    devices = [each for each in stored if is_reference(each) and yardstick_key(each) in stored]
    if not devices:
        raise BaselineMissing(
            f"no reference of {case.name} is stored in {store.root}",
            remedy=case.remedy(Action.RECORD_REFERENCE),
        )
    original = load_current(store, case, devices[0])
    return Reference(original, load_current(store, case, yardstick_key(devices[0])))
