"""Residual blocks."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops

from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.layers import AdaGroupNorm, GroupNorm, activation, conv2d, divided, linear
from harness.pipelines.models.plan import K_GROUP_SIZE
from harness.pipelines.models.resampling import FilteredSampling, repeat_pixels


class ResnetBlock2D(nn.Cell):
    """Norm, activation and convolution, twice, with a residual connection.

    The embedded timestep enters between the two: it is added before the second norm (`default`), or applied
    as scale and shift after it (`scale_shift`). `resample` doubles ('up') or halves ('down') the map after
    the first activation, and in the residual connection; 'filtered_up' and 'filtered_down' use a filter.
    The sum is divided by `output_scale_factor`. `groups` are those of the two norms, unless the configuration
    says them. `projects` puts a convolution into the residual connection even if the width stays the same.
    """

    def __init__(
        self,
        config: UNet2DConfig,
        in_channels: int,
        out_channels: int,
        dtype: Any,
        *,
        output_scale_factor: float = 1.0,
        resample: str | None = None,
        groups: tuple[int, int] | None = None,
        projects: bool = False,
    ) -> None:
        super().__init__()
        self.scales_and_shifts = config.resnet_time_scale_shift == "scale_shift"
        self.output_scale_factor = output_scale_factor
        self.resample = resample
        first, second = groups or (config.groups(in_channels), config.groups(out_channels))
        self.norm1 = GroupNorm(first, in_channels, config.norm_eps, dtype)
        self.conv1 = conv2d(in_channels, out_channels, dtype)
        width = 2 * out_channels if self.scales_and_shifts else out_channels
        self.time_emb_proj = linear(config.time_embed_dim, width, dtype)
        self.norm2 = GroupNorm(second, out_channels, config.norm_eps, dtype)
        self.conv2 = conv2d(out_channels, out_channels, dtype)
        self.act = activation(config.act_fn)
        self.pool = nn.AvgPool2d(2, 2)
        self.is_filtered = resample in ("filtered_up", "filtered_down")
        if self.is_filtered:
            self.filter = FilteredSampling(doubles=resample == "filtered_up", mirrors=False)
        self.projects = projects or in_channels != out_channels
        if self.projects:
            self.conv_shortcut = conv2d(in_channels, out_channels, dtype, kernel_size=1, padding=0)

    def construct(self, x: ms.Tensor, temb: ms.Tensor) -> Tensor:
        """Map x [n, in_channels, h, w] and temb [n, time_embed_dim] to [n, out_channels, h', w']."""
        h = self.act(self.norm1(x))
        if self.resample == "up":
            x, h = repeat_pixels(x), repeat_pixels(h)
        elif self.resample == "down":
            x, h = self.pool(x), self.pool(h)
        elif self.is_filtered:
            x, h = self.filter(x), self.filter(h)
        h = self.conv1(h)
        time = self.time_emb_proj(self.act(temb))
        time = time.reshape((time.shape[0], time.shape[1], 1, 1))
        if self.scales_and_shifts:
            scale, shift = ops.chunk(time, 2, 1)
            h = self.norm2(h) * (1 + scale) + shift
        else:
            h = self.norm2(h + time)
        h = self.conv2(self.act(h))
        if self.projects:
            x = self.conv_shortcut(x)
        return divided(x + h, self.output_scale_factor)


class ConditionedResnetBlock2D(nn.Cell):
    """The residual block of K blocks: the embedded timestep scales and shifts both norms.

    `middle` is the width between the two convolutions. diffusers calls this `ResnetBlockCondNorm2D`.
    """

    def __init__(
        self,
        config: UNet2DConfig,
        in_channels: int,
        out_channels: int,
        dtype: Any,
        *,
        middle: int,
        level_channels: int,
    ) -> None:
        super().__init__()
        eps, embed_dim = config.norm_eps, config.time_embed_dim
        self.norm1 = AdaGroupNorm(in_channels // K_GROUP_SIZE, in_channels, eps, embed_dim, dtype)
        self.conv1 = conv2d(in_channels, middle, dtype)
        self.norm2 = AdaGroupNorm(level_channels // K_GROUP_SIZE, middle, eps, embed_dim, dtype)
        self.conv2 = conv2d(middle, out_channels, dtype)
        self.act = activation(config.act_fn)
        self.projects = in_channels != out_channels
        if self.projects:
            unbiased = {"kernel_size": 1, "padding": 0, "has_bias": False}
            self.conv_shortcut = conv2d(in_channels, out_channels, dtype, **unbiased)

    def construct(self, x: ms.Tensor, temb: ms.Tensor) -> Tensor:
        """Map x [n, in_channels, h, w] and temb [n, time_embed_dim] to [n, out_channels, h, w]."""
        h = self.conv1(self.act(self.norm1(x, temb)))
        h = self.conv2(self.act(self.norm2(h, temb)))
        if self.projects:
            x = self.conv_shortcut(x)
        return x + h
