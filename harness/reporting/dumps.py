"""`harness judge-dump` in the terminal and as JSON: the verdict, and the first cell that is off."""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.codec import to_json
from harness.counting import count
from harness.judgement.dumps import DumpFinding, DumpJudgement
from harness.judgement.judgement import Verdict
from harness.operations.judge_dump import JudgedDumps
from harness.reporting.figures import figure, some

_MOST_FINDINGS, _MOST_NAMES = 5, 3
_VERDICTS = {
    Verdict.IDENTICAL: "every tensor has the same bits",
    Verdict.WITHIN: "no cell adds more than rounding",
}


def dumps_text(found: JudgedDumps) -> str:
    """Return the judgement on two dumps as text: the verdict, the first finding, and notes."""
    judgement = found.judgement
    lines = [f"{found.ours.folder}, compared with {found.theirs.folder}: {_verdict(judgement)}"]
    for place, each in enumerate(judgement.findings[:_MOST_FINDINGS]):
        if place == 1:
            lines.append("further differences, which the first may have caused:")
        lines += _finding_lines(each)
    if len(judgement.findings) > _MOST_FINDINGS:
        lines.append(f"  and {len(judgement.findings) - _MOST_FINDINGS} more")
    lines += [f"note: {each}" for each in _notes(found)]
    return "\n".join(lines)


def dumps_json(found: JudgedDumps) -> str:
    """Return the judgement on two dumps as JSON; values that are not finite are strings (``"nan"``)."""
    judgement, comparison = found.judgement, found.comparison
    data = {
        "format": "harness-judged-dumps",
        "version": 1,
        "dump": found.ours,
        "reference": found.theirs,
        "frameworks": found.frameworks,
        "calibration": found.case,
        "limit": found.limit,
        "verdict": judgement.verdict,
        "passed": judgement.passed,
        "cell": judgement.first.path
        if judgement.first is not None and judgement.first.place == "cell"
        else None,
        "findings": judgement.findings,
        "calls": judgement.calls,
        "same": judgement.same,
        "recomputed": judgement.recomputed,
        "weights": judgement.weights,
        "used": judgement.used,
        "missing": comparison.missing,
        "added": comparison.added,
        "others": comparison.others,
        "unreadable": comparison.unreadable,
    }
    return json.dumps(to_json(data), indent=2, sort_keys=True, allow_nan=False) + "\n"


def _verdict(judgement: DumpJudgement) -> str:
    calls = count(judgement.calls, "call")
    if judgement.first is None:
        used = (
            f"; at most {100 * judgement.used:.0f}% of a limit" if judgement.verdict is Verdict.WITHIN else ""
        )
        return f"{judgement.verdict.value}, {_VERDICTS[judgement.verdict]} ({calls}{used})"
    what = "a cell computes something else"
    if judgement.first.place == "model input":
        what = "the pipeline passes something else to its model"
    return f"{judgement.verdict.value}, {what} ({calls})"


def _finding_lines(finding: DumpFinding) -> Iterator[str]:
    if finding.place == "model input":
        yield f"  what the pipeline passes to {finding.to} as {finding.tensor}"
    else:
        operator, reference = finding.operator, finding.reference_operator
        other = "" if operator == reference else f", {reference} in the reference"
        again = f", call {finding.index + 1}" if finding.index else ""
        yield f"  {finding.path or 'the model'}: {operator}{other}{again}"
        if finding.to is not None:
            yield f"    in its own operations, in what it passes to {finding.to} as {finding.tensor}"
    yield f"    {_size(finding)}"
    for each in finding.parameters:
        assert each.difference is not None
        how = each.difference.form or f"relative L2 {figure(each.difference.relative_l2, 2)}"
        yield f"    its {each.label} is not the reference's: {how}"
    if finding.exact is not None and finding.wrong is not None:
        side = "this dump" if finding.wrong == "here" else "the reference"
        yield (
            f"    {side} is wrong: from the float64 result on its own inputs, this dump is off by "
            f"{figure(finding.exact.ours, 2)}, the reference by {figure(finding.exact.theirs, 2)}"
        )


def _size(finding: DumpFinding) -> str:
    found = finding.difference
    if found.form is not None:
        return f"{finding.tensor}: {found.form}"
    tensor = "x".join(map(str, finding.shape)) or "a number"
    limit = "calibrated limit" if finding.calibrated else "limit"
    given = "from inputs with the same bits"
    if finding.source:
        given = f"from inputs that differ by {figure(finding.source, 2)}"
    if finding.place == "model input":
        given = "nothing before it" if not finding.source else f"before it {figure(finding.source, 2)}"
    return (
        f"{finding.tensor} {tensor} {finding.dtype}: {found.differing} of {found.size} values differ, "
        f"relative L2 {figure(found.relative_l2, 2)} ({limit} {figure(finding.allowed, 2)}, {given})"
    )


def _notes(found: JudgedDumps) -> Iterator[str]:
    judgement, comparison = found.judgement, found.comparison
    first = judgement.first
    if first is not None and first.place == "model input" and found.case is None:
        yield "two runs may be this far apart before a late step: --calibration gives the limit of a case"
    if found.case is not None and found.limit is None:
        yield f"before step 0 nothing is computed, so the calibration of {found.case} has no limit there"
    if judgement.weights:
        names = some(judgement.weights, _MOST_NAMES)
        yield f"parameters differ in {count(len(judgement.weights), 'cell')}: {names}"
    for paths, whose in ((comparison.missing, "the reference"), (comparison.added, "this dump")):
        if paths:
            yield f"cells called only in {whose}: {some(paths, _MOST_NAMES)}"
    if judgement.recomputed:
        yield f"{count(judgement.recomputed, 'call')} recomputed in float64"
    if comparison.unreadable:
        yield f"not compared: {count(comparison.unreadable, 'tensor')} of dtypes that numpy lacks"
    if comparison.others:
        yield f"not compared: {count(comparison.others, 'record')} that are no forward calls of cells"
