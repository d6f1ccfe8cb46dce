"""The levels of the UNet (down, middle and up) and their parts: residual blocks and attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops

from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.layers import (
    Downsample2D,
    GroupNorm,
    Upsample2D,
    activation,
    conv2d,
    divided,
    linear,
    repeat_pixels,
)


class Attention(nn.Cell):
    """Multi-head scaled dot-product self-attention on a feature map, with a residual connection.

    If `norm_groups` is None, there is no norm. The softmax is computed in float32 whatever the dtype. The sum
    is divided by `output_scale_factor`.
    """

    def __init__(
        self,
        config: UNet2DConfig,
        channels: int,
        norm_groups: int | None,
        dtype: Any,
        *,
        output_scale_factor: float = 1.0,
    ) -> None:
        super().__init__()
        self.head_dim = config.head_dim(channels)
        self.heads = channels // self.head_dim
        inner = self.heads * self.head_dim  # less than `channels` if head_dim does not divide it
        self.has_norm = norm_groups is not None
        if norm_groups is not None:
            self.group_norm = GroupNorm(norm_groups, channels, config.norm_eps, dtype)
        self.to_q = linear(channels, inner, dtype)
        self.to_k = linear(channels, inner, dtype)
        self.to_v = linear(channels, inner, dtype)
        self.to_out = nn.CellList([linear(inner, channels, dtype)])
        self.scale = 1.0 / math.sqrt(self.head_dim)
        self.scores = ops.BatchMatMul(transpose_b=True)
        self.weighted_sum = ops.BatchMatMul()
        self.softmax = ops.Softmax(axis=-1)
        self.output_scale_factor = output_scale_factor

    def construct(self, x: ms.Tensor) -> Tensor:
        """Apply attention to x [n, channels, h, w]; the shape stays the same."""
        n, c, h, w = x.shape
        pixels = self.group_norm(x) if self.has_norm else x
        pixels = pixels.reshape((n, c, h * w)).transpose((0, 2, 1))
        query = self._split_heads(self.to_q(pixels)) * self.scale
        key = self._split_heads(self.to_k(pixels))
        value = self._split_heads(self.to_v(pixels))
        weights = self.softmax(self.scores(query, key).astype(ms.float32)).astype(x.dtype)
        mixed = self.weighted_sum(weights, value).transpose((0, 2, 1, 3))
        mixed = self.to_out[0](mixed.reshape((n, h * w, self.heads * self.head_dim)))
        return divided(mixed.transpose((0, 2, 1)).reshape((n, c, h, w)) + x, self.output_scale_factor)

    def _split_heads(self, x: ms.Tensor) -> Tensor:
        """Reshape [n, pixels, heads * head_dim] to [n, heads, pixels, head_dim]."""
        n, pixels, _ = x.shape
        return x.reshape((n, pixels, self.heads, self.head_dim)).transpose((0, 2, 1, 3))


class ResnetBlock2D(nn.Cell):
    """Norm, activation and convolution, twice, with a residual connection.

    The embedded timestep enters between the two: it is added before the second norm (`default`), or applied
    as scale and shift after it (`scale_shift`). `resample` ('up', 'down' or None) doubles or halves the map
    after the first activation, and in the residual connection. The sum is divided by `output_scale_factor`.
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
    """`DownBlock2D` and `AttnDownBlock2D`: resnets, then halving of the map (except in the last level).

    As in diffusers, `downsample_type: resnet` applies only to levels with attention. The others always halve
    with a convolution.
    """

    def __init__(self, config: UNet2DConfig, level: int, dtype: Any) -> None:
        widths = config.block_out_channels
        channels = widths[level]
        incoming = [widths[max(level - 1, 0)]] + [channels] * (config.layers_per_block - 1)
        super().__init__(config, incoming, channels, "Attn" in config.down_block_types[level], dtype)
        self.halves = level < len(widths) - 1
        self.halves_by_resnet = self.attends and config.downsample_type == "resnet"
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
    """`UpBlock2D` and `AttnUpBlock2D`: resnets that consume skip connections, then doubling of the map.

    The skip connections have the channels of this level, except for the last, which comes from the level
    above. As in diffusers, `upsample_type: resnet` applies only to levels with attention.
    """

    def __init__(self, config: UNet2DConfig, level: int, dtype: Any) -> None:
        widths = config.block_out_channels[::-1]
        channels = widths[level]
        before, above = widths[max(level - 1, 0)], widths[min(level + 1, len(widths) - 1)]
        incoming = [before] + [channels] * config.layers_per_block
        skips = [channels] * config.layers_per_block + [above]
        joined = [sum(each) for each in zip(incoming, skips, strict=True)]
        super().__init__(config, joined, channels, "Attn" in config.up_block_types[level], dtype)
        self.doubles = level < len(widths) - 1
        self.doubles_by_resnet = self.attends and config.upsample_type == "resnet"
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
