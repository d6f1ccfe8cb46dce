"""The layers of the model: convolution, linear layer, norms, activation.

All layers start with constants rather than random values: weights come from a checkpoint, and building a
model must not draw from a global random generator.
"""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops


def conv2d(in_channels: int, out_channels: int, dtype: Any, kernel_size: int = 3, **options: Any) -> nn.Cell:
    """Build a convolution with bias; by default the map is zero-padded by one on every side."""
    start = {"has_bias": True, "weight_init": "zeros", "bias_init": "zeros"}
    padded = {"pad_mode": "pad", "padding": 1}
    return nn.Conv2d(in_channels, out_channels, kernel_size, dtype=dtype, **(start | padded | options))


def linear(in_channels: int, out_channels: int, dtype: Any) -> nn.Cell:
    """Build a linear layer with bias that acts on the last axis."""
    return nn.Dense(in_channels, out_channels, weight_init="zeros", bias_init="zeros", dtype=dtype)


def activation(name: str) -> nn.Cell:
    """Build the activation that diffusers' configs call `name` (gelu is the exact one, based on erf)."""
    cells = {
        "silu": nn.SiLU,
        "swish": nn.SiLU,
        "mish": nn.Mish,
        "gelu": lambda: nn.GELU(approximate=False),
        "relu": nn.ReLU,
    }
    return cells[name.lower()]()


def divided(x: ms.Tensor, factor: float) -> Tensor:
    """Divide x by a constant; division by 1 is skipped."""
    return x if factor == 1 else x / factor


class GroupNorm(nn.Cell):
    """Group normalisation with diffusers' parameter names (`mindspore.nn.GroupNorm` has gamma and beta)."""

    def __init__(self, num_groups: int, num_channels: int, eps: float, dtype: Any) -> None:
        super().__init__()
        self.num_groups = num_groups
        self.eps = eps
        self.weight = Parameter(ops.ones((num_channels,), dtype), name="weight")
        self.bias = Parameter(ops.zeros((num_channels,), dtype), name="bias")

    def construct(self, x: ms.Tensor) -> Tensor:
        """Normalise x [n, channels, ...]; shape and dtype stay the same."""
        return ops.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class AdaGroupNorm(nn.Cell):
    """Group normalisation whose scale and shift are computed from the embedded timestep."""

    def __init__(self, num_groups: int, num_channels: int, eps: float, embed_dim: int, dtype: Any) -> None:
        super().__init__()
        self.num_groups = num_groups
        self.eps = eps
        self.linear = linear(embed_dim, 2 * num_channels, dtype)

    def construct(self, x: ms.Tensor, temb: ms.Tensor) -> Tensor:
        """Normalise x [n, channels, h, w] with temb [n, embed_dim]; shape and dtype stay the same."""
        scale, shift = ops.chunk(self.linear(temb), 2, 1)
        n, c = scale.shape
        normed = ops.group_norm(x, self.num_groups, eps=self.eps)
        return normed * (1 + scale.reshape((n, c, 1, 1))) + shift.reshape((n, c, 1, 1))
