"""The policy of a gate: the conditions for a release, as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

DEFAULT_ALLOWED = ("identical", "within")
# What a policy can allow. An error is never among them: a case that did not run needs a waiver.
ALLOWABLE = ("identical", "within", "drift", "incomparable")


@dataclass(frozen=True)
class Waiver:
    """An exception: findings about ``case`` (``suite/id``) that do not count until ``expires``.

    ``expires`` is the last day (ISO 8601, UTC) on which the waiver is in force. ``rules`` are the rules that
    it applies to; if empty, it applies to all.
    """

    case: str
    reason: str
    owner: str
    expires: str
    rules: tuple[str, ...] = ()

    def covers(self, case: str, rule: str) -> bool:
        """Return whether it applies to findings of ``rule`` about ``case``, whatever the date."""
        return self.case == case and (not self.rules or rule in self.rules)

    def expired(self, today: date) -> bool:
        """Return whether it is no longer in force on ``today``."""
        return date.fromisoformat(self.expires) < today


@dataclass(frozen=True)
class SoakDemand:
    """The runs of a case prove, at this ``confidence``, that at most the share ``bound`` deviates."""

    bound: float
    confidence: float = 0.95


@dataclass(frozen=True)
class Policy:
    """What a gate requires; without arguments, the default policy.

    ``verdicts`` are allowed for cases without a tag in ``tags``; ``tags`` maps each tag to the verdicts
    allowed for cases that have it. ``max_age_days`` limits the age of baselines, and ``mindspore`` lists the
    releases with which they may be recorded (``2.10`` stands for every 2.10.x); None and empty mean no
    restriction. ``power`` says whether a power table must cover every case, ``facts`` whether every
    baseline must have facts. ``chaotic`` maps cases known to be chaotic to the number of steps that must be
    gated. ``soak`` is what the runs of :mod:`harness.operations.soak` must have proven of every case, if
    anything. ``signer`` is the public key (base64, as in PEM) that must have signed a certificate, or None if
    it need not be signed.
    """

    name: str = "default"
    verdicts: tuple[str, ...] = DEFAULT_ALLOWED
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    max_age_days: int | None = None
    mindspore: tuple[str, ...] = ()
    power: bool = False
    facts: bool = False
    chaotic: dict[str, int] = field(default_factory=dict)
    soak: SoakDemand | None = None
    waivers: tuple[Waiver, ...] = ()
    signer: str | None = None

    def naming(self, tags: Iterable[str]) -> tuple[str, ...]:
        """Return those of a case's ``tags`` for which the policy has verdicts."""
        return tuple(tag for tag in tags if tag in self.tags)

    def allowed(self, tags: Iterable[str]) -> tuple[str, ...]:
        """Return the verdicts allowed for a case with ``tags``: those that all tags named here allow."""
        named = self.naming(tags)
        if not named:
            return self.verdicts
        return tuple(word for word in ALLOWABLE if all(word in self.tags[tag] for tag in named))

    def accepts_release(self, mindspore: str) -> bool:
        """Return whether a baseline may be recorded with ``mindspore``, the field of its fingerprint."""
        parts = mindspore.partition(" ")[0].split(".")
        asked = [release.split(".") for release in self.mindspore]
        return not asked or any(parts[: len(release)] == release for release in asked)
