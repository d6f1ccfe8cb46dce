"""Convolution, linear layer, group norm and activation as the model uses them.

All of them start at constants rather than at random values: weights come from a checkpoint, and building a
model must not draw from any global random generator.
"""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops


def conv2d(
    in_channels: int,
    out_channels: int,
    dtype: Any,
    *,
    kernel_size: int = 3,
    stride: int = 1,
    padding: int | tuple[int, int, int, int] = 1,
) -> nn.Cell:
    """Build a convolution with bias; `padding` is one number or (top, bottom, left, right), filled with 0."""
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride=stride,
        pad_mode="pad",
        padding=padding,
        has_bias=True,
        weight_init="zeros",
        bias_init="zeros",
        dtype=dtype,
    )


def linear(in_channels: int, out_channels: int, dtype: Any) -> nn.Cell:
    """Build a linear layer with bias, on the last axis."""
    return nn.Dense(in_channels, out_channels, weight_init="zeros", bias_init="zeros", dtype=dtype)


def activation(name: str) -> nn.Cell:
    """Build the activation that diffusers' configs call `name` (gelu is the exact one, by erf)."""
    cells = {
        "silu": nn.SiLU,
        "swish": nn.SiLU,
        "mish": nn.Mish,
        "gelu": lambda: nn.GELU(approximate=False),
        "relu": nn.ReLU,
    }
    return cells[name.lower()]()


def divided(x: ms.Tensor, factor: float) -> Tensor:
    """Divide x by a constant; by 1 nothing is computed."""
    return x if factor == 1 else x / factor


class GroupNorm(nn.Cell):
    """Group normalisation over [n, channels, ...] with the parameter names of diffusers.

    `mindspore.nn.GroupNorm` calls them gamma and beta; the operator is the same.
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float, dtype: Any) -> None:
        super().__init__()
        self.num_groups = num_groups
        self.eps = eps
        self.weight = Parameter(ops.ones((num_channels,), dtype), name="weight")
        self.bias = Parameter(ops.zeros((num_channels,), dtype), name="bias")

    def construct(self, x: ms.Tensor) -> Tensor:
        """Normalise x [n, channels, ...]; same shape and dtype."""
        return ops.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)
