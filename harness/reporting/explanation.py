"""`harness explain` in the terminal and as JSON: causes, the first cell, its error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from harness.codec import to_json
from harness.explanation.causes import Cause
from harness.operations.explaining import Conclusion, Explanation
from harness.reporting.causes import cause_details, cause_json, cause_title
from harness.reporting.commands import Invocation, remedy_text
from harness.reporting.figures import figure
from harness.reporting.tables import Table
from harness.reporting.terminal import cause_lines
from harness.tracing.divergence import Divergence, Replay

_CONCLUSIONS: dict[Conclusion, str] = {
    "nothing": "nothing differs",
    "repetition": "the case does not repeat",
    "state": "the first call leaves a state behind, which changes the second one",
    "code": "the code of the pipeline was edited",
    "inputs": "other weights or another checkpoint",
    "model": "a number in the model is another one",
    "randomness": "other noise was drawn",
    "initial latents": "the draws are the same, but what is made of them before the first step is not",
    "schedule": "other timesteps",
    "model input": "the pipeline passes something else to its model",
    "prediction": "something else is made of the model's prediction before the scheduler's step (guidance)",
    "cell": "a cell of the model computes something else",
    "scheduler": "the scheduler's step computes something else from the same prediction",
    "output": "what follows the last step",
    "unknown": "not explained",
}


def explanation_text(explanation: Explanation, invocation: Invocation) -> str:
    """Return the explanation as text: its conclusion, the causes, the first place, and notes."""
    concluded = _CONCLUSIONS[explanation.conclusion]
    finding = explanation.finding
    within = finding is not None and not finding.beyond
    if within and explanation.conclusion not in ("repetition", "state", "output", "model"):
        concluded = "no more than rounding in any cell, or in the scheduler's step"
    lines = [f"{explanation.name}, compared with {explanation.reference}: {concluded}"]
    lines += cause_lines(explanation.causes)
    if explanation.replay is not None:
        lines += ["", *_replay_lines(explanation.replay)]
    lines += [f"note: {note}" for note in _notes(explanation, invocation)]
    if (exported := explanation.exported) is not None:
        lines.append(f"dump of this run: {exported.run}")
        if exported.reference is not None:
            lines.append(f"dump of the reference: {exported.reference}")
    return "\n".join(lines)


def causes_table(causes: Sequence[Cause]) -> Table:
    """Return the table of what differs, first cause first."""
    rows = [
        (each.kind, cause_title(each.evidence), "; ".join(cause_details(each.evidence))) for each in causes
    ]
    return Table(("what differs", "how", "what is known"), rows)


def explanation_json(explanation: Explanation, invocation: Invocation) -> str:
    """Return the explanation as JSON; values that are not finite are strings, such as ``"nan"``."""
    causes = list(map(cause_json, explanation.causes))
    data = {**explanation.to_dict(), "causes": causes, "notes": _notes(explanation, invocation)}
    return json.dumps(to_json(data), indent=2, sort_keys=True, allow_nan=False) + "\n"


def _notes(explanation: Explanation, invocation: Invocation) -> list[str]:
    return [f"{note.text}{remedy_text(note.remedy, invocation)}" for note in explanation.notes]


def _replay_lines(replay: Replay) -> Iterator[str]:
    where = "after the last step" if replay.after_last else f"step {replay.step} (timestep {replay.timestep})"
    yield f"{where}, cell by cell, each given the reference's inputs ({replay.calls} calls):"
    first, beyond = replay.first, replay.first_beyond_rounding
    if first is None:
        yield "  the same bits everywhere"
        return
    yield f"  first difference in bits, {'and' if first is beyond else 'not'} more than rounding:"
    yield from finding_lines(first)
    if beyond is None:
        yield "  nowhere more than rounding"
    elif beyond is not first:
        yield "  first difference that is more than rounding:"
        yield from finding_lines(beyond)
    changed = [
        f"{differing} of {total} {name}" for name, (differing, total) in replay.operators.items() if differing
    ]
    if changed:
        yield f"  cells that give different bits when run individually: {', '.join(changed)}"
    else:
        whole = sum(total for _, total in replay.operators.values())
        yield f"  all {whole} innermost cells give the same bits"


def finding_lines(finding: Divergence) -> Iterator[str]:
    """Yield where a replay differs, and by how much, as indented lines."""
    yield f"    {_headline(finding)}"
    if finding.place == "cell":
        outer, steps = "", []
        for path, operator in [*finding.ancestors, (finding.path, finding.operator)]:
            steps.append(f"{path.removeprefix(outer)} ({operator})")
            outer = f"{path}."
        yield f"      in {' > '.join(steps)}"
        if finding.to is not None:
            between = f"after {finding.after.removeprefix(outer)}, " if finding.after else ""
            handed = f"in what it passes to {finding.to.removeprefix(outer)} as {finding.tensor}"
            yield f"      in its own operations, {between}{handed}"
    yield f"      {_size(finding)}"
    yield from (f"      {change}" for change in finding.changes)


def _headline(finding: Divergence) -> str:
    if finding.place in ("model input", "scheduler input"):
        return f"what the pipeline passes to {finding.to} as {finding.tensor}"
    if finding.place == "output":
        return "the output, made of what the cells give: the image processor"
    if finding.place == "latents":
        return (
            "the latents after the step, computed from the same latents and prediction: the scheduler's step"
        )
    operator = finding.operator
    if finding.reference_operator not in ("", operator):
        operator += f", {finding.reference_operator} in the reference"
    return f"{finding.cell or finding.model}: {operator}"


def _size(finding: Divergence) -> str:
    found = finding.difference
    tensor = "x".join(map(str, finding.shape)) or "a number"
    if found.form is not None:
        return f"{finding.tensor}: {found.form}"
    limit = finding.limit
    rounding = f" (rounding: up to {figure(limit, 2)})" if limit else ""
    return (
        f"{finding.tensor} {tensor} {finding.dtype}: {found.differing} of {found.size} values differ, "
        f"relative L2 {figure(found.relative_l2, 2)}{rounding}, at most {figure(found.max_abs, 2)}, which is "
        f"{figure(found.scale_ulp)} ulp of the largest value"
    )
