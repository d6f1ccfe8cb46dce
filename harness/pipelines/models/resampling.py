"""Halving and doubling the height and width of feature maps."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops

from harness.pipelines.models.layers import conv2d


class Downsample2D(nn.Cell):
    """A 3x3 convolution of stride 2.

    With `padding` 0 the map is padded by one row below and one column to the right, as in the original DDPM.
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
    """Copy every pixel of x [n, c, h, w] to a 2x2 square, bit for bit; [n, c, 2 h, 2 w]."""
    n, c, h, w = x.shape
    return ops.tile(x.reshape((n, c, h, 1, w, 1)), (1, 1, 1, 2, 1, 2)).reshape((n, c, 2 * h, 2 * w))
