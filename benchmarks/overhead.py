"""What a 50-step full-size case costs through pytest, beside the same loop in a bare script.

Usage: python benchmarks/overhead.py [--repeats 3]

Both sides load the same weights and run the same pipeline under the same profile; what is compared is the
time past MindSpore's import, and the largest resident memory of the process that ran the model.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

CASE = "suites/cifar10.yaml::fifty-steps-graph"
# The worker's interpreter, and MindSpore's import with the canaries.
STARTING = ("seconds.spawn", "seconds.start")


def bare() -> None:
    """Run the loop in this process and print seconds and bytes as JSON."""
    import resource

    import numpy as np

    from harness.execution.profile import Profile, claim_core

    profile = Profile(core=claim_core().core)
    profile.apply_before_import()
    import mindspore  # noqa: F401  its import is not part of what is compared

    from harness.pipelines.unconditional import DDIMPipeline

    profile.apply_after_import()
    started = time.perf_counter()
    pipeline = DDIMPipeline.from_pretrained("seeded:ddpm-cifar10-32")
    pipeline.compile()
    generator = np.random.Generator(np.random.PCG64(0))
    image = pipeline(generator=generator, num_inference_steps=50, output_type="np").images
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "sum": float(np.abs(image).sum())}))


def run_bare() -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, "--bare"], capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_pytest() -> dict[str, float]:
    """Run the case; its time is less the worker's start, which the bare script leaves out too."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", CASE, f"--junitxml={report}"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (case,) = ElementTree.parse(report).iter("testcase")
    properties = {item.get("name"): item.get("value") for item in case.iter("property")}
    starting = sum(float(properties[key] or 0) for key in STARTING)
    return {
        "seconds": float(case.get("time") or 0) - starting,
        "peak": float(properties["peak_memory_mb"] or 0) * 2**20,
        "sum": float(properties["statistic.abs_sum"] or 0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.bare:
        bare()
        return
    sides: dict[str, list[dict[str, float]]] = {"bare script": [], "pytest": []}
    for _ in range(arguments.repeats):
        sides["bare script"].append(run_bare())
        sides["pytest"].append(run_pytest())
    best = {name: min(runs, key=lambda run: run["seconds"]) for name, runs in sides.items()}
    for name, runs in sides.items():
        seconds = ", ".join(f"{run['seconds']:.2f}" for run in runs)
        print(f"{name:12}  seconds {seconds};  peak memory {best[name]['peak'] / 2**20:.0f} MB")
    ratio = best["pytest"]["seconds"] / best["bare script"]["seconds"]
    memory = best["pytest"]["peak"] / best["bare script"]["peak"]
    print(f"pytest / bare script: time x {ratio:.3f} (fastest of {arguments.repeats}), memory x {memory:.3f}")


if __name__ == "__main__":
    main()
