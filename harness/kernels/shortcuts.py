"""Operators that MindSpore's CPU has, by shorter ways to the same bits.

A linear layer of 32 channels takes 130 us there: it transposes its weight by an operator of its own, and adds
its bias by another. Here numpy does both around the same `MatMul`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops
from mindspore._c_expression import TensorPy
from mindspore.ops import functional_overload, operations
from mindspore.ops._utils.arg_handler import str_to_enum
from mindspore.ops.auto_generate import gen_ops_prim

from harness.kernels.arithmetic import MOST_OF_ARITHMETIC, MOST_VALUES
from harness.kernels.arrays import made, single_array
from harness.kernels.memory import KINDS, array_of, tensor_of
from harness.kernels.norms import layer_norm
from harness.kernels.quiet import quiet

Function = Callable[..., Any]

# More than elsewhere: what is left out is an operator in MindSpore's pool of threads.
_MOST_OF_SILU = 1 << 18
_PLACES = (ms.int32, ms.int64)
# A primitive stores its layout as a number, in older releases as a name.
_NCHW = ("NCHW", str_to_enum("BiasAdd", "data_format", "NCHW"))


def install() -> Iterator[tuple[Any, str, Any]]:
    """Put the functions of this module before what they shorten; yield what was where in modules."""
    for primitive, shortcut in SHORTCUTS.items():
        primitive.__call__ = _before(primitive.__call__, quiet(shortcut))
    if "reshape" in vars(TensorPy) and "reshape" not in vars(Tensor):
        Tensor.reshape = _before(TensorPy.reshape, reshape)
    for owner, name, function in _FUNCTIONS:
        if (original := getattr(owner, name, None)) is not None:
            yield owner, name, original
            setattr(owner, name, _before(original, function))


def _before(native: Function, function: Function) -> Function:
    @functools.wraps(native, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return native(*args, **kwargs) if result is None else result

    return call


def dense(primitive: Any, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:  # noqa: ARG001
    """Return `MatMul` with the transposed weight, and the bias added; None unless all is small."""
    rows, matrix = single_array(input), single_array(weight)
    if rows is None or matrix is None or matrix.ndim != 2 or rows.ndim < 2 or not rows.size:
        return None
    if rows.size > MOST_VALUES or matrix.size > MOST_VALUES or rows.shape[-1] != matrix.shape[1]:
        return None
    if rows.ndim > 2:
        input = tensor_of(rows.reshape((-1, rows.shape[-1])))
    product = made(operations.MatMul)(input, tensor_of(matrix.T))
    result = np.empty((*rows.shape[:-1], matrix.shape[0]), np.float32)
    if bias is None:
        result[...] = single_array(product).reshape(result.shape)
    else:
        if (biases := single_array(bias)) is None or biases.shape != result.shape[-1:]:
            return None
        np.add(single_array(product), biases, out=result.reshape((-1, len(biases))))
    return tensor_of(result)


def bias_add(primitive: Any, input: Tensor, bias: Tensor) -> Tensor | None:
    """Return the sum by numpy, of small tensors of float32 whose channels are their second axis; or None."""
    values, biases = single_array(input), single_array(bias)
    if values is None or biases is None or not 0 < values.size <= MOST_VALUES:
        return None
    channels_second = values.ndim == 2 or (values.ndim == 4 and primitive.data_format in _NCHW)
    if not channels_second or biases.shape != values.shape[1:2]:
        return None
    return tensor_of(values + biases.reshape((-1, *[1] * (values.ndim - 2))))


def silu(primitive: Any, input: Tensor) -> Tensor | None:  # noqa: ARG001
    """Return the product of a tensor of float32 with its `Sigmoid`, which is what it is; or None."""
    if (values := single_array(input)) is None or not 0 < values.size <= _MOST_OF_SILU:
        return None
    return tensor_of(np.multiply(values, single_array(ops.sigmoid(input)), order="C"))


def of_each(compute: Function) -> Function:
    """Return a function of a primitive and a small tensor of float32 that computes each value; or None."""

    def function(primitive: Any, input: Tensor) -> Tensor | None:  # noqa: ARG001
        if (values := single_array(input)) is None or not 0 < values.size <= MOST_VALUES:
            return None
        return tensor_of(np.asarray(compute(values)))

    return function


def matmul(primitive: Any, input: Tensor, other: Tensor) -> Tensor | None:  # noqa: ARG001
    """Return `MatMul` or `BatchMatMul`, which `MatMulExt` ends in, of tensors of float32; or None."""
    if not isinstance(input, Tensor) or not isinstance(other, Tensor):
        return None
    if input.dtype is not ms.float32 or other.dtype is not ms.float32:
        return None
    left, right = input.shape, other.shape
    if len(left) != len(right) or len(left) < 2 or left[:-2] != right[:-2] or left[-1] != right[-2]:
        return None
    if not all(left) or not all(right):
        return None
    product: Tensor = made(operations.MatMul if len(left) == 2 else operations.BatchMatMul)(input, other)
    return product


def contiguous(primitive: Any, input: Tensor) -> Tensor | None:  # noqa: ARG001
    """Return a copy of a view with its values one after the other; None unless it is a view."""
    if not isinstance(input, Tensor) or input.dtype not in KINDS or input.is_contiguous() or not input.size:
        return None
    return tensor_of(np.array(array_of(input), order="C"))


def reshape(input: Tensor, *shape: Any, **by_name: Any) -> Tensor | None:
    """Return a copy of a view in another shape; None unless it is a view."""
    if by_name or not shape or input._dtype not in KINDS or input.is_contiguous() or not input._size:
        return None
    asked = shape[0] if len(shape) == 1 else shape
    if type(asked) is int:
        asked = (asked,)
    if not isinstance(asked, tuple | list) or any(type(each) is not int for each in asked):
        return None
    try:
        return tensor_of(np.array(array_of(input), order="C").reshape(asked))
    except ValueError:  # shapes that do not fit, which MindSpore reports in its words
        return None


def select(primitive: Any, condition: Tensor, input: Tensor, other: Tensor) -> Tensor | None:  # noqa: ARG001
    """Return values of ``input`` or ``other``, which have one dtype or are integers; or None."""
    operands = (condition, input, other)
    if not all(isinstance(each, Tensor) and 0 < each.size <= MOST_OF_ARITHMETIC for each in operands):
        return None
    if condition.dtype is not ms.bool_ or input.dtype not in KINDS:
        return None
    if input.dtype is not other.dtype and not (
        # In numpy 1, what has no axes does not count for the dtype of the result.
        input.dtype in _PLACES and other.dtype in _PLACES and input.ndim and other.ndim
    ):
        return None
    try:
        return tensor_of(np.where(*map(array_of, operands)))
    except ValueError:  # shapes that do not fit, which MindSpore reports in its words
        return None


def gather(primitive: Any, input_params: Tensor, input_indices: Tensor, axis: Any) -> Tensor | None:
    """Return `numpy.take` of a tensor along an axis; None unless all places are inside."""
    if primitive.batch_dims or type(axis) is not int or not isinstance(input_indices, Tensor):
        return None
    if not isinstance(input_params, Tensor) or input_params.dtype not in KINDS:
        return None
    if input_indices.dtype not in _PLACES:
        return None
    values, places = array_of(input_params), array_of(input_indices)
    if not -values.ndim <= axis < values.ndim or not places.size or not values.size:
        return None
    if places.size * values.size > values.shape[axis] * MOST_OF_ARITHMETIC:
        return None
    if places.min() < 0 or places.max() >= values.shape[axis]:
        return None
    return tensor_of(np.asarray(np.take(values, places, axis)))


def bitwise_and(primitive: Any, x: Tensor, y: Tensor) -> Tensor | None:  # noqa: ARG001
    """Return `numpy.bitwise_and` of two tensors of one dtype; or None."""
    if not isinstance(x, Tensor) or not isinstance(y, Tensor) or x.dtype is not y.dtype:
        return None
    if x.dtype not in (ms.bool_, *_PLACES):
        return None
    if not all(0 < each.size <= MOST_OF_ARITHMETIC for each in (x, y)):
        return None
    try:
        return tensor_of(np.asarray(np.bitwise_and(array_of(x), array_of(y), order="C")))
    except ValueError:  # shapes that do not fit, which MindSpore reports in its words
        return None


def zeros(primitive: Any, size: Any, dtype: Any = None) -> Tensor | None:  # noqa: ARG001
    """Return a tensor of zeros, unless its size is in a tensor."""
    return _filled(np.zeros, size, dtype)


def ones(primitive: Any, size: Any, dtype: Any = None) -> Tensor | None:  # noqa: ARG001
    """Return a tensor of ones, unless its size is in a tensor."""
    return _filled(np.ones, size, dtype)


def _filled(fill: Function, size: Any, dtype: Any) -> Tensor | None:
    shape = (size,) if type(size) is int else size
    if not isinstance(shape, tuple | list) or not shape:
        return None
    if any(type(each) is not int or each < 1 for each in shape):
        return None
    kind = KINDS.get(ms.float32 if dtype is None else dtype)
    return None if kind is None else tensor_of(fill(shape, kind))


def clamp(input: Any, min: Any = None, max: Any = None) -> Tensor | None:
    """Return what is above the least of a small tensor of float32, and the least for the rest; or None."""
    if max is not None or type(min) is not float or (values := single_array(input)) is None:
        return None
    if not 0 < values.size <= MOST_VALUES:
        return None
    least = np.float32(min)
    # MindSpore, too, gives the least for NaN.
    return tensor_of(np.where(values > least, values, least))


def clamp_scalar(primitive: Any, input: Tensor, min: Any = None, max: Any = None) -> Tensor | None:  # noqa: ARG001
    """Return what :func:`clamp` returns, in which it ends."""
    return clamp(input, min, max)


def make_range(*args: Any) -> tuple[int, ...] | None:
    """Return a range of integers, which `swapaxes` asks for."""
    return tuple(range(*args)) if all(type(each) is int for each in args) else None


# What each class of primitives has before its own way.
SHORTCUTS: dict[Any, Function] = {
    operations.Dense: dense,
    operations.BiasAdd: bias_add,
    operations.BitwiseAnd: bitwise_and,
    operations.Gather: gather,
}
for _name, _function in (
    ("SiLU", silu),
    ("Sqrt", of_each(np.sqrt)),
    ("Neg", of_each(np.negative)),
    ("LayerNorm", layer_norm),
    ("MatMulExt", matmul),
    ("Contiguous", contiguous),
    ("Select", select),
    ("ClampScalar", clamp_scalar),
    ("Zeros", zeros),
    ("Ones", ones),
):
    # 2.7.0 has some of them in C++ alone.
    if hasattr(gen_ops_prim, _name):
        SHORTCUTS[getattr(gen_ops_prim, _name)] = _function
_FUNCTIONS: tuple[tuple[Any, str, Function], ...] = (
    (ops, "make_range", make_range),
    (functional_overload, "_clamp_instance", clamp),
)
