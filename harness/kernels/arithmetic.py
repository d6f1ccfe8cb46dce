"""Arithmetic and comparisons by numpy, with the bits of MindSpore's own.

MindSpore's operators take 30 to 90 us on a CPU, however small the tensor, and numpy takes a few. On one core
numpy is faster up to a million values; quotients and integers MindSpore computes one by one. IEEE 754 says
what a sum, a difference, a product and a quotient are to the last bit, so both must agree. They do, but for
what is left to MindSpore here: operands of two dtypes, quotients of integers, divisors of zero, and numbers
that float32 holds only as subnormal. Comparisons, and arithmetic on integers, are the same anywhere.
Subnormal results MindSpore takes for zero in its pool of threads and not in the thread that calls; which of
both runs a kernel it decides by measuring times. Here they are kept, unless the whole process takes them for
zero.
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

# Beyond so many values, MindSpore's vector units are as fast, where they compute more than this module does.
MOST_VALUES = 1 << 16
# Beyond so many, memory is what both wait for.
MOST_OF_ARITHMETIC = 1 << 20

_SINGLE = ms.float32
# Integers, with the least and the largest of those in Python that have their dtype beside a tensor.
_INTEGERS: dict[Any, Any] = {ms.int32: np.int32, ms.int64: np.int64}
_LEAST_INTEGER, _LARGEST_INTEGER = -(1 << 31), (1 << 31) - 1
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
    ("eq", np.equal, False),
    ("__lt__", np.less, False),
    ("__le__", np.less_equal, False),
    ("__gt__", np.greater, False),
    ("__ge__", np.greater_equal, False),
)
_OVERLOADS: tuple[tuple[str, Any], ...] = (
    ("_add_instance", _ADD),
    ("_sub_instance", _SUBTRACT),
    ("_mul_instance", _MULTIPLY),
    ("_div_instance", _DIVIDE),
)
_COMPARISONS = frozenset({np.equal, np.less, np.less_equal, np.greater, np.greater_equal})
_OF_INTEGERS = _COMPARISONS | {_ADD, _SUBTRACT, _MULTIPLY}


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
    compute, divides, compares = quiet(ufunc), ufunc is _DIVIDE, ufunc in _COMPARISONS
    integers = _INTEGERS if ufunc in _OF_INTEGERS else {}

    @functools.wraps(native, updated=())
    def operate(*args: Any, **kwargs: Any) -> Any:
        if len(args) != 2 or kwargs:
            return native(*args, **kwargs)
        left, other = args
        dtype = getattr(left if isinstance(left, TensorPy) else other, "_dtype", None)
        if dtype is _SINGLE:
            first, second = _single(left, exact=compares), _single(other, exact=compares)
        elif (kind := integers.get(dtype)) is not None:
            first, second = (_of_integers(each, kind) for each in args)
        else:
            return native(*args)
        if first is None or second is None or (divides and not np.all(second)):
            return native(*args)
        # In numpy 1, what has no axes does not count for the dtype of the result.
        if (
            first.dtype is not second.dtype
            and first.dtype != second.dtype
            and not (first.ndim and second.ndim)
        ):
            return native(*args)
        try:
            result = compute(second, first, order="C") if right else compute(first, second, order="C")
        except ValueError:  # shapes that do not fit, which MindSpore reports in its words
            return native(*args)
        return tensor_of(np.asarray(result))

    return operate


def _single(value: Any, *, exact: bool) -> Any:
    """Return the array of a tensor of float32, or a number in float32; None for anything else.

    With ``exact``, numbers that float32 does not hold are left out, too.
    """
    if isinstance(value, TensorPy):
        return array_of(value) if value._dtype is _SINGLE and 0 < value._size <= MOST_OF_ARITHMETIC else None
    kind = type(value)
    if kind is float:
        known = value == 0 or _LEAST < abs(value) < _MOST
        number = np.float32(value) if known else None
        return None if number is None or (exact and number != value) else number
    if kind is int:
        return np.float32(value) if -_MOST_INTEGER <= value <= _MOST_INTEGER else None
    return None


def _of_integers(value: Any, kind: Any) -> Any:
    """Return the array of a tensor of integers, or a number in the dtype ``kind``; None for anything else."""
    if isinstance(value, TensorPy):
        return (
            array_of(value) if value._dtype in _INTEGERS and 0 < value._size <= MOST_OF_ARITHMETIC else None
        )
    return kind(value) if type(value) is int and _LEAST_INTEGER <= value <= _LARGEST_INTEGER else None
