"""The levels of the UNet: down, middle and up, each with or without attention."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops

from harness.pipelines.models.attention import Attention
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.resampling import Downsample2D, Upsample2D
from harness.pipelines.models.resnet import ResnetBlock2D


class DownBlock2D(nn.Cell):
    """`DownBlock2D` and `AttnDownBlock2D`: resnets, then (but in the last level) halving of the map.

    As in diffusers, `downsample_type: resnet` concerns the levels with attention only; the others halve by a
    convolution whatever it says.
    """

    def __init__(
        self,
        config: UNet2DConfig,
        in_channels: int,
        out_channels: int,
        attends: bool,
        is_last: bool,
        dtype: Any,
    ) -> None:
        super().__init__()
        layers = range(config.layers_per_block)
        self.attends = attends
        if attends:
            self.attentions = nn.CellList([_level_attention(config, out_channels, dtype) for _ in layers])
        widths = [in_channels if i == 0 else out_channels for i in layers]
        self.resnets = nn.CellList([ResnetBlock2D(config, width, out_channels, dtype) for width in widths])
        self.halves = not is_last
        self.halves_by_resnet = attends and config.downsample_type == "resnet"
        if self.halves:
            sampler = (
                ResnetBlock2D(config, out_channels, out_channels, dtype, resample="down")
                if self.halves_by_resnet
                else Downsample2D(out_channels, config.downsample_padding, dtype)
            )
            self.downsamplers = nn.CellList([sampler])

    def construct(self, x: ms.Tensor, temb: ms.Tensor) -> tuple[Tensor, ...]:
        """Return what the skip connections carry, in order; the last of them is the block's output.

        x is [n, in_channels, h, w], temb [n, time_embed_dim].
        """
        outputs: tuple[Tensor, ...] = ()
        for i in range(len(self.resnets)):
            x = self.resnets[i](x, temb)
            if self.attends:
                x = self.attentions[i](x)
            outputs = (*outputs, x)
        if self.halves:
            x = self.downsamplers[0](x, temb) if self.halves_by_resnet else self.downsamplers[0](x)
            outputs = (*outputs, x)
        return outputs


class MidBlock2D(nn.Cell):
    """`UNetMidBlock2D`: two resnets around one attention (without it if `add_attention` is false)."""

    def __init__(self, config: UNet2DConfig, channels: int, dtype: Any) -> None:
        super().__init__()
        factor = config.mid_block_scale_factor
        self.attends = config.add_attention
        if self.attends:
            attention = Attention(
                channels,
                config.head_dim(channels),
                config.mid_attention_groups,
                config.norm_eps,
                dtype,
                output_scale_factor=factor,
            )
            self.attentions = nn.CellList([attention])
        self.resnets = nn.CellList(
            [ResnetBlock2D(config, channels, channels, dtype, output_scale_factor=factor) for _ in range(2)]
        )

    def construct(self, x: ms.Tensor, temb: ms.Tensor) -> Tensor:
        """Map x [n, channels, h, w] and temb [n, time_embed_dim] to the shape of x."""
        x = self.resnets[0](x, temb)
        if self.attends:
            x = self.attentions[0](x)
        return self.resnets[1](x, temb)


class UpBlock2D(nn.Cell):
    """`UpBlock2D` and `AttnUpBlock2D`: resnets that take up skip connections, then doubling of the map.

    `in_channels` come from the block before; the skip connections carry `out_channels`, but the last of them
    comes from the level above and carries `skip_channels`. As in diffusers, `upsample_type: resnet` concerns
    the levels with attention only.
    """

    def __init__(
        self,
        config: UNet2DConfig,
        in_channels: int,
        skip_channels: int,
        out_channels: int,
        attends: bool,
        is_last: bool,
        dtype: Any,
    ) -> None:
        super().__init__()
        layers = range(config.layers_per_block + 1)
        self.attends = attends
        if attends:
            self.attentions = nn.CellList([_level_attention(config, out_channels, dtype) for _ in layers])
        widths = [
            (in_channels if i == 0 else out_channels) + (skip_channels if i == layers[-1] else out_channels)
            for i in layers
        ]
        self.resnets = nn.CellList([ResnetBlock2D(config, width, out_channels, dtype) for width in widths])
        self.doubles = not is_last
        self.doubles_by_resnet = attends and config.upsample_type == "resnet"
        if self.doubles:
            sampler = (
                ResnetBlock2D(config, out_channels, out_channels, dtype, resample="up")
                if self.doubles_by_resnet
                else Upsample2D(out_channels, dtype)
            )
            self.upsamplers = nn.CellList([sampler])

    def construct(self, x: ms.Tensor, skips: tuple[ms.Tensor, ...], temb: ms.Tensor) -> Tensor:
        """Map x [n, in_channels, h, w], one skip per resnet (taken from the end) and temb."""
        for i in range(len(self.resnets)):
            x = self.resnets[i](ops.concat((x, skips[len(skips) - 1 - i]), 1), temb)
            if self.attends:
                x = self.attentions[i](x)
        if self.doubles:
            x = self.upsamplers[0](x, temb) if self.doubles_by_resnet else self.upsamplers[0](x)
        return x


def _level_attention(config: UNet2DConfig, channels: int, dtype: Any) -> Attention:
    return Attention(channels, config.head_dim(channels), config.norm_num_groups, config.norm_eps, dtype)
