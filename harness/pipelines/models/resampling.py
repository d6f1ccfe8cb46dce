"""Halving and doubling of a map: by convolution, by copying pixels, and by filters that are fixed."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from harness.pipelines.models.layers import conv2d


class Downsample2D(nn.Cell):
    """A 3x3 convolution of stride 2.

    If `padding` is 0, the map is padded by one row at the bottom and one column on the right, as in the
    original DDPM.
    """

    def __init__(self, channels: int, padding: int, dtype: Any) -> None:
        super().__init__()
        self.conv = conv2d(channels, channels, dtype, stride=2, padding=padding or (0, 1, 0, 1))

    def construct(self, x: ms.Tensor) -> Tensor:
        """Halve x [n, c, h, w] to [n, c, h // 2, w // 2]."""
        return self.conv(x)


class Upsample2D(nn.Cell):
    """Nearest-neighbour doubling, then a 3x3 convolution."""

    def __init__(self, channels: int, dtype: Any) -> None:
        super().__init__()
        self.conv = conv2d(channels, channels, dtype)

    def construct(self, x: ms.Tensor) -> Tensor:
        """Double x [n, c, h, w] to [n, c, 2 h, 2 w]."""
        return self.conv(repeat_pixels(x))


def repeat_pixels(x: ms.Tensor) -> Tensor:
    """Copy every pixel of x [n, c, h, w] into a 2x2 square, bit for bit; returns [n, c, 2 h, 2 w]."""
    n, c, h, w = x.shape
    return ops.tile(x.reshape((n, c, h, 1, w, 1)), (1, 1, 1, 2, 1, 2)).reshape((n, c, 2 * h, 2 * w))


class FilteredSampling(nn.Cell):
    """Halve or double a map with the filter of four taps [1, 3, 3, 1] in both directions.

    The skip blocks put zeros around the map, the K blocks its own mirrored edge (``upfirdn2d_native`` and
    ``KDownsample2D`` of diffusers). A constant map is kept as it is, except at an edge of zeros.
    """

    def __init__(self, *, doubles: bool, mirrors: bool) -> None:
        super().__init__()
        self.doubles = doubles
        self.mirrors = mirrors
        taps = np.array([1, 3, 3, 1], np.float64) / (4 if doubles else 8)
        self.taps = Tensor(np.outer(taps, taps).astype(np.float32)[None, None])
        self.conv = ops.Conv2D(1, 4, pad_mode="valid", stride=1 if doubles else 2)

    def construct(self, x: ms.Tensor) -> Tensor:
        """Map x [n, c, h, w] to [n, c, h // 2, w // 2] or [n, c, 2 h, 2 w].

        To mirror, h and w must be above 1.
        """
        n, c, h, w = x.shape
        x = x.reshape((n * c, 1, h, w))
        x = _mirrored(x) if self.mirrors else _framed(x, 1)
        if self.doubles:
            x = _spread(x)[:, :, :-1, :-1]
        x = self.conv(x, self.taps.astype(x.dtype))
        return x.reshape((n, c, x.shape[2], x.shape[3]))


def _framed(x: ms.Tensor, width: int) -> Tensor:
    """Put zeros around x [n, 1, h, w]; returns [n, 1, h + 2 width, w + 2 width]."""
    side = ops.zeros_like(x[:, :, :, :width])
    x = ops.concat((side, x, side), 3)
    edge = ops.zeros_like(x[:, :, :width])
    return ops.concat((edge, x, edge), 2)


def _mirrored(x: ms.Tensor) -> Tensor:
    """Put the second and the last but one row and column around x [n, 1, h, w], as torch's reflect does."""
    x = ops.concat((x[:, :, :, 1:2], x, x[:, :, :, -2:-1]), 3)
    return ops.concat((x[:, :, 1:2], x, x[:, :, -2:-1]), 2)


def _spread(x: ms.Tensor) -> Tensor:
    """Put a zero after every pixel of x [n, 1, h, w], below and to the right; returns [n, 1, 2 h, 2 w]."""
    n, c, h, w = x.shape
    x = x.reshape((n, c, h, w, 1))
    x = ops.concat((x, ops.zeros_like(x)), 4).reshape((n, c, h, 1, 2 * w))
    return ops.concat((x, ops.zeros_like(x)), 3).reshape((n, c, 2 * h, 2 * w))
