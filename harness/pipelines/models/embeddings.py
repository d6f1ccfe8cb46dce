"""Embeddings of the timestep: sinusoidal or learned, and the small network that widens them."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from harness.pipelines.models.layers import activation, linear


class SinusoidalTimesteps(nn.Cell):
    """The sinusoidal embedding of diffusion timesteps (Ho et al. 2020; Vaswani et al. 2017).

    Frequency i of `dim // 2` is 10000 ** (-i / (dim // 2 - freq_shift)). The table is made on the host, the
    exponential in float64 and rounded once: MindSpore's CPU kernel for exp is off by 4e-6 relative, which a
    timestep of 999 would turn into a wrong angle, and numpy's float32 exp differs between CPUs.
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
        """Look timestep [n] up; [n, dim]. Timesteps must be below `num_timesteps`."""
        return ops.gather(self.weight, timestep.astype(ms.int32), 0)


class TimestepEmbedding(nn.Cell):
    """Two linear layers with silu between them, whatever activation the rest of the model has."""

    def __init__(self, in_channels: int, out_channels: int, dtype: Any) -> None:
        super().__init__()
        self.linear_1 = linear(in_channels, out_channels, dtype)
        self.act = activation("silu")
        self.linear_2 = linear(out_channels, out_channels, dtype)

    def construct(self, x: ms.Tensor) -> Tensor:
        """Widen x [n, in_channels] to [n, out_channels]."""
        return self.linear_2(self.act(self.linear_1(x)))
