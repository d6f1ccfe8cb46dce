"""The residual block of the UNet: two convolutions that see the embedded timestep."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops

from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.layers import GroupNorm, activation, conv2d, divided, linear
from harness.pipelines.models.resampling import repeat_pixels


class ResnetBlock2D(nn.Cell):
    """norm, activation, convolution, twice, around a residual connection.

    Between the two the embedded timestep comes in: added before the second norm (`default`), or as a scale
    and shift after it (`scale_shift`). `resample` ('up', 'down' or None) doubles or halves the map after the
    first activation, in the residual connection too. The sum is divided by `output_scale_factor`.
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
    ) -> None:
        super().__init__()
        self.scales_and_shifts = config.resnet_time_scale_shift == "scale_shift"
        self.output_scale_factor = output_scale_factor
        self.resample = resample
        self.norm1 = GroupNorm(config.norm_num_groups, in_channels, config.norm_eps, dtype)
        self.conv1 = conv2d(in_channels, out_channels, dtype)
        width = 2 * out_channels if self.scales_and_shifts else out_channels
        self.time_emb_proj = linear(config.time_embed_dim, width, dtype)
        self.norm2 = GroupNorm(config.norm_num_groups, out_channels, config.norm_eps, dtype)
        self.conv2 = conv2d(out_channels, out_channels, dtype)
        self.act = activation(config.act_fn)
        self.pool = nn.AvgPool2d(2, 2)
        self.changes_width = in_channels != out_channels
        if self.changes_width:
            self.conv_shortcut = conv2d(in_channels, out_channels, dtype, kernel_size=1, padding=0)

    def construct(self, x: ms.Tensor, temb: ms.Tensor) -> Tensor:
        """Map x [n, in_channels, h, w] and temb [n, time_embed_dim] to [n, out_channels, h', w']."""
        h = self.act(self.norm1(x))
        if self.resample == "up":
            x, h = repeat_pixels(x), repeat_pixels(h)
        elif self.resample == "down":
            x, h = self.pool(x), self.pool(h)
        h = self.conv1(h)
        time = self.time_emb_proj(self.act(temb))
        time = time.reshape((time.shape[0], time.shape[1], 1, 1))
        if self.scales_and_shifts:
            scale, shift = ops.chunk(time, 2, 1)
            h = self.norm2(h) * (1 + scale) + shift
        else:
            h = self.norm2(h + time)
        h = self.conv2(self.act(h))
        if self.changes_width:
            x = self.conv_shortcut(x)
        return divided(x + h, self.output_scale_factor)
