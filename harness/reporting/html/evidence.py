"""What may explain a drift without rerunning anything: environment, operators, noise, weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from harness.judgement import bits
from harness.measurement.figures import Draw
from harness.measurement.measurement import Measurement

# Around the first draw that differs, and from the first where none does.
_DRAWS_SHOWN = 24
_DRAWS_BEFORE = 4


def evidence(measured: Measurement | None, baseline: Measurement | None) -> dict[str, Any]:
    """Return both sides' fields of the fingerprint, operators, draws of noise and files of the weights.

    The fields that differ come first. Operators and draws are None without a pair, and the weights without
    any measurement.
    """
    environment = _both_sides(measured, baseline, lambda side: side.fingerprint)
    found: dict[str, Any] = {
        "environment": sorted(environment, key=lambda row: not row["differs"]),
        "canaries": None,
        "ledger": None,
        "checkpoint": None,
    }
    if measured is not None and baseline is not None:
        tried = measured.canaries.keys() & baseline.canaries.keys()
        changed = bits.changed_operators(measured, baseline)
        found["canaries"] = {"tried": len(tried), "changed": list(changed)}
        found["ledger"] = _ledger(measured, baseline)
    if (known := measured or baseline) is not None:
        found["checkpoint"] = {
            "source": known.checkpoint.source,
            "revision": known.checkpoint.revision,
            "files": _both_sides(measured, baseline, lambda side: side.checkpoint.files),
        }
    return found


def _both_sides(
    measured: Measurement | None, baseline: Measurement | None, of: Callable[[Measurement], Mapping[str, str]]
) -> list[dict[str, Any]]:
    ours, theirs = ({} if side is None else of(side) for side in (measured, baseline))
    paired = measured is not None and baseline is not None
    return [
        {
            "name": name,
            "measured": ours.get(name),
            "baseline": theirs.get(name),
            "differs": paired and ours.get(name) != theirs.get(name),
        }
        for name in sorted(ours.keys() | theirs.keys())
    ]


def _ledger(measured: Measurement, baseline: Measurement) -> dict[str, Any]:
    """Return the draws around the first that differs; where in the code one was made does not count."""
    pairs = list(zip_longest(measured.ledger, baseline.ledger))
    same = [
        ours is not None and theirs is not None and bits.same_draw(ours, theirs) for ours, theirs in pairs
    ]
    first = same.index(False) if False in same else None
    start = max(0, (first or 0) - _DRAWS_BEFORE)
    return {
        "measured": len(measured.ledger),
        "baseline": len(baseline.ledger),
        "first_change": first,
        "draws": [
            {"index": index, "same": same[index], "measured": _draw(ours), "baseline": _draw(theirs)}
            for index, (ours, theirs) in enumerate(pairs[start : start + _DRAWS_SHOWN], start)
        ],
    }


def _draw(draw: Draw | None) -> dict[str, Any] | None:
    if draw is None:
        return None
    shape = "x".join(map(str, draw.shape)) or "scalar"
    return {**asdict(draw), "shape": shape, "sha256": draw.sha256[:12]}
