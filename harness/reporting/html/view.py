"""The view of a case: everything the page shows of it, as plain data made where the case ran."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import Any, Literal

from harness.baselines.baseline import Baseline
from harness.baselines.errors import shown
from harness.baselines.tally import Tally
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated, Limits
from harness.codec import to_json
from harness.counting import count
from harness.explanation.causes import Cause
from harness.judgement import bits
from harness.judgement.check import Check
from harness.judgement.judgement import Judgement
from harness.judgement.rows import Row, statistic_rows
from harness.judgement.tiers import Tier
from harness.measurement.figures import Draw
from harness.measurement.measurement import Measurement
from harness.reporting.causes import cause_json
from harness.reporting.commands import Commands, reason_texts
from harness.reporting.html.pictures import PIXELS_FAILED, PIXELS_PASSED, histogram, picture_set
from harness.reporting.html.steps import step_drift
from harness.reporting.proof import bound_text
from harness.reporting.reasons import in_words

# Around the first draw that differs, or from the first draw if none does.
_DRAWS_SHOWN = 24
_DRAWS_BEFORE = 4
_STALE = "The case did not run, because its definition changed since the baseline was recorded."


def case_view(
    case: Case,
    result: Check,
    baseline: Baseline | None,
    *,
    commands: Commands,
    causes: Sequence[Cause] = (),
) -> str:
    """Return the view of ``case`` after its check against ``baseline``, with the commands for it.

    It is JSON in ASCII, so any channel can carry it. ``pictures``, ``histogram`` and ``steps`` are None if
    the output, or what it is compared with, has none; ``causes`` are ordered, first cause first. The view
    contains pictures of the arrays, not the arrays.
    """
    measured, judgement = result.measurement, result.judgement
    stored = None if baseline is None else baseline.measurement
    ours, theirs = (None if side is None else side.output for side in (measured, stored))
    pixels = PIXELS_PASSED if judgement.passed else PIXELS_FAILED
    pictures = picture_set(ours, theirs, pixels=pixels)
    if pictures is not None and measured is None:
        pictures["absence"] = _STALE if judgement.stale else "The run failed, so there is no image."
    view = {
        "case": _case(case),
        "judgement": {
            "verdict": judgement.verdict,
            "expected": judgement.failed_as_expected,
            "tier": judgement.tier and judgement.tier.words,
            "margin": judgement.margin,
            "worst": judgement.worst and judgement.worst.name,
            "reasons": reason_texts(judgement, commands.invocation),
            "notes": in_words(judgement.notes),
        },
        "baseline": baseline and _provenance(baseline, result.soaked),
        "rows": [
            {**asdict(row), "name": row.name, "used": row.used} for row in _rows(judgement, measured, stored)
        ],
        "pictures": pictures,
        "histogram": histogram(ours, theirs),
        "steps": None,
        **_evidence(measured, stored),
        "output": None,
        "timings": {},
        "commands": [
            {"title": "Run it again", "text": commands.again},
            {"title": "Explain it", "text": commands.explain},
            {"title": "Measure its tolerance", "text": commands.calibrate},
            {"title": "Record it again, if the change is intended", "text": commands.record},
        ],
        "causes": list(map(cause_json, causes)),
    }
    if measured is not None:
        view["timings"] = measured.timings
        view["output"] = {
            "shape": measured.output.shape,
            "dtype": str(measured.output.dtype),
            "replaced_kernels": measured.replaced_kernels,
        }
        if baseline is not None:
            view["steps"] = step_drift(case, judgement.tier, measured, baseline)
    return json.dumps(to_json(view), allow_nan=False, separators=(",", ":"))


def _case(case: Case) -> dict[str, Any]:
    return {
        "suite": case.suite,
        "id": case.id,
        "place": f"{shown(case.path)}:{case.line}",
        "tags": case.tags,
        "strict": case.strict,
        "fails": case.fails,
        "tolerance": {tier.words: _limits(getattr(case.tolerance, tier.value)) for tier in Tier},
        "definition": case.definition(),
    }


def _limits(asked: Literal["exact"] | Limits | Calibrated | None) -> str:
    if asked is None:
        return "not compared"
    if isinstance(asked, Limits):
        return json.dumps(asked.given())
    if isinstance(asked, Calibrated):
        return "calibrated" if asked.factor is None else f"calibrated, factor {asked.factor:g}"
    return "the same bits"


def _provenance(baseline: Baseline, soaked: Tally | None) -> dict[str, Any]:
    provenance, calibration = baseline.provenance, baseline.calibration
    return {
        "path": baseline.path and shown(baseline.path),
        "device": baseline.device,
        "date": provenance.date,
        "commit": provenance.git_commit and str(provenance.git_commit),
        "reason": provenance.reason,
        "harness": provenance.harness_version,
        "replaced": provenance.replaced,
        "soaked": soaked and f"{count(soaked.runs, 'run')}: {bound_text(soaked)}",
        "calibration": calibration
        and {
            "date": calibration.date,
            "harness": calibration.harness_version,
            "members": len(calibration.members),
            "factor": calibration.factor,
            "envelope": calibration.metrics.get("relative_l2"),
            "chaotic_from": calibration.chaotic_from,
            "modes": calibration.modes,
            "saturated": calibration.saturated,
        },
    }


def _rows(judgement: Judgement, measured: Measurement | None, stored: Measurement | None) -> list[Row]:
    """Return the rows of the judgement, and the statistics that it did not need."""
    rows = list(judgement.rows)
    if measured is not None and stored is not None and stored.statistics.keys() <= measured.statistics.keys():
        known = {row.name for row in rows}
        others = statistic_rows(measured.statistics, stored.statistics, None)
        rows += [row for row in others if row.name not in known]
    return rows


def _evidence(measured: Measurement | None, baseline: Measurement | None) -> dict[str, Any]:
    """Return what may explain a drift without a new run, with the values of both sides."""
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
    """Return the draws around the first that differs; the place in the code does not matter."""
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
