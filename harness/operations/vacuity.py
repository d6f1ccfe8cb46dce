"""Which of the recorded cases notice nothing, told from what the store has of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from harness.baselines.errors import BaselineError
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.judgement.power.vacuity import vacuous_output


def vacuous_cases(cases: Iterable[Case], store: BaselineStore) -> tuple[str, ...]:
    """Return what :func:`vacuous_output` says of the ``cases`` and each of their baselines in ``store``.

    Baselines that cannot be read are left out, and those of the case as it was before it was edited: whoever
    runs the case is told of them.
    """
    found = []
    for case in cases:
        for device in store.devices(case.suite, case.id):
            with suppress(BaselineError):
                baseline = store.load(case.suite, case.id, device)
                if baseline.provenance.case_hash == case.hash():
                    found.append(vacuous_output(case, baseline))
    return tuple(text for text in found if text is not None)
