"""A picture to start from, and the PNG format in as much as it takes to store it."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]


def landscape(size: int) -> Picture:
    """Paint a sky, a hill and a sun, [size, size, 3]: flat areas, slopes and sharp edges."""
    y, x = np.mgrid[:size, :size] / (size - 1)
    picture = np.stack([90 + 120 * y, 130 + 80 * y, 230 - 40 * y], axis=-1)
    picture[(x - 0.7) ** 2 + (y - 0.3) ** 2 < 0.03] = (250, 210, 90)
    hill = y > 0.75 - 0.8 * x * (1 - x)
    picture[hill] = np.stack([40 + 60 * x, 150 - 70 * y, 60 + 30 * x], axis=-1)[hill]
    return np.rint(picture).astype(np.uint8)


def png(picture: Picture) -> bytes:
    """Return `picture` [height, width, 3] as a PNG.

    Stored as one block, not compressed, so that the bytes don't depend on the version of zlib.
    (Formats: https://www.w3.org/TR/png-3/, colour type 2, 8 bits, filter 0; RFC 1950 and 1951 for the block.)
    Raises struct.error if the picture has more than 64 KiB.
    """
    height, width, _ = picture.shape
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(rows), 0xFFFF - len(rows)) + rows
    stored += struct.pack(">I", zlib.adler32(rows))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", stored) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
