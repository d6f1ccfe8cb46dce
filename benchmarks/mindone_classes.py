"""Writes the table of docs/mindone-pipelines.md from the data of runs of the suites of mindone's classes.

pytest suites/mindone/classes --baseline-dir baselines --harness-nightly --harness-report out
python -m benchmarks.mindone_classes out/report.json [OTHER/report.json ...]

The others are runs of the same suites under other releases (`--harness-python`), a column each.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.pages import write_between

DOCUMENT = Path(__file__).parents[1] / "docs" / "mindone-pipelines.md"
BEGIN, END = "<!-- pipelines -->", "<!-- end of pipelines -->"
SUITES = "mindone-classes-"


def table(reports: list[dict[str, Any]]) -> str:
    """Return a line for each case of mindone's classes in the first report, and what each report counts."""
    runs = [
        [case for case in report["cases"] if case["case"]["suite"].startswith(SUITES)] for report in reports
    ]
    others = [{name(case): case for case in cases} for cases in runs[1:]]
    header = ("case", "pipeline", *map(release, runs), "output", "kernels of harness")
    rows = sorted(row(case, [other[name(case)] for other in others]) for case in runs[0])
    return "\n".join([*map(count, runs), "", *map(line, [header, ("---",) * len(header), *rows])])


def count(cases: list[dict[str, Any]]) -> str:
    verdicts = Counter(result(case).partition(" (")[0] for case in cases)
    told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items(), reverse=True))
    mindone = environment(cases, "mindone")
    return f"- {release(cases)}, mindone {mindone} on {environment(cases, 'device')}: {told}"


def release(cases: list[dict[str, Any]]) -> str:
    return f"MindSpore {environment(cases, 'mindspore')}"


def environment(cases: list[dict[str, Any]], field: str) -> str:
    fields = {each["name"]: each["measured"] for case in cases for each in case["environment"]}
    return str(fields[field]).partition(" ")[0]


def name(view: dict[str, Any]) -> tuple[str, str]:
    return view["case"]["suite"], view["case"]["id"]


def row(view: dict[str, Any], others: list[dict[str, Any]]) -> tuple[str, ...]:
    output = view["output"]
    shape = kernels = ""
    if output is not None:
        shape = " x ".join(map(str, output["shape"]))
        kernels = str(len(output["replaced_kernels"]))
    pipeline = view["case"]["definition"]["pipeline"].removeprefix("mindone:").rpartition(".")[2]
    return view["case"]["id"], pipeline, *map(result, [view, *others]), shape, kernels


def result(view: dict[str, Any]) -> str:
    """Return the verdict, with the share of its limit that the worst figure takes."""
    judgement = view["judgement"]
    if judgement["expected"]:
        return f"expected failure ({view['case']['fails']})"
    verdict, margin = judgement["verdict"], judgement["margin"]
    return f"{verdict} ({margin:.0%})" if verdict == "within" and margin is not None else str(verdict)


def line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def main(arguments: list[str]) -> None:
    found = table([json.loads(Path(each).read_text(encoding="utf-8")) for each in arguments])
    write_between(DOCUMENT, BEGIN, END, found)
    print(found)


if __name__ == "__main__":
    main(sys.argv[1:])
