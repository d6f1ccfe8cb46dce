"""Slightly wrong versions of sound cells, for faults to put into a model."""

# MindSpore has no types: its Cell is Any.
# mypy: allow-subclassing-any

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops


class HalfLayer(nn.Cell):
    """``layer`` with its outputs, and with ``inputs`` also its inputs, rounded to half precision.

    Matrix units work this way in half precision; sums are kept in the layer's own precision. The caller must
    round the layer's weights.
    """

    def __init__(self, layer: nn.Cell, *, inputs: bool) -> None:
        super().__init__()
        self.layer = layer
        self.inputs = inputs

    def construct(self, x: ms.Tensor) -> Tensor:
        """Run the layer on ``x``; shapes and dtypes are the layer's."""
        y = self.layer(x.astype(ms.float16).astype(x.dtype) if self.inputs else x)
        return y.astype(ms.float16).astype(y.dtype)


class HalfSoftmax(nn.Cell):
    """``softmax`` computed in half precision whatever the dtype of its input, which the result keeps."""

    def __init__(self, softmax: Any) -> None:
        super().__init__()
        self.in_half = softmax

    def construct(self, x: ms.Tensor) -> Tensor:
        """Return the softmax of ``x``; same shape and dtype."""
        return self.in_half(x.astype(ms.float16)).astype(x.dtype)


class RationalSiLU(nn.Cell):
    """SiLU computed with :func:`rational_tanh`: ``x * (1 + tanh(x / 2)) / 2``."""

    def construct(self, x: ms.Tensor) -> Tensor:
        """Activate ``x``; same shape and dtype."""
        wide = x.astype(ms.float32)
        return (wide * (0.5 + 0.5 * rational_tanh(0.5 * wide))).astype(x.dtype)


class RationalMish(nn.Cell):
    """Mish computed with :func:`rational_tanh`: ``x * tanh(log(1 + exp(x)))``."""

    def construct(self, x: ms.Tensor) -> Tensor:
        """Activate ``x``; same shape and dtype."""
        wide = x.astype(ms.float32)
        return (wide * rational_tanh(ops.softplus(wide))).astype(x.dtype)


def rational_tanh(x: ms.Tensor) -> Tensor:
    """Return tanh of the float32 ``x`` from the first terms of Lambert's continued fraction, clipped at 1.

    x / (1 + x² / (3 + x² / (5 + x² / (7 + x² / 9)))) is off by up to 1.4e-3, as fast kernels are.
    """
    y = x * x
    quotient = x * (945.0 + y * (105.0 + y)) / (945.0 + y * (420.0 + 15.0 * y))
    return ops.clamp(quotient, -1.0, 1.0)


class ScaledSkip(nn.Cell):
    """A residual ``block`` whose skip connection, the channels from ``first`` on, is scaled by ``factor``."""

    def __init__(self, block: nn.Cell, first: int, factor: float) -> None:
        super().__init__()
        self.block = block
        self.first = first
        self.factor = factor

    def construct(self, x: ms.Tensor, temb: ms.Tensor) -> Tensor:
        """Run the block on ``x`` [n, channels, h, w] and ``temb``."""
        skip = x[:, self.first :] * self.factor
        return self.block(ops.concat((x[:, : self.first], skip), 1), temb)


class ShiftedTimestep(nn.Cell):
    """A time ``embedding`` that receives timesteps increased by ``shift``."""

    def __init__(self, embedding: nn.Cell, shift: float) -> None:
        super().__init__()
        self.embedding = embedding
        self.shift = shift

    def construct(self, timestep: ms.Tensor) -> Tensor:
        """Embed ``timestep`` [n]."""
        return self.embedding(timestep.astype(ms.float32) + self.shift)
