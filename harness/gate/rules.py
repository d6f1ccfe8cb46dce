"""The rules of a gate: each looks at what is known of one case and says what is against a release.

One rule, one function; :mod:`harness.gate.decision` applies them. They need nothing but plain data, so
that a certificate's decision can be made again wherever the certificate is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from harness.gate.details import (
    ChaosEarlier,
    ChaosUnknown,
    Detail,
    ExpectedFailure,
    FromTheFuture,
    NoBaseline,
    NoCase,
    NoDate,
    NoPower,
    NotAllowed,
    NotComparable,
    NotRun,
    NoVerdict,
    OtherRelease,
    TooOld,
    Vacuous,
)
from harness.gate.facts import CaseFacts
from harness.gate.policy import Policy

Kind = Literal["drift", "incomplete"]


@dataclass(frozen=True)
class Finding:
    """One thing against a release: the rule that it breaks, and about what.

    ``about`` is a case (``suite/id``), or the baseline that belongs to none (``suite/id/device``). ``kind``
    is ``drift`` where a verdict is not allowed and ``incomplete`` where it is not known whether it would be.
    ``waiver`` is the index in the policy of the waiver that covers it, None where it counts; ``expired`` are
    those of the waivers that no longer do.
    """

    rule: str
    kind: Kind
    about: str
    detail: Detail
    waiver: int | None = None
    expired: tuple[int, ...] = ()


Rule = Callable[[Policy, CaseFacts, datetime], Iterator[Detail]]


def not_run(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:  # noqa: ARG001
    """Every case of the suites runs."""
    if facts.state == "not selected":
        yield NotRun()


def failed(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:  # noqa: ARG001
    """Every case that runs comes to a verdict."""
    if facts.state == "failed":
        yield NoVerdict(facts.reason)


def expected_failure(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:  # noqa: ARG001
    """No case is expected to fail: that it does is known, and is not passed."""
    if facts.state == "failed as expected":
        yield ExpectedFailure(facts.reason)


def missing(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:  # noqa: ARG001
    """Every case has a baseline for the device."""
    if facts.state == "missing":
        yield NoBaseline(facts.reason)


def damaged(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:  # noqa: ARG001
    """Every baseline is what was recorded."""
    if facts.state == "damaged":
        yield NoBaseline(facts.reason)


def stale(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:  # noqa: ARG001
    """Every baseline is of the case as it is now."""
    if facts.state == "stale":
        yield NoBaseline(facts.reason)


def verdict(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:  # noqa: ARG001
    """Every verdict is allowed; an incomparable case has a rule of its own."""
    allowed = policy.allowed(facts.tags)
    if facts.verdict is not None and facts.verdict not in ("incomparable", *allowed):
        yield NotAllowed(facts.verdict, policy.naming(facts.tags), allowed, facts.reason)


def incomparable(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:  # noqa: ARG001
    """Every case can be compared with its baseline; a chaotic one has a rule of its own."""
    if facts.verdict != "incomparable" or "incomparable" in policy.allowed(facts.tags):
        return
    if not facts.incomparable_by_chaos:
        yield NotComparable(facts.reason)


def chaotic(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:  # noqa: ARG001
    """No case is chaotic before the step that the policy knows of."""
    if facts.chaos is None:
        return
    accepted = policy.chaotic.get(facts.name)
    if accepted is None:
        yield ChaosUnknown(facts.chaos)
    elif facts.chaos.gated < accepted:
        yield ChaosEarlier(facts.chaos, accepted)


def vacuous(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:  # noqa: ARG001
    """Every case would notice something."""
    if facts.vacuous is not None:
        yield Vacuous(facts.vacuous)


def power(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:  # noqa: ARG001
    """Every case is covered by a power table, where the policy requires one."""
    if policy.power and facts.power_gap is not None:
        yield NoPower(facts.power_gap)


def age(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:
    """No baseline is older than the policy allows, and none comes from the future."""
    if policy.max_age_days is None or facts.baseline is None:
        return
    date = facts.baseline.date
    moment = _moment(date)
    if moment is None:
        yield NoDate(date)
        return
    days = (now - moment).total_seconds() / 86_400
    if days > policy.max_age_days:
        yield TooOld(date, days, policy.max_age_days)
    # A day for clocks that disagree.
    elif days < -1:
        yield FromTheFuture(date)


def release(policy: Policy, facts: CaseFacts, now: datetime) -> Iterator[Detail]:  # noqa: ARG001
    """Every baseline was recorded with a release of MindSpore that the policy names."""
    if facts.baseline is not None and not policy.accepts_release(facts.baseline.mindspore):
        yield OtherRelease(facts.baseline.mindspore, policy.mindspore)


# In the order in which findings are told.
CASE_RULES: dict[str, tuple[Kind, Rule]] = {
    "verdict": ("drift", verdict),
    "not-run": ("incomplete", not_run),
    "failed": ("incomplete", failed),
    "expected-failure": ("incomplete", expected_failure),
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
    return Finding(ORPHAN, "incomplete", key, NoCase())


def _moment(date: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
