"""The certificate: what a gate decided and everything it based the decision on, as one sealed JSON file.

The seal is a sha256 of the content. It reveals that a file was damaged, or edited without renewing the seal.
Because there is no key, it does not prevent forgery: where this matters, sign the certificate.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeGuard

from harness.baselines.git import Commit
from harness.codec import from_json, parse_json, to_json
from harness.errors import HarnessError
from harness.gate.decision import Decision
from harness.gate.facts import CaseFacts
from harness.gate.policy import ALLOWABLE, Policy

FORMAT = 3
_KIND = "harness certificate"
_MOST_DIGITS = 20


class CertificateError(HarnessError):
    """The data is not a certificate, or not as it was written; the message does not name the file."""

    answers = True


@dataclass(frozen=True)
class HashedFile:
    """A file that the gate used, and its sha256."""

    file: str
    sha256: str


@dataclass(frozen=True)
class CertifiedSuite:
    """A suite; ``file`` is relative to the certificate's ``suites_root``, and ``cases`` is their number."""

    name: str
    file: str
    sha256: str
    cases: int


@dataclass(frozen=True)
class Environment:
    """Where cases ran: every field of the fingerprint, and the results of single operators there."""

    fingerprint: dict[str, str]
    canaries: dict[str, str]


@dataclass(frozen=True)
class CertifiedCheckpoint:
    """The weights that cases ran with: the case's checkpoint, its Hub revision, the sha256 of each file."""

    source: str | None
    revision: str | None
    files: dict[str, str]


@dataclass(frozen=True)
class PowerTable:
    """The results of ``harness power --json`` that were given to the gate."""

    file: HashedFile
    report: dict[str, Any]


@dataclass(frozen=True)
class Certificate:
    """A gate's decision and everything it was based on.

    ``date`` is when the gate ran, ISO 8601 in UTC. ``commit`` is the commit of the suites' working tree.
    ``suites_root`` and ``baselines_root`` are the folders to which the names of suites and baselines are
    relative. The keys of ``environments`` and ``checkpoints`` are hashes of their content (:func:`identity`).
    ``policy_file`` is None for the default policy. ``orphans`` are baselines without a case, as
    ``suite/id/device``. ``only`` is whether the gate was asked about these suites alone: then baselines of
    other suites are none of its business.
    """

    harness_version: str
    date: str
    commit: Commit | None
    suites_root: str
    suites: tuple[CertifiedSuite, ...]
    baselines_root: str
    environments: dict[str, Environment]
    checkpoints: dict[str, CertifiedCheckpoint]
    policy: Policy
    policy_file: HashedFile | None
    power: PowerTable | None
    cases: tuple[CaseFacts, ...]
    orphans: tuple[str, ...]
    decision: Decision
    only: bool = False
    kind: str = field(default=_KIND)
    format: int = field(default=FORMAT)

    @property
    def counts(self) -> dict[str, int]:
        """The number of cases per verdict, then, for cases without a verdict, per state."""
        found: Counter[str] = Counter(facts.verdict or facts.state for facts in self.cases)
        words = (*ALLOWABLE, *sorted(found.keys() - set(ALLOWABLE)))
        return {word: found[word] for word in words if found[word]}

    @property
    def covered(self) -> str:
        """The names of the suites if it covers only these; empty if it covers all that have baselines."""
        return ", ".join(suite.name for suite in self.suites) if self.only else ""

    def to_bytes(self) -> bytes:
        """Return the bytes of the certificate's file: JSON, sorted, ASCII, the seal among the keys."""
        data = to_json(self)
        # As in certificates from before there was a choice.
        for holder, name, absent in _optional(data):
            if holder[name] is absent:
                del holder[name]
        return _laid_out({**data, "seal": seal_of(data)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Certificate:
        """Return the certificate in ``data``; every byte is checked.

        Raises :class:`CertificateError` for anything that :meth:`to_bytes` did not write.
        """
        found = cls.from_content(parsed(data))
        # Spaces, the order of keys, other spellings of a number: a seal over the content does not reveal
        # these.
        if found.to_bytes() != data:
            raise CertificateError(
                "its content is intact, but its bytes are not those that harness gate wrote: it was "
                "reformatted or damaged; fetch the original file again"
            )
        return found

    @classmethod
    def from_content(cls, content: Any) -> Certificate:
        """Return the certificate whose JSON is ``content``.

        Raises :class:`CertificateError`.
        """
        if not isinstance(content, dict) or content.get("kind") != _KIND:
            raise CertificateError("it is JSON, but not a certificate; give a file that harness gate wrote")
        if content.get("format") != FORMAT:
            found = repr(content.get("format"))[:40]
            raise CertificateError(f"its format {found} is unknown; this version of harness reads {FORMAT}")
        content = dict(content)
        seal = content.pop("seal", None)
        if seal != seal_of(content):
            raise CertificateError(
                "its content does not match its seal: it was edited or damaged; fetch the original file again"
            )
        try:
            content = copy.deepcopy(content)
            for holder, name, absent in _optional(content):
                holder.setdefault(name, absent)
            return from_json(cls, content)
        except ValueError as error:
            raise CertificateError(f"it is not a certificate of this version of harness: {error}") from None


def _optional(content: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, bool | None]]:
    """Yield what a certificate need not have: its mapping, the key there, and the value if it is absent."""
    yield content, "only", False
    cases, policy = content.get("cases"), content.get("policy")
    held = [case.get("baseline") for case in cases if _is_mapping(case)] if isinstance(cases, list) else []
    for each in filter(_is_mapping, (policy, *held)):
        yield each, "facts", False
    for each in filter(_is_mapping, held):
        yield each, "runs", None
        yield each, "deviating", None
        yield each, "invariances", None
    for each in filter(_is_mapping, cases if isinstance(cases, list) else ()):
        yield each, "promises", None
    if _is_mapping(policy):
        yield policy, "soak", None


def _is_mapping(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def seal_of(content: dict[str, Any]) -> str:
    """Return the hex sha256 of ``content`` as JSON with sorted keys, no spaces, ASCII only."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def identity(part: object) -> str:
    """Return the key of an environment or a checkpoint: the first 16 digits of the hash of its content."""
    return seal_of(to_json(part))[:16]


def _laid_out(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n").encode("ascii")


def parsed(data: bytes) -> Any:
    """Return the JSON in ``data``, none of which is trusted; raises :class:`CertificateError`."""
    try:
        return parse_json(
            data.decode("ascii"), parse_constant=_no_number, parse_float=_finite, parse_int=_small
        )
    except UnicodeDecodeError as error:
        raise CertificateError(
            f"byte {error.start} is not ASCII: the file is damaged, or not a certificate"
        ) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise CertificateError(
            f"{where}: invalid JSON ({error.msg}): the file is damaged or truncated"
        ) from None
    except ValueError as error:  # NaN, a number with thousands of digits, too many levels
        raise CertificateError(f"the file is damaged, or not a certificate: {error}") from None


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        _no_number(digits)
    return value


def _small(digits: str) -> int:
    # A larger number would not fit into a float, to which it may have to be converted.
    if len(digits) > _MOST_DIGITS:
        _no_number(f"{digits[:9]}…")
    return int(digits)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")
