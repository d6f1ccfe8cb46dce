"""The levels of the UNet (down, middle and up)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops

from harness.pipelines.models.attention import Attention
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.plan import Down, Up
from harness.pipelines.models.resampling import Downsample2D, Upsample2D
from harness.pipelines.models.resnets import ResnetBlock2D


class _Level(nn.Cell):
    """Residual blocks, one per entry of ``in_channels``, each followed by attention if the level has it."""

    def __init__(
        self, config: UNet2DConfig, in_channels: Sequence[int], channels: int, attends: bool, dtype: Any
    ) -> None:
        super().__init__()
        self.attends = attends
        if attends:
            attentions = [Attention(config, channels, config.norm_num_groups, dtype) for _ in in_channels]
            self.attentions = nn.CellList(attentions)
        self.resnets = nn.CellList([ResnetBlock2D(config, width, channels, dtype) for width in in_channels])


class DownBlock2D(_Level):
    """`DownBlock2D`, `AttnDownBlock2D` and `ResnetDownsampleBlock2D`: resnets, then halving of the map.

    The last level does not halve it. As in diffusers, `downsample_type: resnet` applies only to
    `AttnDownBlock2D`; `DownBlock2D` always halves with a convolution.
    """

    def __init__(self, config: UNet2DConfig, level: Down, dtype: Any) -> None:
        channels = level.channels
        super().__init__(config, level.incoming, channels, level.kind.attends, dtype)
        self.halves = level.halves
        self.halves_by_resnet = level.kind.family == "resnet" or (
            self.attends and config.downsample_type == "resnet"
        )
        if self.halves:
            sampler = (
                ResnetBlock2D(config, channels, channels, dtype, resample="down")
                if self.halves_by_resnet
                else Downsample2D(channels, config.downsample_padding, dtype)
            )
            self.downsamplers = nn.CellList([sampler])

    def construct(self, x: ms.Tensor, temb: ms.Tensor) -> tuple[Tensor, ...]:
        """Return the tensors for the skip connections, in order; the last one is the block's output.

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
    """`UNetMidBlock2D`: two resnets with attention between them (none if `add_attention` is false)."""

    def __init__(self, config: UNet2DConfig, channels: int, dtype: Any) -> None:
        super().__init__()
        factor = config.mid_block_scale_factor
        self.attends = config.add_attention
        if self.attends:
            groups = config.mid_attention_groups
            attention = Attention(config, channels, groups, dtype, output_scale_factor=factor)
            self.attentions = nn.CellList([attention])
        self.resnets = nn.CellList(
            [ResnetBlock2D(config, channels, channels, dtype, output_scale_factor=factor) for _ in range(2)]
        )

    def construct(self, x: ms.Tensor, temb: ms.Tensor) -> Tensor:
        """Transform x [n, channels, h, w] using temb [n, time_embed_dim]; the shape stays the same."""
        x = self.resnets[0](x, temb)
        if self.attends:
            x = self.attentions[0](x)
        return self.resnets[1](x, temb)


class UpBlock2D(_Level):
    """`UpBlock2D`, `AttnUpBlock2D` and `ResnetUpsampleBlock2D`: resnets that join maps, then doubling.

    The maps that are joined have the channels of this level, except for the last, which comes from the level
    above. As in diffusers, `upsample_type: resnet` applies only to `AttnUpBlock2D`.
    """

    def __init__(self, config: UNet2DConfig, level: Up, dtype: Any) -> None:
        channels = level.channels
        joined = [width for _, width in level.incoming]
        super().__init__(config, joined, channels, level.kind.attends, dtype)
        self.doubles = level.doubles
        self.doubles_by_resnet = level.kind.family == "resnet" or (
            self.attends and config.upsample_type == "resnet"
        )
        if self.doubles:
            sampler = (
                ResnetBlock2D(config, channels, channels, dtype, resample="up")
                if self.doubles_by_resnet
                else Upsample2D(channels, dtype)
            )
            self.upsamplers = nn.CellList([sampler])

    def construct(self, x: ms.Tensor, skips: tuple[ms.Tensor, ...], temb: ms.Tensor) -> Tensor:
        """Transform x [n, in_channels, h, w] using temb and one skip per resnet (taken from the end)."""
        for i in range(len(self.resnets)):
            x = self.resnets[i](ops.concat((x, skips[len(skips) - 1 - i]), 1), temb)
            if self.attends:
                x = self.attentions[i](x)
        if self.doubles:
            x = self.upsamplers[0](x, temb) if self.doubles_by_resnet else self.upsamplers[0](x)
        return x
