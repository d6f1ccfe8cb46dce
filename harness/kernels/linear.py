"""Products of matrices, on MindSpore's own CPU MatMul and BatchMatMul."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mindspore import Tensor, ops

from harness.kernels.arrays import Array, float64, number, single, to_numpy, to_tensor
from harness.kernels.registry import kernel


def _scaled(tensor: Tensor, factor: Any) -> Tensor:
    return tensor if factor == 1 else tensor * factor


def _added(input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    # As in torch, what beta = 0 discards may hold NaN.
    scaled = _scaled(product, number(alpha))
    return scaled if number(beta) == 0 else _scaled(input, number(beta)) + scaled


def _adding(multiply: Callable[[Tensor, Tensor], Tensor], product: str) -> Callable[..., Tensor]:
    def compute(input: Tensor, left: Tensor, right: Tensor, beta: Any = 1, alpha: Any = 1) -> Tensor:
        return _added(input, multiply(left, right), beta, alpha)

    compute.__doc__ = f"`beta * input + alpha * {product}`."
    return compute


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


kernel("Addmm", serves=("mint.addmm",))(_adding(ops.matmul, "ops.matmul"))
kernel("Addmv", serves=("mint.addmv",))(_adding(mv, "ops.matmul"))
kernel("Addbmm", serves=("mint.addbmm",))(_adding(lambda x, y: ops.bmm(x, y).sum(0), "sum(ops.bmm)"))


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
    q, r = np.linalg.qr(float64(a), "complete" if mode in ("complete", 1) else "reduced")
    return to_tensor(q, a.dtype), to_tensor(r, a.dtype)


@kernel("MatrixInverseExt", serves=("mint.inverse",), on=float64)
def inverse(matrices: Array) -> Array:
    """`numpy.linalg.inv` in float64."""
    return np.linalg.inv(matrices)


_EINSUM = "mindspore.ops.function.math_func:einsum_ext"


@kernel("einsum", serves=("mint.einsum",), overload="einsum", source=_EINSUM)
def einsum(equation: str, *operands: Any) -> Tensor:
    """`numpy.einsum` along its optimised path (16 bits in float32)."""
    tensors = operands[0] if isinstance(operands[0], list | tuple) else operands
    arrays = [to_numpy(single(each)) for each in tensors]
    return to_tensor(np.einsum(equation, *arrays, optimize=True), tensors[0].dtype)
