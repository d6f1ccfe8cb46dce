"""What may explain a drift without rerunning anything: environment, operators, noise, weights."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from harness.judgement import bits
from harness.measurement.figures import Draw
from harness.measurement.measurement import Measurement

# Around the first draw that differs, and from the first where none does.
_DRAWS_SHOWN = 24
_DRAWS_BEFORE = 4


def environment(measured: Measurement | None, baseline: Measurement | None) -> list[dict[str, Any]]:
    """Return every field of the fingerprints with both sides' values, those that differ first."""
    ours = {} if measured is None else measured.fingerprint
    theirs = {} if baseline is None else baseline.fingerprint
    both = measured is not None and baseline is not None
    rows = [
        {
            "name": name,
            "measured": ours.get(name),
            "baseline": theirs.get(name),
            "differs": both and ours.get(name) != theirs.get(name),
        }
        for name in sorted(ours.keys() | theirs.keys())
    ]
    return sorted(rows, key=lambda row: not row["differs"])


def canaries(measured: Measurement | None, baseline: Measurement | None) -> dict[str, Any] | None:
    """Return which operators gave other bits, and how many were tried on both sides; None without a pair."""
    if measured is None or baseline is None:
        return None
    tried = measured.canaries.keys() & baseline.canaries.keys()
    return {"tried": len(tried), "changed": list(bits.changed_operators(measured, baseline))}


def ledger(measured: Measurement | None, baseline: Measurement | None) -> dict[str, Any] | None:
    """Return the draws of noise of both sides, those around the first that differs; None without a pair.

    Where in the code a draw was made is shown and does not count.
    """
    if measured is None or baseline is None:
        return None
    pairs = list(zip_longest(measured.ledger, baseline.ledger))
    first = next((index for index, (ours, theirs) in enumerate(pairs) if not _same(ours, theirs)), None)
    start = max(0, (first or 0) - _DRAWS_BEFORE)
    shown = pairs[start : start + _DRAWS_SHOWN]
    return {
        "measured": len(measured.ledger),
        "baseline": len(baseline.ledger),
        "first_change": first,
        "draws": [
            {
                "index": start + index,
                "same": _same(*pair),
                "measured": _draw(pair[0]),
                "baseline": _draw(pair[1]),
            }
            for index, pair in enumerate(shown)
        ],
    }


def checkpoint(measured: Measurement | None, baseline: Measurement | None) -> dict[str, Any] | None:
    """Return the files of the weights that ran, with both sides' hashes; None without any measurement."""
    known = [side.checkpoint for side in (measured, baseline) if side is not None]
    if not known:
        return None
    ours = {} if measured is None else measured.checkpoint.files
    theirs = {} if baseline is None else baseline.checkpoint.files
    both = measured is not None and baseline is not None
    return {
        "source": known[0].source,
        "revision": known[0].revision,
        "files": [
            {
                "name": name,
                "measured": ours.get(name),
                "baseline": theirs.get(name),
                "differs": both and ours.get(name) != theirs.get(name),
            }
            for name in sorted(ours.keys() | theirs.keys())
        ],
    }


def _same(ours: Draw | None, theirs: Draw | None) -> bool:
    return ours is not None and theirs is not None and bits.same_draw(ours, theirs)


def _draw(draw: Draw | None) -> dict[str, Any] | None:
    if draw is None:
        return None
    return {
        "generator": draw.generator,
        "method": draw.method,
        "shape": "x".join(map(str, draw.shape)) or "scalar",
        "dtype": draw.dtype,
        "sha256": draw.sha256[:12],
        "site": draw.site,
    }
