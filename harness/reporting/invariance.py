"""`harness invariance` in the terminal and as JSON: which relations hold, and what breaks the others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from harness.codec import to_json
from harness.counting import count
from harness.errors import HarnessError, in_short
from harness.judgement.invariance.holding import Held
from harness.judgement.tiers import Tier
from harness.operations.invariance_results import (
    CaseInvariances,
    FoundCell,
    Invariance,
    Invariances,
    Unseen,
)
from harness.operations.invariance_runs import Unfit
from harness.promises import Holding
from harness.reporting.commands import Invocation, error_text
from harness.reporting.explanation import finding_lines
from harness.reporting.progress import ProgressBar
from harness.reporting.reasons import text_of
from harness.reporting.tables import labelled, show
from harness.reporting.wording import said

_UNFIT: dict[Unfit, str] = {
    Unfit.ISOLATED: "the case runs in a worker of its own",
    Unfit.BATCH: "the case is a batch, which has a list of generators anyway",
    Unfit.NO_LENGTH: "the case sets no max_sequence_length",
    Unfit.ONE_CORE: "there is no other core here that a run can use",
    Unfit.NOT_CPU: "this is varied on a CPU only",
    Unfit.COMPILED: "the model is compiled as a whole",
}
_UNSEEN: dict[Unseen, str] = {
    "after": "no cell was watched: the latents of every step are the same",
    "compiled": "no cell was watched: a compiled graph has other bits than its cells",
    "regrouped": "no cell was watched: cells are called with inputs of another shape",
    "not seen": "no cell gave other bits on the same inputs",
}


class InvarianceDisplay(ProgressBar):
    """Shows each case when all of its invariances are measured."""

    def finished(self, result: CaseInvariances) -> None:
        """Show a result as lines."""
        show(self.console, *case_lines(result, self.invocation))


def case_lines(result: CaseInvariances, invocation: Invocation) -> Iterator[Text | str]:
    """Yield the invariances of a case."""
    if result.failure is not None:
        yield labelled("failed", f"{result.case.name}: {error_text(result.failure, invocation)}")
        return
    yield result.case.name
    for each in result.invariances:
        yield from _lines(each, invocation)
    if result.unstored is not None:
        yield f"  not stored: {_unstored_text(result.unstored, invocation)}"


def _lines(each: Invariance, invocation: Invocation) -> Iterator[Text | str]:
    name = each.relation.value
    if each.held is None:
        word = "failed" if each.failure is not None else "n/a"
        yield f"  {word:<10} {name}: {_unheld_text(each)}{_promised_text(each)}"
        return
    detail = _held_text(each.held)
    yield f"  {each.held.holding.value:<10} {name}{f': {detail}' if detail else ''}{_promised_text(each)}"
    if each.found is not None:
        yield from _cell_lines(each.found, invocation)


def _promised_text(each: Invariance) -> str:
    if each.broken and each.promise is not None:
        return f"; the case promises {each.promise}"
    return "; the case promises it" if each.unanswered and each.failure is None else ""


def _unheld_text(each: Invariance) -> str:
    if each.unfit is not None:
        return _UNFIT[each.unfit]
    error = each.refused or each.failure
    # What it is about is said before.
    return "" if error is None else in_short(error.message)


def _held_text(held: Held) -> str:
    parts = []
    if held.worst is not None and held.used is not None:
        parts.append(f"{_percent(held.used)} of the limit on {held.worst.name}")
    parts += [text_of(reason) for reason in held.reasons if held.worst is None]
    if held.beyond_from is not None:
        parts.append(f"beyond its limit from step {held.beyond_from} on")
    elif held.differs_from is not None:
        parts.append(f"other bits from step {held.differs_from} on")
    elif held.holding is not Holding.IDENTICAL:
        parts.append("other bits in the output")
    if held.holding is Holding.UNJUDGED:
        parts.append("the case has no calibrated limits here")
    return ", ".join(parts)


def _percent(used: float) -> str:
    return f"{100 * used:.3g} %"


def _cell_lines(found: FoundCell, invocation: Invocation) -> Iterator[str]:
    if found.cell is not None:
        yield f"    first cell that gives other bits on the same inputs, in step {found.step}:"
        yield from (f"  {line}" for line in finding_lines(found.cell))
    elif found.unseen is not None:
        yield f"    {_UNSEEN[found.unseen]}"
    if found.failure is not None:
        yield f"    the search for the cell ended: {in_short(error_text(found.failure, invocation))}"


def _unstored_text(why: HarnessError | Tier, invocation: Invocation) -> str:
    if isinstance(why, Tier):
        return f"the baseline is of another environment ({said(why.value)}); record one here"
    return error_text(why, invocation)


def invariance_text(found: Invariances) -> str:
    """Return the last line: how many relations are identical, within, violated …"""
    counts: Counter[str] = Counter()
    for case in found.cases:
        counts["failed"] += case.failure is not None
        for each in case.invariances:
            if each.held is not None:
                counts[each.held.holding.value] += 1
            else:
                counts["failed" if each.failure is not None else "not applicable"] += 1
    order = (*(each.value for each in Holding), "not applicable", "failed")
    told = ", ".join(f"{counts[word]} {word}" for word in order if counts[word]) or "no case"
    broken = sum(each.broken for case in found.cases for each in case.invariances)
    return f"{told}; {count(broken, 'invariance')} broken" if broken else told


def invariance_json(found: Invariances, invocation: Invocation) -> str:
    """Return the result as JSON."""
    data = {"cases": [_case_json(each, invocation) for each in found.cases]}
    return json.dumps(data, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _case_json(result: CaseInvariances, invocation: Invocation) -> dict[str, Any]:
    unstored = result.unstored
    return {
        "name": result.case.name,
        "stored": result.stored,
        "unstored": None if unstored is None else _unstored_text(unstored, invocation),
        "failure": None if result.failure is None else error_text(result.failure, invocation),
        "invariances": {each.relation.value: _json(each, invocation) for each in result.invariances},
    }


def _json(each: Invariance, invocation: Invocation) -> dict[str, Any]:
    held, found = each.held, each.found
    return {
        "promise": each.promise,
        "broken": each.broken,
        "holding": None if held is None else held.holding.value,
        "used": None if held is None else to_json(held.used),
        "figure": None if held is None or held.worst is None else held.worst.name,
        "differs_from": None if held is None else held.differs_from,
        "beyond_from": None if held is None else held.beyond_from,
        "not_applicable": None if each.failure or held else _unheld_text(each),
        "failure": None if each.failure is None else error_text(each.failure, invocation),
        "cell": None if found is None else to_json(found.cell),
        "cell_step": None if found is None else found.step,
        "unseen": None if found is None else found.unseen,
    }
