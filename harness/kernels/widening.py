"""bfloat16 on CPU: whatever gets it computes in float32, and rounds its result once.

MindSpore's CPU has no bfloat16 for matrix products, convolutions, normalisations, most functions of single
elements, reductions, comparisons and indexing, and adds slowly in it. An NPU's matrix unit takes bfloat16,
sums in float32 and rounds at the end. So does this module, for every operator that does not only move its
values, and along every way into it: the classes of primitives, the overloaded functions of ``mint``, and the
methods and operators of ``Tensor`` that are C++. Without a bfloat16 among its arguments, an operator gets
them untouched.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import mindspore as ms
from mindspore import Tensor
from mindspore._c_expression import TensorPy
from mindspore.ops import functional_overload
from mindspore.ops.auto_generate import pyboost_inner_prim
from mindspore.ops.primitive import Primitive

from harness.kernels.bfloat16 import to_bfloat16, to_float32
from harness.kernels.registry import Kernel

Function = Callable[..., Any]

# Increased whenever bfloat16 gives other bits than before.
VERSION = 1

_BFLOAT16, _WIDE, _WIDER = ms.bfloat16, ms.float32, (ms.float32, ms.float64)
_FLOATS = (ms.float16, ms.bfloat16, ms.float32, ms.float64)

# Primitives that only move values, or do not read them. The CPU has bfloat16 for them in 2.7.0 and later.
MOVES = frozenset(
    """
    AsStrided Assign BroadcastTo BroadcastToView Cast Chunk ChunkView Concat Contiguous DType Depend
    Detach ExpandDims ExpandDimsView Flatten GetitemTensorIndexInfo Identity IdentityN InplaceStopGradient
    IsConstant IsInstance IsParameter Load MakeTuple Meshgrid MoveTo Narrow NarrowView Print Rank Reshape
    SameTypeShape SelectExtView SelectView SetitemTensorIndexInfo Shape Size Slice SliceExt SliceExtView
    Split SplitTensor SplitTensorView SplitWithSize SplitWithSizeView Squeeze StopGradient StridedSlice
    TensorShape Transpose TransposeExtView TransposeView TupleGetItem TypeOf Unstack UnstackExtView
    UpdateState View ViewAs
    """.split()  # noqa: SIM905  as text, a list of so many names can be read
)

# Methods of Tensor that compute, and are written in C++. Others end in primitives, or only move values.
METHODS = frozenset(
    """
    __abs__ __add__ __mod__ __mul__ __pow__ __sub__ __truediv__ abs absolute acos acosh add addbmm addcdiv
    addmm addmv all allclose any arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort
    asin asinh atan atan2 atanh baddbmm bincount ceil clamp clip cos cosh count_nonzero cumsum diag div divide
    dot eq erf erfc exp expm1 floor floor_divide fmod frac gather ge greater greater_equal gt hardshrink histc
    index index_add index_select inverse isclose isfinite isinf isneginf kthvalue le lerp less less_equal log
    log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logsumexp lt
    masked_fill masked_scatter masked_select matmul max maximum mean median min minimum mm mul nan_to_num
    nansum ne neg negative new_full new_ones new_zeros not_equal outer pow prod reciprocal remainder repeat
    repeat_interleave roll round rsqrt scatter scatter_add sigmoid sin sinc sinh sort sqrt square std sub
    subtract sum take tan tanh tile topk tril triu true_divide trunc unique var where xlogy
    """.split()  # noqa: SIM905  as text, a list of so many names can be read
)
# Operators in Python that would round their number to bfloat16 first.
_REFLECTED = ("__rfloordiv__", "__rmod__", "__rpow__", "__rsub__", "__rtruediv__")
METHODS_IN_PLACE = frozenset(
    """
    __iadd__ __ifloordiv__ __imod__ __imul__ __isub__ __itruediv__ add_ copy_ div_ exp_ fill_ fill_diagonal_
    floor_divide_ index_copy_ index_fill_ log_ masked_fill_ masked_scatter_ mul_ put_ remainder_ scatter_
    sigmoid_ sub_
    """.split()  # noqa: SIM905  as text, a list of so many names can be read
)
# Of these the result has the dtype of the first operand, whatever that of weights and statistics.
_AS_THE_FIRST = frozenset(
    """
    BatchNorm BatchNormExt GroupNorm InstanceNorm LayerNorm LayerNormExt LayerNormV3 PReLU RmsNorm
    """.split()  # noqa: SIM905  as text, a list of so many names can be read
)
# These call functions that they are given, and what computes is in those.
_CALLERS = frozenset({"Custom", "ForiLoop", "Morph", "Partial", "Reusing", "Scan", "WhileLoop"})
_LEFT = MOVES | _CALLERS
_OPERATORS = ("mindspore.ops.auto_generate", "mindspore.ops.operations")
# Families of kernels that make values of the dtype that is asked for, or widen by themselves.
_OWN_DTYPES = frozenset({"attention", "creation", "random"})
_BASIC_INDICES = (int, slice, type(None), type(Ellipsis))

_installed = False


def install() -> None:
    """Widen every operator for the rest of the process; only on a CPU. A second call does nothing."""
    global _installed
    if _installed or ms.get_context("device_target") != "CPU":
        return
    _installed = True
    for kind in _primitives():
        kind.__call__ = _of_primitive(kind.__name__, vars(kind)["__call__"])
    Primitive.__call__ = _of_primitive("", Primitive.__call__)
    for name, kind in vars(pyboost_inner_prim).items():
        if name.startswith("_Pyboost") and name[8:-4] not in MOVES:
            kind.__call__ = _of_primitive(name[8:-4], vars(kind)["__call__"])
    for name, original in list(vars(functional_overload).items()):
        if name.endswith("_instance"):
            _replace_everywhere(original, widened(name[1:-9], original))
    for name in METHODS & vars(TensorPy).keys() - vars(Tensor).keys():
        setattr(Tensor, name, widened(name, vars(TensorPy)[name]))
    for name in _REFLECTED:
        setattr(Tensor, name, widened(name, vars(Tensor)[name]))
    for name in METHODS_IN_PLACE & vars(TensorPy).keys() - vars(Tensor).keys():
        setattr(Tensor, name, _in_place(vars(TensorPy)[name]))
    Tensor.__getitem__ = _read(Tensor.__getitem__)
    Tensor.__setitem__ = _written(Tensor.__setitem__)
    _install_type_as()


def of_kernel(kernel: Kernel) -> Function:
    """Return the function of a kernel, widened unless it knows bfloat16 or writes into its tensors."""
    writes = kernel.primitive.startswith("Inplace") or kernel.primitive == "BatchNormExt"
    if writes or kernel.family in _OWN_DTYPES:
        return kernel.function
    return widened(kernel.primitive, kernel.function)


def widened(name: str, function: Function) -> Function:
    """Return ``function`` made to compute in float32, and to round its result, if it gets bfloat16."""
    as_the_first = name in _AS_THE_FIRST

    @functools.wraps(function, updated=())
    def compute(*args: Any, **kwargs: Any) -> Any:
        if not (_concerned(args) or (kwargs and _concerned(kwargs.values()))):
            return function(*args, **kwargs)
        arguments = _Arguments(args, kwargs)
        result = function(*arguments.args, **arguments.kwargs)
        return _narrow(result) if arguments.rounds(as_the_first=as_the_first) else result

    return compute


class _Arguments:
    """The arguments of a call, with float32 in place of bfloat16."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._tensors: list[Any] = []
        # A dtype that is asked for decides: None if there is none.
        self._asked: Any = None
        # Pairs of a bfloat16 tensor and its float32 copy.
        self.copies: list[tuple[Tensor, Tensor]] = []
        self.args = tuple(map(self._widen, args))
        self.kwargs = {name: self._widen(value) for name, value in kwargs.items()}

    def _widen(self, value: Any) -> Any:
        if isinstance(value, TensorPy):
            dtype = value.dtype
            if dtype in _FLOATS:
                self._tensors.append(dtype)
            if dtype is not _BFLOAT16:
                return value
            copy = to_float32(value)
            self.copies.append((value, copy))
            return copy
        if isinstance(value, tuple | list):
            parts = [self._widen(each) for each in value]
            return parts if isinstance(value, list) else tuple(parts)
        if isinstance(value, ms.Type):
            self._asked = value
            return _WIDE if value is _BFLOAT16 else value
        return value

    def rounds(self, *, as_the_first: bool) -> bool:
        """Return whether a float32 result stands for one of bfloat16."""
        if self._asked is not None:
            return self._asked is _BFLOAT16
        if as_the_first:
            return self._tensors[0] is _BFLOAT16
        return not any(dtype in _WIDER or dtype is ms.float16 for dtype in self._tensors)


def _concerned(values: Any) -> bool:
    for value in values:
        if isinstance(value, TensorPy):
            if value.dtype is _BFLOAT16:
                return True
        elif value is _BFLOAT16 or (isinstance(value, tuple | list) and _concerned(value)):
            return True
    return False


def _narrow(result: Any) -> Any:
    if isinstance(result, TensorPy):
        return to_bfloat16(result) if result.dtype is _WIDE else result
    if isinstance(result, tuple | list):
        return type(result)(map(_narrow, result))
    return result


def _primitives() -> Iterator[Any]:
    """Yield the classes of primitives with a ``__call__`` of their own that ends in an operator."""
    left, found = list(Primitive.__subclasses__()), set()
    while left:
        kind = left.pop()
        if kind in found:
            continue
        found.add(kind)
        left += kind.__subclasses__()
        if "__call__" in vars(kind) and kind.__module__.startswith(_OPERATORS) and kind.__name__ not in _LEFT:
            yield kind


def _of_primitive(name: str, call: Function) -> Function:
    @functools.wraps(call)
    def of_primitive(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not (_concerned(args) or (kwargs and _concerned(kwargs.values()))):
            return call(self, *args, **kwargs)
        own = name or self.name
        if own in MOVES:
            return call(self, *args, **kwargs)
        arguments = _Arguments(args, kwargs)
        result = call(self, *arguments.args, **arguments.kwargs)
        if "side_effect_mem" in vars(self):
            return _put_back(arguments, result)
        return _narrow(result) if arguments.rounds(as_the_first=own in _AS_THE_FIRST) else result

    return of_primitive


def _put_back(arguments: _Arguments, result: Any) -> Any:
    """Write what a primitive changed in the copies of its arguments into these; return its result."""
    for given, copy in arguments.copies:
        given.assign_value(to_bfloat16(copy))
        if result is copy:
            result = given
    return _narrow(result)


def _in_place(method: Function) -> Function:
    @functools.wraps(method, updated=())
    def change(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        if self.dtype is not _BFLOAT16 and not _concerned(args) and not _concerned(kwargs.values()):
            return method(self, *args, **kwargs)
        arguments = _Arguments(args, kwargs)
        if self.dtype is not _BFLOAT16:
            return method(self, *arguments.args, **arguments.kwargs)
        changed = method(to_float32(self), *arguments.args, **arguments.kwargs)
        self.assign_value(to_bfloat16(changed))
        return self

    return change


def _is_basic(index: Any) -> bool:
    if type(index) is tuple:
        return all(type(each) in _BASIC_INDICES for each in index)
    return type(index) in _BASIC_INDICES


def _read(method: Function) -> Function:
    @functools.wraps(method, updated=())
    def read(self: Tensor, index: Any) -> Any:
        if self.dtype is not _BFLOAT16 or _is_basic(index):
            return method(self, index)
        return _narrow(method(to_float32(self), index))

    return read


def _written(method: Function) -> Function:
    @functools.wraps(method, updated=())
    def write(self: Tensor, index: Any, value: Any) -> Any:
        given = to_float32(value) if isinstance(value, TensorPy) and value.dtype is _BFLOAT16 else value
        if self.dtype is not _BFLOAT16:
            return method(self, index, given)
        wide = to_float32(self)
        method(wide, index, given)
        self.assign_value(to_bfloat16(wide))
        return self

    return write


def _install_type_as() -> None:
    as_other = Tensor.type_as

    @functools.wraps(as_other, updated=())
    def type_as(self: Tensor, other: Any) -> Any:
        concerned = isinstance(other, TensorPy) and _BFLOAT16 in (self.dtype, other.dtype)
        return self.to(other.dtype) if concerned else as_other(self, other)

    Tensor.type_as = type_as


def _replace_everywhere(original: Any, replacement: Any) -> None:
    for module in list(sys.modules.values()):
        for alias, value in list(getattr(module, "__dict__", {}).items()):
            name = getattr(module, "__name__", "")
            if value is original and name.startswith("mindspore.") and "_c_expression" not in name:
                setattr(module, alias, replacement)
