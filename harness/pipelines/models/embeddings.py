"""Embeddings of the timestep and of the class."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from harness.pipelines.models.layers import activation, linear


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


class FourierTimesteps(nn.Cell):
    """Sines and cosines of the timestep's logarithm at frequencies that are stored (Song et al. 2021).

    The logarithm is computed in float64 where the device has it, and rounded once: MindSpore's CPU kernel in
    float32 has a relative error of 1e-5, which the frequencies would turn into whole turns.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = Parameter(ops.zeros((dim,), ms.float32), name="weight")
        self.log_dtype = ms.float32 if ms.get_context("device_target") == "Ascend" else ms.float64

    def construct(self, timestep: ms.Tensor) -> Tensor:
        """Embed timestep [n], which must be above 0, as float32 [n, 2 dim]."""
        logarithm = ops.log(timestep.astype(self.log_dtype)).astype(ms.float32)
        angles = logarithm.reshape((-1, 1)) * self.weight.astype(ms.float32) * 2 * math.pi
        return ops.concat((ops.sin(angles), ops.cos(angles)), -1)


class ClassEmbedding(nn.Cell):
    """One learned vector per class."""

    def __init__(self, num_classes: int, dim: int, dtype: Any) -> None:
        super().__init__()
        self.weight = Parameter(ops.zeros((num_classes, dim), dtype), name="weight")

    def construct(self, labels: ms.Tensor) -> Tensor:
        """Return the vectors [n, dim] of labels [n]; labels must be below the number of classes."""
        return ops.gather(self.weight, labels.astype(ms.int32), 0)
