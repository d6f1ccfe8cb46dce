"""Attention between the pixels of a map."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops

from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.layers import AdaGroupNorm, GroupNorm, divided, linear
from harness.pipelines.models.plan import Kind, attention_groups


class PixelAttention(nn.Cell):
    """Multi-head scaled dot-product self-attention on a sequence of pixels, without norm and residual.

    The softmax is computed in float32 whatever the dtype. With `has_norm_of_text`, it has the parameters of
    the norm of a text that no `UNet2DModel` is given.
    """

    def __init__(self, channels: int, head_dim: int, dtype: Any, *, has_norm_of_text: bool = False) -> None:
        super().__init__()
        self.head_dim = head_dim
        self.heads = channels // head_dim
        inner = self.heads * head_dim  # less than `channels` if head_dim does not divide it
        if has_norm_of_text:
            self.norm_cross = _UnusedNorm(channels, dtype)
        self.to_q = linear(channels, inner, dtype)
        self.to_k = linear(channels, inner, dtype)
        self.to_v = linear(channels, inner, dtype)
        self.to_out = nn.CellList([linear(inner, channels, dtype)])
        self.scale = 1.0 / math.sqrt(head_dim)
        self.scores = ops.BatchMatMul(transpose_b=True)
        self.weighted_sum = ops.BatchMatMul()
        self.softmax = ops.Softmax(axis=-1)

    def construct(self, pixels: ms.Tensor) -> Tensor:
        """Apply attention to pixels [n, h * w, channels]; the shape stays the same."""
        return self.mixed(pixels)

    def mixed(self, pixels: ms.Tensor) -> Tensor:
        """Return the values of pixels [n, h * w, channels], mixed by their weights; of the same shape."""
        query = self._split_heads(self.to_q(pixels)) * self.scale
        key = self._split_heads(self.to_k(pixels))
        value = self._split_heads(self.to_v(pixels))
        weights = self.softmax(self.scores(query, key).astype(ms.float32)).astype(pixels.dtype)
        mixed = self.weighted_sum(weights, value).transpose((0, 2, 1, 3))
        n, length, _ = pixels.shape
        return self.to_out[0](mixed.reshape((n, length, self.heads * self.head_dim)))

    def _split_heads(self, x: ms.Tensor) -> Tensor:
        """Reshape [n, pixels, heads * head_dim] to [n, heads, pixels, head_dim]."""
        n, pixels, _ = x.shape
        return x.reshape((n, pixels, self.heads, self.head_dim)).transpose((0, 2, 1, 3))


class Attention(PixelAttention):
    """Self-attention on a feature map, with a residual connection.

    If `norm_groups` is None, there is no norm. The sum is divided by `output_scale_factor`.
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
        super().__init__(channels, config.head_dim(channels), dtype)
        self.has_norm = norm_groups is not None
        if norm_groups is not None:
            self.group_norm = GroupNorm(norm_groups, channels, config.norm_eps, dtype)
        self.output_scale_factor = output_scale_factor

    def construct(self, x: ms.Tensor) -> Tensor:
        """Apply attention to x [n, channels, h, w]; the shape stays the same."""
        n, c, h, w = x.shape
        pixels = self.group_norm(x) if self.has_norm else x
        mixed = self.mixed(pixels.reshape((n, c, h * w)).transpose((0, 2, 1)))
        return divided(mixed.transpose((0, 2, 1)).reshape((n, c, h, w)) + x, self.output_scale_factor)


class KAttentionBlock(nn.Cell):
    """The attention of K blocks, each with a residual connection: once, or twice with `attends_first`.

    The second one attends to a text in models that have one. A `UNet2DModel` has none: it attends to the map.
    """

    def __init__(
        self, config: UNet2DConfig, kind: Kind, channels: int, head_dim: int, attends_first: bool, dtype: Any
    ) -> None:
        super().__init__()
        self.attends_first = attends_first
        groups, embed_dim = attention_groups(kind, channels), config.time_embed_dim
        if attends_first:
            self.norm1 = AdaGroupNorm(groups, channels, _K_EPS, embed_dim, dtype)
            self.attn1 = PixelAttention(channels, head_dim, dtype)
        self.norm2 = AdaGroupNorm(groups, channels, _K_EPS, embed_dim, dtype)
        self.attn2 = PixelAttention(channels, head_dim, dtype, has_norm_of_text=True)

    def construct(self, x: ms.Tensor, temb: ms.Tensor) -> Tensor:
        """Apply attention to x [n, channels, h, w] using temb [n, embed_dim]; the shape stays the same."""
        n, c, h, w = x.shape
        if self.attends_first:
            pixels = self.norm1(x, temb).reshape((n, c, h * w)).transpose((0, 2, 1))
            x = self.attn1(pixels).transpose((0, 2, 1)).reshape((n, c, h, w)) + x
        pixels = self.norm2(x, temb).reshape((n, c, h * w)).transpose((0, 2, 1))
        return self.attn2(pixels).transpose((0, 2, 1)).reshape((n, c, h, w)) + x


# The norms of this attention do not take the model's norm_eps in diffusers.
_K_EPS = 1e-5


class _UnusedNorm(nn.Cell):
    """The parameters of a layer norm that takes no part."""

    def __init__(self, channels: int, dtype: Any) -> None:
        super().__init__()
        self.weight = Parameter(ops.ones((channels,), dtype), name="weight")
        self.bias = Parameter(ops.zeros((channels,), dtype), name="bias")

    def construct(self, x: ms.Tensor) -> Tensor:
        """Return x."""
        return x
