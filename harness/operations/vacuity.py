"""Which of the recorded cases notice nothing, told from what the store has of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from harness.baselines.errors import BaselineError
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.judgement.power.vacuity import vacuous_output
from harness.judgement.reasons import Reason


@dataclass(frozen=True)
class VacuousCase:
    """A case that would pass whatever its output is, and why."""

    case: Case
    why: Reason


def vacuous_cases(cases: Iterable[Case], store: BaselineStore) -> tuple[VacuousCase, ...]:
    """Return those of ``cases`` that notice nothing, by each of their baselines in ``store``.

    Baselines that cannot be read are left out, and those of the case as it was before it was edited: whoever
    runs the case is told of them.
    """
    found = []
    for case in cases:
        for device in store.devices(case.suite, case.id):
            with suppress(BaselineError):
                baseline = store.load(case.suite, case.id, device)
                if baseline.provenance.case_hash == case.hash():
                    found.append((case, vacuous_output(case, baseline)))
    return tuple(VacuousCase(case, why) for case, why in found if why is not None)
