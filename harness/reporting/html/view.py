"""The view of a case: everything the page shows of it, as plain data made where the case ran."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.baselines.baseline import Baseline
from harness.baselines.calibration import Calibration
from harness.baselines.errors import shown
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated, Limits
from harness.codec import to_json
from harness.explanation.causes import Cause
from harness.judgement.check import Check
from harness.judgement.judgement import Judgement
from harness.judgement.rows import Row, statistic_rows
from harness.judgement.tiers import Tier
from harness.measurement.measurement import Measurement
from harness.reporting.causes import cause_json
from harness.reporting.commands import Commands, reason_texts
from harness.reporting.html import evidence
from harness.reporting.html.difference import comparable, difference, histogram
from harness.reporting.html.pictures import PIXELS_FAILED, PIXELS_PASSED, picture_set
from harness.reporting.html.steps import step_drift
from harness.reporting.reasons import in_words


@dataclass(frozen=True)
class CaseView:
    """What the page shows of one case.

    ``case``, ``judgement`` and ``baseline`` (None where there is none) are facts; ``rows`` is the table of
    figures; ``pictures``, ``histogram`` and ``steps`` are None where the output, or what it is compared
    with, has none; ``causes`` come first cause first. All of it is JSON
    values once :func:`plain` has been over it.
    """

    case: dict[str, Any]
    judgement: dict[str, Any]
    baseline: dict[str, Any] | None
    rows: list[dict[str, Any]]
    pictures: dict[str, Any] | None
    histogram: dict[str, Any] | None
    steps: dict[str, Any] | None
    environment: list[dict[str, Any]]
    canaries: dict[str, Any] | None
    ledger: dict[str, Any] | None
    checkpoint: dict[str, Any] | None
    output: dict[str, Any] | None
    timings: dict[str, float]
    commands: list[dict[str, str]]
    causes: list[dict[str, Any]]

    def to_json(self) -> str:
        """Return the view as JSON of ASCII characters only, which any channel carries."""
        return json.dumps(to_json(asdict(self)), allow_nan=False, separators=(",", ":"))


def case_view(
    case: Case,
    result: Check,
    baseline: Baseline | None,
    *,
    commands: Commands,
    causes: Sequence[Cause] = (),
) -> CaseView:
    """Return the view of ``case`` after its check, beside ``baseline``, with what to type about it.

    The arrays go no further than here: the view has pictures of them.
    """
    measured, judgement = result.measurement, result.judgement
    stored = None if baseline is None else baseline.measurement
    pictures = picture_set(
        None if measured is None else measured.output,
        None if stored is None else stored.output,
        pixels=PIXELS_PASSED if judgement.passed else PIXELS_FAILED,
    )
    return CaseView(
        case=_case(case),
        judgement=_judgement(judgement, commands),
        baseline=None if baseline is None else _provenance(baseline),
        rows=[_row(row) for row in _rows(judgement, measured, stored)],
        pictures=pictures,
        histogram=_histogram(measured, stored),
        steps=(
            None
            if measured is None or baseline is None
            else step_drift(case, judgement.tier, measured, baseline)
        ),
        environment=evidence.environment(measured, stored),
        canaries=evidence.canaries(measured, stored),
        ledger=evidence.ledger(measured, stored),
        checkpoint=evidence.checkpoint(measured, stored),
        output=None if measured is None else _output(measured),
        timings={} if measured is None else dict(measured.timings),
        commands=_commands(commands),
        causes=[cause_json(cause) for cause in causes],
    )


def _commands(commands: Commands) -> list[dict[str, str]]:
    titled = {
        "Run it again": commands.again,
        "Explain it": commands.explain,
        "Measure its tolerance": commands.calibrate,
        "Record it anew, if the change is meant": commands.record,
    }
    return [{"title": title, "text": text} for title, text in titled.items()]


def _output(measured: Measurement) -> dict[str, Any]:
    """Return the form of what came out, and which kernels of harness it went through, with their calls."""
    return {
        "shape": list(measured.output.shape),
        "dtype": str(measured.output.dtype),
        "replaced_kernels": dict(measured.replaced_kernels),
    }


def _histogram(measured: Measurement | None, stored: Measurement | None) -> dict[str, Any] | None:
    if measured is None or stored is None or not comparable(measured.output, stored.output):
        return None
    return histogram(difference(measured.output, stored.output))


def _case(case: Case) -> dict[str, Any]:
    return {
        "suite": case.suite,
        "id": case.id,
        "place": f"{shown(case.path)}:{case.line}",
        "tags": list(case.tags),
        "strict": case.strict,
        "fails": None if case.fails is None else case.fails.value,
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


def _judgement(judgement: Judgement, commands: Commands) -> dict[str, Any]:
    worst = judgement.worst
    return {
        "verdict": judgement.verdict.value,
        "expected": judgement.failed_as_expected,
        "tier": None if judgement.tier is None else judgement.tier.words,
        "margin": judgement.margin,
        "worst": None if worst is None else worst.name,
        "reasons": reason_texts(judgement, commands.invocation),
        "notes": list(in_words(judgement.notes)),
    }


def _provenance(baseline: Baseline) -> dict[str, Any]:
    provenance = baseline.provenance
    return {
        "path": None if baseline.path is None else shown(baseline.path),
        "device": baseline.device,
        "date": provenance.date,
        "commit": None if provenance.git_commit is None else str(provenance.git_commit),
        "reason": provenance.reason,
        "harness": provenance.harness_version,
        "replaced": provenance.replaced,
        "calibration": None if baseline.calibration is None else _calibration(baseline.calibration),
    }


def _calibration(calibration: Calibration) -> dict[str, Any]:
    return {
        "date": calibration.date,
        "harness": calibration.harness_version,
        "members": len(calibration.members),
        "factor": calibration.factor,
        "envelope": calibration.metrics.get("relative_l2"),
        "chaotic_from": calibration.chaotic_from,
        "modes": list(calibration.modes),
        "saturated": calibration.saturated,
    }


def _rows(judgement: Judgement, measured: Measurement | None, stored: Measurement | None) -> list[Row]:
    """Return the rows of the judgement, and those statistics that it had no need to look at."""
    rows = list(judgement.rows)
    if measured is not None and stored is not None and stored.statistics.keys() <= measured.statistics.keys():
        known = {row.name for row in rows}
        others = statistic_rows(measured.statistics, stored.statistics, None)
        rows += [row for row in others if row.name not in known]
    return rows


def _row(row: Row) -> dict[str, Any]:
    return {**asdict(row), "name": row.name, "used": row.used}
