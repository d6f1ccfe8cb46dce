"""The pictures and arrays that cases are called with, as files."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

_SIDES = (16, 32, 64)
_OBLONG = (30, 44)  # height and width


def write_inputs(folder: Path) -> None:
    """Write them into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for side in _SIDES:
        picture = _picture(side)
        for turns in range(4 if side < 64 else 1):  # the frames of videos, which turn about
            turned = np.rot90(picture, turns)
            (folder / f"picture-{side}-{turns}.bmp").write_bytes(_bmp(turned))
        (folder / f"mask-{side}.bmp").write_bytes(_bmp(_mask(side)))
    height, width = _OBLONG
    (folder / f"picture-{width}x{height}.bmp").write_bytes(_bmp(_picture(64)[:height, :width]))
    (folder / f"mask-{width}x{height}.bmp").write_bytes(_bmp(_patch(height, width)))
    for name, array in _arrays().items():
        np.save(folder / f"{name}.npy", array)


def _picture(side: int) -> Pixels:
    """Return a smooth picture [side, side, 3] with a different gradient in each channel."""
    y, x = np.mgrid[0:side, 0:side] / (side - 1)
    return (np.stack([x, y, (x + y) / 2], axis=-1) * 255).astype(np.uint8)


def _mask(side: int) -> Pixels:
    """Return a mask [side, side, 3] whose right half is to be painted anew."""
    painted = np.zeros((side, side, 3), np.uint8)
    painted[:, side // 2 :] = 255
    return painted


def _patch(height: int, width: int) -> Pixels:
    """Return a mask [height, width, 3] of a patch away from the edges, nearer to the left and the top."""
    painted = np.zeros((height, width, 3), np.uint8)
    painted[6 : height // 2, 8 : width // 2 + 3] = 255
    return painted


def _arrays() -> dict[str, npt.NDArray[np.float32]]:
    latents = _noise(0, 1, 16, 16)
    return {
        "embedding": _noise(0, 1, 32),
        "embedding-negative": _noise(1, 1, 32),
        "embeddings-of-picture": _noise(0, 1, 4, 4, 4),
        "embeddings-of-text": _noise(0, 1, 16, 32),
        "embeddings-of-text-negative": _noise(1, 1, 16, 32),
        "latents-inverted": _noise(0, 1, 2, 4, 16, 16),
        "mask-of-latents": np.where(latents > 0, 1, 0).astype(np.float32),
        "latents-16": _channels(16, 4),
        "picture-64": _channels(64, 3),
        "latents-of-picture": 0.8 * _noise(2, 1, 4, 12, 20),
    }


def _noise(seed: int, *shape: int) -> npt.NDArray[np.float32]:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(shape, dtype=np.float32)


def _channels(side: int, channels: int) -> npt.NDArray[np.float32]:
    """Return the picture as an array [1, channels, side, side] in [0, 1]."""
    pixels = _picture(side).astype(np.float32)[None].transpose(0, 3, 1, 2) / np.float32(255)
    return np.resize(pixels, (1, channels, side, side))


def _bmp(pixels: Pixels) -> bytes:
    """Return ``pixels`` [height, width, 3], the width a multiple of 4, as a BMP: nothing is compressed."""
    height, width, _ = pixels.shape
    content = pixels[::-1, :, ::-1].tobytes()  # from the bottom up, blue first
    header = struct.pack("<2sIII", b"BM", 54 + len(content), 0, 54)
    about = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(content), 0, 0, 0, 0)
    return header + about + content
