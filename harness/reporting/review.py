"""What waits to be accepted: a table of all candidates, and all that is to be known of one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from harness.counting import count
from harness.explanation.causes import causes_of
from harness.foreign_text import printable
from harness.judgement.check import Check
from harness.judgement.tiers import FieldDifference
from harness.measurement.measurement import Array
from harness.operations.review import Pending
from harness.reporting.accepting import obstacle_text, why_text
from harness.reporting.causes import cause_line
from harness.reporting.details import Detail, pairs_table, show_details
from harness.reporting.figures import exact_figure, figure
from harness.reporting.html.pictures import PIXELS_PASSED, picture_set, side_by_side, worst_item
from harness.reporting.reasons import in_words
from harness.reporting.tables import Cell, Table, show, show_table, toned
from harness.reporting.terminal import rows_table
from harness.reporting.thumbnail import thumbnails

_HEADER = ("case", "device", "", "relative L2", "")


def show_waiting(console: Console, found: Sequence[Pending]) -> None:
    """Show the table of what waits, in the order of ``found``."""
    show_table(console, Table(_HEADER, list(map(_row, found))))
    show(console, f"{count(len(found), 'candidate')} to review")


def show_pending(console: Console, each: Pending, check: Check | None) -> None:
    """Show a candidate: what it would change and why, with its pictures if the console shows colours.

    ``check`` is what :func:`harness.operations.review.look` returns, None if nothing can be looked at.
    """
    state = state_cell(each)
    size = f"  relative L2: {moved_text(each)}" if moved_text(each) else ""
    word = toned(state.text, state.tone)
    show(console, Text.assemble((each.name, "bold"), f"  {each.key.device}: ", word, size))
    if pictures := picture_set(*outputs(check), pixels=PIXELS_PASSED):
        sides = side_by_side(pictures, worst_item(pictures))
        if lines := thumbnails(console, sides.values()):
            show(console, *lines, Text(" | ".join(sides), "dim"))
    show(console, *(f"  {line}" for line in told_lines(each, check)))
    show_details(console, pending_details(each, check))


def _row(each: Pending) -> tuple[Cell | str, ...]:
    told = "; ".join(brief_lines(each))
    return each.name, each.key.device, state_cell(each), moved_text(each), told


def moved_text(each: Pending) -> str:
    """Return the relative L2 distance of a candidate's output from that of the baseline, if there is one."""
    return "not comparable" if each.relative_l2 == math.inf else figure(each.relative_l2)


def brief_lines(each: Pending, check: Check | None = None) -> list[str]:
    """Return what to know at a glance: what was edited or the first cause, and what is in the way."""
    lines = [f"{edit.name}: {edit.old} -> {edit.new}" for edit in each.edits]
    if not lines and each.relative_l2 == math.inf and each.judgement is not None:
        lines = list(in_words(each.judgement.reasons)[:1])
    elif not lines and check is not None:
        lines = list(map(cause_line, causes_of(check)[:1]))
    return lines if each.obstacle is None else [*lines, obstacle_text(each.obstacle)]


def question_text(each: Pending) -> str:
    """Return the question to ask about a candidate, with what each answer does."""
    accepting = f"y accept, a accept all that wait in {each.key.suite}, " if each.acceptable else ""
    return printable(f"{each.name}: {accepting}n reject, s skip, q stop here")


def state_cell(each: Pending) -> Cell:
    """Return the verdict on a candidate; ``new`` without a baseline, ``refused`` if it cannot be accepted."""
    if not each.acceptable:
        return Cell("refused", tone="error")
    verdict = "new" if each.judgement is None else each.judgement.verdict.value
    return Cell(verdict, tone=verdict)


def told_lines(each: Pending, check: Check | None = None) -> list[str]:
    """Return in sentences why a candidate waits, and what stands in the way."""
    causes = () if check is None else causes_of(check)
    lines = [f"first cause: {cause_line(cause)}" for cause in causes[:1]]
    if each.kept is not None:
        lines.append(why_text(each.kept))
    if each.judgement is not None:
        lines += in_words(each.judgement.reasons)
    if each.obstacle is not None:
        lines.append(obstacle_text(each.obstacle))
    if each.calibration == "lost":
        lines.append("accepting it discards the calibration of the baseline")
    return lines


def outputs(check: Check | None) -> tuple[Array | None, Array | None]:
    """Return the output of a candidate and that of its baseline."""
    new = None if check is None or check.measurement is None else check.measurement.output
    old = None if check is None or check.baseline is None else check.baseline.measurement.output
    return new, old


def pending_details(each: Pending, check: Check | None) -> Iterator[Detail]:
    """Yield the figures of a candidate, what changed in its case and its environment, and its origin."""
    if each.edits:
        edits = [(edit.name, edit.old, edit.new) for edit in each.edits]
        yield Detail("definition of the case", (), Table(("field", "baseline", "now"), edits))
    judgement = each.judgement
    if judgement is not None and judgement.rows:
        yield Detail("figures", (), rows_table(judgement), "first")
    elif judgement is None and check is not None and (new := check.measurement) is not None:
        values = [(name, exact_figure(value)) for name, value in new.statistics.items()]
        yield Detail("statistics", (), Table(("statistic", "value"), values), "first")
    if judgement is not None and judgement.differences:
        rows = [_sides(difference) for difference in judgement.differences]
        yield Detail("environment", (), Table(("field", "baseline", "candidate"), rows))
    elif judgement is not None:
        yield Detail("environment", ["the same as that of the baseline"])
    elif check is not None and check.measurement is not None:
        yield Detail("environment", (), pairs_table(check.measurement.fingerprint))
    if (kept := each.kept) is not None:
        made, ci = kept.provenance, kept.provenance.origin
        origin = {
            "measured": f"{made.date} by harness {made.harness_version}, {count(kept.runs, 'run')}",
            "commit": None if made.git_commit is None else str(made.git_commit),
            "in CI": None if ci is None else f"{ci.repository}, commit {ci.commit}: {ci.run}",
            "replaces": kept.replaces,
        }
        yield Detail("origin", (), pairs_table(origin))


def _sides(difference: FieldDifference) -> tuple[str, str, str]:
    absent = "(absent)"
    return difference.name, difference.baseline or absent, difference.measured or absent
