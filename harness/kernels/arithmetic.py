"""Arithmetic on small tensors of float32 by numpy, with the bits of MindSpore's own.

MindSpore's operators take 30 to 90 us on a CPU, however small the tensor, and numpy takes a few. IEEE 754
says what a sum, a difference, a product and a quotient are to the last bit, so both must agree. They do, but
for what is left to MindSpore here: other dtypes than float32 on both sides, divisors of zero, and numbers
that float32 holds only as subnormal. Subnormal results MindSpore takes for zero in its pool of threads and
not in the thread that calls; which of both runs a kernel it decides by measuring times. Here they are kept,
unless the whole process takes them for zero.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor
from mindspore._c_expression import TensorPy
from mindspore.ops import functional_overload

from harness.kernels.memory import array_of, tensor_of
from harness.kernels.quiet import quiet

Function = Callable[..., Any]

# Beyond so many values, MindSpore's vector units are as fast.
MOST_VALUES = 1 << 16

_SINGLE = ms.float32
# What is a normal number in float32, and exact if it is an integer.
_LEAST, _MOST, _MOST_INTEGER = 1.2e-38, 3.4e38, 1 << 24

_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE = np.add, np.subtract, np.multiply, np.divide
# The method or function, what computes it, and whether the tensor is the right operand.
_METHODS: tuple[tuple[str, Any, bool], ...] = (
    ("__add__", _ADD, False),
    ("__sub__", _SUBTRACT, False),
    ("__mul__", _MULTIPLY, False),
    ("__truediv__", _DIVIDE, False),
    ("__radd__", _ADD, True),
    ("__rsub__", _SUBTRACT, True),
    ("__rmul__", _MULTIPLY, True),
    ("add", _ADD, False),
    ("sub", _SUBTRACT, False),
    ("mul", _MULTIPLY, False),
    ("div", _DIVIDE, False),
)
_OVERLOADS: tuple[tuple[str, Any], ...] = (
    ("_add_instance", _ADD),
    ("_sub_instance", _SUBTRACT),
    ("_mul_instance", _MULTIPLY),
    ("_div_instance", _DIVIDE),
)


def install() -> Iterator[tuple[Any, str, Any]]:
    """Replace the operators of ``Tensor`` and the functions of ``mint``; yield what was where in modules."""
    for name, ufunc, right in _METHODS:
        if name in vars(Tensor) or name in vars(TensorPy):
            setattr(Tensor, name, by_numpy(ufunc, getattr(Tensor, name), right=right))
    for name, ufunc in _OVERLOADS:
        if (original := getattr(functional_overload, name, None)) is not None:
            setattr(functional_overload, name, by_numpy(ufunc, original))
            yield functional_overload, name, original


def by_numpy(ufunc: Any, native: Function, *, right: bool = False) -> Function:
    """Return a function of two operands: ``ufunc`` where its bits are those of ``native``, else ``native``.

    With ``right``, the first operand that it is given is the right one.
    """
    compute, divides = quiet(ufunc), ufunc is _DIVIDE

    @functools.wraps(native, updated=())
    def operate(*args: Any, **kwargs: Any) -> Any:
        if len(args) != 2 or kwargs:
            return native(*args, **kwargs)
        first, second = (_operand(each) for each in args)
        if first is None or second is None or (divides and not np.all(second)):
            return native(*args)
        try:
            result = compute(second, first, order="C") if right else compute(first, second, order="C")
        except ValueError:  # shapes that do not fit, which MindSpore reports in its words
            return native(*args)
        return tensor_of(np.asarray(result))

    return operate


def _operand(value: Any) -> Any:
    """Return the array of a small tensor of float32, or a number in float32; None for anything else."""
    if isinstance(value, TensorPy):
        return array_of(value) if value._dtype is _SINGLE and 0 < value._size <= MOST_VALUES else None
    kind = type(value)
    if kind is float:
        return np.float32(value) if value == 0 or _LEAST < abs(value) < _MOST else None
    if kind is int:
        return np.float32(value) if -_MOST_INTEGER <= value <= _MOST_INTEGER else None
    return None
