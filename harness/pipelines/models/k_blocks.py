"""The K blocks, as in k-diffusion: the timestep enters through the norms, and each level gives one map."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops

from harness.pipelines.models.attention import KAttentionBlock
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.plan import Down, Up
from harness.pipelines.models.resampling import FilteredSampling
from harness.pipelines.models.resnets import ConditionedResnetBlock2D


class KDownBlock2D(nn.Cell):
    """`KDownBlock2D` and `KCrossAttnDownBlock2D`: resnets, then halving of the map."""

    def __init__(self, config: UNet2DConfig, level: Down, dtype: Any) -> None:
        super().__init__()
        self.attends, self.halves = level.kind.attends, level.halves
        channels, head_dim = level.channels, config.head_dim(level.channels)
        self.resnets = nn.CellList(
            [
                ConditionedResnetBlock2D(
                    config, width, channels, dtype, middle=channels, level_channels=channels
                )
                for width in level.incoming
            ]
        )
        if self.attends:
            attentions = [
                KAttentionBlock(config, level.kind, channels, head_dim, not level.halves, dtype)
                for _ in level.incoming
            ]
            self.attentions = nn.CellList(attentions)
        if self.halves:
            self.downsampler = FilteredSampling(doubles=False, mirrors=True)

    def construct(self, x: ms.Tensor, temb: ms.Tensor) -> tuple[Tensor, ...]:
        """Return the output of every resnet, and the halved map if the level halves it.

        x is [n, in_channels, h, w], temb [n, time_embed_dim].
        """
        outputs: tuple[Tensor, ...] = ()
        for i in range(len(self.resnets)):
            x = self.resnets[i](x, temb)
            if self.attends:
                x = self.attentions[i](x, temb)
            outputs = (*outputs, x)
        if self.halves:
            outputs = (*outputs, self.downsampler(x))
        return outputs


class KUpBlock2D(nn.Cell):
    """`KUpBlock2D` and `KCrossAttnUpBlock2D`: joins one map, then resnets, then doubling.

    The last resnet gives the channels of the level above.
    """

    def __init__(self, config: UNet2DConfig, level: Up, dtype: Any) -> None:
        super().__init__()
        self.attends, self.doubles, self.joins = level.kind.attends, level.doubles, level.joins
        channels, head_dim = level.channels, config.head_dim(level.channels)
        widths = list(zip(level.incoming, level.outgoing, strict=True))
        self.resnets = nn.CellList(
            [
                ConditionedResnetBlock2D(
                    config,
                    joined,
                    out,
                    dtype,
                    # With attention, only the second convolution narrows the map.
                    middle=channels if self.attends else out,
                    level_channels=channels,
                )
                for (_, joined), out in widths
            ]
        )
        if self.attends:
            attentions = [
                KAttentionBlock(config, level.kind, out, head_dim, level.is_first, dtype) for _, out in widths
            ]
            self.attentions = nn.CellList(attentions)
        if self.doubles:
            self.upsampler = FilteredSampling(doubles=True, mirrors=True)

    def construct(self, x: ms.Tensor, skips: tuple[ms.Tensor, ...], temb: ms.Tensor) -> Tensor:
        """Transform x [n, channels, h, w] using temb [n, time_embed_dim] and the last of `skips`."""
        if self.joins:
            x = ops.concat((x, skips[len(skips) - 1]), 1)
        for i in range(len(self.resnets)):
            x = self.resnets[i](x, temb)
            if self.attends:
                x = self.attentions[i](x, temb)
        if self.doubles:
            x = self.upsampler(x)
        return x
