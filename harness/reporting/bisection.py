"""`harness bisect`: what is run, and what was found, in the terminal and as JSON."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.text import Text

import harness
from harness.cases.case import Case
from harness.counting import count
from harness.releases.attribution import Attribution
from harness.releases.bisection import Bisected
from harness.reporting.commands import Invocation, reason_texts
from harness.reporting.matrix_report import cell_words, comparison_json

_FORMAT, _VERSION = "harness-bisection", 1
_WORDS = {True: ("good", "green"), False: ("bad", "red"), None: ("skipped", "yellow")}


class BisectionDisplay:
    """Prints a line for each run; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("starting")

    def __enter__(self) -> BisectionDisplay:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def preparing(self, text: str) -> None:
        """Say what is being done before a run."""
        self._status.update(Text(text))

    def ran(self, version: Any, good: bool | None, told: str) -> None:
        """Print what came of running ``version``."""
        word, colour = _WORDS[good]
        self._console.print(Text.assemble((f"{word:7}", colour), f"  {version}  ({told})"), soft_wrap=True)
        self._status.update("running")


def show_bisected(
    console: Console,
    case: Case,
    found: Bisected[Any],
    attribution: Attribution | None,
    invocation: Invocation,
) -> None:
    """Print the first bad version, how it stands to the one before it, and where the change is."""
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


def bisected_json(
    case: Case, found: Bisected[Any], attribution: Attribution | None, invocation: Invocation
) -> str:
    """Return what was found as JSON; versions are releases, or commits with their subject lines."""
    data = {
        "format": _FORMAT,
        "version": _VERSION,
        "harness": harness.__version__,
        "case": case.name,
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
