"""What calibrating K members costs, beside K runs of the case itself and one load.

Usage: python benchmarks/calibration_cost.py [CASE] [--members 10] [--repeats 3]

CASE is a case as `suites/x.yaml::id`. Both sides start a worker of their own, so both pay the worker's start
and the loading of the pipeline once; then one runs the case K times, the other calibrates it with K members:
one run as it is, which must give the baseline's bits, K perturbed ones, and all figures. Prints the ratio of
the two, each the shortest of the repeats, done alternately. Counted is CPU time, this process's and the
workers', which other work on the machine hardly moves.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from harness.baselines.baseline import Baseline, Provenance, device_key
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.selection import select
from harness.execution.pool import RunnerPool
from harness.execution.runner import Runner
from harness.measurement.measurement import Measurement
from harness.operations.calibrate import MEMBERS, Settings, calibrate_case


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("case", nargs="?", default="suites/ddim.yaml::fifty-steps")
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    (case,) = select([arguments.case]).cases
    runs, calibrations = [], []
    for _ in range(arguments.repeats):
        seconds, measured = _timed_runs(case, arguments.members)
        runs.append(seconds)
        calibrations.append(_timed_calibration(case, arguments.members, measured[0]))
        print(f"runs {runs[-1]:.2f} s, calibration {calibrations[-1]:.2f} s", file=sys.stderr)
    print(
        f"{case.name}, {arguments.members} members: {min(calibrations):.2f} s; as many runs and "
        f"one load: {min(runs):.2f} s of CPU time; ratio {min(calibrations) / min(runs):.2f}"
    )


def _timed_runs(case: Case, members: int) -> tuple[float, list[Measurement]]:
    started = _cpu_seconds()
    with Runner(timeout=3600, import_paths=[Path.cwd()]) as runner:
        measured = [runner.run(case.job()) for _ in range(members)]
    return _cpu_seconds() - started, measured


def _timed_calibration(case: Case, members: int, measured: Measurement) -> float:
    provenance = Provenance.of(case, reason="to be calibrated", git_commit=None)
    device = device_key(measured.fingerprint)
    with tempfile.TemporaryDirectory() as folder:
        store = BaselineStore(Path(folder))
        store.write(Baseline(case.suite, case.id, device, measured, provenance))
        started = _cpu_seconds()
        with RunnerPool(lambda: Runner(timeout=3600, import_paths=[Path.cwd()])) as pool:
            calibrate_case(case, pool, store, Settings(members, 2.0)).kept.clear()
        return _cpu_seconds() - started


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of the workers that have ended, all threads."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


if __name__ == "__main__":
    main()
