"""The levels of NCSN++ (https://arxiv.org/abs/2011.13456): beside them a small picture is carried along."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops

from harness.pipelines.models.attention import Attention
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.layers import GroupNorm, activation, conv2d
from harness.pipelines.models.plan import Down, Up, attention_groups, joined_groups, skip_groups
from harness.pipelines.models.resampling import FilteredSampling
from harness.pipelines.models.resnets import ResnetBlock2D

# Every sum of a residual block is divided by this, so that its variance stays the same.
_FACTOR = math.sqrt(2.0)
# The channels of the picture; diffusers fixes them, whatever the model takes.
_PICTURE = 3


def _attention(config: UNet2DConfig, level: Down | Up, dtype: Any) -> Attention:
    groups = attention_groups(level.kind, level.channels)
    return Attention(config, level.channels, groups, dtype, output_scale_factor=_FACTOR)


class SkipDownBlock2D(nn.Cell):
    """`SkipDownBlock2D` and `AttnSkipDownBlock2D`: resnets, then halving of the map and of the picture."""

    def __init__(self, config: UNet2DConfig, level: Down, dtype: Any) -> None:
        super().__init__()
        self.attends, self.halves = level.kind.attends, level.halves
        channels, own = level.channels, skip_groups(level.channels)
        self.resnets = nn.CellList(
            [
                ResnetBlock2D(
                    config,
                    width,
                    channels,
                    dtype,
                    output_scale_factor=_FACTOR,
                    groups=(skip_groups(width), own),
                )
                for width in level.incoming
            ]
        )
        if self.attends:
            self.attentions = nn.CellList([_attention(config, level, dtype) for _ in level.incoming])
        if self.halves:
            self.resnet_down = _resampling(config, channels, "filtered_down", dtype)
            self.downsampler = FilteredSampling(doubles=False, mirrors=False)
            self.skip_conv = conv2d(_PICTURE, channels, dtype, kernel_size=1, padding=0)

    def construct(self, x: ms.Tensor, temb: ms.Tensor, picture: ms.Tensor) -> tuple[Tensor, ...]:
        """Return the maps for the way up, of which the last is the block's output, and then the picture.

        x is [n, in_channels, h, w], temb [n, time_embed_dim], picture [n, 3, h, w].
        """
        outputs: tuple[Tensor, ...] = ()
        for i in range(len(self.resnets)):
            x = self.resnets[i](x, temb)
            if self.attends:
                x = self.attentions[i](x)
            outputs = (*outputs, x)
        if self.halves:
            picture = self.downsampler(picture)
            x = self.skip_conv(picture) + self.resnet_down(x, temb)
            outputs = (*outputs, x)
        return (*outputs, picture)


class SkipUpBlock2D(nn.Cell):
    """`SkipUpBlock2D` and `AttnSkipUpBlock2D`: resnets that join maps, then doubling of map and picture.

    Every level but the last adds to the picture. `begins` says that there is no picture before this level.
    """

    def __init__(self, config: UNet2DConfig, level: Up, dtype: Any, *, begins: bool) -> None:
        super().__init__()
        self.attends, self.doubles, self.begins = level.kind.attends, level.doubles, begins
        channels, own = level.channels, skip_groups(level.channels)
        self.resnets = nn.CellList(
            [
                ResnetBlock2D(
                    config,
                    joined,
                    channels,
                    dtype,
                    output_scale_factor=_FACTOR,
                    groups=(joined_groups(level.kind, before, joined), own),
                )
                for before, joined in level.incoming
            ]
        )
        if self.attends:
            self.attentions = nn.CellList([_attention(config, level, dtype)])
        if not begins:
            self.upsampler = FilteredSampling(doubles=True, mirrors=False)
        if self.doubles:
            self.resnet_up = _resampling(config, channels, "filtered_up", dtype)
            self.skip_conv = conv2d(channels, _PICTURE, dtype)
            self.skip_norm = GroupNorm(own, channels, config.norm_eps, dtype)
            self.act = activation("silu")

    def construct(
        self, x: ms.Tensor, skips: tuple[ms.Tensor, ...], temb: ms.Tensor, picture: ms.Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the map and the picture; `skips` has one map per resnet, taken from the end.

        x is [n, channels, h, w], temb [n, time_embed_dim], picture [n, 3, h / 2, w / 2], of which the first
        such level takes no notice.
        """
        for i in range(len(self.resnets)):
            x = self.resnets[i](ops.concat((x, skips[len(skips) - 1 - i]), 1), temb)
        if self.attends:
            x = self.attentions[0](x)
        if not self.begins:
            picture = self.upsampler(picture)
        if self.doubles:
            added = self.skip_conv(self.act(self.skip_norm(x)))
            picture = added if self.begins else picture + added
            x = self.resnet_up(x, temb)
        return x, picture


def _resampling(config: UNet2DConfig, channels: int, resample: str, dtype: Any) -> ResnetBlock2D:
    groups = skip_groups(channels)
    return ResnetBlock2D(
        config,
        channels,
        channels,
        dtype,
        output_scale_factor=_FACTOR,
        resample=resample,
        groups=(groups, groups),
        projects=True,
    )
