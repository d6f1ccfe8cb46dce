"""How often a sound run leaves its envelope: every figure limited by itself, beside the pooled limits.

Usage: python benchmarks/envelope.py [SUITES …] [--members 24] [--take 5 10 20] [--factor 2] [--trials 200]
                                     [--work DIR]

Every case runs --members times with its noise moved by one ulp. Then, --trials times for each K of --take, K
of these members at random are the calibration, and one of the others is a sound run to be judged by it. Two
kinds of limits judge it:

- naive: every figure (metric, statistic, statistic of a step) may deviate by the members' largest deviation
  of that very figure, times the factor;
- pooled: the limits of `harness.judgement.calibration.limits`.

A run over any limit is a false alarm. Also shown is what pooling costs: how many times wider pooled limits on
statistics are than naive ones, the median over all statistics, those of steps included. Prints a table in
Markdown. The members are kept below --work, so that a second call does not run them again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import execnet
import numpy as np

from harness.baselines.baseline import Baseline, Provenance, device_key
from harness.baselines.calibration import Calibration
from harness.cases.case import Case
from harness.cases.selection import select
from harness.cases.tolerance import Limits
from harness.execution.runner import Runner
from harness.judgement.calibration.envelope import Member, make_calibration
from harness.judgement.calibration.limits import CalibratedLimits, StepLimits, calibrated_limits
from harness.judgement.limited import output_rows, step_rows
from harness.judgement.metrics import METRICS, scaled
from harness.measurement.measurement import Measurement


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("suites", nargs="*", default=["suites/"])
    parser.add_argument("--members", type=int, default=24)
    parser.add_argument("--take", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--factor", type=float, default=2.0)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--work", type=Path, default=Path("build/envelope"))
    arguments = parser.parse_args()
    takes = [take for take in arguments.take if take < arguments.members]
    heads = [f"{kind}, {take} members" for take in takes for kind in ("naive", "pooled")]
    print("| case |", " | ".join([*heads, "pooled limits are wider by"]), "|")
    print("|---" * (len(heads) + 2) + "|")
    totals: list[list[float]] = []
    with Runner(timeout=3600, import_paths=[Path.cwd()]) as runner:
        for case in select(arguments.suites).cases:
            runs = list(_runs(case, runner, arguments.members, arguments.work))
            shares, wider = _study(case, runs, takes, arguments.factor, arguments.trials)
            totals.append(shares)
            print(f"| {case.name} |", " | ".join([*map(_percent, shares), f"{wider:.1f} times"]), "|")
    means = [statistics.fmean(column) for column in zip(*totals, strict=True)]
    print("| mean |", " | ".join([*map(_percent, means), ""]), "|")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _runs(case: Case, runner: Runner, members: int, work: Path) -> Iterator[Measurement]:
    """Yield the run of ``case`` as it is, then its members, those that are kept from the disk."""
    for seed in range(members + 1):
        path = work / case.suite / case.id / f"{seed}.execnet"
        if path.exists():
            yield Measurement.from_wire(execnet.loads(path.read_bytes()))
            continue
        print(f"{case.name}: run {seed} of {members}", file=sys.stderr)
        measurement = runner.run(case.job().member(seed or None))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(execnet.dumps(measurement.to_wire()))
        yield measurement


def _study(
    case: Case, runs: Sequence[Measurement], takes: Sequence[int], factor: float, trials: int
) -> tuple[list[float], float]:
    """Return the share of false alarms, naive and pooled for each of ``takes``, and what pooling costs."""
    base, *perturbed = runs
    name = case.name
    members = [Member.of(seed, run, base, name) for seed, run in enumerate(perturbed, start=1)]
    provenance = Provenance.of(case, reason="", git_commit=None)
    baseline = Baseline(case.suite, case.id, device_key(base.fingerprint), base, provenance)
    rng = np.random.default_rng(0)
    shares: list[float] = []
    widths: list[float] = []
    for take in takes:
        alarms = {"naive": 0, "pooled": 0}
        for _ in range(trials):
            order = rng.permutation(len(members))
            made = make_calibration([members[index] for index in order[:take]], base, factor, name)
            naive, pooled = _naive(made, factor), calibrated_limits(baseline, made, factor)
            judged = perturbed[order[take]]
            alarms["naive"] += _over(judged, base, naive)
            alarms["pooled"] += _over(judged, base, pooled)
            widths += _widths(naive, pooled)
        shares += [alarms["naive"] / trials, alarms["pooled"] / trials]
    return shares, statistics.median(widths)


def _naive(calibration: Calibration, factor: float) -> CalibratedLimits:
    """Return limits of every figure by its own largest deviation."""
    metrics = {
        name: scaled(name, value, factor)
        for name, value in calibration.metrics.items()
        if name in METRICS and name != "max_ulp"
    }
    own = {name: value * factor for name, value in calibration.statistics.items()}
    steps = tuple(
        StepLimits(
            step.step,
            {name: value * factor for name, value in step.statistics.items()},
            step.largest * factor,
        )
        for step in calibration.steps
    )
    return CalibratedLimits(Limits.model_validate({**metrics, "statistics": own}), steps)


def _over(judged: Measurement, base: Measurement, limits: CalibratedLimits) -> bool:
    rows = [*output_rows(judged, base, limits.output), *step_rows(judged, base, limits.steps)]
    return any(row.passed is False for row in rows)


def _widths(naive: CalibratedLimits, pooled: CalibratedLimits) -> Iterator[float]:
    """Yield how many times wider each pooled limit on a statistic is; those of 0 have no such number."""
    places = [
        (ours.statistics, theirs.statistics) for ours, theirs in zip(pooled.steps, naive.steps, strict=True)
    ]
    if pooled.output is not None and naive.output is not None:
        places.append((pooled.output.statistics, naive.output.statistics))  # type: ignore[arg-type]
    for wide, narrow in places:
        yield from (wide[name] / narrow[name] for name in wide if narrow[name] > 0)


if __name__ == "__main__":
    main()
