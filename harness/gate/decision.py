"""The decision of a gate: every rule is applied to every case, and waivers are taken into account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from harness.gate.details import IdleWaiver, NoCase, NotChaotic, Note
from harness.gate.facts import CaseFacts
from harness.gate.policy import Policy, Waiver
from harness.gate.rules import CASE_RULES, ORPHAN, Finding

Ruling = Literal["passed", "drift", "incomplete"]


@dataclass(frozen=True)
class Decision:
    """The result of a gate: the outcome, the findings that led to it, and notes of interest either way.

    ``findings`` lists those that count first, with drift before incomplete; then those that are waived.
    """

    outcome: Ruling
    findings: tuple[Finding, ...]
    notes: tuple[Note, ...]

    @property
    def counting(self) -> tuple[Finding, ...]:
        """The findings that no waiver covers."""
        return tuple(finding for finding in self.findings if finding.waiver is None)


def decide(policy: Policy, cases: Sequence[CaseFacts], orphans: Sequence[str], now: str) -> Decision:
    """Apply ``policy`` to the facts about ``cases`` and to ``orphans`` (``suite/id/device``).

    ``now`` is when the gate ran, ISO 8601 with the offset from UTC. The same facts always give the same
    decision.
    """
    moment = datetime.fromisoformat(now)
    # In the order of the rules, of which drift comes first, then of the cases; sorting preserves it.
    found = [
        Finding(name, kind, facts.name, detail)
        for name, (kind, rule) in CASE_RULES.items()
        for facts in cases
        if (detail := rule(policy, facts, moment)) is not None
    ]
    found += [Finding(ORPHAN, "incomplete", key, NoCase()) for key in orphans]
    # Grouped by case, because a certificate from elsewhere may have any number of waivers and findings.
    waivers: dict[str, list[tuple[int, Waiver]]] = {}
    for index, waiver in enumerate(policy.waivers):
        waivers.setdefault(waiver.case, []).append((index, waiver))
    covering = [
        [w for w in waivers.get(each.about, ()) if w[1].covers(each.about, each.rule)] for each in found
    ]
    told = [_waived(each, those, moment.date()) for each, those in zip(found, covering, strict=True)]
    findings = tuple(sorted(told, key=lambda each: each.waiver is not None))
    kinds = {each.kind for each in findings if each.waiver is None}
    # Drift is known for certain, so it takes precedence over what is not known.
    outcome: Ruling = "drift" if "drift" in kinds else "incomplete" if kinds else "passed"
    biting = {index for those in covering for index, _ in those}
    return Decision(outcome, findings, tuple(_notes(policy, cases, findings, biting, moment.date())))


def _waived(finding: Finding, covering: Sequence[tuple[int, Waiver]], today: date) -> Finding:
    """Return ``finding`` with the waiver that is in force, or else with all of its expired waivers."""
    for index, waiver in covering:
        if not waiver.expired(today):
            return replace(finding, waiver=index)
    return replace(finding, expired=tuple(index for index, _ in covering))


def _notes(
    policy: Policy, cases: Sequence[CaseFacts], findings: Sequence[Finding], biting: set[int], today: date
) -> Iterator[Note]:
    used = {finding.waiver for finding in findings}
    for index, waiver in enumerate(policy.waivers):
        if index in used:
            continue
        if index in biting and waiver.expired(today):
            continue  # its findings say so
        yield IdleWaiver(waiver.owner, waiver.case, waiver.expires)
    chaotic = {facts.name for facts in cases if facts.chaos is not None}
    for name in sorted(policy.chaotic.keys() - chaotic):
        yield NotChaotic(name)
