"""How far the core is from diffusers on torch, as a Markdown table: relative L2 by architecture.

Usage: python benchmarks/parity/report.py [tests/data/parity]

Reads the reference arrays in the folder; see its README for what they are.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from safetensors import safe_open

from harness.execution.profile import Profile, claim_core

SCHEDULER = {"_class_name": "DDIMScheduler", "beta_start": 1e-4, "beta_end": 0.02, "clip_sample": True}


def relative_l2(value: np.ndarray, truth: np.ndarray) -> float:
    truth = truth.astype(np.float64)
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("tests/data/parity"))
    folder = parser.parse_args().folder

    profile = Profile(core=claim_core().core)
    profile.apply_before_import()
    import mindspore as ms

    from harness.pipelines.models.config import UNet2DConfig
    from harness.pipelines.models.unet2d import UNet2DModel
    from harness.pipelines.schedulers.config import SchedulerConfig
    from harness.pipelines.seeded import seeded_state
    from harness.pipelines.unconditional import DDIMPipeline

    profile.apply_after_import()
    versions = ""
    print("| architecture | parameters | model | image, 50 steps of DDIM |\n|---|---|---|---|")
    for path in sorted(folder.glob("*.safetensors")):
        if path.stem == "schedulers":
            continue
        with safe_open(path, "numpy") as handle:
            metadata = handle.metadata()
            arrays = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118  not a dict
        unet = UNet2DModel(UNet2DConfig.from_dict(json.loads(metadata["config"]), str(path)))
        unet.load_state(seeded_state(unet.state_shapes(), int(metadata["weights_seed"])))
        classes = arrays.get("class_labels")
        labels = () if classes is None else (ms.Tensor(classes),)
        output = unet(ms.Tensor(arrays["sample"]), ms.Tensor(arrays["timesteps"]), *labels).asnumpy()
        size = sum(int(np.prod(shape)) for shape in unet.state_shapes().values())
        row = f"| {path.stem} | {size / 1e6:.1f} M | {relative_l2(output, arrays['output']):.1e} |"
        if "ddim_image" not in arrays:
            print(f"{row} — |", flush=True)
            continue
        pipeline = DDIMPipeline(unet, DDIMPipeline.make_scheduler(SchedulerConfig.from_dict(SCHEDULER, "")))
        pipeline.compile()
        generator = np.random.Generator(np.random.PCG64(int(metadata["ddim_noise_seed"])))
        image = pipeline(
            generator=generator,
            num_inference_steps=int(metadata["ddim_steps"]),
            class_labels=None if classes is None else classes[0].tolist(),
        ).images
        print(f"{row} {relative_l2(image, arrays['ddim_image']):.1e} |", flush=True)
        versions = metadata["versions"]
    print(f"\nmindspore {ms.__version__} against {versions}")


if __name__ == "__main__":
    main()
