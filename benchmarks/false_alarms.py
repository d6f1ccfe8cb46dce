"""False alarms: sound runs of the shipped suites in other environments, judged by calibrated limits.

Usage: python benchmarks/false_alarms.py 2.7.0=PYTHON 2.8.0=PYTHON … [--work DIR] [--members K]
           [--vary RELEASE] [--skip RELEASE:ISA:SUITE/CASE …] [--suites SUITES …]

Every RELEASE=PYTHON is an interpreter with that MindSpore. Each runs every case once, and has a store of
baselines below --work, recorded and calibrated under it (kept, so that a second call does not repeat it); a
release that gives the very bits of one before it, in every step of every case, shares that one's store, as
its own would hold the same numbers. Every run is judged against every store: all ordered pairs of releases.
Under --vary the cases also run with other oneDNN ISAs, on all visible cores, and in the other mode. None of
these runs has a fault, so anything but `identical` in the same environment, or `identical` or `within` in
another, is a false alarm. Prints a table in Markdown; exits 1 where there is one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.selection import select
from harness.errors import HarnessError
from harness.execution.fingerprint import effective_isa
from harness.execution.profile import known_isas
from harness.execution.runner import Runner
from harness.judgement.bits import first_changed_step, same_bits
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.tiers import Tier
from harness.measurement.measurement import Measurement
from harness.operations.check import hold
from harness.reporting.reasons import joined

Run: TypeAlias = tuple[Case, Measurement]
OTHER_MODE = {"pynative": "graph", "graph": "pynative"}


@dataclass(frozen=True)
class Environment:
    """Where the cases run: an interpreter and a profile; ``other_mode`` swaps PyNative and graph."""

    release: str
    python: str
    isa: str = "AVX2"
    pinned: bool = True
    other_mode: bool = False

    @property
    def words(self) -> str:
        changes = [] if self.isa == "AVX2" else [self.isa]
        changes += [] if self.pinned else ["all cores"]
        changes += ["other mode"] if self.other_mode else []
        return ", ".join(changes) or "as recorded"


@dataclass
class Group:
    """The verdicts on one kind of change."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    alarms: list[str] = field(default_factory=list)
    worst: tuple[float, str] = (0.0, "")

    def add(self, judgement: Judgement, told: str, *, sound: bool) -> None:
        self.verdicts[judgement.verdict] += 1
        margin = judgement.margin
        if judgement.verdict is Verdict.WITHIN and margin is not None and judgement.worst is not None:
            self.worst = max(self.worst, (margin, f"{told}: {judgement.worst.name}"))
        if not sound:
            self.alarms.append(f"{told}: {judgement.verdict.value}: {joined(judgement.reasons)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("releases", nargs="+", metavar="RELEASE=PYTHON")
    parser.add_argument("--suites", nargs="*", default=["suites/"])
    parser.add_argument("--work", type=Path, default=Path("build/false-alarms"))
    parser.add_argument("--members", type=int, default=20)
    parser.add_argument("--vary", metavar="RELEASE", action="append", default=[])
    parser.add_argument("--skip", action="append", default=[], metavar="RELEASE:ISA:SUITE/CASE")
    arguments = parser.parse_args()
    pythons = dict(given.split("=", 1) for given in arguments.releases)
    cases = select(arguments.suites).cases
    runs: dict[str, list[Run]] = {}
    stores: dict[str, BaselineStore] = {}
    for name, python in pythons.items():
        runs[name] = list(_runs(Environment(name, python), cases, arguments.skip))
        alike = (other for other in stores if _same_bits(runs[name], runs[other]))
        shared = next(alike, None)
        stores[name] = _store(arguments, name, python) if shared is None else stores[shared]
        if shared is not None:
            print(f"{name} has the bits of {shared} in every case", file=sys.stderr)
    groups: dict[str, Group] = defaultdict(Group)
    for release, python in pythons.items():
        for case, measurement in runs[release]:
            for name, store in stores.items():
                _judge(groups, case, measurement, Environment(release, python), name, store)
    for environment in _variations(pythons, arguments.vary):
        for case, measurement in _runs(environment, cases, arguments.skip):
            _judge(groups, case, measurement, environment, environment.release, stores[environment.release])
    _print(groups)
    if any(group.alarms for group in groups.values()):
        sys.exit(1)


def _store(arguments: argparse.Namespace, name: str, python: str) -> BaselineStore:
    root = arguments.work / name
    if not root.exists():
        command = [sys.executable, "-m", "harness", "record", *arguments.suites, "--calibrate"]
        command += ["--members", str(arguments.members), "--python", python, "--baseline-dir", str(root)]
        print("running:", *command[2:], file=sys.stderr)
        subprocess.run(command, check=True)
    return BaselineStore(root)


def _same_bits(ours: list[Run], theirs: list[Run]) -> bool:
    """Whether two releases gave the same bits: outputs, latents of every step, single images."""
    return all(
        same_bits(a.output, b.output) and same_bits(a.singles, b.singles) and first_changed_step(a, b) is None
        for (_, a), (_, b) in zip(ours, theirs, strict=True)
    )


def _variations(pythons: dict[str, str], varied: Iterable[str]) -> Iterator[Environment]:
    for name in sorted(varied):
        for isa in known_isas():
            if isa not in ("AVX", "AVX2") and effective_isa(isa) == isa:
                yield Environment(name, pythons[name], isa=isa)
        yield Environment(name, pythons[name], pinned=False)
        yield Environment(name, pythons[name], other_mode=True)


def _runs(environment: Environment, cases: Iterable[Case], skipped: list[str]) -> Iterator[Run]:
    with Runner(
        python=environment.python, isa=environment.isa, pinned=environment.pinned, timeout=3600
    ) as runner:
        for case in cases:
            if f"{environment.release}:{environment.isa}:{case.name}" in skipped:
                continue
            job = case.job()
            if environment.other_mode:
                job = replace(job, mode=OTHER_MODE[job.mode])
            print(f"{environment.release} {environment.words}: {case.name}", file=sys.stderr)
            yield case, runner.run(job)


def _judge(
    groups: dict[str, Group],
    case: Case,
    measurement: Measurement,
    environment: Environment,
    name: str,
    store: BaselineStore,
) -> None:
    try:
        judgement = hold(case, measurement, store).judgement
    except HarnessError as error:
        judgement = Judgement.error(case, error)
    same = judgement.tier is Tier.SAME_ENVIRONMENT
    allowed = (Verdict.IDENTICAL,) if same else (Verdict.IDENTICAL, Verdict.WITHIN)
    told = f"{case.name} {name} → {environment.release}"
    if environment.words != "as recorded":
        kind = environment.words
        if environment.other_mode:
            kind += f", {case.dtype}"
    else:
        kind = "same environment" if same else "another release"
    groups[kind].add(judgement, told, sound=judgement.verdict in allowed)


def _print(groups: dict[str, Group]) -> None:
    shown = [Verdict.IDENTICAL, Verdict.WITHIN, Verdict.DRIFT, Verdict.INCOMPARABLE, Verdict.ERROR]
    print("| what differs | compared | " + " | ".join(verdict.value for verdict in shown), end=" | ")
    print("false alarms | nearest to its limit |\n|---|" + "---|" * (len(shown) + 3))
    for kind, group in groups.items():
        counts = " | ".join(str(group.verdicts[verdict]) for verdict in shown)
        margin, told = group.worst
        nearest = f"{margin:.0%} ({told})" if told else ""
        print(f"| {kind} | {group.verdicts.total()} | {counts} | {len(group.alarms)} | {nearest} |")
    for kind, group in groups.items():
        for alarm in group.alarms:
            print(f"\nfalse alarm ({kind}): {alarm}")


if __name__ == "__main__":
    main()
