"""Peers: faults, and sound runs of other releases, judged by harness and by the tests that others use.

Usage: python -m benchmarks.peers 2.7.0=PYTHON 2.8.0=PYTHON … [--suites SUITES …] [--work DIR]
           [--baseline-dir DIR] [--plugin-python PYTHON] [--write docs/peers.md]

Every RELEASE=PYTHON is an interpreter with that MindSpore; this interpreter's is one more. Under this one
every case runs with each fault of the catalogue in it, at its reference size, and is held to its stored
baseline. Under each release every case runs as it is, and is held to the run of every other release. Each
of these comparisons is put to harness, at its tolerance across releases (calibrated limits are those stored,
which were measured under this release, for all pairs), and to the peers, with their own thresholds.

Runs are kept below --work, so a second call judges only. pytest-regressions is run in a pytest of its own,
under --plugin-python or in a virtual environment that is made below --work. Prints tables in Markdown;
--write puts them between the markers of a page.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers import tables
from benchmarks.peers.comparisons import Comparison, across_releases, with_faults
from benchmarks.peers.judges import FIGURES, HARNESS, PEERS
from benchmarks.peers.regressions import Plugin, interpreter
from benchmarks.peers.runs import Runs
from harness.baselines.baseline import Baseline, device_key
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.selection import select
from harness.execution.runner import Runner
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.reporting.reasons import joined

SHOWN = ("pytest", "pytest-regressions", "numpy", "pillow")


def main() -> None:
    """Run, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("releases", nargs="*", metavar="RELEASE=PYTHON")
    parser.add_argument("--suites", nargs="*", default=["suites/"])
    parser.add_argument("--work", type=Path, default=Path("build/peers"))
    parser.add_argument("--baseline-dir", type=Path, default=Path("baselines"))
    parser.add_argument("--plugin-python")
    parser.add_argument("--write", type=Path, metavar="PAGE")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    pythons = dict(given.split("=", 1) for given in arguments.releases)
    own = importlib.metadata.version("mindspore")
    pythons[own] = sys.executable
    cases = select(arguments.suites).cases
    plugin_python = interpreter(arguments.plugin_python, work)

    sound = {release: _sound(release, python, cases, work) for release, python in pythons.items()}
    comparisons = list(_comparisons(own, sound, cases, work, BaselineStore(arguments.baseline_dir)))
    judges = (*HARNESS, *PEERS, *Plugin(plugin_python, work / "plugin").judges())
    answers = {each.name: each.differs(comparisons) for each in judges}
    report = "\n\n".join(
        [
            tables.summary(comparisons),
            tables.by_judge(comparisons, answers),
            "### Fault by fault",
            tables.by_fault(comparisons, answers),
            "### False alarms, case by case",
            tables.by_case(comparisons, answers),
            "### Thresholds chosen afterwards",
            tables.by_threshold(comparisons, FIGURES),
            _versions(plugin_python),
        ]
    )
    print(report)
    if arguments.write is not None:
        tables.put_between_markers(arguments.write, report)


def _sound(release: str, python: str, cases: tuple[Case, ...], work: Path) -> dict[Case, Measurement]:
    with Runner(python=python, timeout=3600) as runner:
        runs = Runs(work / "runs", release, runner)
        return {case: runs.sound(case) for case in cases}


def _comparisons(
    own: str,
    sound: dict[str, dict[Case, Measurement]],
    cases: tuple[Case, ...],
    work: Path,
    store: BaselineStore,
) -> Iterator[Comparison]:
    with Runner(timeout=3600) as runner:
        runs = Runs(work / "runs", own, runner)
        for case in cases:
            baseline = _baseline(store, case, sound[own][case])
            yield from with_faults(case, baseline, runs)
            yield from across_releases(case, baseline, {name: of[case] for name, of in sound.items()})


def _baseline(store: BaselineStore, case: Case, measured: Measurement) -> Baseline:
    """Return the baseline of ``case``; a sound run must pass, or what a fault does cannot be told from it."""
    device = device_key(measured.fingerprint)
    baseline = store.load(case.suite, case.id, device, suite_file=case.path)
    found = judge(case, measured, baseline, tier=Tier.ACROSS_RELEASES)
    if not found.passed:
        sys.exit(f"{case.name} does not pass without a fault: {joined(found.reasons)}")
    return baseline


def _versions(plugin_python: str) -> str:
    code = (
        f"from importlib.metadata import version as v; print(', '.join(f'{{n}} {{v(n)}}' for n in {SHOWN}))"
    )
    plugin = subprocess.run([plugin_python, "-c", code], capture_output=True, text=True, check=True).stdout
    ours = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "scikit-image"))
    return f"Judged with {ours}; the plugin ran in an environment with {plugin.strip()}."


if __name__ == "__main__":
    main()
