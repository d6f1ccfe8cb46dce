"""Pictures and embeddings that samples are called with."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
import PIL.Image

from harness.pipelines.mindone_coverage.samples import SIZE


def picture(size: int = SIZE, mode: str = "RGB") -> PIL.Image.Image:
    """Return a smooth picture with a different gradient in each channel, ``size`` pixels square."""
    y, x = np.mgrid[0:size, 0:size] / (size - 1)
    channels = np.stack([x, y, (x + y) / 2], axis=-1)
    return PIL.Image.fromarray((channels * 255).astype(np.uint8)).convert(mode)


def mask(size: int = SIZE) -> PIL.Image.Image:
    """Return a mask (mode L) whose right half is to be painted anew."""
    painted = np.zeros((size, size), np.uint8)
    painted[:, size // 2 :] = 255
    return PIL.Image.fromarray(painted)


def video(frames: int = 2, size: int = SIZE) -> list[PIL.Image.Image]:
    """Return ``frames`` pictures that turn about."""
    return [picture(size).rotate(90 * i) for i in range(frames)]


def picture_tensor(size: int = SIZE, channels: int = 3) -> Any:
    """Return a tensor [1, channels, size, size] (float32, in [0, 1])."""
    pixels = np.asarray(picture(size), np.float32)[None].transpose(0, 3, 1, 2) / 255
    return ms.Tensor(np.resize(pixels, (1, channels, size, size)))


def noise(*shape: int, seed: int = 0) -> Any:
    """Return a standard normal tensor of ``shape`` (float32)."""
    return ms.Tensor(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))
