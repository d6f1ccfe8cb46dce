"""What a gate found, in words. Imports little: `harness verify` shows it where nothing else may be."""

from __future__ import annotations

import re
from functools import singledispatch

from harness.counting import count
from harness.gate import details as d
from harness.gate.policy import Policy
from harness.gate.rules import Finding
from harness.judgement.reasons import Reason, VacuousByTable
from harness.reporting.reasons import reason_text


def finding_text(finding: Finding, policy: Policy) -> str:
    """Return what a finding says, with a word on the waivers for it that expired."""
    expired = (policy.waivers[index] for index in finding.expired)
    ended = [f"the waiver of {waiver.owner} for it expired on {waiver.expires}" for waiver in expired]
    return "; ".join([detail_text(finding.detail, finding.about), *ended])


@singledispatch
def detail_text(detail: d.Detail, about: str) -> str:
    """Return in words what is against a release; ``about`` is the case, whose name is not said again."""
    raise TypeError(f"no words for {type(detail).__name__} of {about}")


@detail_text.register
def _(detail: d.NotAllowed, about: str) -> str:  # noqa: ARG001
    tags = detail.tags
    whom = f"with the tag{'s' if len(tags) > 1 else ''} {', '.join(tags)}" if tags else "here"
    text = f"{detail.verdict}; allowed {whom}: {', '.join(detail.allowed) or 'no verdict at all'}"
    reason = _first_line(detail.reason)
    return f"{text}. {reason[:1].upper()}{reason[1:]}" if reason else text


@detail_text.register
def _(detail: d.NotRun, about: str) -> str:  # noqa: ARG001
    return "did not run: it was not among the cases chosen; a gate takes whole suites"


@detail_text.register
def _(detail: d.NoVerdict, about: str) -> str:
    # What the case's own run says begins with its place in the suite, too.
    named = rf"\A(.+?:\d+:\d+: )?{re.escape(about)}: ?"
    return f"came to no verdict: {re.sub(named, '', _first_line(detail.reason)) or 'its log says why'}"


@detail_text.register
def _(detail: d.ExpectedFailure, about: str) -> str:  # noqa: ARG001
    return _first_line(detail.reason)


@detail_text.register
def _(detail: d.NoBaseline, about: str) -> str:  # noqa: ARG001
    return _first_line(detail.reason)


@detail_text.register
def _(detail: d.NotComparable, about: str) -> str:  # noqa: ARG001
    return f"incomparable, which is not passed: {_first_line(detail.reason)}"


@detail_text.register
def _(detail: d.ChaosUnknown, about: str) -> str:
    chaos = detail.chaos
    return (
        f"{reason_text(chaos)}. Give it fewer steps, mark it `strict: true`, or accept in the policy that "
        f"{chaos.gated} of its {chaos.steps} steps are gated: `chaotic: {{{about}: {chaos.gated}}}`"
    )


@detail_text.register
def _(detail: d.ChaosEarlier, about: str) -> str:  # noqa: ARG001
    chaos = detail.chaos
    return (
        f"only {chaos.gated} of its {chaos.steps} steps can be gated, the policy asks for "
        f"{detail.accepted}: {reason_text(chaos)}"
    )


@detail_text.register
def _(detail: d.Vacuous, about: str) -> str:  # noqa: ARG001
    return vacuity_text(detail.reason)


@detail_text.register
def _(detail: d.NoPower, about: str) -> str:  # noqa: ARG001
    return f"{gap_text(detail.gap)}; the policy requires `power`"


@detail_text.register
def _(detail: d.NoDate, about: str) -> str:  # noqa: ARG001
    return f"{_recorded(detail.date)}, which is no date: its age is unknown; record it again"


@detail_text.register
def _(detail: d.TooOld, about: str) -> str:  # noqa: ARG001
    return (
        f"{_recorded(detail.date)}, {detail.days:.0f} days ago; the policy allows {detail.allowed}. "
        "Record it again, or waive this until it is"
    )


@detail_text.register
def _(detail: d.FromTheFuture, about: str) -> str:  # noqa: ARG001
    return (
        f"{_recorded(detail.date)}, which is still to come: its age is unknown; set the clock, or record it "
        "again"
    )


def _recorded(date: str) -> str:
    return f"its baseline was recorded on {date}"


@detail_text.register
def _(detail: d.OtherRelease, about: str) -> str:  # noqa: ARG001
    return (
        f"its baseline was recorded with MindSpore {detail.mindspore}; the policy allows "
        f"{', '.join(detail.allowed)}. Record it with one of these, or add the release to `mindspore`"
    )


@detail_text.register
def _(detail: d.NoCase, about: str) -> str:  # noqa: ARG001
    return (
        "a baseline of no case in the suites given; remove its files if the case is gone, or give every "
        "suite that the folder of baselines has"
    )


@detail_text.register
def _(detail: d.SuiteNotGiven, about: str) -> str:  # noqa: ARG001
    return (
        f"{count(detail.baselines, 'baseline')} of a suite that was not given: give every suite that the "
        "folder of baselines has, or remove the files of one that is gone"
    )


def vacuity_text(reason: Reason) -> str:
    """Return why a case would notice nothing, with the word for that."""
    text = reason_text(reason)
    return text if isinstance(reason, VacuousByTable) else f"vacuous: {text}"


@singledispatch
def gap_text(gap: d.Gap) -> str:
    """Return in words why no power table covers a case."""
    raise TypeError(f"no words for {type(gap).__name__}")


@gap_text.register
def _(_: d.NoTable) -> str:
    return "no power table was given; make one with harness power --json FILE and give it with --power FILE"


@gap_text.register
def _(_: d.NotInTable) -> str:
    return "the power table has no such case"


@gap_text.register
def _(gap: d.NotExamined) -> str:
    return f"the power table could not examine it: {reason_text(gap.reason)}"


@gap_text.register
def _(gap: d.TableOfOtherDevice) -> str:
    return f"the power table is of its baseline for {gap.table}, not {gap.baseline}"


@gap_text.register
def _(gap: d.ChangedSince) -> str:
    words = {"case": "the case", "baseline": "its baseline", "tolerance": "its tolerance"}
    changed = " and ".join(words[each] for each in gap.what)
    return f"since the power table was made, {changed} changed; run harness power again"


@gap_text.register
def _(gap: d.FaultsFailed) -> str:
    return f"{count(gap.count, 'fault')} of the power table failed to run; run harness power again"


@gap_text.register
def _(_: d.TooFewFaults) -> str:
    return "the power table has too few faults to tell"


@singledispatch
def note_text(note: d.Note) -> str:
    """Return in words what is worth knowing of a policy."""
    raise TypeError(f"no words for {type(note).__name__}")


@note_text.register
def _(note: d.IdleWaiver) -> str:
    return (
        f"the waiver of {note.owner} for {note.case} (until {note.expires}) waives nothing: remove it from "
        "the policy"
    )


@note_text.register
def _(note: d.NotChaotic) -> str:
    return f"`chaotic` names {note.case}, which is not chaotic: remove it from the policy"


def _first_line(reason: Reason | None) -> str:
    # What follows the first line is the log of a worker.
    return "" if reason is None else reason_text(reason).partition("\n")[0]
