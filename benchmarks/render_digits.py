"""Render a grid of 64 samples of ``builtin:ddpm-digits`` (DDIM, 50 steps) for docs/pipelines.md.

python benchmarks/render_digits.py --out docs/images/digits.png
"""

from __future__ import annotations

import os

# Before MindSpore is imported, see train_digits.py.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")

import argparse
from pathlib import Path

import mindspore as ms
import numpy as np
from PIL import Image

from harness.pipelines.unconditional import DDIMPipeline

SIDE = 8
SCALE = 4
GAP = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="builtin:ddpm-digits")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    ms.set_context(mode=ms.PYNATIVE_MODE)
    pipe = DDIMPipeline.from_pretrained(arguments.checkpoint)
    pipe.compile()
    generators = [np.random.Generator(np.random.PCG64(seed)) for seed in range(SIDE * SIDE)]
    images = pipe(batch_size=SIDE * SIDE, generator=generators, num_inference_steps=50).images
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grid(images[..., 0])).save(arguments.out, optimize=True)


def grid(images: np.ndarray) -> np.ndarray:
    """Lay out ``[64, h, w]`` in [0, 1] as one uint8 image, every pixel a square, with gaps between."""
    tiles = np.kron((images * 255).round().astype(np.uint8), np.ones((1, SCALE, SCALE), np.uint8))
    tiles = np.pad(tiles, ((0, 0), (GAP, 0), (GAP, 0)), constant_values=96)
    rows = [np.concatenate(list(row), axis=1) for row in tiles.reshape(SIDE, SIDE, *tiles.shape[1:])]
    return np.pad(np.concatenate(rows), ((0, GAP), (0, GAP)), constant_values=96)


if __name__ == "__main__":
    main()
