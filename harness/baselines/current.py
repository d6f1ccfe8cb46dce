"""The state of the stored baselines of the current cases: sound, missing, stale, damaged, orphaned."""

from __future__ import annotations

from collections.abc import Sequence

from harness.baselines.baseline import Baseline, Key, is_reference
from harness.baselines.errors import BaselineMissing, BaselineUnusable
from harness.baselines.staleness import stale
from harness.baselines.store import BaselineStore
from harness.cases.case import Case, Suite
from harness.cases.names import is_diffusers
from harness.remedy import Action


def load_current(store: BaselineStore, case: Case, device: str) -> Baseline:
    """Return the baseline of ``case``, as now defined, for ``device`` (a device key).

    Raises :class:`BaselineUnusable` if it is missing, damaged or stale.
    """
    baseline = store.load(case.suite, case.id, device, suite_file=case.path)
    if (edited := stale(case, baseline)) is not None:
        raise edited
    return baseline


def own_devices(case: Case, store: BaselineStore) -> tuple[str, ...]:
    """Return the device keys of the baselines of ``case``, without those of its references."""
    devices = store.devices(case.suite, case.id)
    if is_diffusers(case.pipeline):
        return devices
    return tuple(each for each in devices if not is_reference(each))


def unusable(case: Case, store: BaselineStore) -> BaselineUnusable | None:
    """Return why ``case`` has no usable baseline on any device, or None if it may have one.

    If the baselines of all devices are stale or damaged, the result is for the first device.
    """
    found: list[BaselineUnusable] = []
    for device in own_devices(case, store):
        try:
            load_current(store, case, device)
        except BaselineUnusable as error:
            found.append(error)
        else:
            return None
    if found:
        return found[0]
    return BaselineMissing(
        f"no baseline of {case.name} is stored in {store.root}",
        remedy=case.remedy(Action.RECORD, calibrate=case.needs_calibration),
    )


def orphans(suites: Sequence[Suite], store: BaselineStore, *, only: bool = False) -> tuple[Key, ...]:
    """Return the baselines that belong to no case of ``suites``, which must be all suites of the store.

    With ``only``, baselines of other suites do not count. A case that is expected to fail has no baseline.
    """
    names = {suite.name for suite in suites}
    known = {(suite.name, case.id) for suite in suites for case in suite.cases if case.fails is None}
    stored = (key for key in store.stored() if key.suite in names or not only)
    return tuple(key for key in stored if (key.suite, key.case_id) not in known)
