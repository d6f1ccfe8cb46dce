"""What cases in bfloat16 notice, beside the same case in float32, as a table for docs/bfloat16.md.

Usage: harness power suites/bfloat16.yaml suites/ddim.yaml::ten-steps-seed0 … --json FILE, in one go or suite
       by suite, then python -m benchmarks.bfloat16_power FILE... [--write docs/bfloat16.md]

Prints one line per fault that could be put into a case in bfloat16: for DDIM in float32 and bfloat16 the
smallest size that is caught, for the other cases whether the fault is caught at its reference size. With
--write the table replaces what stands between the two markers in that file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.pages import write_between
from harness.faults.catalogue import FAULTS, Fault
from harness.judgement.power.case_power import CasePower, FaultPower, PowerReport

START, END = "<!-- table: benchmarks/bfloat16_power.py -->", "<!-- end of table -->"
SIZES = {"ddim/ten-steps-seed0": "DDIM, float32", "bfloat16/ddim": "DDIM"}
REFERENCES = {
    "bfloat16/ddpm": "DDPM",
    "bfloat16/cifar10": "CIFAR-10",
    "mindone-bfloat16/stable-diffusion": "Stable Diffusion",
    "mindone-bfloat16/stable-diffusion-3": "SD3",
    "mindone-bfloat16/flux": "Flux",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    reports = [
        PowerReport.from_dict(json.loads(path.read_text(encoding="utf-8"))) for path in arguments.files
    ]
    table = "\n".join(lines({case.name: case for report in reports for case in report.cases}))
    print(table)
    if arguments.write is not None:
        write_between(arguments.write, START, END, table)


def lines(cases: dict[str, CasePower]) -> Iterator[str]:
    shown = {name: told for name, told in {**SIZES, **REFERENCES}.items() if name in cases}
    found = {name: {each.name: each for each in cases[name].faults} for name in shown}
    yield f"| fault | reference size | {' | '.join(shown.values())} |"
    yield "|---" * (2 + len(shown)) + "|"
    for fault in FAULTS:
        results = {name: faults[fault.name] for name, faults in found.items() if fault.name in faults}
        if any(each.applicable for name, each in results.items() if name not in list(SIZES)[:1]):
            size = "" if fault.reference is None else f"{fault.reference:g}"
            told = [_told(fault, name, results.get(name)) for name in shown]
            yield f"| `{fault.name}` | {size} | {' | '.join(told)} |"
    yield f"| caught by numbers | | {' | '.join(_count(found[name].values()) for name in shown)} |"


def _told(fault: Fault, name: str, found: FaultPower | None) -> str:
    if found is None or not found.applicable:
        return "-"
    if name in SIZES and fault.reference is not None and found.caught_from is not None:
        by = "" if found.numbers_from else " (fact)"
        return f"{found.caught_from:.2g}{by}"
    if found.outcome == "missed":
        return "missed"
    return "yes" if found.numbers_alone else "yes (fact)"


def _count(faults: Sequence[FaultPower]) -> str:
    applicable = [each for each in faults if each.applicable]
    caught = [each for each in applicable if each.outcome == "caught" and each.numbers_alone]
    return f"{len(caught)} of {len(applicable)}"


if __name__ == "__main__":
    main()
