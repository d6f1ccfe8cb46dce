"""The time of all metrics on a pair of 1024 x 1024 x 3 float32 images, in units of one numpy.allclose.

Usage: python benchmarks/metrics_speed.py [--rounds 15]

Both run on the same pair alternately, on one core, for differences of the size of rounding and for large
ones; the median of the rounds' ratios stands for each. numpy.allclose makes arrays of the size of the pair,
and most of its time goes into fresh memory for them, unless the C library has been brought to keep it, by
some larger array freed before: both are shown.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np

from harness.judgement.metrics import compare

SHAPE = (1, 1024, 1024, 3)
DIFFERENCES = {"rounding (1e-6)": 1e-6, "large (1e-2)": 1e-2}


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def measure(size: float, rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the median seconds of each side, and of each side's ratio to numpy.allclose in its round."""
    random = np.random.default_rng(0)
    reference = random.random(SHAPE, np.float32)
    output = reference + np.float32(size) * (2 * random.random(SHAPE, np.float32) - 1)
    sides: dict[str, Callable[[], object]] = {
        "numpy.allclose": lambda: np.allclose(output, reference),
        "all metrics": lambda: compare(output, reference),
        "without SSIM": lambda: compare(output, reference, similarity=False),
    }
    for side in sides.values():
        side()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            times[name].append(seconds(side))
    unit = times["numpy.allclose"]
    ratios = {
        name: statistics.median(ours / theirs for ours, theirs in zip(values, unit, strict=True))
        for name, values in times.items()
    }
    return {name: statistics.median(values) for name, values in times.items()}, ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for memory in ("fresh", "kept"):
        if memory == "kept":
            # glibc raises what it keeps to the size of what was freed, up to 32 MiB.
            np.ones(31 * 2**20, np.uint8)
        for name, size in DIFFERENCES.items():
            times, ratios = measure(size, arguments.rounds)
            print(f"{memory} memory, difference {name}:")
            for side in times:
                print(f"    {side:15} {times[side] * 1e3:6.1f} ms   x {ratios[side]:.2f}")


if __name__ == "__main__":
    main()
