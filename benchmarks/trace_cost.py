"""What the per-step trace costs: 50 steps of the full-size model with and without it.

Usage: python benchmarks/trace_cost.py [--modes graph pynative] [--runs 2] [--steps 50]

One process per mode runs `seeded:ddpm-cifar10-32` under the harness's profile. Of each two steps that follow
one another one is traced and the other not, which of them changes from pair to pair: whatever else the
machine does falls on both. A step's cost is the CPU time of the process, all threads, from the end of the
step before to its own. Printed are the median over all pairs of traced / not traced, and the share of the
trace alone: the median CPU time of a call of `StepTrace`, over the median step without one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

LIMIT = 0.03


class Alternating:
    """Traces every other step, and notes what each took."""

    def __init__(self, trace: Any) -> None:
        self._trace = trace
        self.steps: list[tuple[bool, float]] = []
        self.calls: list[float] = []
        self._last = time.process_time()

    def __call__(self, pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        # Pairs are (traced, not), (not, traced), …
        traced = step % 4 in (0, 3)
        before = time.process_time()
        if traced:
            self._trace(pipeline, step, timestep, tensors)
        after = time.process_time()
        if traced:
            self.calls.append(after - before)
        self.steps.append((traced, after - self._last))
        self._last = after
        return {}


def measure(mode: str, runs: int, steps: int) -> dict[str, Any]:
    """Run in this process; return the ratios of all pairs, the calls' and the plain steps' seconds."""
    import numpy as np

    from harness.execution.profile import Profile, claim_core

    profile = Profile(core=claim_core().core)
    profile.apply_before_import()
    import mindspore as ms

    from harness.measurement.trace import StepTrace
    from harness.pipelines.unconditional import DDIMPipeline

    profile.apply_after_import()
    pipeline = DDIMPipeline.from_pretrained("seeded:ddpm-cifar10-32")
    if mode == "graph":
        pipeline.compile()
    ratios: list[float] = []
    calls: list[float] = []
    plain: list[float] = []
    # The first run compiles and allocates.
    for run in range(-1, runs):
        found = Alternating(StepTrace())
        pipeline(
            generator=np.random.Generator(np.random.PCG64(0)),
            num_inference_steps=steps if run >= 0 else 4,
            output_type="np",
            callback_on_step_end=found,
        )
        if run < 0:
            continue
        # The first pair has what comes before the first step.
        for first, second in zip(found.steps[2::2], found.steps[3::2], strict=False):
            with_trace, without = (first, second) if first[0] else (second, first)
            ratios.append(with_trace[1] / without[1])
            plain.append(without[1])
        calls += found.calls[1:]
    versions = f"mindspore {ms.__version__}, {profile.name()}"
    return {"ratios": ratios, "calls": calls, "plain": plain, "versions": versions}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--modes", nargs="+", default=["graph", "pynative"], choices=["graph", "pynative"])
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.runs, arguments.steps)))
        return
    over = False
    for mode in arguments.modes:
        command = [sys.executable, __file__, "--measure", mode]
        command += ["--runs", str(arguments.runs), "--steps", str(arguments.steps)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        plain, called = statistics.median(found["plain"]), statistics.median(found["calls"])
        print(
            f"{mode}: a step with the trace / without x {statistics.median(found['ratios']):.4f} "
            f"(median of {len(found['ratios'])} pairs); the trace alone {called * 1e3:.2f} ms of a step of "
            f"{plain * 1e3:.0f} ms, {called / plain:.2%}  ({found['versions']})"
        )
        over |= called / plain > LIMIT
    if over:
        sys.exit(f"the trace costs more than {LIMIT:.0%}")


if __name__ == "__main__":
    main()
