"""Self-attention over the pixels of a feature map."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops

from harness.pipelines.models.layers import GroupNorm, divided, linear


class Attention(nn.Cell):
    """Multi-head scaled dot-product attention of a map with itself, around a residual connection.

    `norm_groups` None leaves the norm out. The softmax is taken in float32 whatever the dtype. The sum is
    divided by `output_scale_factor`.
    """

    def __init__(
        self,
        channels: int,
        head_dim: int,
        norm_groups: int | None,
        norm_eps: float,
        dtype: Any,
        *,
        output_scale_factor: float = 1.0,
    ) -> None:
        super().__init__()
        self.heads = channels // head_dim
        self.head_dim = head_dim
        inner = self.heads * head_dim  # below `channels` where head_dim doesn't divide them
        self.has_norm = norm_groups is not None
        if norm_groups is not None:
            self.group_norm = GroupNorm(norm_groups, channels, norm_eps, dtype)
        self.to_q = linear(channels, inner, dtype)
        self.to_k = linear(channels, inner, dtype)
        self.to_v = linear(channels, inner, dtype)
        self.to_out = nn.CellList([linear(inner, channels, dtype)])
        self.scale = 1.0 / math.sqrt(head_dim)
        self.scores = ops.BatchMatMul(transpose_b=True)
        self.weighted_sum = ops.BatchMatMul()
        self.softmax = ops.Softmax(axis=-1)
        self.output_scale_factor = output_scale_factor

    def construct(self, x: ms.Tensor) -> Tensor:
        """Attend within x [n, channels, h, w]; same shape."""
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
        """Turn [n, pixels, heads * head_dim] into [n, heads, pixels, head_dim]."""
        n, pixels, _ = x.shape
        return x.reshape((n, pixels, self.heads, self.head_dim)).transpose((0, 2, 1, 3))
