"""`harness atlas` in the terminal and as JSON: what was measured, and what differs between two atlases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from harness.atlas.comparing import Comparison, Moved, class_of
from harness.atlas.document import atlas_text
from harness.atlas.result import OWN_KERNEL, Atlas, Result, State
from harness.codec import to_json
from harness.counting import count
from harness.reporting.figures import figure, some
from harness.reporting.progress import ProgressBar
from harness.reporting.tables import Cell, Table, labelled, show, table_lines

_MOST_ROWS, _MOST_NAMES = 20, 8
_ENDED = (State.CRASHED, State.TIMEOUT)


class AtlasDisplay(ProgressBar):
    """Shows the entries while they are measured, and at once those that do not repeat or end their worker."""

    def finished(self, result: Result) -> None:
        """Show a result that somebody should look at."""
        if result.state in _ENDED:
            show(self.console, labelled("failed", f"{result.name}: {result.reason}"))
        elif result.deviating:
            told = f"{result.name}: {result.deviating} of {count(result.runs, 'run')} gave other bits"
            show(self.console, labelled("deviates", told))


def atlas_text_of(atlas: Atlas) -> str:
    """Return what an atlas has, in a few lines."""
    states = Counter(each.state for each in atlas.results)
    measured = list(atlas.measured())
    operators = {each.operator for each in measured}
    own = sum(each.kernel == OWN_KERNEL for each in measured)
    rows = [each for each in measured if each.row_changes]
    tried = sum(bool(each.batches) for each in measured)
    deviating = [each for each in measured if each.deviating]
    runs = sum(each.runs for each in measured)
    lines = [
        f"{atlas.release}: {count(len(measured), 'result')} of {count(len(operators), 'operator')}, "
        f"{own} by MindSpore's own kernels",
        *(
            f"{states[state]} {told}"
            for state, told in _STATES.items()
            if states[state] and state is not State.MEASURED
        ),
        f"repeat: {len(measured) - len(deviating)} of {len(measured)}, in {runs:,} runs",
        f"first row changes as the batch grows: {len(rows)} of {tried} entries that have a batch",
    ]
    if deviating:
        lines.append(f"do not repeat: {some([each.name for each in deviating], _MOST_NAMES)}")
    return "\n".join(lines)


_STATES = {
    State.MISSING: "are not in this release",
    State.NO_KERNEL: "have no kernel on this device",
    State.FAILED: "failed",
    State.CRASHED: "ended their process",
    State.TIMEOUT: "took too long",
}


def atlas_json(atlas: Atlas) -> str:
    """Return the file of an atlas."""
    return atlas_text(atlas)


def comparison_text(found: Comparison) -> str:
    """Return which operators differ between two atlases, by class and by name."""
    lines = [f"{found.first.release} -> {found.second.release}"]
    for name, (old, new) in found.differences.items():
        lines.append(f"  {name}: {old or '(none)'} -> {new or '(none)'}")
    if found.moved:
        classes = ", ".join(f"{name} ({number})" for name, number in found.classes.items())
        lines.append(f"other bits: {classes}")
        lines += [line.plain for line in table_lines(moved_table(found.moved[:_MOST_ROWS]), "  ")]
        if len(found.moved) > _MOST_ROWS:
            lines.append(f"  and {len(found.moved) - _MOST_ROWS} more")
    for told, results in (("only the second has", found.appeared), ("only the first has", found.gone)):
        if results:
            names = some([each.name for each in results], _MOST_NAMES)
            lines.append(f"{told} numbers for {count(len(results), 'result')}: {names}")
    if found.redefined:
        lines.append(f"not compared, because the entry is another one: {some(found.redefined, _MOST_NAMES)}")
    if found.alone:
        lines.append(f"in one of the files alone: {count(len(found.alone), 'result')}")
    lines.append(f"the same bits: {count(found.same, 'result')}")
    return "\n".join(lines)


def moved_table(moved: tuple[Moved, ...]) -> Table:
    """Return the table of entries with other bits."""
    rows = [
        (
            Cell(each.name, name=True),
            figure(each.relative_l2, 2) if each.relative_l2 is not None else "",
            figure(each.ulp_max) if each.ulp_max is not None else "",
            _of_sample(each),
            _kernels(each),
        )
        for each in moved
    ]
    return Table(("entry", "relative L2", "max ulp", "of the sample", "kernel"), rows)


def _of_sample(moved: Moved) -> str:
    if not moved.sampled:
        return "another shape or dtype"
    return f"{moved.differing} of {moved.sampled} differ"


def _kernels(moved: Moved) -> str:
    ours, theirs = moved.first.kernel, moved.second.kernel
    return ours if ours == theirs else f"{ours} -> {theirs}"


def comparison_json(found: Comparison) -> str:
    """Return a comparison as JSON."""
    data: dict[str, Any] = {
        "format": "harness-atlas-comparison",
        "version": 1,
        "first": found.first.fingerprint,
        "second": found.second.fingerprint,
        "classes": found.classes,
        "moved": list(map(_moved_json, found.moved)),
        "appeared": [each.name for each in found.appeared],
        "gone": [each.name for each in found.gone],
        "redefined": list(found.redefined),
        "alone": list(found.alone),
        "same": found.same,
    }
    return json.dumps(to_json(data), indent=2, sort_keys=True, allow_nan=False) + "\n"


def _moved_json(moved: Moved) -> dict[str, Any]:
    return {
        "entry": moved.name,
        "class": class_of(moved.first),
        "sampled": moved.sampled,
        "differing": moved.differing,
        "ulp_max": moved.ulp_max,
        "relative_l2": moved.relative_l2,
        "kernels": [moved.first.kernel, moved.second.kernel],
    }


def atlas_rows(atlas: Atlas) -> Iterator[tuple[str, ...]]:
    """Yield what a page shows of each result, in the order of :data:`ATLAS_HEADER`."""
    for each in atlas.results:
        exact = each.exactness
        yield (
            each.operator, each.model, each.dtype, each.arguments,
            each.state.value if not each.measured else "yes" if not each.deviating else "no",
            f"{each.deviating} of {each.runs}" if each.measured else "",
            _row_text(each),
            figure(exact.ulp_max) if exact else "", figure(exact.ulp_median, 2) if exact else "",
            figure(exact.relative_l2, 2) if exact else "", exact.reference if exact else "",
            each.kernel if each.measured else each.reason, each.sha256[:16],
        )  # fmt: skip


ATLAS_HEADER = (
    "operator", "model", "dtype", "arguments", "repeats", "other bits", "first row", "max ulp", "median ulp",
    "relative L2", "reference", "kernel", "sha256",
)  # fmt: skip


def _row_text(result: Result) -> str:
    if not result.batches:
        return ""
    if not result.row_changes:
        return f"same to {result.batches}"
    return f"changes at {', '.join(map(str, result.row_changes))}"
