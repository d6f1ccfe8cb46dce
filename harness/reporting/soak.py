"""`harness soak` in the terminal and as JSON: what is proven, and what a deviation goes with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from harness.codec import to_json
from harness.counting import count
from harness.errors import HarnessError
from harness.judgement.soak.association import Association
from harness.judgement.tiers import Tier
from harness.measurement.second_call import FirstDifference
from harness.operations.soak_explaining import Explained, Unseen
from harness.operations.soak_results import Deviation, Foreseen, Soak, SoakedCase, SoFar
from harness.reporting.commands import Invocation, error_text
from harness.reporting.explanation import finding_lines
from harness.reporting.figures import figure
from harness.reporting.progress import ProgressBar
from harness.reporting.proof import bound_text
from harness.reporting.tables import labelled, show
from harness.reporting.under_way import duration_text
from harness.reporting.wording import said

_MOST_ASSOCIATIONS = 3
_UNSEEN: dict[Unseen, str] = {
    "before": "no cell was watched, because the draws already differ",
    "after": "no cell was watched, because the latents of every step are the same",
    "compiled": "no cell was watched, because a compiled graph has other bits than its cells",
    "not seen": "no cell gave other bits",
    "no sound trace": "no cell was watched, because no trace of the step had the bits of the reference",
}


class SoakDisplay(ProgressBar):
    """Shows how long it takes, what is proven so far, and each case when it is done."""

    def __init__(self, console: Console, invocation: Invocation, confidence: float) -> None:
        super().__init__(console, invocation)
        self._confidence = confidence

    def finished(self, result: Foreseen | SoFar | SoakedCase) -> None:
        """Show a result as lines, or what is proven so far beside the bar."""
        if isinstance(result, Foreseen):
            self._runs = result.runs
            self._update(total=result.runs or None)
            if result.runs:
                most = f"{count(result.runs, 'run')}, about {duration_text(result.seconds)}"
                fixed = f"; not varied here: {', '.join(result.fixed)}" if result.fixed else ""
                show(self.console, f"soaking: at most {most}{fixed}")
        elif isinstance(result, SoFar):
            proven = bound_text(result.runs, self._confidence)
            self.preparing(f"{result.case.name}, {result.runs.runs} of {result.of}: {proven}")
        else:
            show(self.console, *case_lines(result, self._confidence, self.invocation))


def case_lines(case: SoakedCase, confidence: float, invocation: Invocation) -> Iterator[Text | str]:
    """Yield what came of soaking a case."""
    if case.deviation is not None:
        yield labelled("deviates", f"{case.case.name}: {_first_text(case.deviation)}")
        yield f"  under {_levels_text(case.deviation.levels)}"
        if case.deviation.explained is not None:
            yield from _explained_lines(case.deviation.explained, invocation)
    elif case.runs.runs or case.failure is None:
        took = f" in {duration_text(case.seconds)}" if case.seconds else ""
        ran = f"{count(case.runs.runs, 'run')}{took}, all with the bits of {_reference(case)}"
        if case.whole.deviating:
            found = f"an earlier run gave other bits{f'; {ran}' if case.runs.runs else ''}"
            yield labelled("deviated", f"{case.case.name}: {found}")
        else:
            yield labelled("ok", f"{case.case.name}: {ran if case.runs.runs else 'proven'}")
    if case.failure is not None:
        yield labelled("failed", f"{case.case.name}: {error_text(case.failure, invocation)}")
    if not case.whole.runs:
        return
    earlier = case.whole.runs - case.runs.runs
    more = f", by {count(case.whole.runs, 'run')} with {count(earlier, 'earlier one')}" if earlier > 0 else ""
    yield f"  {bound_text(case.whole, confidence)}{more}"
    if case.unstored is not None:
        yield f"  not stored: {_unstored_text(case.unstored, invocation)}"


def soak_text(soak: Soak) -> str:
    """Return the last line: how many cases deviate, were proven, or failed."""
    deviating = sum(bool(each.whole.deviating) for each in soak.cases)
    failed = sum(each.failure is not None for each in soak.cases)
    proven = sum(each.failure is None and not each.whole.deviating for each in soak.cases)
    counts = {"without a deviation": proven, "deviating": deviating, "failed": failed}
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number) or "no case"


def soak_json(soak: Soak, invocation: Invocation) -> str:
    """Return the result as JSON."""
    data = {
        "confidence": soak.demand.confidence,
        "seed": soak.demand.seed,
        "cases": [_case_json(each, soak, invocation) for each in soak.cases],
    }
    return json.dumps(data, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _case_json(case: SoakedCase, soak: Soak, invocation: Invocation) -> dict[str, Any]:
    deviation: dict[str, Any] | None = None
    if case.deviation is not None:
        explained = case.deviation.explained
        deviation = {
            **{name: to_json(value) for name, value in vars(case.deviation).items() if name != "explained"},
            "explained": None
            if explained is None
            else {
                "runs": to_json(explained.runs),
                "associations": to_json(explained.associations),
                "cell": to_json(explained.cell),
                "replays": explained.replays,
                "unseen": explained.unseen,
                "failure": None if explained.failure is None else str(explained.failure),
            },
        }
    return {
        "name": case.case.name,
        "runs": to_json(case.runs),
        "all_runs": to_json(case.whole),
        "bound": soak.bound(case) if case.whole.runs else None,
        "seconds": round(case.seconds, 3),
        "stored": case.proven is not None,
        "unstored": None if case.unstored is None else _unstored_text(case.unstored, invocation),
        "deviation": deviation,
        "failure": None if case.failure is None else error_text(case.failure, invocation),
    }


def _reference(case: SoakedCase) -> str:
    return "the first one" if case.proven is None else "the baseline"


def _unstored_text(why: HarnessError | Tier, invocation: Invocation) -> str:
    if isinstance(why, Tier):
        return f"the baseline is of another environment ({said(why.value)}); record one here"
    return error_text(why, invocation)


def _first_text(deviation: Deviation) -> str:
    return f"run {deviation.number} gives other bits, first in {_place(deviation.difference)}"


def _place(difference: FirstDifference) -> str:
    at = difference.at
    return {
        "draw": f"draw {at} of the noise",
        "draws": f"the number of draws, {at}",
        "step": f"the latents after step {at}",
        "steps": f"the number of steps, {at}",
        "output": "the output; the latents of every step are the same",
    }[difference.part]


def _levels_text(levels: dict[str, str]) -> str:
    return ", ".join(f"{setting}: {level}" for setting, level in levels.items())


def _explained_lines(explained: Explained, invocation: Invocation) -> Iterator[str]:
    runs = explained.runs
    if runs.runs:
        yield (
            f"  of {count(runs.runs, 'further run')}, with rare settings drawn more often, "
            f"{runs.deviating} deviate"
        )
        if explained.cause is None:
            why = "chance explains every difference" if runs.deviating else "so nothing can be told"
            yield f"  it goes with no setting that was drawn: {why}"
    for each in [one for one in explained.associations if one.significant][:_MOST_ASSOCIATIONS]:
        yield f"  it goes with {_association_text(each)}"
    if explained.cell is not None:
        yield f"  first cell that gives other bits on the same inputs ({count(explained.replays, 'replay')}):"
        yield from finding_lines(explained.cell)
    elif explained.unseen is not None:
        replays = f" in {count(explained.replays, 'replay')}" if explained.replays else ""
        yield f"  {_UNSEEN[explained.unseen]}{replays}"
    if explained.failure is not None:
        yield f"  the search ended: {error_text(explained.failure, invocation)}"


def _association_text(each: Association) -> str:
    shares = f"{each.runs.deviating} of {each.runs.runs} runs deviate"
    return (
        f"{each.setting}: {each.level} ({shares}, otherwise {each.others.deviating} of {each.others.runs}; "
        f"p = {figure(each.p_value, 2)})"
    )
