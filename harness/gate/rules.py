"""The rules of a gate: each looks at the facts about one case and reports what speaks against a release.

Each rule is one function, and :mod:`harness.gate.decision` applies them. They need only plain data, so that
the decision in a certificate can be reproduced wherever the certificate is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from harness.gate import details as d
from harness.gate.facts import CaseFacts
from harness.gate.policy import Policy
from harness.judgement.soak.proof import upper_bound
from harness.promises import Holding

Kind = Literal["drift", "incomplete"]


@dataclass(frozen=True)
class Finding:
    """A reason against a release: the rule that is broken, and by what.

    ``about`` is a case (``suite/id``), or a baseline that belongs to no case (``suite/id/device``). ``kind``
    is ``drift`` if a verdict is not allowed, and ``incomplete`` if it is not known whether it would be.
    ``waiver`` is the index in the policy of the waiver that covers the finding, or None if the finding
    counts; ``expired`` are the indices of waivers that are no longer in force.
    """

    rule: str
    kind: Kind
    about: str
    detail: d.Detail
    waiver: int | None = None
    expired: tuple[int, ...] = ()


Rule = Callable[[Policy, CaseFacts, datetime], d.Detail | None]


def without_verdict(state: d.State) -> Rule:
    """Return the rule that no case ends in ``state``."""

    def rule(_policy: Policy, facts: CaseFacts, _now: datetime) -> d.Detail | None:
        return d.NoVerdict(state, facts.reason) if facts.state == state else None

    return rule


def verdict(policy: Policy, facts: CaseFacts, _now: datetime) -> d.Detail | None:
    """Every verdict is allowed; incomparable cases have a rule of their own."""
    allowed = policy.allowed(facts.tags)
    if facts.verdict is None or facts.verdict in ("incomparable", *allowed):
        return None
    return d.NotAllowed(facts.verdict, policy.naming(facts.tags), allowed, facts.reason)


def incomparable(policy: Policy, facts: CaseFacts, _now: datetime) -> d.Detail | None:
    """Every case can be compared with its baseline; chaotic cases have a rule of their own."""
    if facts.verdict != "incomparable" or "incomparable" in policy.allowed(facts.tags):
        return None
    return None if facts.incomparable_by_chaos else d.NotComparable(facts.reason)


def chaotic(policy: Policy, facts: CaseFacts, _now: datetime) -> d.Detail | None:
    """No case becomes chaotic before the step that the policy accepts."""
    if facts.chaos is None:
        return None
    accepted = policy.chaotic.get(facts.name)
    if accepted is None:
        return d.ChaosUnknown(facts.chaos)
    return d.ChaosEarlier(facts.chaos, accepted) if facts.chaos.gated < accepted else None


def vacuous(_policy: Policy, facts: CaseFacts, _now: datetime) -> d.Detail | None:
    """Every case would notice some fault."""
    return None if facts.vacuous is None else d.Vacuous(facts.vacuous)


def power(policy: Policy, facts: CaseFacts, _now: datetime) -> d.Detail | None:
    """Every case is covered by a power table if the policy requires one."""
    return d.NoPower(facts.power_gap) if policy.power and facts.power_gap is not None else None


def without_facts(policy: Policy, facts: CaseFacts, _now: datetime) -> d.Detail | None:
    """Every baseline has facts if the policy requires them."""
    lacking = facts.baseline is not None and not facts.baseline.facts
    return d.WithoutFacts() if policy.facts and lacking else None


def soaked(policy: Policy, facts: CaseFacts, _now: datetime) -> d.Detail | None:
    """Enough runs have the bits of the baseline, if the policy says how many."""
    asked, held = policy.soak, facts.baseline
    if asked is None or held is None:
        return None
    runs, deviating = held.runs or 0, held.deviating or 0
    proven = upper_bound(runs, deviating, asked.confidence)
    return (
        None if proven <= asked.bound else d.NotSoaked(runs, deviating, proven, asked.bound, asked.confidence)
    )


def invariant(_policy: Policy, facts: CaseFacts, _now: datetime) -> d.Detail | None:
    """Every invariance that a case promises was measured with its baseline, and holds as promised."""
    if not facts.promises or facts.baseline is None:
        return None
    measured = facts.baseline.invariances or {}
    promised = {name: promise for name, promise in facts.promises.items() if promise != "any"}
    lacking = tuple(sorted(promised.keys() - measured.keys()))
    broken = tuple(
        d.BrokenPromise(name, measured[name])
        for name, promise in sorted(promised.items())
        if name in measured and not Holding(measured[name]).keeps(promise)
    )
    return d.NotInvariant(lacking, broken) if lacking or broken else None


def age(policy: Policy, facts: CaseFacts, now: datetime) -> d.Detail | None:
    """No baseline is older than the policy allows, and none is from the future."""
    if policy.max_age_days is None or facts.baseline is None:
        return None
    date = facts.baseline.date
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return d.NoDate(date)
    days = (now - (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc))).total_seconds() / 86_400
    if days > policy.max_age_days:
        return d.TooOld(date, days, policy.max_age_days)
    # One day of tolerance for clocks that disagree.
    return d.FromTheFuture(date) if days < -1 else None


def release(policy: Policy, facts: CaseFacts, _now: datetime) -> d.Detail | None:
    """Every baseline was recorded with a release of MindSpore that the policy names."""
    if facts.baseline is None or policy.accepts_release(facts.baseline.mindspore):
        return None
    return d.OtherRelease(facts.baseline.mindspore, policy.mindspore)


# In the order in which findings are shown.
CASE_RULES: dict[str, tuple[Kind, Rule]] = {
    "verdict": ("drift", verdict),
    "not-run": ("incomplete", without_verdict("not selected")),
    "failed": ("incomplete", without_verdict("failed")),
    "expected-failure": ("incomplete", without_verdict("failed as expected")),
    "missing": ("incomplete", without_verdict("missing")),
    "damaged": ("incomplete", without_verdict("damaged")),
    "stale": ("incomplete", without_verdict("stale")),
    "incomparable": ("incomplete", incomparable),
    "chaotic": ("incomplete", chaotic),
    "vacuous": ("incomplete", vacuous),
    "power": ("incomplete", power),
    "facts": ("incomplete", without_facts),
    "soak": ("incomplete", soaked),
    "invariance": ("incomplete", invariant),
    "age": ("incomplete", age),
    "release": ("incomplete", release),
}
# The only rule about the store: every baseline belongs to a case of the suites.
ORPHAN = "orphan"
