"""The time of one denoising step: the core in graph mode beside diffusers on torch, one thread and core each.

Usage: python benchmarks/step_time.py TORCH_PYTHON [--repeats 3]

TORCH_PYTHON is an interpreter with torch and diffusers. Both run the full-size ddpm-cifar10-32 architecture
on one image, pinned to the same core, alternately; the weights do not matter for the time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

STEPS = 10

TORCH_SIDE = """
import json, os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
import torch, diffusers
torch.set_num_threads(1)
config = json.loads(sys.argv[2])
unet = diffusers.UNet2DModel(**config).eval()
scheduler = diffusers.DDIMScheduler()
def run(steps):
    scheduler.set_timesteps(steps)
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        for t in scheduler.timesteps:
            image = scheduler.step(unet(image, t).sample, t, image).prev_sample
    return image
run(2)
started = time.perf_counter()
run(int(sys.argv[3]))
print(json.dumps({"seconds": time.perf_counter() - started,
                  "versions": f"torch {torch.__version__}, diffusers {diffusers.__version__}"}))
"""


def core_side(core: int) -> None:
    """Time the core in this process and print JSON."""
    import numpy as np

    from harness.execution.profile import Profile

    profile = Profile(core=core)
    profile.apply_before_import()
    import mindspore as ms

    from harness.pipelines.unconditional import DDIMPipeline

    profile.apply_after_import()
    pipeline = DDIMPipeline.from_pretrained("seeded:ddpm-cifar10-32")
    pipeline.compile()

    def run(steps: int) -> None:
        pipeline(
            generator=np.random.Generator(np.random.PCG64(0)), num_inference_steps=steps, output_type="np"
        )

    run(2)
    started = time.perf_counter()
    run(STEPS)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "versions": f"mindspore {ms.__version__}, {profile.name()}"}))


def measure(command: list[str]) -> dict[str, object]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("torch_python", nargs="?")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--core-side", type=int, default=None, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.core_side is not None:
        core_side(arguments.core_side)
        return
    if arguments.torch_python is None:
        parser.error("give an interpreter with torch and diffusers")
    from harness.pipelines.checkpoints import SEEDED_CHECKPOINTS

    core = str(min(os.sched_getaffinity(0)))
    described = json.loads(SEEDED_CHECKPOINTS["ddpm-cifar10-32"].unet_file.read_text())
    config = {key: value for key, value in described.items() if not key.startswith("_")}
    commands = {
        "core, graph mode": [sys.executable, __file__, "--core-side", core],
        "diffusers": [arguments.torch_python, "-c", TORCH_SIDE, core, json.dumps(config), str(STEPS)],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    versions = {}
    for _ in range(arguments.repeats):
        for name, command in commands.items():
            result = measure(command)
            times[name].append(float(str(result["seconds"])) / STEPS)
            versions[name] = result["versions"]
    for name, seconds in times.items():
        told = ", ".join(f"{value:.3f}" for value in seconds)
        print(f"{name:18} {told} s a step  ({versions[name]})")
    print(f"core / diffusers: x {min(times['core, graph mode']) / min(times['diffusers']):.2f}")


if __name__ == "__main__":
    main()
