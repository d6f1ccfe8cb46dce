"""`harness align` in the terminal and as JSON: how far a port is from its original, and where it begins."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from harness.codec import to_json
from harness.counting import count
from harness.judgement.fact_reasons import ConstantChanged
from harness.operations.alignment import Alignment, Conclusion, Side, Yardstick
from harness.reporting.commands import Invocation, error_text
from harness.reporting.explanation import finding_lines
from harness.reporting.figures import figure
from harness.reporting.mistakes import mistake_text
from harness.reporting.progress import ProgressBar
from harness.reporting.reasons import text_of
from harness.reporting.tables import labelled, show

_SIDES: dict[Side, str] = {
    Side.PORT: "the case itself",
    Side.ORIGINAL: "the original",
}
_YARDSTICKS: dict[Yardstick, str] = {
    "float64": "the original in float64",
    "moved": "the original, which does not run in float64",
}
_OWN: dict[Yardstick, str] = {"float64": "itself", "moved": "with its noise moved by one ulp"}
_CONCLUSIONS: dict[Conclusion, str] = {
    "aligned": "it computes what the original does",
    "draws": "it draws other noise than the original",
    "schedule": "it has another schedule than the original",
    "undefined": "the original's own result is not finite, so nothing can be compared with it",
    "form": "its output has another shape than the original's",
    "place": "it computes something else",
    "amplified": "it is further from float64 than the original, by rounding in one place",
    "unplaced": "it is further from float64 than rounding explains, but every cell computes the same",
    "failed": "it could not be aligned",
}


class AlignmentDisplay(ProgressBar):
    """Shows each case when it is aligned."""

    def finished(self, result: Alignment) -> None:
        """Show a result as lines."""
        show(self.console, *alignment_lines(result, self.invocation))


def alignment_lines(result: Alignment, invocation: Invocation) -> Iterator[Text | str]:
    """Yield how one case compares with its original."""
    name = result.case.name
    if result.failure is not None and result.failed is not None:
        yield labelled("failed", f"{name}, {_SIDES[result.failed]}: {error_text(result.failure, invocation)}")
        return
    word = "ok" if result.aligned else "failed"
    yield labelled(word, f"{name}, beside {_reference(result)}: {_CONCLUSIONS[result.conclusion]}")
    yield from (f"  {text_of(reason)}" for reason in result.differing)
    yield from _distance_lines(result)
    yield from map(_constant_line, result.constants)
    if result.replay is not None:
        replay = result.replay
        where = "after the last step" if replay.after_last else f"in step {replay.step}"
        yield f"  {where}, with the original's inputs ({count(replay.calls, 'call')}):"
        if result.finding is None:
            yield "    every cell computes what the original's does"
        elif not result.finding.beyond:
            yield "    no cell computes something else; the largest difference, which rounding explains:"
            yield from (f"  {line}" for line in finding_lines(result.finding))
        else:
            yield from (f"  {line}" for line in finding_lines(result.finding))
        if result.mistake is not None:
            yield f"      looks like {mistake_text(result.mistake.mistake)}"


def _constant_line(constant: ConstantChanged) -> str:
    others = f" (and {', '.join(constant.others)})" if constant.others else ""
    name = f"  the constant {constant.name}{others} differs from the original's"
    if constant.measured is None or constant.baseline is None:
        return name
    at = "" if not constant.index else f" at {list(constant.index)}"
    return f"{name}{at}: {constant.measured!r} here, {constant.baseline!r} there"


def _reference(result: Alignment) -> str:
    return ", ".join(f"{name} {release.partition(' ')[0]}" for name, release in result.reference.items())


def _distance_lines(result: Alignment) -> Iterator[str]:
    """Yield the first place that is too far from the yardstick, or else the furthest beside its limit."""
    first = result.first_beyond
    shown = first or result.furthest
    if shown is None:
        return
    place = "the output" if shown.step is None else f"the latents after step {shown.step}"
    verdict = "at most" if first is None else "more than"
    yield (
        f"  {place}: relative L2 {figure(shown.port, 2)} from {_YARDSTICKS[result.yardstick]}, {verdict} "
        f"the limit of {figure(shown.limit, 2)} (the original {_OWN[result.yardstick]}: "
        f"{figure(shown.own, 2)})"
    )


def alignments_json(found: Sequence[Alignment], invocation: Invocation) -> str:
    """Return the alignments as JSON."""
    return json.dumps([_data(each, invocation) for each in found], indent=2, sort_keys=True) + "\n"


def _data(each: Alignment, invocation: Invocation) -> dict[str, Any]:
    data: dict[str, Any] = {
        "case": each.case.name,
        "reference": each.reference,
        "conclusion": each.conclusion,
        "differing": [{**to_json(reason), "text": text_of(reason)} for reason in each.differing],
        "constants": [{**to_json(reason), "text": text_of(reason)} for reason in each.constants],
        "distances": to_json(each.distances),
        "yardstick": each.yardstick,
        "finding": to_json(each.finding),
        "mistake": None if each.mistake is None else to_json(each.mistake.mistake),
        "looks_like": None if each.mistake is None else mistake_text(each.mistake.mistake),
        "failed": to_json(each.failed),
        "failure": None if each.failure is None else error_text(each.failure, invocation),
    }
    if each.finding is not None:
        data |= {"component": each.finding.model, "module": each.finding.cell}
    return data
