"""The rules of a gate: each looks at what is known of one case and says what is against a release.

One rule, one function; :mod:`harness.gate.decision` applies them. They need nothing but plain data, so
that a certificate's decision can be made again wherever the certificate is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from harness.gate.facts import CaseFacts
from harness.gate.policy import Policy

Kind = Literal["drift", "incomplete"]


@dataclass(frozen=True)
class Finding:
    """One thing against a release: the rule that it breaks, about what, and in words.

    ``about`` is a case (``suite/id``), or the baseline that belongs to none (``suite/id/device``). ``kind``
    is ``drift`` where a verdict is not allowed and ``incomplete`` where it is not known whether it would be.
    ``waiver`` is the index in the policy of the waiver that covers it, None where it counts.
    """

    rule: str
    kind: Kind
    about: str
    message: str
    waiver: int | None = None


Rule = Callable[[Policy, CaseFacts, datetime], Iterator[str]]


def not_run(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[str]:  # noqa: ARG001
    """Every case of the suites runs."""
    if facts.state == "not selected":
        yield "did not run: it was not among the cases chosen; a gate takes whole suites"


def failed(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[str]:  # noqa: ARG001
    """Every case that runs comes to a verdict."""
    if facts.state == "failed":
        yield f"came to no verdict: {_without_name(facts)}"


def missing(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[str]:  # noqa: ARG001
    """Every case has a baseline for the device."""
    if facts.state == "missing":
        yield facts.reason


def damaged(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[str]:  # noqa: ARG001
    """Every baseline is what was recorded."""
    if facts.state == "damaged":
        yield facts.reason


def stale(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[str]:  # noqa: ARG001
    """Every baseline is of the case as it is now."""
    if facts.state == "stale":
        yield facts.reason


def verdict(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[str]:  # noqa: ARG001
    """Every verdict is allowed; an incomparable case has a rule of its own."""
    allowed = policy.allowed(facts.tags)
    if facts.verdict in (None, "incomparable") or facts.verdict in allowed:
        return
    named = policy.naming(facts.tags)
    whom = f"with the tag{'s' if len(named) > 1 else ''} {', '.join(named)}" if named else "here"
    text = f"{facts.verdict}; allowed {whom}: {', '.join(allowed) or 'no verdict at all'}"
    yield f"{text}. {facts.reason[:1].upper()}{facts.reason[1:]}" if facts.reason else text


def incomparable(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[str]:  # noqa: ARG001
    """Every case can be compared with its baseline; a chaotic one has a rule of its own."""
    if facts.verdict != "incomparable" or "incomparable" in policy.allowed(facts.tags):
        return
    if not facts.incomparable_by_chaos:
        yield f"incomparable, which is not passed: {facts.reason}"


def chaotic(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[str]:  # noqa: ARG001
    """No case is chaotic before the step that the policy knows of."""
    if facts.chaos is None:
        return
    gated, accepted = facts.chaos.gated, policy.chaotic.get(facts.name)
    if accepted is None:
        yield (
            f"{facts.chaos.text}. Give it fewer steps, mark it `strict: true`, or accept in the policy that "
            f"{gated} of its {facts.chaos.steps} steps are gated: `chaotic: {{{facts.name}: {gated}}}`"
        )
    elif gated < accepted:
        yield (
            f"only {gated} of its {facts.chaos.steps} steps can be gated, the policy asks for {accepted}: "
            f"{facts.chaos.text}"
        )


def vacuous(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[str]:  # noqa: ARG001
    """Every case would notice something."""
    if facts.vacuous is not None:
        yield facts.vacuous


def power(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[str]:  # noqa: ARG001
    """Every case is covered by a power table, where the policy requires one."""
    if policy.power and facts.power_gap is not None:
        yield f"{facts.power_gap}; the policy requires `power`"


def age(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[str]:
    """No baseline is older than the policy allows, and none comes from the future."""
    if policy.max_age_days is None or facts.baseline is None:
        return
    recorded = f"its baseline was recorded on {facts.baseline.date}"
    moment = _moment(facts.baseline.date)
    if moment is None:
        yield f"{recorded}, which is no date: its age is unknown; record it again"
        return
    days = (now - moment).total_seconds() / 86_400
    if days > policy.max_age_days:
        yield (
            f"{recorded}, {days:.0f} days ago; the policy allows {policy.max_age_days}. "
            "Record it again, or waive this until it is"
        )
    # A day for clocks that disagree.
    elif days < -1:
        yield f"{recorded}, which is still to come: its age is unknown; set the clock, or record it again"


def release(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[str]:  # noqa: ARG001
    """Every baseline was recorded with a release of MindSpore that the policy names."""
    if facts.baseline is not None and not policy.accepts_release(facts.baseline.mindspore):
        yield (
            f"its baseline was recorded with MindSpore {facts.baseline.mindspore}; the policy allows "
            f"{', '.join(policy.mindspore)}. Record it with one of these, or add the release to `mindspore`"
        )


# In the order in which findings are told.
CASE_RULES: dict[str, tuple[Kind, Rule]] = {
    "verdict": ("drift", verdict),
    "not-run": ("incomplete", not_run),
    "failed": ("incomplete", failed),
    "missing": ("incomplete", missing),
    "damaged": ("incomplete", damaged),
    "stale": ("incomplete", stale),
    "incomparable": ("incomplete", incomparable),
    "chaotic": ("incomplete", chaotic),
    "vacuous": ("incomplete", vacuous),
    "power": ("incomplete", power),
    "age": ("incomplete", age),
    "release": ("incomplete", release),
}
# The one rule that is about the store: no baseline is without a case.
ORPHAN = "orphan"


def orphan(key: str) -> Finding:
    """Return the finding that the baseline ``key``, ``suite/id/device``, belongs to no case of the suites."""
    message = (
        "a baseline of no case in the suites given; remove its files if the case is gone, "
        "or give every suite that the folder of baselines has"
    )
    return Finding(ORPHAN, "incomplete", key, message)


def _moment(date: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _without_name(facts: CaseFacts) -> str:
    # What the case's own run says begins with its place in the suite, too.
    named = rf"\A(.+?:\d+:\d+: )?{re.escape(facts.name)}: ?"
    return re.sub(named, "", facts.reason) or "its log says why"
