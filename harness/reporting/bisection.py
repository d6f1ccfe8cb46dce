"""`harness bisect`: progress and results, in the terminal and as JSON."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.text import Text

import harness
from harness.counting import count
from harness.operations.foresight import Foresight
from harness.releases.attribution import FoundChange
from harness.releases.bisection import Repeats, RunsOf, Tried
from harness.releases.noisy_search import wilson_interval
from harness.reporting.commands import Invocation, reason_texts
from harness.reporting.matrix_report import cell_words, comparison_json, show_foresight
from harness.reporting.progress import ProgressBar
from harness.reporting.rates import percent_down, tally_words
from harness.reporting.tables import show, toned

_FORMAT, _VERSION = "harness-bisection", 1
_WORDS = {True: "good", False: "bad", None: "skipped"}


class BisectionDisplay(ProgressBar):
    """Prints a line for each run."""

    def finished(self, result: Foresight | Tried) -> None:
        """Print the result of running a version."""
        if isinstance(result, Foresight):
            show_foresight(Console(stderr=True), result, self.invocation)
            return
        word = toned(f"{_WORDS[result.good]:7}", _WORDS[result.good])
        show(self.console, Text.assemble(word, f"  {result.version}  ({result.told})"))
        self.preparing("running")


def show_change(console: Console, change: FoundChange, invocation: Invocation) -> None:
    """Print the first bad version, how it compares with the version before it, and where the change is."""
    case, found, attribution = change.case, change.bisected, change.attribution
    # If another package differs between the two releases, that package may be the cause.
    by_release = attribution is None or attribution.part == found.first_bad.package
    place = f"with {found.first_bad}" if by_release else f"from {found.last_good} to {found.first_bad}"
    words = cell_words(found.step)
    limit = " its limit" if words.endswith(" times") else " of its limit" if words.endswith("%") else ""
    tier = f", {found.step.tier.words}" if found.step.tier is not None else ""
    lines = [f"against {found.last_good}: {words}{limit}{tier}"]
    if found.to_good != found.step:
        lines.append(f"against the last good end: {cell_words(found.to_good)}")
    if found.step.operators:
        lines.append(f"operators whose bits differ: {', '.join(found.step.operators)}")
    lines += reason_texts(found.step, invocation)
    if attribution is not None:
        lines.append(f"the change is in {attribution.part or 'no single part'}: {attribution.text}")
        if attribution.others:
            lines.append(f"other packages that differ: {', '.join(attribution.others)}")
    lines += [
        f"untested: {version} could not be run ({reason}); the change may have come with it"
        for version, reason in found.untested
    ]
    if found.repeats is not None:
        lines += _repeat_lines(found.repeats)
    extra = attribution.runs if attribution is not None else 0
    more = f", plus {extra} to find the part of the environment that matters" if extra else ""
    trusted = "" if found.repeats is not None else ", each version once and trusted to repeat"
    lines.append(f"{count(found.runs, 'run')}{more}{trusted}")
    show(console, Text(f"{case.name} changed {place}", "bold"), *(f"  {line}" for line in lines))


def _repeat_lines(repeats: Repeats) -> list[str]:
    rates = [tally_words(each) for each in repeats.tallies]
    width = max(map(len, rates))
    return [
        f"confidence {percent_down(repeats.confidence)}",
        "runs that show the change, and the 95% interval of their rate:",
        *(f"  {rate:{width}}  {each.version}" for rate, each in zip(rates, repeats.tallies, strict=True)),
    ]


def _tally_json(tally: RunsOf) -> dict[str, Any]:
    return {
        "version": str(tally.version),
        "changed": tally.changed,
        "runs": tally.runs,
        "rate_95": wilson_interval(tally.changed, tally.runs),
    }


def change_json(change: FoundChange, invocation: Invocation) -> str:
    """Return what was found as JSON; versions are releases, or commits with their subject lines."""
    found, where = change.bisected, change.attribution
    repeats = found.repeats
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
        "confidence": repeats and repeats.confidence,
        "runs_of": None if repeats is None else [_tally_json(each) for each in repeats.tallies],
        "change_in": where
        and {"part": where.part, "why": where.text, "others": where.others, "runs": where.runs},
    }
    return json.dumps(data, indent=1, allow_nan=False)
