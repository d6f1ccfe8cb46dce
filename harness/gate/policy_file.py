"""Policy files: YAML, read like suites, with file:line:column for every problem."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from harness.cases.case import Case, Suite
from harness.cases.document import Document, KeyPath, read_document
from harness.cases.problems import Problem, SuiteError
from harness.cases.tolerance import Strict
from harness.cases.validation import validated
from harness.cases.wording import closest, quoted, suggestion
from harness.gate.policy import ALLOWABLE, DEFAULT_ALLOWED, Policy, SoakDemand, Waiver
from harness.gate.rules import CASE_RULES
from harness.gate.signing import signer_of

_DEFAULT = "default"
_DAYS = {"day": 1, "days": 1, "week": 7, "weeks": 7}
_RELEASE = re.compile(r"\d+\.\d+(\.\w+)*")


def _known(word: str, what: str, names: Collection[str]) -> str:
    if word not in names:
        raise ValueError(f"unknown {what} {quoted(word)}; {suggestion(word, names)}")
    return word


def _verdict(word: str) -> str:
    if word == "error":
        raise ValueError(
            "`error` cannot be allowed, because nothing was compared; waive the case until it runs"
        )
    return _known(word, "verdict", ALLOWABLE)


def _rule(name: str) -> str:
    return _known(name, "rule", CASE_RULES)


def _with_unit(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        days = value if isinstance(value, int) and value > 0 else 90
        raise ValueError(f"an age has a unit; write a number of days or weeks, as `{days} days`")
    return value


def _days(text: str) -> str:
    number, _, unit = text.partition(" ")
    if not number.isascii() or not number.isdigit() or unit not in _DAYS or not 0 < int(number) <= 36_500:
        raise ValueError(f"{quoted(text)} is not an age; write a number of days or weeks, such as `90 days`")
    return text


def _release(text: str) -> str:
    if not _RELEASE.fullmatch(text):
        raise ValueError(
            f"{quoted(text)} is not a release of MindSpore; write '2.10.0', or '2.10' for every 2.10.x"
        )
    return text


def _date(text: str) -> str:
    try:
        # Only this form of ISO 8601: newer Pythons read more forms than older ones.
        date.fromisoformat(text if len(text) == 10 else "")
    except ValueError:
        raise ValueError(f"{quoted(text)} is not a date; write it like 2027-01-31") from None
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("this is empty; a waiver must say why it is given, and by whom")
    return text


def _key(line: str) -> str:
    return signer_of(line).line


Said = Annotated[str, AfterValidator(_said)]
Allowed = Annotated[list[Annotated[str, AfterValidator(_verdict)]], Field(min_length=1)]


class BaselinesEntry(Strict):
    """The requirements on baselines."""

    max_age: Annotated[str, BeforeValidator(_with_unit), AfterValidator(_days)] | None = None
    mindspore: Annotated[list[Annotated[str, AfterValidator(_release)]], Field(min_length=1)] | None = None


class WaiverEntry(Strict):
    """One exception."""

    case: str
    reason: Said
    owner: Said
    expires: Annotated[str, AfterValidator(_date)]
    rules: Annotated[list[Annotated[str, AfterValidator(_rule)]], Field(min_length=1)] | None = None


class SoakEntry(Strict):
    """What many runs must have proven of every case."""

    bound: Annotated[float, Field(gt=0, lt=1)]
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95


class PolicyEntry(Strict):
    """A whole policy file."""

    policy: Said
    description: str = ""
    verdicts: dict[str, Allowed] = Field(default_factory=dict)
    baselines: BaselinesEntry = Field(default_factory=BaselinesEntry)
    power: Literal["required", "optional"] = "optional"
    facts: Literal["required", "optional"] = "optional"
    chaotic: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    soak: SoakEntry | None = None
    waivers: list[WaiverEntry] = Field(default_factory=list)
    signer: Annotated[str, AfterValidator(_key)] | None = None


# The keys that a mapping may have, by the key under which it stands.
_MODELS: dict[str, type[Strict]] = {
    "": PolicyEntry,
    "baselines": BaselinesEntry,
    "waivers": WaiverEntry,
    "soak": SoakEntry,
}


def read_policy(path: Path, suites: Sequence[Suite] | None) -> Policy:
    """Return the policy in the file ``path``, for a gate of ``suites`` (None if they are not available).

    Raises:
        SuiteError: lists everything wrong with the file, each as 'file:line:column: what; what to do':
            keys and values that policies do not have, tags and cases that the suites do not have.
    """
    document = read_document(path, needed="`policy:` and a name")
    entry, problems = validated(document, PolicyEntry, _unknown_key)
    cases = [case for suite in suites or () for case in suite.cases]
    if suites is not None:
        problems += _unknown_names(document, cases)
    if entry is None or problems:
        raise SuiteError(problems)
    policy = _policy(entry)
    if problems := list(_impossible(document, policy, cases)):
        raise SuiteError(problems)
    return policy


def _policy(entry: PolicyEntry) -> Policy:
    tags = {tag: tuple(words) for tag, words in entry.verdicts.items()}
    default = tags.pop(_DEFAULT, DEFAULT_ALLOWED)
    baselines = entry.baselines
    return Policy(
        name=entry.policy,
        verdicts=default,
        tags=tags,
        max_age_days=None if baselines.max_age is None else _number_of_days(baselines.max_age),
        mindspore=tuple(baselines.mindspore or ()),
        power=entry.power == "required",
        facts=entry.facts == "required",
        chaotic=dict(entry.chaotic),
        soak=None if entry.soak is None else SoakDemand(entry.soak.bound, entry.soak.confidence),
        waivers=tuple(
            Waiver(each.case, each.reason, each.owner, each.expires, tuple(each.rules or ()))
            for each in entry.waivers
        ),
        signer=entry.signer,
    )


def _number_of_days(text: str) -> int:
    number, _, unit = text.partition(" ")
    return int(number) * _DAYS[unit]


def _unknown_key(at: KeyPath) -> str:
    parents = [element for element in at[:-1] if isinstance(element, str)]
    model = _MODELS[parents[-1] if parents else ""]
    return f"unknown key {quoted(str(at[-1]))}; {suggestion(str(at[-1]), model.model_fields)}"


def _unknown_names(document: Document, cases: Sequence[Case]) -> Iterator[Problem]:
    """Yield tags and cases that the suites do not have, as far as the document's structure is valid."""
    if not isinstance(document.value, dict):
        return
    tags = dict.fromkeys(tag for case in cases for tag in case.tags)
    names = [case.name for case in cases]
    verdicts = document.value.get("verdicts")
    for tag in verdicts if isinstance(verdicts, dict) else ():
        if tag not in tags and tag != _DEFAULT:
            message = f"no case has the tag {quoted(tag)}; {suggestion(tag, [*tags, _DEFAULT])}"
            yield document.problem(("verdicts", tag), message, key=True)
    chaotic = document.value.get("chaotic")
    for name in chaotic if isinstance(chaotic, dict) else ():
        if name not in names:
            yield document.problem(("chaotic", name), _no_case(name, names), key=True)
    waivers = document.value.get("waivers")
    for index, waiver in enumerate(waivers if isinstance(waivers, list) else ()):
        named = waiver.get("case") if isinstance(waiver, dict) else None
        if isinstance(named, str) and named not in names:
            yield document.problem(("waivers", index, "case"), _no_case(named, names))


def _no_case(name: str, names: Sequence[str]) -> str:
    if "/" not in name:
        return f"{quoted(name)} is not a case; write suite/case, such as {names[0]}"
    # Listing all cases of a big suite does not help in an error message.
    meant = closest(name, names)
    remedy = f"did you mean '{meant}'?" if meant else "check its name"
    return f"no case {quoted(name)} in these suites; {remedy}"


def _impossible(document: Document, policy: Policy, cases: Sequence[Case]) -> Iterator[Problem]:
    """Yield sets of tags that together allow no verdict at all for a case that has them."""
    told = set()
    for case in cases:
        named = policy.naming(case.tags)
        if named and not policy.allowed(case.tags) and named not in told:
            told.add(named)
            tags = f"the tags {' and '.join(named)}, which {case.name} has,"
            message = f"{tags} allow no verdict in common; allow one for all of them"
            yield document.problem(("verdicts", named[-1]), message, key=True)
