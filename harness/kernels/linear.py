"""Matrix products, based on MindSpore's own CPU MatMul and BatchMatMul."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from mindspore import Tensor, ops

from harness.kernels.arrays import (
    Array,
    float64,
    number,
    single,
    to_numpy,
    to_tensor,
    unified,
    without_bfloat16,
)
from harness.kernels.registry import kernel


def _scaled(tensor: Tensor, factor: Any) -> Tensor:
    return tensor if factor == 1 else tensor * factor


def _added(
    multiply: Callable[..., Tensor], input: Tensor, left: Tensor, right: Tensor, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    # As in torch, the input that beta = 0 discards may contain NaN.
    scaled = _scaled(multiply(left, right), number(alpha))
    return scaled if number(beta) == 0 else _scaled(input, number(beta)) + scaled


def _mv(matrix: Tensor, vector: Tensor) -> Tensor:
    return ops.matmul(matrix, vector.reshape((-1, 1))).reshape((matrix.shape[0],))


def _dot(row: Tensor, column: Tensor) -> Tensor:
    return ops.matmul(row.reshape((1, -1)), column.reshape((-1, 1))).reshape(())


def _outer(x: Tensor, y: Tensor) -> Tensor:
    return (without_bfloat16(x).reshape((-1, 1)) * without_bfloat16(y).reshape((1, -1))).astype(x.dtype)


for _primitive, _product, _computed in (
    ("Mm", lambda x, y: ops.matmul(x, y), "`ops.matmul`."),
    ("Mv", _mv, "`ops.matmul` with the vector as a column."),
    ("Dot", _dot, "`ops.matmul` of a row and a column."),
    ("Outer", _outer, "Products of all pairs."),
    ("Addmm", partial(_added, ops.matmul), "`beta * input + alpha * ops.matmul`."),
    ("Addmv", partial(_added, _mv), "`beta * input + alpha * ops.matmul`."),
    ("Addbmm", partial(_added, lambda x, y: ops.bmm(x, y).sum(0)), "`beta * input + alpha * sum(ops.bmm)`."),
):
    _mixes = ("x", "y") if _primitive == "Outer" else ()
    kernel(_primitive, serves=(f"mint.{_primitive.lower()}",), computed=_computed, mixes=_mixes)(_product)


@kernel("Baddbmm", serves=("mint.baddbmm",))
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`beta * input + alpha * ops.bmm`; an input of four axes has its first two merged.

    The documentation allows only three axes. mindone's attention passes a mask of (batch, heads, queries,
    keys) with operands whose first axis is batch * heads; UnCLIP's prior, for example, does so. A mask may
    be the same for all heads (Lumina2, OmniGen), or for the whole batch.
    """
    if input.ndim == 4:
        batch, heads, *rest = input.shape
        products = batch1.shape[0]
        if batch * heads != products:
            shared = (batch, products // batch) if heads == 1 else (products // heads, heads)
            input = input.broadcast_to((*shared, *rest))
        input = input.reshape((-1, *rest))
    return _added(ops.bmm, input, batch1, batch2, beta, alpha)


@kernel("LinalgQr", serves=("mint.linalg.qr",))
def qr(a: Tensor, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """`numpy.linalg.qr` in float64."""
    q, r = np.linalg.qr(float64(a), "complete" if mode in ("complete", 1) else "reduced")
    return to_tensor(q, a.dtype), to_tensor(r, a.dtype)


@kernel("MatrixInverseExt", serves=("mint.inverse",), on=float64)
def inverse(matrices: Array) -> Array:
    """`numpy.linalg.inv` in float64."""
    return np.linalg.inv(matrices)


@kernel("TriangularSolve", serves=("mint.triangular_solve",))
def triangular_solve(
    b: Tensor, matrix: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Tensor, Tensor]:
    """`numpy.linalg.solve` of the triangle, in float64."""
    triangle = np.triu(float64(matrix)) if upper else np.tril(float64(matrix))
    if unitriangular:
        places = np.arange(triangle.shape[-1])
        triangle[..., places, places] = 1
    if transpose:
        triangle = triangle.swapaxes(-1, -2)
    return to_tensor(np.linalg.solve(triangle, float64(b)), b.dtype), matrix


_EINSUM = "mindspore.ops.function.math_func:einsum_ext"


@kernel("einsum", serves=("mint.einsum",), overload="einsum", source=_EINSUM)
def einsum(equation: str, *operands: Any) -> Tensor:
    """`numpy.einsum` along its optimised path (16 bits in float32)."""
    tensors = unified(*(operands[0] if isinstance(operands[0], list | tuple) else operands))
    arrays = [to_numpy(single(each)) for each in tensors]
    return to_tensor(np.einsum(equation, *arrays, optimize=True), tensors[0].dtype)
