"""`harness show`: a stored baseline in words and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from harness.baselines.baseline import baseline_sha256
from harness.baselines.errors import BaselineUnusable, shown
from harness.baselines.soak import SoakRecord
from harness.baselines.staleness import definition_changes
from harness.counting import count
from harness.judgement.rows import Row
from harness.judgement.tiers import Tier
from harness.operations.proposal import Refusal
from harness.operations.show import StoredBaseline
from harness.reporting.commands import Invocation, error_text
from harness.reporting.details import Detail, pairs_table, show_details
from harness.reporting.fact_reasons import facts_text
from harness.reporting.figures import exact_figure, figure, limit_figure
from harness.reporting.gate_findings import gate_text
from harness.reporting.html.pictures import PIXELS_PASSED, picture_set, side_by_side
from harness.reporting.listing import limit_text
from harness.reporting.power import power_remarks, power_table, tolerance_text
from harness.reporting.proof import bound_text
from harness.reporting.recording import finding_text
from harness.reporting.tables import Table, labelled, show, toned
from harness.reporting.thumbnail import thumbnails

# The most images or frames that are beside each other in the terminal.
_PICTURED = 4


def show_stored(console: Console, found: StoredBaseline | Refusal, invocation: Invocation) -> bool:
    """Show a baseline, or why there is none to show; return whether there is one."""
    state = state_of(found)
    if isinstance(found, Refusal):
        show(console, labelled(state, error_text(found.error, invocation)))
        return False
    device = found.baseline.device
    show(console, Text.assemble((found.case.name, "bold"), f"  {device}: ", toned(state, state)))
    if pictures := picture_set(None, found.baseline.measurement.output, pixels=PIXELS_PASSED):
        items = pictures["items"][:_PICTURED]
        files = [file for item in items for file in side_by_side(pictures, item).values()]
        show(console, *thumbnails(console, files))
    show_details(console, stored_details(found, invocation))
    return True


def state_of(found: StoredBaseline | Refusal) -> str:
    """Return the state of a baseline in one word."""
    if isinstance(found, Refusal):
        return found.error.state if isinstance(found.error, BaselineUnusable) else "error"
    return "ok" if found.edited is None else found.edited.state


def stored_details(found: StoredBaseline, invocation: Invocation) -> Iterator[Detail]:
    """Yield everything that a baseline says, and what is known of its power."""
    baseline, measured = found.baseline, found.baseline.measurement
    origin, checkpoint = baseline.provenance, measured.checkpoint
    output = f"{measured.output.dtype} {list(measured.output.shape)}"
    provenance = {
        "reason": origin.reason,
        "recorded": f"{origin.date} by harness {origin.harness_version}",
        "commit": None if origin.git_commit is None else str(origin.git_commit),
        "file": None if baseline.path is None else shown(baseline.path),
        "sha256": baseline_sha256(baseline),
        "replaced": origin.replaced,
        "output": output if measured.latents is None else f"{output}, and the latents of every step",
        "noise": count(len(measured.ledger), "draw"),
        "facts": "none: recorded without them" if measured.facts is None else facts_text(measured.facts),
        "checkpoint": checkpoint.source,
        "revision": checkpoint.revision,
    }
    edited = [] if found.edited is None else [error_text(found.edited, invocation)]
    yield Detail("provenance", edited, pairs_table(provenance))
    definition = {field.name: field.new for field in definition_changes({}, origin.case_definition)}
    yield Detail("definition, as recorded", (), pairs_table(definition))
    yield from _figures(found)
    yield Detail("environment", (), pairs_table(measured.fingerprint))
    yield Detail("weights", (), pairs_table(checkpoint.files))
    yield _soaked(found.soaked)
    gap = [] if found.gap is None else [gate_text(found.gap, found.case.name)]
    if found.power is not None:
        told = [*gap, tolerance_text(found.power), *power_remarks(found.power)]
        yield Detail("power", told, power_table(found.power))
    else:
        yield Detail("power", gap or ["not needed: a strict case is not compared across releases"])


def _soaked(record: SoakRecord) -> Detail:
    """Return what many runs prove of a baseline, and how many there were of each setting."""
    if not record.runs.runs:
        return Detail("soak", ["no run was compared with it bit by bit: run harness soak"])
    rows = [
        (setting, level, str(tally.runs), str(tally.deviating))
        for setting, levels in sorted(record.tallies.items())
        for level, tally in sorted(levels.items())
    ]
    told = f"{count(record.runs.runs, 'run')}, the last on {record.date}: {bound_text(record.runs)}"
    return Detail("soak", [told], Table(("setting", "level", "runs", "deviating"), rows))


def _figures(found: StoredBaseline) -> Iterator[Detail]:
    """Yield the statistics, the calibration and the steps, with the limits that follow elsewhere."""
    case, baseline, calibration = found.case, found.baseline, found.baseline.calibration
    statistics, metrics = baseline.measurement.statistics, {} if calibration is None else calibration.metrics
    limits = found.limits
    spread = {} if calibration is None else calibration.statistics
    values = [(name, exact_figure(value), figure(spread.get(name))) for name, value in statistics.items()]
    yield Detail("statistics", (), _limited(("statistic", "value", "envelope"), values, limits))

    told = [f"across releases: {limit_text(case, calibration)}"]
    if calibration is not None:
        told.append(
            f"{len(calibration.members)} members, factor {calibration.factor:g}, measured on "
            f"{calibration.date} by harness {calibration.harness_version}"
        )
        told += [finding_text(finding) for finding in found.findings]
    limited = (row.name for rows in limits.values() for row in rows.values() if row.part != "latents")
    names = dict.fromkeys(name for name in (*metrics, *limited) if name not in statistics)
    envelope = [(name, figure(metrics.get(name))) for name in names]
    yield Detail("calibration", told, _limited(("metric", "envelope"), envelope, limits))

    spreads = {} if calibration is None else {step.step: step for step in calibration.steps}
    steps = []
    for record in baseline.measurement.trace:
        spread_here = spreads.get(record.step)
        moved = ("", "") if spread_here is None else (figure(spread_here.median), figure(spread_here.largest))
        steps.append(
            (str(record.step), f"{record.timestep:g}", exact_figure(record.statistics.get("abs_sum")), *moved)
        )
    header = ("step", "timestep", "abs_sum", "median envelope", "largest envelope")
    yield Detail("latents", (), Table(header, steps).without_empty_columns(), "evenly")


def _limited(
    header: Sequence[str], values: Iterable[Sequence[str]], limits: Mapping[Tier, Mapping[str, Row]]
) -> Table:
    """Return a table of figures, whose first column names them, with their limits."""
    rows = [
        (*value, *(limit_figure(rows[value[0]]) if value[0] in rows else "" for rows in limits.values()))
        for value in values
    ]
    return Table((*header, *(tier.words for tier in limits)), rows).without_empty_columns()
