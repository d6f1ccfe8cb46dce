"""Which invariances hold: ``<device>.invariance.json`` beside a baseline, bound to its measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Literal

from harness import __version__
from harness.baselines.baseline import Baseline
from harness.baselines.beside import Beside
from harness.baselines.store import BaselineStore, invariance_path

FORMAT = 1


@dataclass(frozen=True)
class MeasuredInvariance:
    """How an invariance held when it was measured.

    ``used`` is the part of its limit that the worst figure used, None without a limit. ``limits`` identifies
    the limits by which it was judged, None if there were none. ``date`` is that of the runs (ISO 8601).
    """

    holding: Literal["identical", "within", "violated", "unjudged"]
    used: float | None
    date: str
    limits: str | None = None
    harness_version: str = __version__


@dataclass(frozen=True)
class InvarianceRecord:
    """The invariances, by relation, that were measured of the baseline of this ``identity``."""

    identity: str
    measured: dict[str, MeasuredInvariance] = field(default_factory=dict)


_RECORDS = Beside(
    InvarianceRecord, FORMAT, invariance_path, InvarianceRecord, "measure the invariances of the case again"
)


def read_invariances(store: BaselineStore, baseline: Baseline) -> InvarianceRecord:
    """Return what was measured of ``baseline``; nothing if there is only something of an older one.

    Raises :class:`harness.baselines.errors.BaselineDamaged` for a file that is not what was written.
    """
    return _RECORDS.read(store, baseline)


def add_invariances(
    store: BaselineStore, baseline: Baseline, new: Mapping[str, MeasuredInvariance | None]
) -> InvarianceRecord:
    """Put ``new`` in place of what is stored of the same relations; return what is stored then.

    None removes what is stored: the relation was tried, and gave no answer.

    Raises :class:`harness.baselines.errors.BaselineError` if the file cannot be read or written.
    """

    def whole() -> InvarianceRecord:
        stored = read_invariances(store, baseline)
        kept = {name: each for name, each in stored.measured.items() if name not in new}
        dated = {name: replace(each, date=each.date or now()) for name, each in new.items() if each}
        return replace(stored, measured={**kept, **dated})

    return _RECORDS.change(store, baseline, whole)


def now() -> str:
    """Return the present moment, in seconds (ISO 8601, UTC)."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
