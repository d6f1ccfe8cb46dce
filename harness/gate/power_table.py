"""The power table of a gate: the results of `harness power --json` that still apply."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.baselines.baseline import Baseline, baseline_sha256
from harness.baselines.errors import shown
from harness.cases.case import Case
from harness.errors import UsageError
from harness.foreign_files import ForeignFileError, read_foreign
from harness.gate import details as d
from harness.gate.certificate import HashedFile, PowerTable
from harness.judgement.power.case_power import CasePower, PowerReport
from harness.judgement.power.detection import tolerance_used
from harness.judgement.reasons import VacuousByTable

_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Powers:
    """The power of cases by name, and the ``table`` that it comes from."""

    table: PowerTable
    cases: dict[tuple[str, str], CasePower]

    def gap(self, case: Case, baseline: Baseline) -> d.Gap | None:
        """Return why the table does not cover ``case`` with ``baseline``, or None if it does.

        A strict case is not compared across releases, so it needs no power there.
        """
        if case.strict:
            return None
        found = self.cases.get((case.suite, case.id))
        if found is None:
            return d.NotInTable()
        if found.refusal is not None:
            return d.NotExamined(found.refusal)
        if found.device != baseline.device:
            return d.TableOfOtherDevice(found.device, baseline.device)
        changed: dict[Literal["case", "baseline", "tolerance"], bool] = {
            "case": found.case_hash != case.hash(),
            "baseline": found.baseline_sha256 != baseline_sha256(baseline),
            "tolerance": found.tolerance != tolerance_used(case, baseline),
        }
        if any(changed.values()):
            return d.ChangedSince(tuple(what for what, differs in changed.items() if differs))
        if found.failed:
            return d.FaultsFailed(len(found.failed))
        return None if found.vacuous is not None else d.TooFewFaults()

    def vacuous(self, case: Case, baseline: Baseline) -> VacuousByTable | None:
        """Return the table's reason why ``case`` is vacuous, or None if it does not say so."""
        found = self.cases.get((case.suite, case.id))
        if found is None or found.why_vacuous is None or self.gap(case, baseline) is not None:
            return None
        return VacuousByTable(found.why_vacuous)


def read_powers(path: Path) -> Powers:
    """Return the contents of the JSON file of `harness power`.

    Raises :class:`UsageError` if it cannot be read or is not such a file.
    """
    remedy = "give the file that harness power --json wrote"
    try:
        data = read_foreign(path, limit=_MOST_BYTES)
        file = HashedFile(shown(path), hashlib.sha256(data).hexdigest())
        return powers_in(PowerTable(file, json.loads(data)))
    except ForeignFileError as error:
        raise UsageError(f"{error}; {remedy}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a power table ({error}); {remedy}") from None


def powers_in(table: PowerTable) -> Powers:
    """Return the power of the cases in ``table``; raises ValueError if it is not a power table."""
    try:
        report = PowerReport.from_dict(table.report)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None
    return Powers(table, {(case.suite, case.case_id): case for case in report.cases})
