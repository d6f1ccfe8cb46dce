"""How the cases of today stand to the baselines stored: ok, missing, stale, damaged, orphaned."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.baselines.errors import BaselineDamaged, BaselineMissing, record_command
from harness.baselines.baseline import Baseline
from harness.baselines.store import BaselineStore, Key
from harness.cases.case import Case, Suite

ABSENT = "(absent)"


@dataclass(frozen=True)
class FieldChange:
    """A field of a case's definition that changed since the recording; both values as JSON text."""

    name: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.name}: {self.old} -> {self.new}"


@dataclass(frozen=True)
class BaselineState:
    """How one case stands to its baseline on one device; ``message`` says what is wrong and what to type.

    ``baseline`` is the one stored where it can be read.
    """

    kind: Literal["ok", "missing", "stale", "damaged"]
    path: Path
    changes: tuple[FieldChange, ...] = ()
    message: str = ""
    baseline: Baseline | None = None

    @property
    def told(self) -> str:
        """What is wrong, with the word for it where there is a baseline at all."""
        return self.message if self.kind == "missing" else f"its baseline is {self.kind}: {self.message}"


def definition_changes(recorded: dict[str, Any], current: dict[str, Any]) -> tuple[FieldChange, ...]:
    """Return the fields in which two definitions of a case differ, nested ones by dotted name."""
    old, new = _flat(recorded), _flat(current)
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return tuple(FieldChange(name, old.get(name, ABSENT), new.get(name, ABSENT)) for name in names)


def stale_message(case: Case, baseline: Baseline, root: Path, *, options: Sequence[str] = ()) -> str | None:
    """Return why ``baseline`` is not one of ``case`` as it is now, and what to type; None where it is.

    ``options`` go into the command; see :func:`harness.baselines.record_command`.
    """
    if baseline.provenance.case_hash == case.hash():
        return None
    changes = definition_changes(baseline.provenance.case_definition, case.definition())
    what = "; ".join(map(str, changes)) or "its hash, which another version of harness computed otherwise"
    calibrate = case.needs_calibration or baseline.calibration is not None
    command = record_command(
        case.path, case.suite, case.id, root, reason=True, calibrate=calibrate, options=options
    )
    return (
        f"the case was edited since its baseline was recorded on {baseline.provenance.date}: {what}. "
        f"Undo the edit, or record the case again: {command}"
    )


def state_of(case: Case, store: BaselineStore, device: str) -> BaselineState:
    """Return how ``case`` stands to its baseline for ``device`` (a device key)."""
    path = store.path(case.suite, case.id, device)
    try:
        baseline = store.load(case.suite, case.id, device, suite_file=case.path)
    except BaselineMissing as error:
        return BaselineState("missing", path, message=str(error))
    except BaselineDamaged as error:
        return BaselineState("damaged", path, message=str(error))
    message = stale_message(case, baseline, store.root, options=store.options)
    if message is None:
        return BaselineState("ok", path, baseline=baseline)
    changes = definition_changes(baseline.provenance.case_definition, case.definition())
    return BaselineState("stale", path, changes, message, baseline)


def unusable(case: Case, store: BaselineStore) -> BaselineState | None:
    """Return why no run of ``case`` can be held to a baseline, on whatever device; None where one may be.

    That of the first device where every device's is stale or damaged.
    """
    devices = store.devices(case.suite, case.id)
    if not devices:
        command = record_command(
            case.path,
            case.suite,
            case.id,
            store.root,
            reason=False,
            calibrate=case.needs_calibration,
            options=store.options,
        )
        message = f"no baseline of {case.name} is stored in {store.root}; record it: {command}"
        return BaselineState("missing", store.root, message=message)
    found = []
    for device in devices:
        state = state_of(case, store, device)
        if state.kind == "ok":
            return None
        found.append(state)
    return found[0]


def orphans(suites: Iterable[Suite], store: BaselineStore) -> tuple[Key, ...]:
    """Return the baselines that belong to no case of ``suites``, which must be all suites of the store."""
    known = {(suite.name, case.id) for suite in suites for case in suite.cases}
    return tuple(key for key in store.stored() if (key.suite, key.case_id) not in known)


def _flat(definition: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in definition.items():
        if isinstance(value, dict) and value:
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = json.dumps(value, sort_keys=True)
    return flat
