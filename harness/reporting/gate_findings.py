"""What a gate found, in words. Imports little, as `harness verify` may run where little is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from harness.counting import count
from harness.foreign_text import printable
from harness.gate import details as d
from harness.gate.certificate import Certificate
from harness.gate.policy import Policy
from harness.gate.rules import ORPHAN, Finding
from harness.judgement.reasons import Reason, VacuousByTable
from harness.reporting.figures import figure
from harness.reporting.reasons import REASONS, text_of
from harness.reporting.wording import Words, filled


def shown_findings(certificate: Certificate) -> Iterator[Finding]:
    """Yield the findings of a gate as they are shown: one for all baselines of a suite that was not given.

    Such a suite was most likely forgotten, so the first advice is not to remove its baselines.
    """
    given = {suite.name for suite in certificate.suites}
    groups: dict[object, list[Finding]] = {}
    for finding in certificate.decision.findings:
        suite = finding.about.partition("/")[0]
        # A finding whose waiver expired is shown separately.
        alone = suite in given or finding.rule != ORPHAN or finding.expired
        groups.setdefault(id(finding) if alone else (suite, finding.waiver), []).append(finding)
    for key, group in groups.items():
        if isinstance(key, tuple):
            yield replace(group[0], about=key[0], detail=d.SuiteNotGiven(len(group)))
        else:
            yield group[0]


def finding_text(finding: Finding, policy: Policy) -> str:
    """Return what a finding says, and which of its waivers expired."""
    expired = (policy.waivers[index] for index in finding.expired)
    ended = [f"the waiver of {waiver.owner} for it expired on {waiver.expires}" for waiver in expired]
    return printable("; ".join([gate_text(finding.detail, finding.about), *ended]))


def gate_text(data: d.Detail | d.Gap | d.Note, about: str = "") -> str:
    """Return in words an objection to a release, a gap in a power table, or a note on a policy.

    ``about`` is the case concerned; its name is not repeated.
    """
    if isinstance(data, d.NoVerdict):
        return _no_verdict(data, about)
    return filled(data, _WORDS, about=about)


def _not_allowed(detail: d.NotAllowed) -> str:
    tags = detail.tags
    whom = f"with the tag{'s' if len(tags) > 1 else ''} {', '.join(tags)}" if tags else "here"
    text = f"{detail.verdict}; verdicts allowed {whom}: {', '.join(detail.allowed) or 'none'}"
    reason = _first_line(detail.reason)
    return f"{text}. {reason[:1].upper()}{reason[1:]}" if reason else text


def _no_verdict(detail: d.NoVerdict, about: str) -> str:
    if detail.state == "not selected":
        return "did not run, because it was not selected; give the gate whole suites"
    reason = _first_line(detail.reason)
    if detail.state != "failed":
        return reason
    # The reason from the case's own run also begins with the case's place in its suite.
    named = rf"\A(.+?:\d+:\d+: )?{re.escape(about)}: ?"
    return f"has no verdict: {re.sub(named, '', reason) or 'its log says why'}"


def _vacuous(detail: d.Vacuous) -> str:
    text = text_of(detail.reason)
    return text if isinstance(detail.reason, VacuousByTable) else f"vacuous: {text}"


def _not_soaked(detail: d.NotSoaked) -> str:
    sure = f"({figure(100 * detail.confidence)} % confidence)"
    wanted = f"the policy requires at most {figure(100 * detail.bound)} % {sure}"
    if not detail.runs:
        return f"no run was compared with its baseline bit by bit; {wanted}. Run harness soak"
    deviating = f", {detail.deviating} of which deviate," if detail.deviating else ""
    return (
        f"{count(detail.runs, 'run')}{deviating} with this baseline prove that at most "
        f"{figure(100 * detail.proven)} % of all runs deviate; {wanted}. Run harness soak"
    )


def _not_invariant(detail: d.NotInvariant) -> str:
    parts = []
    if detail.broken:
        held = ", ".join(f"{each.name} is {each.holding}" for each in detail.broken)
        parts.append(f"{held}, and the case promises more")
    if detail.lacking:
        were = "was" if len(detail.lacking) == 1 else "were"
        parts.append(f"{', '.join(detail.lacking)} {were} not measured with its baseline and its limits")
    return f"{'; '.join(parts)}. Run harness invariance --promised"


def _changed_since(gap: d.ChangedSince) -> str:
    words = {"case": "the case", "baseline": "its baseline", "tolerance": "its tolerance"}
    changed = " and ".join(words[each] for each in gap.what)
    return f"{changed} changed since the power table was made; run harness power again"


def _first_line(reason: Reason | None) -> str:
    # Any lines after the first are a worker's log.
    return "" if reason is None else text_of(reason).partition("\n")[0]


_WORDS: Words = {
    **REASONS,
    d.NotAllowed: _not_allowed,
    d.NotComparable: lambda detail: (
        f"incomparable, which does not count as passed: {_first_line(detail.reason)}"
    ),
    d.ChaosUnknown: (
        "{chaos}. Give it fewer steps, mark it `strict: true`, or accept in the policy that only "
        "{chaos.gated} of its {chaos.steps} steps are gated: `chaotic: {{{about}: {chaos.gated}}}`"
    ),
    d.ChaosEarlier: (
        "only {chaos.gated} of its {chaos.steps} steps can be gated; the policy requires {accepted}: {chaos}"
    ),
    d.Vacuous: _vacuous,
    d.NoPower: "{gap}; the policy requires `power`",
    d.WithoutFacts: (
        "its baseline has no facts (parameters and constants); the policy requires `facts`. Record it again "
        "with a reason, which keeps its calibration"
    ),
    d.NotSoaked: _not_soaked,
    d.NotInvariant: _not_invariant,
    d.NoDate: (
        "its baseline was recorded on {date}, which is not a date, so its age is unknown; record it again"
    ),
    d.TooOld: (
        "its baseline was recorded on {date}, {days:.0f} days ago; the policy allows {allowed}. Record it "
        "again, or waive this finding until then"
    ),
    d.FromTheFuture: (
        "its baseline was recorded on {date}, which is in the future, so its age is unknown; set the clock, "
        "or record it again"
    ),
    d.OtherRelease: (
        "its baseline was recorded with MindSpore {mindspore}; the policy allows {allowed:, }. Record it "
        "with one of these releases, or add this one to `mindspore` in the policy"
    ),
    d.NoCase: (
        "this baseline belongs to no case in the given suites; remove its files if the case is gone, or "
        "give every suite that has baselines in the folder"
    ),
    d.SuiteNotGiven: lambda detail: (
        f"{count(detail.baselines, 'baseline')} of a suite that was not given; give every suite that has "
        "baselines in the folder, or --only to certify the given ones alone, or remove the files if the "
        "suite is gone"
    ),
    d.NoTable: (
        "no power table was given; make one with harness power --json FILE and pass it with --power FILE"
    ),
    d.NotInTable: "the power table does not contain this case",
    d.NotExamined: "the power table could not examine this case: {reason}",
    d.TableOfOtherDevice: "the power table examined its baseline for {table}, not {baseline}",
    d.ChangedSince: _changed_since,
    d.FaultsFailed: lambda gap: (
        f"{count(gap.count, 'fault')} of the power table failed to run; run harness power again"
    ),
    d.TooFewFaults: "the power table has too few faults for a conclusion",
    d.IdleWaiver: (
        "the waiver of {owner} for {case} (until {expires}) has no effect: remove it from the policy"
    ),
    d.NotChaotic: "`chaotic` names {case}, which is not chaotic: remove it from the policy",
}
