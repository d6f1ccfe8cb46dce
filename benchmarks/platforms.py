"""The shipped cases on every platform that is at hand: verdicts, shares of limits, and what a factor costs.

Usage: python -m benchmarks.platforms run ROWS SUITES… --release RELEASE [--python PYTHON] [--isa ISA]
           [--all-cores]
       python -m benchmarks.platforms stored ROWS SUITES… --release RELEASE
       python -m benchmarks.platforms table ROWS [--power POWER…] [--write docs/aarch64.md]

`run` runs each case once and judges it against every baseline that is stored for it, of whatever device. What
it finds replaces what the file ROWS (one JSON object a line) had about the same run. QEMU_CPU in the
environment chooses the processor of an interpreter for aarch64. None of these runs has a fault, so drift is a
false alarm.

`stored` runs nothing: it takes the measurement in each baseline for the run, and judges it against those of
the other devices.

`table` prints what the file has as a table, and how many of the shipped cases that is: rows may be added
platform by platform. POWER are reports of `harness power --quick --json`; from their margins follows which
faults are still caught at a wider factor.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.pages import write_between
from harness.baselines.baseline import device_key
from harness.baselines.current import own_devices
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.selection import select
from harness.errors import HarnessError
from harness.execution.runner import Runner
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.power.case_power import PowerReport
from harness.judgement.tiers import DEVICE_FACTOR, Tier
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement

START, END = "<!-- table: benchmarks/platforms.py -->", "<!-- end of table -->"
HEADER = (
    "run on", "cores", "MindSpore", "judged by", "tier", "runs", "identical", "within", "false alarms",
    "not compared", "nearest to its limit",
)  # fmt: skip
# What a calibration multiplies its envelope with, before what a tier adds.
FACTOR = 2.0
FACTORS = (2.0, 3.0, 4.0, 5.0, 7.0)
KEY = ("arch", "isa", "cpu_model", "cores", "release", "case", "baseline")
ISAS = {
    "SSE41": "SSE4.1", "AVX2": "AVX2", "AVX512_CORE": "AVX-512", "ADVANCED_SIMD": "Advanced SIMD",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run")
    run.add_argument("--python", default=sys.executable)
    run.add_argument("--isa")
    run.add_argument("--all-cores", action="store_true")
    stored = commands.add_parser("stored")
    for each in (run, stored):
        each.add_argument("rows", type=Path)
        each.add_argument("suites", nargs="+")
        each.add_argument("--release", required=True)
        each.add_argument("--baseline-dir", type=Path, default=Path("baselines"))
    table = commands.add_parser("table")
    table.add_argument("rows", type=Path)
    table.add_argument("--power", type=Path, nargs="*", default=[])
    table.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    if arguments.command in ("run", "stored"):
        for case, measurement in (_run if arguments.command == "run" else _stored)(arguments):
            _judge(arguments, case, measurement)
        return
    lines = "\n".join(table_lines(read_rows(arguments.rows), arguments.power))
    print(lines)
    if arguments.write is not None:
        write_between(arguments.write, START, END, lines)


def read_rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _run(arguments: argparse.Namespace) -> Iterator[tuple[Case, Measurement]]:
    with Runner(
        python=arguments.python, isa=arguments.isa, pinned=not arguments.all_cores, timeout=3600
    ) as runner:
        for case in select(arguments.suites).cases:
            print(case.name, file=sys.stderr)
            yield case, runner.run(case.job())


def _stored(arguments: argparse.Namespace) -> Iterator[tuple[Case, Measurement]]:
    store = BaselineStore(arguments.baseline_dir)
    for case in select(arguments.suites).cases:
        devices = own_devices(case, store)
        if len(devices) > 1:
            for device in devices:
                yield case, store.load(case.suite, case.id, device).measurement


def _judge(arguments: argparse.Namespace, case: Case, measurement: Measurement) -> None:
    """Judge one run against the baselines of all devices, and keep what is found."""
    store = BaselineStore(arguments.baseline_dir)
    fields = {name: measurement.fingerprint[name] for name in ("arch", "isa", "cpu_model", "cores")}
    for device in own_devices(case, store):
        # A stored measurement beside itself says nothing.
        if arguments.command == "stored" and device == device_key(measurement.fingerprint):
            continue
        try:
            found = judge(case, measurement, store.load(case.suite, case.id, device))
        except HarnessError as error:
            found = Judgement.error(case, error)
        row = {**fields, "release": arguments.release, "case": case.name, "baseline": device}
        _keep(arguments.rows, {**row, **_told(found)})


def _told(found: Judgement) -> dict[str, Any]:
    worst = found.worst
    # A batch beside its single images, and the host's work, have limits that no factor widens.
    scaled = [row.used for row in found.rows if row.used is not None and row.part not in ("batch", "host")]
    return {
        "verdict": found.verdict.value,
        "tier": None if found.tier is None else found.tier.value,
        "share": found.margin,
        "scaled": max(scaled, default=None),
        "figure": None if worst is None else worst.name,
    }


def _keep(path: Path, row: dict[str, Any]) -> None:
    rows = {tuple(each[name] for name in KEY): each for each in read_rows(path)}
    rows[tuple(row[name] for name in KEY)] = row
    lines = (json.dumps(rows[key], sort_keys=True) for key in sorted(rows))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def table_lines(rows: Sequence[dict[str, Any]], power: Iterable[Path]) -> Iterator[str]:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        # On another model of a processor, the same instruction set is another run.
        groups[_platform(row), row["cores"], row["release"], row["baseline"], row["tier"] or ""].append(row)
    yield f"| {' | '.join(HEADER)} |"
    yield "|---" * len(HEADER) + "|"
    for key, found in sorted(groups.items()):
        platform, cores, release, baseline, tier = key
        words = [platform, cores, release, f"`{baseline}`", tier.replace("_", " "), str(len(found))]
        yield f"| {' | '.join([*words, *_counts(found)])} |"
    cases = {case.name for case in select(["suites/"]).cases if case.run == "always"}
    missing = sorted(cases - {row["case"] for row in rows})
    yield ""
    yield (
        f"The table holds {len(cases) - len(missing)} of the {len(cases)} shipped cases that run by day, "
        f"in {len(groups)} combinations. It lacks {', '.join(missing) or 'none of them'}."
    )
    yield ""
    yield from _needed(rows)
    reports = [PowerReport.from_dict(json.loads(path.read_text(encoding="utf-8"))) for path in power]
    if reports:
        yield ""
        yield from _cost(reports)


def _platform(row: dict[str, Any]) -> str:
    isa = ISAS.get(row["isa"]) or row["isa"].replace("SVE_", "SVE, ") + " bits"
    return f"{row['arch'].replace('x86_64', 'x86-64')}, {isa}"


def _counts(rows: Sequence[dict[str, Any]]) -> list[str]:
    verdicts = Counter(row["verdict"] for row in rows)
    shares = [(row["share"], row) for row in rows if row["verdict"] in ("within", "drift") and row["share"]]
    share, row = max(shares, key=lambda pair: pair[0], default=(None, {}))
    nearest = "" if share is None else f"{share:.0%} ({row['case']}: {row['figure']})"
    not_compared = verdicts[Verdict.INCOMPARABLE.value] + verdicts[Verdict.ERROR.value]
    shown = (verdicts["identical"], verdicts["within"], verdicts["drift"], not_compared)
    return [*map(str, shown), nearest]


def _needed(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Say which factor across devices would have been enough, and which false alarms would need more."""
    used = FACTOR * DEVICE_FACTOR
    across = [row for row in rows if row["tier"] == Tier.ACROSS_DEVICES.value and row["scaled"] is not None]
    sound = [row for row in across if row["scaled"] <= 1]
    if sound:
        widest = max(sound, key=lambda row: row["scaled"])
        yield (
            f"Across devices the factor is {used:g}. For {len(sound)} of {len(across)} comparisons a factor "
            f"of {widest['scaled'] * used:.1f} would have been enough; {widest['case']} on "
            f"{_platform(widest)} needs that much."
        )
    for row in across:
        if row["scaled"] > 1:
            yield (
                f"{row['case']} on {_platform(row)} would need {row['scaled'] * used:.1f} ({row['figure']})."
            )


def _cost(reports: Iterable[PowerReport]) -> Iterator[str]:
    """Say which faults of the catalogue are caught at which factor, at their reference sizes."""
    found = [
        (f"{case.name}: `{each.name}`", each)
        for report in reports
        for case in report.cases
        if case.tolerance is not None and case.tolerance.get("factor") == FACTOR
        for each in case.faults
        if each.applicable and each.outcome in ("caught", "missed")
    ]
    yield "| factor | caught | of | lost to a factor of 2 |"
    yield "|---|---|---|---|"
    by_two = {name for name, each in found if _caught(each, FACTOR)}
    for factor in FACTORS:
        caught = {name for name, each in found if _caught(each, factor)}
        lost = ", ".join(sorted(by_two - caught))
        yield f"| {factor:g} | {len(caught)} | {len(found)} | {lost or 'none'} |"


def _caught(fault: Any, factor: float) -> bool:
    # What an exact fact catches is caught at any factor.
    if fault.outcome == "caught" and not fault.numbers_alone:
        return True
    return fault.margin is not None and fault.margin * FACTOR / factor > 1


if __name__ == "__main__":
    main()
