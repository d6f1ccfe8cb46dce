"""The evidence of a gate: each case's check, and what else is known about it, as facts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from harness.baselines.baseline import Baseline
from harness.baselines.errors import BaselineError, shown
from harness.baselines.invariance import read_invariances
from harness.baselines.soak import read_soak
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.relations import Relation
from harness.foreign_files import ForeignFileError, hash_foreign
from harness.gate.certificate import CertifiedCheckpoint, Environment, identity
from harness.gate.details import NoTable, State
from harness.gate.facts import CaseFacts, HeldTo, Worst
from harness.gate.power_table import Powers
from harness.judgement.calibration.findings import chaos_of, findings
from harness.judgement.check import Check
from harness.judgement.invariance.holding import yardstick
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.power.vacuity import vacuous_output
from harness.judgement.reasons import Chaotic, Failed

Part = TypeVar("Part", Environment, CertifiedCheckpoint)


@dataclass
class Evidence:
    """Turns checks into facts, and keeps the environments and checkpoints that the facts refer to."""

    store: BaselineStore
    powers: Powers | None = None
    environments: dict[str, Environment] = field(default_factory=dict)
    checkpoints: dict[str, CertifiedCheckpoint] = field(default_factory=dict)

    def of(self, case: Case, result: Check | None) -> CaseFacts:
        """Return the facts about a case that was checked, or left out if there is no ``result``.

        Raises :class:`BaselineError` if the files of its baseline can no longer be read.
        """
        state: State = "not selected" if result is None else _state(result.judgement)
        promises = {name.value: promise for name, promise in case.invariances.items()} or None
        facts = CaseFacts(
            case.suite, case.id, shown(case.path), case.line, case.tags, case.hash(), state, promises=promises
        )
        if result is None:
            return facts
        judgement, baseline, ran = result.judgement, result.baseline, result.measurement
        facts = replace(facts, reasons=judgement.reasons, remedy=judgement.remedy)
        if state != "judged" or baseline is None or ran is None:
            return facts
        weights = CertifiedCheckpoint(ran.checkpoint.source, ran.checkpoint.revision, ran.checkpoint.files)
        return replace(
            self.held(facts, case, baseline),
            verdict=judgement.verdict.value,  # type: ignore[arg-type]  # what is judged is no error
            tier=None if judgement.tier is None else judgement.tier.value,
            margin=judgement.margin,
            bits=ran.bits,
            worst=_worst(judgement),
            notes=judgement.notes,
            environment=_kept(self.environments, Environment(ran.fingerprint, ran.canaries)),
            checkpoint=_kept(self.checkpoints, weights),
        )

    def held(self, facts: CaseFacts, case: Case, baseline: Baseline) -> CaseFacts:
        """Return ``facts`` with what the case and its baseline show without a run.

        Raises :class:`BaselineError` if the files of the baseline can no longer be read.
        """
        by_table = None if self.powers is None else self.powers.vacuous(case, baseline)
        return replace(
            facts,
            baseline=_held_to(case, baseline, self.store),
            vacuous=vacuous_output(case, baseline) or by_table,
            chaos=_chaos(case, baseline),
            power_gap=NoTable() if self.powers is None else self.powers.gap(case, baseline),
        )


def _state(judgement: Judgement) -> State:
    if judgement.verdict is not Verdict.ERROR:
        return "judged"
    if judgement.failed_as_expected:
        return "failed as expected"
    if judgement.stale:
        return "stale"
    reason = judgement.reasons[0]
    return reason.failure if isinstance(reason, Failed) and reason.failure != "other" else "failed"


def _kept(table: dict[str, Part], part: Part) -> str:
    key = identity(part)
    table[key] = part
    return key


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of the file ``path``; raises :class:`BaselineError` if it cannot be read."""
    try:
        return hash_foreign(path)
    except ForeignFileError as error:
        raise BaselineError(f"{shown(path)}: {error.reason}; run the gate again") from None


def _held_to(case: Case, baseline: Baseline, store: BaselineStore) -> HeldTo:
    assert baseline.path is not None  # it was read from a store
    soaked = read_soak(store, baseline).runs
    # What was within other limits says nothing of these.
    invariances = {
        name: each
        for name, each in read_invariances(store, baseline).measured.items()
        if each.holding == "identical" or each.limits == _limits_of(case, baseline, name)
    }
    files = (baseline.path, baseline.path.with_suffix(".safetensors"))
    return HeldTo(
        device=baseline.device,
        date=baseline.provenance.date,
        mindspore=baseline.measurement.fingerprint.get("mindspore", "(absent)"),
        files={path.relative_to(store.root).as_posix(): sha256_of(path) for path in files},
        facts=baseline.measurement.facts is not None,
        runs=soaked.runs or None,
        deviating=soaked.deviating if soaked.runs else None,
        invariances={name: each.holding for name, each in invariances.items()} or None,
    )


def _limits_of(case: Case, baseline: Baseline, name: str) -> str | None:
    """Return what identifies the limits of an invariance of ``case``."""
    by = yardstick(case, baseline, Relation(name), whole=True)
    return None if by is None else by.key


def _worst(judgement: Judgement) -> Worst | None:
    row = judgement.worst
    if row is None or row.limit is None:
        return None
    return Worst(row.name, row.measured, row.limit, row.at_least)


def _chaos(case: Case, baseline: Baseline) -> Chaotic | None:
    """Return where the case is chaotic, if it is and its limits come from its calibration."""
    calibration = baseline.calibration
    if calibration is None or calibration.chaotic_from is None:
        return None
    if not any(finding.failing for finding in findings(case, baseline, calibration)):
        return None
    return chaos_of(calibration)
