"""Tables: what the judges said, as Markdown, and its place in a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.peers.comparisons import Comparison, faulty, sound
from benchmarks.peers.judges import Figure, largest
from harness.faults.catalogue import FAULTS, Fault
from harness.judgement.power.case_power import FAMILIES

BEGIN, END = "<!-- begin: benchmarks/peers -->", "<!-- end: benchmarks/peers -->"

Answers = Mapping[str, Sequence[bool]]


def by_judge(comparisons: Sequence[Comparison], answers: Answers) -> str:
    """Return the table of judges: faults caught by at least one case, by family, and false alarms.

    In brackets is in how many of the runs with such a fault it was caught.
    """
    header = ["judge", *FAMILIES, "all faults", "missed by every case", "false alarms"]
    rows = []
    for judge, differs in answers.items():
        cells = [judge]
        for family in (*FAMILIES, None):
            runs = [i for i in faulty(comparisons) if family in (None, _fault(comparisons[i]).family)]
            cells.append(_caught(comparisons, differs, runs))
        cells.append(_missed(comparisons, differs))
        alarms = sum(differs[i] for i in sound(comparisons))
        cells.append(f"{alarms} of {len(sound(comparisons))}")
        rows.append(cells)
    return table(header, rows)


def by_fault(comparisons: Sequence[Comparison], answers: Answers) -> str:
    """Return the table of faults: in how many of the cases that can have it each judge caught it."""
    rows = []
    for fault in FAULTS:
        runs = [i for i in faulty(comparisons) if comparisons[i].fault == fault]
        if runs:
            cells = [str(sum(differs[i] for i in runs) or "—") for differs in answers.values()]
            rows.append([fault.family, f"`{fault.name}`", _size(fault), str(len(runs)), *cells])
    return table(["family", "fault", "size", "cases", *answers], rows)


def by_threshold(comparisons: Sequence[Comparison], figures: Iterable[Figure]) -> str:
    """Return the table of thresholds: what each figure would catch at the tightest without a false alarm.

    That threshold is the largest figure of a sound run, of all cases or of the case at hand. Elements are
    held to an absolute one, too: what ``assert_allclose`` does with an ``atol`` alone, which has no default.
    """
    header = ["figure", "by its own threshold", "largest in a sound run", "by that threshold", "case by case"]
    elements = Figure("numpy: assert_allclose, `atol` alone", largest, lambda _: 0.0)
    runs = faulty(comparisons)
    rows = []
    for figure in (*figures, elements):
        values = [figure.figure(each) for each in comparisons]
        drift: dict[str, float] = {}
        for index in sound(comparisons):
            name = _case(comparisons[index])
            drift[name] = max(drift.get(name, 0.0), values[index])
        top = max(drift.values(), default=0.0)
        overall = [not value <= top for value in values]
        single = [
            not value <= drift.get(_case(each), 0.0) for value, each in zip(values, comparisons, strict=True)
        ]
        own = "—" if figure is elements else _caught(comparisons, figure.differs(comparisons), runs)
        cells = [_caught(comparisons, differs, runs) for differs in (overall, single)]
        rows.append([figure.name, own, f"{top:.1e}", *cells])
    return table(header, rows)


def by_case(comparisons: Sequence[Comparison], answers: Answers) -> str:
    """Return the table of false alarms: in how many ordered pairs of releases, case by case."""
    rows = []
    for name in dict.fromkeys(_case(each) for each in comparisons):
        pairs = [i for i in sound(comparisons) if _case(comparisons[i]) == name]
        moved = [i for i in pairs if not comparisons[i].same_bits]
        cells = [str(sum(differs[i] for i in pairs) or "—") for differs in answers.values()]
        rows.append([name, str(len(pairs)), str(len(moved)), *cells])
    return table(["case", "pairs", "with other bits", *answers], rows)


def summary(comparisons: Sequence[Comparison]) -> str:
    """Return in a sentence what was compared."""
    runs = [comparisons[i] for i in faulty(comparisons)]
    pairs = [comparisons[i] for i in sound(comparisons)]
    releases = dict.fromkeys(name for each in pairs for name in each.releases or ())
    return (
        f"{len(runs)} runs with one of {len({each.fault for each in runs})} faults in one of "
        f"{len({_case(each) for each in comparisons})} cases "
        f"(the output of {sum(each.same_bits for each in runs)} of them has the bits of the sound run), "
        f"and {len(pairs)} sound runs compared with the run of another release "
        f"({sum(each.same_bits for each in pairs)} have the same bits), "
        f"over all ordered pairs of MindSpore {', '.join(sorted(releases, key=_version))}."
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def put_between_markers(page: Path, text: str) -> None:
    """Replace what is between the two markers in ``page``; raises ValueError where they are not there."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page}: no lines {BEGIN} and {END} to write between")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _caught(comparisons: Sequence[Comparison], differs: Sequence[bool], runs: Sequence[int]) -> str:
    put_in = {_fault(comparisons[i]) for i in runs}
    caught = {_fault(comparisons[i]) for i in runs if differs[i]}
    return f"{len(caught)} of {len(put_in)} ({np.mean([differs[i] for i in runs]):.0%})" if runs else "—"


def _missed(comparisons: Sequence[Comparison], differs: Sequence[bool]) -> str:
    put_in = {_fault(comparisons[i]) for i in faulty(comparisons)}
    caught = {_fault(comparisons[i]) for i in faulty(comparisons) if differs[i]}
    return str(len(put_in - caught))


def _fault(comparison: Comparison) -> Fault:
    assert comparison.fault is not None
    return comparison.fault


def _case(comparison: Comparison) -> str:
    return comparison.case.name


def _size(fault: Fault) -> str:
    return "" if fault.reference is None else f"{fault.reference:g}"


def _version(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".") if part.isdigit())
