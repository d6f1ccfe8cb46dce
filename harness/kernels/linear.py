"""Products of matrices, on MindSpore's own CPU MatMul and BatchMatMul."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from harness.kernels.arrays import is_half, number, to_numpy, to_tensor
from harness.kernels.registry import kernel


def _scaled(tensor: Tensor, factor: Any) -> Tensor:
    return tensor if factor == 1 else tensor * factor


def _added(input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    # As in torch, what beta = 0 discards may hold NaN.
    scaled = _scaled(product, number(alpha))
    return scaled if number(beta) == 0 else _scaled(input, number(beta)) + scaled


@kernel("Mm", serves=("mint.mm",))
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """`ops.matmul`."""
    return ops.matmul(input, mat2)


@kernel("Mv", serves=("mint.mv",))
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """`ops.matmul` with the vector as a column."""
    return ops.matmul(input, vec.reshape((-1, 1))).reshape((input.shape[0],))


@kernel("Dot", serves=("mint.dot",))
def dot(input: Tensor, other: Tensor) -> Tensor:
    """`ops.matmul` of a row and a column."""
    return ops.matmul(input.reshape((1, -1)), other.reshape((-1, 1))).reshape(())


@kernel("Outer", serves=("mint.outer",))
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Products of all pairs."""
    return input.reshape((-1, 1)) * vec2.reshape((1, -1))


@kernel("Addmm", serves=("mint.addmm",))
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`beta * input + alpha * ops.matmul`."""
    return _added(input, ops.matmul(mat1, mat2), beta, alpha)


@kernel("Addmv", serves=("mint.addmv",))
def addmv(input: Tensor, mat: Tensor, vec: Tensor, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`beta * input + alpha * ops.matmul`."""
    return _added(input, mv(mat, vec), beta, alpha)


@kernel("Addbmm", serves=("mint.addbmm",))
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`beta * input + alpha * sum(ops.bmm)`."""
    return _added(input, ops.bmm(batch1, batch2).sum(0), beta, alpha)


@kernel("Baddbmm", serves=("mint.baddbmm",))
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`beta * input + alpha * ops.bmm`; an input of four axes has its first two merged.

    The documentation allows three axes. mindone's attention hands over a mask of (batch, heads, queries,
    keys) beside operands whose first axis is batch * heads, as UnCLIP's prior does.
    """
    if input.ndim == 4:
        input = input.reshape((input.shape[0] * input.shape[1], *input.shape[2:]))
    return _added(input, ops.bmm(batch1, batch2), beta, alpha)


@kernel("LinalgQr", serves=("mint.linalg.qr",))
def qr(a: Tensor, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """`numpy.linalg.qr` in float64."""
    q, r = np.linalg.qr(to_numpy(a).astype(np.float64), "complete" if mode in ("complete", 1) else "reduced")
    return to_tensor(q, a.dtype), to_tensor(r, a.dtype)


@kernel("MatrixInverseExt", serves=("mint.inverse",))
def inverse(input: Tensor) -> Tensor:
    """`numpy.linalg.inv` in float64."""
    return to_tensor(np.linalg.inv(to_numpy(input).astype(np.float64)), input.dtype)


@kernel(
    "einsum",
    serves=("mint.einsum",),
    overload="einsum",
    source="mindspore.ops.function.math_func:einsum_ext",
)
def einsum(equation: str, *operands: Any) -> Tensor:
    """`numpy.einsum` along its optimised path (16 bits in float32)."""
    tensors: Sequence[Tensor] = operands
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        tensors = operands[0]
    arrays = [to_numpy(each.astype(ms.float32) if is_half(each) else each) for each in tensors]
    return to_tensor(np.einsum(equation, *arrays, optimize=True), tensors[0].dtype)
