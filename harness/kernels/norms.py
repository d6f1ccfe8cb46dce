"""Layer norm of small tensors of float32 by numpy, with the bits of MindSpore's own.

MindSpore's kernel adds a row's values and their squares in float64, one after the other, and computes the
rest in float32. Here numpy does the same. Group norm has no such way: MindSpore's computes all of it in
float64, and in an order of operations of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Tensor

from harness.kernels.arrays import Array, single_array
from harness.kernels.memory import tensor_of

# Beyond so many values, MindSpore's is as fast: running sums no longer fit the cache.
_MOST = 1 << 13


def layer_norm(primitive: Any, input_x: Tensor, gamma: Tensor, beta: Tensor) -> tuple[Tensor, ...] | None:
    """Return what `LayerNorm` gives over the last axes: the result, the means and the variances; or None."""
    values = single_array(input_x)
    if values is None or not 0 < values.size <= _MOST:
        return None
    scale, shift = single_array(gamma), single_array(beta)
    if scale is None or shift is None or primitive.begin_norm_axis != primitive.begin_params_axis:
        return None
    axis = primitive.begin_norm_axis % values.ndim
    shape = values.shape[axis:]
    if not axis or scale.shape != shape or shift.shape != shape:
        return None
    rows = values.reshape((-1, scale.size))
    mean, variance = (each.astype(np.float32)[:, None] for each in _moments(rows))
    result = rows - mean
    result /= np.sqrt(variance + np.float32(primitive.epsilon))
    result *= scale.reshape(-1)
    result += shift.reshape(-1)
    of_rows = (*values.shape[:axis], *[1] * len(shape))
    return (
        tensor_of(result.reshape(values.shape)),
        tensor_of(mean.reshape(of_rows)),
        tensor_of(variance.reshape(of_rows)),
    )


def _moments(rows: Array) -> tuple[Array, Array]:
    """Return the mean and the variance of each row in float64, from sums in the order of its values."""
    # A sum of complex numbers is two sums, and `accumulate` is bound to their order.
    both = np.empty(rows.shape, np.complex128)
    both.real = rows
    np.multiply(both.real, both.real, out=both.imag)
    last = np.add.accumulate(both, 1)[:, -1]
    mean = last.real / rows.shape[1]
    return mean, last.imag / rows.shape[1] - mean * mean
