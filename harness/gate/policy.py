"""The policy of a gate: what must hold for a release, as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

DEFAULT_ALLOWED = ("identical", "within")
# What a policy can allow. An error never: what did not run is no verdict on anything, and is for a waiver.
ALLOWABLE = ("identical", "within", "drift", "incomparable")


@dataclass(frozen=True)
class Waiver:
    """One exception: findings about ``case`` (``suite/id``) that do not count until ``expires``.

    ``expires`` is the last day (ISO 8601, UTC) on which it holds. ``rules`` are those it is for; every one
    where there are none.
    """

    case: str
    reason: str
    owner: str
    expires: str
    rules: tuple[str, ...] = ()

    def covers(self, case: str, rule: str) -> bool:
        """Return whether it is for findings of ``rule`` about ``case``, whatever day it is."""
        return self.case == case and (not self.rules or rule in self.rules)

    def expired(self, today: date) -> bool:
        """Return whether it no longer holds on ``today``."""
        return date.fromisoformat(self.expires) < today


@dataclass(frozen=True)
class Policy:
    """What a gate asks for; without any argument the policy of a gate that is given none.

    ``verdicts`` are allowed for cases without a tag in ``tags``, which has those allowed for cases with the
    tag. ``max_age_days`` and ``mindspore`` are on baselines: how old they may be, and the releases they may
    be recorded with (``2.10`` stands for every 2.10.x); None and empty for whatever they are. ``power`` is
    whether a power table must cover every case. ``chaotic`` has, for cases known to be chaotic, the number of
    steps that must be gated. ``signer`` is the public key (base64, as PEM has it) that a certificate must be
    signed by; None where it need not be.
    """

    name: str = "default"
    verdicts: tuple[str, ...] = DEFAULT_ALLOWED
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    max_age_days: int | None = None
    mindspore: tuple[str, ...] = ()
    power: bool = False
    chaotic: dict[str, int] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    signer: str | None = None

    def naming(self, tags: Iterable[str]) -> tuple[str, ...]:
        """Return those of a case's ``tags`` that the policy has verdicts for."""
        return tuple(tag for tag in tags if tag in self.tags)

    def allowed(self, tags: Iterable[str]) -> tuple[str, ...]:
        """Return the verdicts allowed for a case with ``tags``: those that every tag named here allows."""
        named = self.naming(tags)
        if not named:
            return self.verdicts
        return tuple(word for word in ALLOWABLE if all(word in self.tags[tag] for tag in named))

    def accepts_release(self, mindspore: str) -> bool:
        """Return whether a baseline may be recorded with ``mindspore``, the field of its fingerprint."""
        parts = mindspore.partition(" ")[0].split(".")
        asked = [release.split(".") for release in self.mindspore]
        return not asked or any(parts[: len(release)] == release for release in asked)
