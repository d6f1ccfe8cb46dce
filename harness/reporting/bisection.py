"""`harness bisect`: what is run, and what was found, in the terminal and as JSON."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.text import Text

import harness
from harness.counting import count
from harness.operations.foresight import Foresight
from harness.releases.attribution import FoundChange
from harness.releases.bisection import Bisected, Tried
from harness.reporting.commands import Invocation, reason_texts
from harness.reporting.foresight import show_foresight
from harness.reporting.matrix_report import cell_words, comparison_json
from harness.reporting.progress import ProgressBar

_FORMAT, _VERSION = "harness-bisection", 1
_WORDS = {True: ("good", "green"), False: ("bad", "red"), None: ("skipped", "yellow")}


class BisectionDisplay(ProgressBar):
    """Prints a line for each run."""

    def __init__(self, console: Console, invocation: Invocation) -> None:
        super().__init__(console)
        self._invocation = invocation

    def finished(self, result: Foresight | Tried) -> None:
        """Print what came of running a version."""
        if isinstance(result, Foresight):
            show_foresight(Console(stderr=True), result, self._invocation)
            return
        word, colour = _WORDS[result.good]
        self.print(Text.assemble((f"{word:7}", colour), f"  {result.version}  ({result.told})"))
        self.preparing("running")


def show_change(console: Console, change: FoundChange, invocation: Invocation) -> None:
    """Print the first bad version, how it stands to the one before it, and where the change is."""
    case, found, attribution = change.case, change.bisected, change.attribution
    # What else differs between two releases may be what changed it.
    by_release = attribution is None or attribution.part == found.first_bad.package
    place = f"with {found.first_bad}" if by_release else f"from {found.last_good} to {found.first_bad}"
    lines = [
        Text.assemble((f"{case.name} changed {place}", "bold")),
        Text(f"  against {found.last_good}: {cell_words(found.step)}{_tier(found)}"),
    ]
    if found.to_good != found.step:
        lines.append(Text(f"  against the good end: {cell_words(found.to_good)}"))
    if found.step.operators:
        lines.append(Text(f"  operators with other bits: {', '.join(found.step.operators)}"))
    lines += [Text(f"  {reason}") for reason in reason_texts(found.step, invocation)]
    if attribution is not None:
        lines.append(Text(f"  the change is in {attribution.part or 'no one part'}: {attribution.text}"))
        if attribution.others:
            lines.append(Text(f"  packages that differ as well: {', '.join(attribution.others)}"))
    lines += [
        Text(f"  not known: {version} could not be run ({reason}); it may have come with that one")
        for version, reason in found.untested
    ]
    extra = attribution.runs if attribution is not None else 0
    more = f", {extra} more to tell the parts of the environment apart" if extra else ""
    lines.append(Text(f"  {count(found.runs, 'run')}{more}"))
    for line in lines:
        console.print(line, soft_wrap=True)


def change_json(change: FoundChange, invocation: Invocation) -> str:
    """Return what was found as JSON; versions are releases, or commits with their subject lines."""
    found, attribution = change.bisected, change.attribution
    data = {
        "format": _FORMAT,
        "version": _VERSION,
        "harness": harness.__version__,
        "case": change.case.name,
        "last_good": str(found.last_good),
        "first_bad": str(found.first_bad),
        "step": comparison_json(found.step, invocation),
        "to_good": comparison_json(found.to_good, invocation),
        "untested": [{"version": str(version), "reason": reason} for version, reason in found.untested],
        "runs": found.runs,
        "change_in": None
        if attribution is None
        else {
            "part": attribution.part,
            "why": attribution.text,
            "others": list(attribution.others),
            "runs": attribution.runs,
        },
    }
    return json.dumps(data, indent=1, allow_nan=False)


def _tier(found: Bisected[Any]) -> str:
    words = cell_words(found.step)
    limit = " its limit" if words.endswith(" times") else " of its limit" if words.endswith("%") else ""
    return f"{limit}, {found.step.tier.words}" if found.step.tier is not None else limit
