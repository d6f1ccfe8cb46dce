# ruff: noqa: ARG001  MindSpore decides what a kernel is handed
"""Attention. mindone calls the primitive itself through ``mindspore.ops``: ``mint`` has no attention."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Tensor
from mindspore.ops import operations
from mindspore.ops._utils.arg_handler import str_to_enum

from harness.kernels.arrays import Array, made, number, to_numpy, to_tensor
from harness.kernels.registry import kernel

# B: batch, N: heads, S: sequence, D: width of a head, H = N * D. A primitive stores its layout as a number.
_LAYOUTS = {
    str_to_enum("FlashAttentionScore", "input_layout", name): name for name in ("BSH", "BNSD", "SBH", "BSND")
}
_FULL, _ALL, _CAUSAL_FROM_LEFT, _CAUSAL_FROM_RIGHT = 0, 1, 2, 3


@kernel("FlashAttentionScore", serves=("ops.flash_attention_score",))
def flash_attention_score(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    real_shift: Tensor | None = None,
    drop_mask: Tensor | None = None,
    padding_mask: Tensor | None = None,
    attn_mask: Tensor | None = None,
    prefix: Any = None,
    actual_seq_qlen: Any = None,
    actual_seq_kvlen: Any = None,
    *,
    head_num: int,
    keep_prob: float,
    scale_value: float,
    pre_tokens: int,
    next_tokens: int,
    inner_precise: int,
    input_layout: int | str,
    sparse_mode: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`ops.bmm` and softmax in float32: `softmax(scale * (q k + shift), mask) v`.

    A 1 in the mask discards a key; a query whose keys are all discarded gives zeros. The result comes with
    the largest score and the sum of exponentials of each query, each repeated eight times as on Ascend.

    Raises NotImplementedError for dropout, packed sequences (layout TND) and sparse modes above 3.
    """
    layout = str(_LAYOUTS.get(input_layout, input_layout))
    if layout not in _LAYOUTS.values() or keep_prob != 1 or sparse_mode > _CAUSAL_FROM_RIGHT:
        raise NotImplementedError(
            "harness's CPU kernel of FlashAttentionScore has no dropout, no layout TND and no sparse mode "
            f"above 3; asked for keep_prob {keep_prob}, layout {layout}, sparse_mode {sparse_mode}"
        )
    width = query.shape[-1] // (int(head_num) if layout in ("BSH", "SBH") else 1)
    q, k, v = (_by_head(_single(each), layout, width) for each in (query, key, value))
    k, v = (_shared(each, int(head_num)) for each in (k, v))
    scores = _product(q, k.swapaxes(-1, -2))
    if real_shift is not None:
        scores = scores + _single(real_shift)
    masked = _masked(scores * np.float32(number(scale_value)), attn_mask, sparse_mode)
    largest = masked.max(-1, keepdims=True, initial=-np.inf)
    weights = np.exp(masked - np.where(np.isfinite(largest), largest, 0), dtype=np.float64)
    total = weights.sum(-1, keepdims=True)
    shares = (weights / np.where(total > 0, total, 1)).astype(np.float32)
    result = to_tensor(_from_heads(_product(shares, v), layout), query.dtype)
    eightfold = [to_tensor(np.repeat(each.astype(np.float32), 8, -1)) for each in (largest, total)]
    return eightfold[0], eightfold[1], to_tensor(np.zeros(1, np.float32), query.dtype), result


def _single(x: Tensor) -> Array:
    return to_numpy(x).astype(np.float32, copy=False)


def _product(left: Array, right: Array) -> Array:
    # What `ops.matmul` ends in, after some time.
    return to_numpy(made(operations.BatchMatMul)(to_tensor(left), to_tensor(right)))


def _by_head(x: Array, layout: str, width: int) -> Array:
    """Return ``x`` as (B, N, S, D), where each head is ``width`` channels wide."""
    if layout == "BNSD":
        return x
    if layout == "BSND":
        return x.swapaxes(1, 2)
    rows = x.swapaxes(0, 1) if layout == "SBH" else x
    return rows.reshape((*rows.shape[:2], -1, width)).swapaxes(1, 2)


def _shared(x: Array, heads: int) -> Array:
    """Return keys or values with as many heads as the queries have: groups of queries share one."""
    return x if x.shape[1] == heads else x.repeat(heads // x.shape[1], 1)


def _from_heads(x: Array, layout: str) -> Array:
    if layout == "BNSD":
        return x
    rows = x.swapaxes(1, 2)
    if layout == "BSND":
        return rows
    rows = rows.reshape((*rows.shape[:2], -1))
    return rows.swapaxes(0, 1) if layout == "SBH" else rows


def _masked(scores: Any, mask: Tensor | None, sparse_mode: int) -> Any:
    queries, keys = scores.shape[-2:]
    if sparse_mode in (_CAUSAL_FROM_LEFT, _CAUSAL_FROM_RIGHT):
        # The mask given to Ascend is a fixed triangle in compressed form, so the mode determines it
        # completely.
        first = 1 if sparse_mode == _CAUSAL_FROM_LEFT else keys - queries + 1
        return np.where(np.triu(np.ones((queries, keys), bool), first), -np.inf, scores)
    return scores if mask is None else np.where(to_numpy(mask).astype(bool), -np.inf, scores)
