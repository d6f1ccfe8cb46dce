"""PNG files of arrays, without an imaging library."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from harness.measurement.measurement import Array

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# PNG's colour types (https://www.w3.org/TR/png-3/, section 11.2.1) by number of channels.
_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
_NO_FILTER, _SUB = 0, 1


def encode_png(pixels: Array) -> bytes:
    """Return the PNG file of uint8 ``pixels`` ``[height, width, channels]``: grey, RGB or RGBA.

    Raises ValueError for other shapes and dtypes.
    """
    if (
        pixels.dtype != np.uint8
        or pixels.ndim != 3
        or pixels.shape[2] not in _COLOUR_TYPES
        or not pixels.size
    ):
        raise ValueError(f"no PNG can be made of {pixels.dtype}{pixels.shape}")
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    # Smooth pictures are smaller as differences from the pixel to the left, noise is smaller as it is.
    left = np.zeros_like(pixels)
    left[:, 1:] = pixels[:, :-1]
    data = min((_compressed(pixels, _NO_FILTER), _compressed(pixels - left, _SUB)), key=len)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _compressed(values: Array, filter_type: int) -> bytes:
    rows = values.reshape(len(values), -1)
    return zlib.compress(np.insert(rows, 0, filter_type, axis=1).tobytes(), 9)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
