"""`harness cost` as a table and as JSON: what each setting of the profile costs a case."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from harness.errors import in_short
from harness.operations.cost import CaseCosts, Cost, ProfileSetting, Unmeasured
from harness.reporting.commands import Invocation, error_text
from harness.reporting.figures import figure
from harness.reporting.progress import ProgressBar
from harness.reporting.tables import labelled, show

_SETTINGS: dict[ProfileSetting, str] = {
    ProfileSetting.ISA: "cap on the instruction set",
    ProfileSetting.CORES: "one core",
    ProfileSetting.LAUNCHES: "blocking launches",
    ProfileSetting.LEVEL: "deterministic level",
}
_UNMEASURED: dict[Unmeasured, str] = {
    Unmeasured.OTHER_DEVICE: "is of another device",
    Unmeasured.NOTHING_WIDER: "the processor has no wider instruction set",
    Unmeasured.ONE_CORE: "there is no other core here that a run can use",
}
_MB = 2**20


class CostDisplay(ProgressBar):
    """Shows each case when all settings are measured."""

    def finished(self, result: CaseCosts) -> None:
        """Show the costs as lines."""
        show(self.console, *case_lines(result, self.invocation))


def case_lines(result: CaseCosts, invocation: Invocation) -> Iterator[Text | str]:
    """Yield what each setting costs a case; those of other devices are left out."""
    if result.failure is not None:
        yield labelled("failed", f"{result.case.name}: {error_text(result.failure, invocation)}")
        return
    yield result.case.name
    for each in result.costs:
        if each.unmeasured is not Unmeasured.OTHER_DEVICE:
            yield f"  {_SETTINGS[each.setting]}: {_cost_text(each)}"


def _cost_text(cost: Cost) -> str:
    if cost.unmeasured is not None:
        return f"not measured: {_UNMEASURED[cost.unmeasured]}"
    if cost.failure is not None:
        return f"failed without it: {in_short(cost.failure.message)}"
    if cost.median is None:
        return "not measured: the runs are too short"
    spread = ""
    if cost.quartiles is not None:
        low, high = (figure(each, 3) for each in cost.quartiles)
        spread = f" (quartiles {low} to {high}, {len(cost.ratios)} pairs)"
    bits = "the same bits" if cost.same_bits else "other bits"
    return f"{figure(cost.median, 3)} times the time without it{spread}, {_memory(cost.memory)}, {bits}"


def _memory(more: int) -> str:
    megabytes = round(abs(more) / _MB)
    if not megabytes:
        return "the same memory"
    return f"{megabytes} MB {'more' if more > 0 else 'less'}"


def cost_json(found: Sequence[CaseCosts], invocation: Invocation) -> str:
    """Return the result as JSON."""
    data = {"cases": [_case_json(each, invocation) for each in found]}
    return json.dumps(data, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _case_json(result: CaseCosts, invocation: Invocation) -> dict[str, Any]:
    return {
        "name": result.case.name,
        "failure": None if result.failure is None else error_text(result.failure, invocation),
        "settings": {each.setting.value: _json(each, invocation) for each in result.costs},
    }


def _json(cost: Cost, invocation: Invocation) -> dict[str, Any]:
    return {
        "on": list(cost.on),
        "off": list(cost.off),
        "median": cost.median,
        "quartiles": cost.quartiles and list(cost.quartiles),
        "memory": cost.memory,
        "same_bits": cost.same_bits,
        "unmeasured": cost.unmeasured and cost.unmeasured.value,
        "failure": None if cost.failure is None else error_text(cost.failure, invocation),
    }
