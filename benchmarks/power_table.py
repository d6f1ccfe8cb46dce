"""The power of the shipped suites as a table for docs/power.md, and as a picture.

Usage: harness power suites/ --json FILE, in one go or suite by suite, then
       python benchmarks/power_table.py FILE... [--write docs/power.md] [--picture docs/images/power.png]

Prints one line per fault of the catalogue: in how many of the cases that it can be put into it is caught at
its reference size, in how many of these by numbers alone, and the smallest size that any case notices. With
--write the table replaces what stands between the two markers in that file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.faults.catalogue import FAULTS, Fault
from harness.judgement.power.case_power import CasePower, FaultPower, PowerReport

START, END = "<!-- table: benchmarks/power_table.py -->", "<!-- end of table -->"
HEADER = (
    "fault",
    "family",
    "reference size",
    "caught",
    "by numbers alone",
    "smallest size caught",
    "in",
    "unit of the size",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    reports = [
        PowerReport.from_dict(json.loads(path.read_text(encoding="utf-8"))) for path in arguments.files
    ]
    cases = [case for report in reports for case in report.cases]
    table = "\n".join(_lines(cases))
    print(table)
    if arguments.write is not None:
        text = arguments.write.read_text(encoding="utf-8")
        before, rest = text.split(START)
        after = rest.split(END)[1]
        arguments.write.write_text(f"{before}{START}\n{table}\n{END}{after}", encoding="utf-8")
    if arguments.picture is not None:
        from harness.reporting.power_picture import power_picture

        merged = PowerReport.of(cases, FAULTS, quick=False)
        arguments.picture.write_bytes(power_picture(merged, arguments.picture.suffix))


def _lines(cases: Sequence[CasePower]) -> Iterator[str]:
    yield f"| {' | '.join(HEADER)} |"
    yield "|---" * len(HEADER) + "|"
    for fault in FAULTS:
        found = [
            (case, each)
            for case in cases
            for each in case.faults
            if each.name == fault.name and each.applicable
        ]
        yield f"| {' | '.join(_cells(fault, found))} |"
    refused = [case for case in cases if case.refusal is not None]
    vacuous = [case.name for case in cases if case.vacuous]
    yield ""
    told = f"{len(cases)} cases, {len(refused)} could not be examined"
    yield f"{told}, vacuous: {', '.join(vacuous) or 'none'}."


def _cells(fault: Fault, found: Sequence[tuple[CasePower, FaultPower]]) -> list[str]:
    caught = [each for _, each in found if each.outcome == "caught"]
    alone = [each for each in caught if each.numbers_alone]
    # What an exact fact catches says nothing of the tolerance.
    sizes = [
        (each.caught_from, case.name)
        for case, each in found
        if each.caught_from is not None and each.numbers_from
    ]
    size, where = min(sizes, default=(None, ""))
    return [
        f"`{fault.name}`",
        fault.family,
        "" if fault.reference is None else f"{fault.reference:g}",
        f"{len(caught)} of {len(found)}",
        str(len(alone)),
        "" if size is None else f"{size:g}",
        where,
        fault.unit,
    ]


if __name__ == "__main__":
    main()
