"""`harness list` in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from harness.baselines.calibration import Calibration
from harness.baselines.errors import shown
from harness.cases.case import Case
from harness.cases.tolerance import Limits
from harness.counting import count
from harness.judgement.tiers import Tier, safety_factor
from harness.operations.listing import EXPECTED, ListedCase, Listing
from harness.reporting.figures import figure
from harness.reporting.tables import Table, show, show_table, toned

_HEADER = ("case", "pipeline", "checkpoint", "steps", "seeds", "dtype", "mode", "baseline", "across releases")
_STATES = ("ok", EXPECTED, "missing", "stale", "damaged")


def show_listing(console: Console, listing: Listing, baselines: str) -> None:
    """Show every case with the state of its baselines, what is wrong, the orphans, and the totals.

    ``baselines`` is the folder of the store, as written in the suggested commands.
    """
    show_table(console, Table(_HEADER, list(map(_row, listing.cases))))
    show(console, *_remarks(listing, baselines))


def _remarks(listing: Listing, baselines: str) -> Iterator[str | Text]:
    if listing.no_folder is not None:
        yield Text(f"{shown(listing.no_folder)}: no such folder; `harness record` creates it", "yellow")
    wrong = [(listed.case, each.wrong) for listed in listing.cases for each in listed.baselines if each.wrong]
    if wrong:
        # This imports the words for every reason; a listing of sound baselines does without them.
        from harness.reporting.commands import Invocation, error_text

        yield from (f"{case.name}: {error_text(error, Invocation(baselines))}" for case, error in wrong)
    for path in listing.orphans:
        yield Text(f"orphan: {path} belongs to no case; remove it if its case is gone", "yellow")
    if listing.others:
        others = ", ".join(listing.others)
        yield f"note: baselines of suites that were not given: {others}; remove them if the suite is gone"
    counts = Counter(listed.state for listed in listing.cases)
    totals = [f"{counts[state]} {state}" for state in _STATES if counts[state]]
    if listing.orphans:
        totals.append(count(len(listing.orphans), "orphan"))
    nightly = sum(listed.case.run == "nightly" for listed in listing.cases)
    cases = count(len(listing.cases), "case") + (f", {nightly} nightly" if nightly else "")
    yield f"{cases}: {', '.join(totals)}"


def _row(listed: ListedCase) -> tuple[Text | str, ...]:
    case = listed.case
    states = Text(", ").join(
        Text.assemble(f"{each.device}: ", toned(each.state, each.state)) for each in listed.baselines
    )
    limits = [limit_text(case, each.header.calibration) for each in listed.baselines if each.header]
    return (
        case.name,
        case.pipeline,
        case.checkpoint or "",
        "" if case.steps is None else str(case.steps),
        " ".join(map(str, case.seeds)),
        case.dtype,
        case.mode,
        states if listed.baselines else toned(listed.state, listed.state),
        ", ".join(limits),
    )


def limit_text(case: Case, calibration: Calibration | None) -> str:
    """Return the relative L2 distance that the case is allowed across releases, or a word in its place."""
    tolerance = case.tolerance.across_releases
    if case.strict:
        return "not compared (strict)"
    if tolerance == "exact":
        return "same bits"
    if isinstance(tolerance, Limits):
        return (
            "own limits"
            if tolerance.relative_l2 is None
            else f"relative L2 ≤ {figure(tolerance.relative_l2, 2)}"
        )
    if calibration is None:
        return "not calibrated"
    if calibration.chaos is not None:
        return f"chaotic {calibration.chaos}"
    factor = safety_factor(Tier.ACROSS_RELEASES, tolerance, calibration)
    return f"relative L2 ≤ {figure(factor * calibration.metrics['relative_l2'], 2)}"
