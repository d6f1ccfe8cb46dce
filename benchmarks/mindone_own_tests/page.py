"""The tables of docs/mindone-own-tests.md."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from pathlib import Path

from benchmarks.mindone_own_tests.judging import Verdict, of_folder
from benchmarks.mindone_own_tests.running import ROOT, TESTS, Told
from benchmarks.pages import write_between

PAGE = ROOT / "docs" / "mindone-own-tests.md"
BEGIN, END = "<!-- tables -->", "<!-- end of tables -->"
FOLDERS = {
    "pipelines/": "pipelines",
    "modules/": "modules",
    "test_schedulers.py": "schedulers",
    "test_t5_film_transformer.py": "a transformer of notes",
    "hooks/": "hooks",
}
WORST = 10


def write(work: Path) -> None:
    """Write the tables between the page's markers."""
    verdicts = of_folder(work)
    tables = "\n\n".join([figures(verdicts), causes(verdicts), times(verdicts)])
    write_between(PAGE, BEGIN, END, tables)


def folder(test: str) -> str:
    """Return the name of the folder that a test is in."""
    inside = test.removeprefix(f"{TESTS}/")
    return next(name for start, name in FOLDERS.items() if inside.startswith(start))


def figures(verdicts: list[Verdict]) -> str:
    """Return the table of outcomes by folder and dtype."""
    lines = [
        "| folder | dtype | tests | pass | fail as expected | fail otherwise | skipped by mindone |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in FOLDERS.values():
        for each in verdicts:
            ended = {test: told["outcome"] for test, told in each.results.items() if folder(test) == name}
            if not ended:
                continue
            counts = Counter(ended.values())
            expected = sum(test in each.causes for test in ended)
            others = len(ended) - counts["passed"] - counts["skipped"] - expected
            lines.append(
                f"| {name} | {each.dtype} | {len(ended)} | {counts['passed']} | {expected} | {others} "
                f"| {counts['skipped']} |"
            )
    return "\n".join(lines)


def causes(verdicts: list[Verdict]) -> str:
    """Return the table of what is expected to fail, and why."""
    lines = ["| cause | dtypes | tests | why |", "| --- | --- | --- | --- |"]
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for each in verdicts:
        for expectation in each.causes.values():
            counts[expectation.cause, expectation.reason][each.dtype] += 1
    for (cause, reason), by_dtype in sorted(counts.items()):
        dtypes = ", ".join(by_dtype)
        tests = ", ".join(str(count) for count in by_dtype.values())
        lines.append(f"| {cause} | {dtypes} | {tests} | {' '.join(reason.split())} |")
    return "\n".join(lines)


def seconds(told: Told) -> tuple[float, float] | None:
    """Return the seconds of MindSpore's and of torch's side of a pipeline's test; None without both."""
    sides = told.get("times", {})
    if told["outcome"] != "passed" or set(sides) != {"torch", "mindspore"}:
        return None
    # The first run of a side also makes what later ones reuse.
    ours, torchs = (
        sum(statistics.median(call[1:] or call) for call in sides[side]) for side in ("mindspore", "torch")
    )
    return ours, torchs


def times(verdicts: list[Verdict]) -> str:
    """Return the table of times: medians, and the tests that are slowest beside torch."""
    lines = ["| dtype | pipeline test | MindSpore, s | torch, s | ratio |", "| --- | --- | --- | --- | --- |"]
    for each in verdicts:
        ratios = sorted(
            (
                (both[0] / both[1], both, test)
                for test, told in each.results.items()
                if (both := seconds(told))
            ),
            reverse=True,
        )
        if not ratios:
            continue
        median = statistics.median(ratio for ratio, _, _ in ratios)
        lines.append(f"| {each.dtype} | median of {len(ratios)} | | | {median:.1f} |")
        for ratio, (ours, torchs), test in ratios[:WORST]:
            name = test.rpartition("/")[2].replace(".py", "").replace("::", " ")
            lines.append(f"| {each.dtype} | {name} | {ours:.2f} | {torchs:.2f} | {ratio:.1f} |")
    return "\n".join(lines)
