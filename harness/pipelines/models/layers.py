"""The layers of the model: convolution, norm, activation, resampling, embeddings of the timestep.

All layers start with constants rather than random values: weights come from a checkpoint, and building a
model must not draw from a global random generator.
"""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops


def conv2d(in_channels: int, out_channels: int, dtype: Any, kernel_size: int = 3, **options: Any) -> nn.Cell:
    """Build a convolution with bias; by default the map is zero-padded by one on every side."""
    start = {"has_bias": True, "weight_init": "zeros", "bias_init": "zeros"}
    padded = {"pad_mode": "pad", "padding": 1}
    return nn.Conv2d(in_channels, out_channels, kernel_size, dtype=dtype, **start, **(padded | options))


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


class SinusoidalTimesteps(nn.Cell):
    """The sinusoidal embedding of diffusion timesteps (Ho et al. 2020; Vaswani et al. 2017).

    Frequency i of `dim // 2` is 10000 ** (-i / (dim // 2 - freq_shift)). The table is computed on the host,
    with the exponential in float64 and rounded once: MindSpore's CPU kernel for exp has a relative error of
    4e-6, which gives a wrong angle at timestep 999, and numpy's float32 exp differs between CPUs.
    """

    def __init__(self, dim: int, freq_shift: int, flip_sin_to_cos: bool) -> None:
        super().__init__()
        half = dim // 2
        exponents = (
            np.float32(-math.log(10000.0)) * np.arange(half, dtype=np.float32) / np.float32(half - freq_shift)
        )
        self.frequencies = Tensor(np.exp(exponents.astype(np.float64)).astype(np.float32)[None])
        self.cosine_first = flip_sin_to_cos
        self.is_odd = dim % 2 == 1

    def construct(self, timestep: ms.Tensor) -> Tensor:
        """Embed timestep [n] as float32 [n, dim]."""
        angles = timestep.astype(ms.float32).reshape((-1, 1)) * self.frequencies
        sine, cosine = ops.sin(angles), ops.cos(angles)
        embedded = ops.concat((cosine, sine) if self.cosine_first else (sine, cosine), -1)
        if self.is_odd:
            embedded = ops.concat((embedded, ops.zeros_like(angles[:, :1])), -1)
        return embedded


class LearnedTimesteps(nn.Cell):
    """One learned vector per training timestep."""

    def __init__(self, num_timesteps: int, dim: int, dtype: Any) -> None:
        super().__init__()
        self.weight = Parameter(ops.zeros((num_timesteps, dim), dtype), name="weight")

    def construct(self, timestep: ms.Tensor) -> Tensor:
        """Return the vectors [n, dim] of timestep [n]; timesteps must be below `num_timesteps`."""
        return ops.gather(self.weight, timestep.astype(ms.int32), 0)


class TimestepEmbedding(nn.Cell):
    """Two linear layers with silu between them, whatever activation the rest of the model uses."""

    def __init__(self, in_channels: int, out_channels: int, dtype: Any) -> None:
        super().__init__()
        self.linear_1 = linear(in_channels, out_channels, dtype)
        self.act = activation("silu")
        self.linear_2 = linear(out_channels, out_channels, dtype)

    def construct(self, x: ms.Tensor) -> Tensor:
        """Map x [n, in_channels] to [n, out_channels]."""
        return self.linear_2(self.act(self.linear_1(x)))
