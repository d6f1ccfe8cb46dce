"""How far every shipped case moves under another interpreter's MindSpore, against the stored baselines.

Usage: python benchmarks/releases.py PYTHON [SUITES...] [--metric relative_l2 ...]

PYTHON is an interpreter with another MindSpore release. Prints one line per case: the verdict, the tier and
the metrics, which is where the limits in `suites/` come from.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.baselines.store import BaselineStore
from harness.cases.selection import select
from harness.execution.runner import Runner
from harness.judgement.metrics import compare, statistic_deviation
from harness.operations.check import check, select_baseline
from harness.reporting.reasons import in_words

METRICS = ("relative_l2", "max_abs", "mean_abs", "worst_tile")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python")
    parser.add_argument("suites", nargs="*", default=["suites/"])
    parser.add_argument("--baseline-dir", type=Path, default=Path("baselines"))
    arguments = parser.parse_args()
    store = BaselineStore(arguments.baseline_dir)
    columns = "  ".join(f"{name:>11}" for name in (*METRICS, "statistics"))
    print(f"{'case':32}  {'verdict':12}  {'tier':16}  {columns}")
    with Runner(python=arguments.python) as runner:
        for case in select(arguments.suites).cases:
            result = check(case, runner, store)
            tier = "" if result.judgement.tier is None else result.judgement.tier.words
            line = f"{case.suite + '/' + case.id:32}  {result.judgement.verdict.value:12}  {tier:16}"
            if result.measurement is not None:
                stored = select_baseline(store, case, result.measurement.fingerprint).measurement
                metrics = compare(result.measurement.output, stored.output)
                figures = [metrics[name] for name in METRICS]
                figures.append(
                    max(
                        statistic_deviation(name, value, stored.statistics)
                        for name, value in result.measurement.statistics.items()
                    )
                )
                line += "  " + "  ".join(f"{figure:11.2e}" for figure in figures)
            print(line, *in_words(result.judgement.reasons[:1]))


if __name__ == "__main__":
    main()
