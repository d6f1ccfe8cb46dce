"""Writes the table of docs/mindone-pipelines.md from the data of a run of the suites of mindone's classes.

pytest suites/mindone/classes --baseline-dir baselines --harness-nightly --harness-report out
python -m benchmarks.mindone_classes out/report.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).parents[1] / "docs" / "mindone-pipelines.md"
BEGIN, END = "<!-- pipelines -->", "<!-- end of pipelines -->"
SUITES = "mindone-classes-"


def table(report: dict[str, Any]) -> str:
    """Return a line for each case of mindone's classes in the data of a report, and the count."""
    cases = [case for case in report["cases"] if case["case"]["suite"].startswith(SUITES)]
    rows = sorted(map(row, cases))
    environment = {each["name"]: each["measured"] for case in cases for each in case["environment"]}
    versions = [str(environment[name]).partition(" ")[0] for name in ("mindspore", "mindone")]
    passed = sum(case["judgement"]["verdict"] in ("identical", "within") for case in cases)
    expected = sum(case["judgement"]["expected"] for case in cases)
    lines = [
        f"{passed} of {len(cases)} pipeline classes passed, {expected} failed as expected "
        f"(MindSpore {versions[0]}, mindone {versions[1]} on {environment['device']})",
        "",
        "| case | pipeline | result | output | kernels of harness |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*lines, *map(line, rows)])


def row(view: dict[str, Any]) -> tuple[str, ...]:
    judgement, output = view["judgement"], view["output"]
    result = "failed as expected: " + view["case"]["fails"] if judgement["expected"] else judgement["verdict"]
    shape = kernels = ""
    if output is not None:
        shape = " x ".join(map(str, output["shape"]))
        kernels = str(len(output["replaced_kernels"]))
    pipeline = view["case"]["definition"]["pipeline"].removeprefix("mindone:").rpartition(".")[2]
    return view["case"]["id"], pipeline, result, shape, kernels


def line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def main(arguments: list[str]) -> None:
    found = table(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    text = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, marker, tail = rest.partition(END)
    if not marker:
        raise SystemExit(f"{DOCUMENT}: has no markers {BEGIN} and {END}; put them where the table goes")
    DOCUMENT.write_text(f"{head}{BEGIN}\n{found}\n{END}{tail}", encoding="utf-8")
    print(found)


if __name__ == "__main__":
    main(sys.argv[1:])
