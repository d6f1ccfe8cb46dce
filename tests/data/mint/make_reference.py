"""Write kernels.safetensors: what torch gives for every primitive that harness has a CPU kernel of.

Usage: python tests/data/mint/make_reference.py    (needs torch and safetensors; not MindSpore)

A case is a call that mint and torch spell alike: the function's name below `mindspore.mint` (or `Tensor.x`, a
method), its arguments, and the primitive that it ends in. Where torch differs, `torch_call` stands in.
The file's metadata holds torch's version and the cases: for each the primitive, the function, positional and
named arguments, and results. In them "@7" is the file's tensor 7, "@7:bfloat16" the same in another dtype,
"~float16" a dtype; a tuple is {"tuple": [...]}, an infinity {"number": "inf"}.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file

RNG = np.random.Generator(np.random.PCG64(0))
CASES: list[list[Any]] = []
TENSORS: dict[str, np.ndarray] = {}
NAMES: dict[Any, str] = {}


class Dtype(str):
    """The name of a dtype, as an argument."""


class As:
    """An array handed over in a dtype that numpy lacks."""

    def __init__(self, array: np.ndarray, dtype: str) -> None:
        self.array, self.dtype = array, dtype


def case(primitive: str, function: str, *args: Any, torch_call: Any = None, **kwargs: Any) -> None:
    """Add the call of ``function``, and what torch gives for it."""
    options = {key: _for_torch(value) for key, value in kwargs.items()}
    result = (torch_call or _torch_function(function))(*map(_for_torch, args), **options)
    results = result if isinstance(result, tuple | list) else [result]
    encoded = {key: _encoded(value) for key, value in kwargs.items()}
    CASES.append([primitive, function, _encoded(list(args)), encoded, [_result(each) for each in results]])


def _result(value: Any) -> str:
    tensor = value if isinstance(value, torch.Tensor) else torch.tensor(value)
    stored = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    return f"@{_stored(stored.numpy())}:{str(tensor.dtype).removeprefix('torch.')}"


def _stored(array: np.ndarray) -> str:
    """Keep the array once, and return its name."""
    content = (str(array.dtype), array.shape, array.tobytes())
    name = NAMES.setdefault(content, str(len(NAMES)))
    TENSORS[name] = array.copy("C")
    return name


def _encoded(value: Any) -> Any:
    if isinstance(value, As):
        return f"@{_stored(value.array)}:{value.dtype}"
    if isinstance(value, np.ndarray):
        return f"@{_stored(value)}"
    if isinstance(value, Dtype):
        return f"~{value}"
    if isinstance(value, tuple | list):
        parts = [_encoded(each) for each in value]
        return {"tuple": parts} if isinstance(value, tuple) else parts
    return {"number": str(value)} if value in (float("inf"), float("-inf")) else value


def _for_torch(value: Any) -> Any:
    if isinstance(value, As):
        return torch.tensor(value.array).to(getattr(torch, value.dtype))
    if isinstance(value, np.ndarray):
        return torch.tensor(value)
    if isinstance(value, Dtype):
        return getattr(torch, value)
    return type(value)(_for_torch(each) for each in value) if isinstance(value, tuple | list) else value


def _torch_function(name: str) -> Any:
    if name.startswith("Tensor."):
        return getattr(torch.Tensor, name.partition(".")[2])
    function: Any = torch
    for part in name.split("."):
        function = getattr(function, part)
    return function


def normal(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return RNG.standard_normal(shape).astype(dtype)


def uniform(low: float, high: float, *shape: int) -> np.ndarray:
    return RNG.uniform(low, high, shape).astype(np.float32)


def integers(low: int, high: int, *shape: int, dtype: Any = np.int64) -> np.ndarray:
    return RNG.integers(low, high, shape).astype(dtype)


def flags(*shape: int) -> np.ndarray:
    return RNG.integers(0, 2, shape).astype(bool)


HALF = np.float16
EMPTY = np.zeros((0, 3), np.float32)
SCALAR = np.array(0.7, np.float32)
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, -1e30, 88.5, -104.0], np.float32)


def unary(primitive: str, function: str, low: float, high: float, *more: Any, **kwargs: Any) -> None:
    """The values, dtypes and shapes that a function of one element may meet."""
    case(primitive, function, uniform(low, high, 3, 10), *more, **kwargs)
    case(primitive, function, uniform(low, high, 3, 4).astype(HALF), *more, **kwargs)
    case(primitive, function, As(uniform(low, high, 3, 4), "bfloat16"), *more, **kwargs)
    # torch's own gelu(inf) is NaN, where x comes out of its vectorised part.
    case(
        primitive,
        function,
        SPECIAL[np.isfinite(SPECIAL)] if primitive == "GeluExt" else SPECIAL,
        *more,
        **kwargs,
    )
    case(primitive, function, np.asarray(SCALAR + max(low, 0), np.float32), *more, **kwargs)
    case(primitive, function, EMPTY, *more, **kwargs)


def creation() -> None:
    for args in [(0, 5, 2), (5, 0, -2), (0, 1, 0.25), (1.5, 4, 0.3), (3, 3, 1), (0, 300, 7)]:
        case("Arange", "arange", *args)
    for dtype in ("float32", "float16", "int32", "int64", "bfloat16"):
        case("Arange", "arange", 0, 9, 2, dtype=Dtype(dtype))
    case("Arange", "arange", 7)
    for args in [
        (0, 1, 5),
        (1, 0, 6),
        (-2.5, 3.5, 1),
        (0.0, 999.0, 51),
        (0.00085**0.5, 0.012**0.5, 30),
        (1, 50, 50),
    ]:
        case("LinSpaceExt", "linspace", *args)
    case("LinSpaceExt", "linspace", 0, 10, 4, dtype=Dtype("float16"))
    case("LinSpaceExt", "linspace", 0, 10, 7, dtype=Dtype("float64"))
    for value in (1.5, 3, True):
        case("FillScalar", "full", (2, 3), value)
    case("FillScalar", "full", (2,), 2, dtype=Dtype("float16"))
    case("FillScalar", "full", (0, 2), 1.0)
    case("FillScalar", "full", (), 1.0)
    for name, function, more in [
        ("FullLike", "full_like", (2.5,)),
        ("OnesLikeExt", "ones_like", ()),
        ("ZerosLikeExt", "zeros_like", ()),
    ]:
        case(name, function, normal(2, 3), *more)
        case(name, function, integers(0, 3, 4), *more)
        case(name, function, normal(2, 3, dtype=HALF), *more)
        case(name, function, normal(2), *more, dtype=Dtype("bool"))
        case(name, function, EMPTY, *more)
        case(name, function, SCALAR, *more)
    case("Tensor.new_full", "Tensor.new_full", normal(2, dtype=HALF), (2, 3), 1.5)
    case("Tensor.new_full", "Tensor.new_full", normal(2), (2,), 3, dtype=Dtype("int64"))
    case("Empty", "empty", (2, 3), torch_call=torch.zeros)
    case("Empty", "empty", (2,), dtype=Dtype("float16"), torch_call=torch.zeros)
    case("EmptyLike", "empty_like", normal(2, 3), torch_call=torch.zeros_like)


def elementwise() -> None:
    unary("AcosExt", "acos", -1, 1)
    unary("AcoshExt", "acosh", 1, 9)
    unary("AsinExt", "asin", -1, 1)
    unary("AsinhExt", "asinh", -9, 9)
    unary("AtanExt", "atan", -9, 9)
    unary("Exp2", "exp2", -9, 9)
    unary("Log2", "log2", 0, 9)
    unary("Log10", "log10", 0, 9)
    unary("Frac", "frac", -9, 9)
    unary("IsNegInf", "isneginf", -1, 1)
    for name, function in [("AcosExt", "acos"), ("Exp2", "exp2"), ("Log2", "log2"), ("AtanExt", "atan")]:
        case(name, function, integers(0, 2, 6))
    for name, function in [("Atan2Ext", "atan2"), ("LogAddExp", "logaddexp")]:
        case(name, function, normal(3, 4), normal(3, 4))
        case(name, function, normal(3, 1), normal(4))
        case(name, function, normal(3, dtype=HALF), normal(3, dtype=HALF))
        case(name, function, SPECIAL, SPECIAL[::-1].copy())
        case(name, function, EMPTY, EMPTY)
    same = normal(3, 4)
    case("EqualExt", "equal", same, same.copy())
    case("EqualExt", "equal", same, same + 1)
    case("EqualExt", "equal", same, same[:2])
    case("EqualExt", "equal", integers(0, 2, 3), integers(3, 5, 3))
    for operator in ("or", "xor"):
        name = f"Bitwise{operator.capitalize()}"
        case(f"{name}Tensor", f"bitwise_{operator}", integers(0, 99, 3, 1), integers(0, 99, 4))
        case(
            f"{name}Tensor",
            f"bitwise_{operator}",
            integers(0, 99, 4, dtype=np.int32),
            integers(0, 99, 4, dtype=np.int32),
        )
        case(f"{name}Tensor", f"bitwise_{operator}", flags(4), flags(4))
        case(f"{name}Scalar", f"bitwise_{operator}", integers(0, 99, 4), 5)
    for other in (2, -3, 0.7):
        case("FloorDivScalar", "Tensor.floor_divide", uniform(-9, 9, 12), other)
    case("FloorDivScalar", "Tensor.floor_divide", integers(-9, 9, 12), 4)
    case("FloorDivScalar", "Tensor.floor_divide", integers(-9, 9, 12), integers(1, 9, 12))
    case("AddcdivExt", "addcdiv", normal(3, 4), normal(3, 4), uniform(1, 2, 3, 4))
    case("AddcdivExt", "addcdiv", normal(3, 4), normal(3, 1), uniform(1, 2, 4), value=-0.5)
    case("AddcdivExt", "addcdiv", normal(4, dtype=HALF), normal(4, dtype=HALF), normal(4, dtype=HALF))


def activations() -> None:
    prefix = "nn.functional."
    unary("GeluExt", prefix + "gelu", -6, 6)
    unary("GeluExt", prefix + "gelu", -6, 6, approximate="tanh")
    unary("EluExt", prefix + "elu", -6, 6)
    case("EluExt", prefix + "elu", normal(7), 0.3)
    unary("SeLUExt", prefix + "selu", -6, 6)
    unary("LeakyReLUExt", prefix + "leaky_relu", -6, 6)
    case("LeakyReLUExt", prefix + "leaky_relu", normal(7), 0.2)
    unary("LogSigmoid", prefix + "logsigmoid", -12, 12)
    unary("MishExt", prefix + "mish", -12, 12)
    unary("SoftplusExt", prefix + "softplus", -12, 25)
    case("SoftplusExt", prefix + "softplus", uniform(-12, 12, 30), 0.5, 5)
    case("Hardtanh", prefix + "hardtanh", uniform(-3, 3, 30))
    case("Hardtanh", prefix + "hardtanh", uniform(-3, 3, 30), -0.5, 2.0)
    case("Hardtanh", prefix + "relu6", uniform(-3, 9, 30).astype(HALF))
    case("Threshold", prefix + "threshold", uniform(-3, 3, 30), 0.1, 0.25)
    for dim in (-1, 0, 1):
        case("LogSoftmaxExt", prefix + "log_softmax", normal(3, 4, 5), dim)
    case("LogSoftmaxExt", prefix + "log_softmax", 30 * normal(3, 4), 1)
    case("LogSoftmaxExt", prefix + "log_softmax", normal(3, 4, dtype=HALF), 1)
    case("LogSoftmaxExt", prefix + "log_softmax", normal(3, 4, dtype=HALF), 1, dtype=Dtype("float32"))


def inplace() -> None:
    for value in (1.5, 2):
        case("InplaceFillScalar", "Tensor.fill_", normal(2, 3), value)
    case("InplaceFillScalar", "Tensor.fill_", integers(0, 9, 3), 4)
    case("InplaceFillScalar", "Tensor.fill_", normal(2, dtype=HALF), np.array(2.5, np.float32))
    case("InplaceZero", "Tensor.zero_", normal(2, 3))
    case("InplaceZero", "Tensor.zero_", integers(1, 3, 3))
    case("InplaceClampScalar", "Tensor.clamp_", normal(3, 4), -0.5, 0.5)
    case("InplaceClampScalar", "Tensor.clamp_", normal(3, 4), min=0.1)
    case("InplaceClampScalar", "Tensor.clamp_", integers(-5, 5, 9), max=2)
    case("InplaceClampScalar", "Tensor.clamp_", normal(3, 4, dtype=HALF), 0, 1)
    case("InplaceMaskedFillScalar", "Tensor.masked_fill_", normal(3, 4), flags(3, 4), -1.5)
    case("InplaceMaskedFillScalar", "Tensor.masked_fill_", normal(3, 4), flags(4), float("-inf"))
    case("InplaceMaskedFillScalar", "Tensor.masked_fill_", integers(0, 9, 3, 4), flags(3, 1), 1)
    case("InplaceMaskedFillScalar", "Tensor.masked_fill_", normal(4), flags(4), np.array(3, np.float32))
    case("InplaceReLU", "nn.functional.relu_", normal(3, 4))
    for name, function in [
        ("InplaceAddExt", "add_"),
        ("InplaceSubExt", "sub_"),
        ("InplaceMul", "mul_"),
        ("InplaceDiv", "div_"),
    ]:
        case(name, f"Tensor.{function}", normal(3, 4), uniform(1, 2, 4))
        case(name, f"Tensor.{function}", normal(3, 4), 1.5)
        case(name, f"Tensor.{function}", normal(4, dtype=HALF), uniform(1, 2, 4).astype(HALF))
    for function in ("add_", "sub_"):
        name = f"Inplace{function[:3].capitalize()}Ext"
        case(name, f"Tensor.{function}", normal(3, 4), normal(4), alpha=0.5)
        case(name, f"Tensor.{function}", integers(0, 9, 4), integers(0, 9, 4))
    case("InplaceExp", "Tensor.exp_", normal(3, 4))
    case("InplaceReLU", "nn.functional.relu_", normal(3, dtype=HALF))


def shapes() -> None:
    x, y = normal(3, 4), normal(3, 4)
    for dim in (0, 1, 2, -1, -3):
        case("StackExt", "stack", (x, y), dim)
    case("StackExt", "stack", [integers(0, 9, 2)] * 3)
    case("StackExt", "stack", (SCALAR, SCALAR))
    case("SplitTensor", "split", normal(5, 3), 2)
    case("SplitTensor", "split", normal(3, 5), 2, -1)
    case("SplitTensorView", "split", normal(4, 3), 4)
    for name in ("SplitWithSize", "SplitWithSizeView"):
        case(name, "split", normal(3, 6), (1, 2, 3), 1)
    case("UnstackExtView", "unbind", normal(2, 3, 2), 1)
    case("Narrow", "narrow", normal(3, 6), 1, 2, 3)
    case("Narrow", "narrow", normal(3, 6), -2, 1, 1)
    for more in [(), (1,), (0, 1), (-2, -1)]:
        case("FlattenExt", "flatten", normal(2, 3, 4), *more)
    case("FlattenExt", "flatten", SCALAR)
    case("Clone", "clone", x)
    case("Clone", "Tensor.clone", integers(0, 9, 3))
    for args in [(1, 0), (-1, 1), ((1, 2), (0, 1)), (3,), ((1, -2), (-1, 0))]:
        case("Roll", "roll", normal(3, 4), *args)
    case("Roll", "Tensor.roll", integers(0, 9, 5), 2, 0)
    for dim in (None, 0, -1):
        case("RepeatInterleaveInt", "repeat_interleave", normal(2, 3), 2, dim)
    case("RepeatInterleaveInt", "repeat_interleave", integers(0, 9, 3), 3)
    case("RepeatInterleaveInt", "repeat_interleave", flags(2, 3), 2, dim=0)
    case("RepeatInterleaveTensor", "repeat_interleave", normal(2, 3), integers(0, 3, 3), 1)
    for counts in [(2, 1), (2, 1, 3), (1, 0)]:
        case("Tensor.repeat", "Tensor.repeat", normal(2, 3), *counts)
    case("Tensor.repeat", "Tensor.repeat", integers(0, 9, 3), (2, 2))


def indexing() -> None:
    prefix = "nn.functional."
    case("Embedding", prefix + "embedding", integers(0, 6, 3, 2), normal(6, 4))
    case("Embedding", prefix + "embedding", integers(0, 6, 3, dtype=np.int32), normal(6, 4, dtype=HALF))
    case("Embedding", prefix + "embedding", integers(0, 6, 3), normal(6, 4), 1)
    case("Embedding", prefix + "embedding", integers(0, 6, 0), normal(6, 4))
    for dim in (0, 1, -1):
        case("IndexSelect", "index_select", normal(4, 5), dim, integers(0, 4, 3))
    case("IndexSelect", "index_select", flags(4, 5), 0, integers(0, 4, 6))
    for dim in (0, 1, -1):
        case("ScatterAddExt", "scatter_add", normal(3, 5), dim, integers(0, 3, 3, 4), normal(3, 5))
    case("ScatterAddExt", "Tensor.scatter_add", integers(0, 9, 4), 0, integers(0, 4, 6), integers(0, 9, 6))
    rows = np.array([[0, 2, 1], [1, 0, 3]])
    case("InplaceScatterSrc", "Tensor.scatter_", normal(2, 4), 1, rows, normal(2, 3))
    case("InplaceScatterSrc", "Tensor.scatter_", normal(4, 3), 0, rows, normal(2, 3))
    case("InplaceScatterSrc", "Tensor.scatter_", normal(2, 4), -1, rows, normal(3, 4))
    case("InplaceScatterValue", "Tensor.scatter_", normal(5), 0, np.array([1, 3]), 1)
    case("InplaceIndexCopy", "Tensor.index_copy_", normal(4, 3), 0, np.array([2, 0]), normal(2, 3))
    case("InplaceIndexCopy", "Tensor.index_copy_", normal(4, 3), -1, np.array([2, 0]), normal(4, 2))
    for mask in (flags(3, 4), integers(0, 2, 5), np.zeros((2, 2), bool), normal(4)):
        case("NonZeroExt", "nonzero", mask, as_tuple=True)
    case("OneHotExt", prefix + "one_hot", integers(0, 4, 5), 6)
    case("OneHotExt", prefix + "one_hot", integers(0, 4, 2, 3))
    case("OneHotExt", prefix + "one_hot", integers(0, 4, 2, 3), 4)
    for diagonal in (0, 1, -2):
        case("TrilExt", "tril", normal(3, 4), diagonal)
    case("TrilExt", "tril", normal(2, 3, 3, dtype=HALF))
    case("TrilExt", "tril", np.ones((3, 3), bool))
    case("TrilExt", "tril", integers(1, 9, 4, 2), -1)
    for diagonal in (0, 1, -1):
        case("DiagExt", "diag", normal(3), diagonal)
        case("DiagExt", "diag", normal(3, 4), diagonal)
    case("TraceExt", "trace", normal(3, 4))
    case("TraceExt", "trace", integers(0, 9, 3, 3))


def padding() -> None:
    pad = "nn.functional.pad"
    for widths in [(1, 2), (1, 0, 0, 2), (-1, 1), (0, 0, -1, -1), (1, 1, 1, 1, 1, 1)]:
        case("ConstantPadND", pad, normal(2, 3, 4), widths)
    case("ConstantPadND", pad, normal(2, 3), (1, 1), value=-2.5)
    case("ConstantPadND", pad, integers(0, 9, 2, 3), (1, 1), value=7)
    case("ConstantPadND", pad, flags(2, 3), (0, 1), value=True)
    case("ConstantPadND", pad, normal(2, 3, dtype=HALF), (0, 1), value=float("-inf"))
    for mode, name in [("replicate", "ReplicationPad"), ("reflect", "ReflectionPad")]:
        case(f"{name}1D", pad, normal(2, 5), (2, 1), mode)
        case(f"{name}1D", pad, normal(2, 3, 5, dtype=HALF), (0, 2), mode)
        case(f"{name}2D", pad, normal(2, 4, 5), (2, 1, 0, 3), mode)
        case(f"{name}2D", pad, normal(1, 2, 4, 5), (1, 1, 1, 1), mode)
        case(f"{name}3D", pad, normal(1, 2, 3, 4, 5), (1, 2, 2, 0, 1, 1), mode)


def reductions() -> None:
    for name, function in [("ArgMaxExt", "argmax"), ("ArgMinExt", "argmin")]:
        case(name, function, normal(3, 4))
        for dim in (0, -1):
            for keepdim in (False, True):
                case(name, function, normal(3, 4), dim, keepdim)
        case(name, function, integers(0, 9, 3, 4), dim=1)
        case(name, function, SCALAR)
    for dim in (0, 1, -1):
        case("CumsumExt", "cumsum", normal(3, 50), dim)
    case("CumsumExt", "cumsum", normal(60, dtype=HALF), 0)
    case("CumsumExt", "cumsum", integers(0, 9, 9, dtype=np.int32), 0)
    case("CumsumExt", "cumsum", flags(9), -1)
    case("CumsumExt", "cumsum", normal(9, dtype=HALF), 0, dtype=Dtype("float32"))
    case("CumsumExt", "cumsum", EMPTY, 0)
    case("CumminExt", "cummin", normal(3, 6), 1)
    case("CumminExt", "cummin", integers(0, 3, 9), 0)
    for more in [(), (0,), (-1,), ((0, 1),)]:
        case("CountNonZero", "count_nonzero", integers(0, 2, 3, 4), *more)
    case("CountNonZero", "count_nonzero", flags(5))
    for power in (2, 1, 0, 3):
        case("LinalgVectorNorm", "linalg.vector_norm", normal(3, 12), power, -1)
    for power in (0.5, 4, float("inf"), float("-inf")):
        case("LpNormV2", "linalg.vector_norm", normal(3, 12), power, -1, True)
    case("LpNormV2", "norm", normal(3, 12), float("inf"))
    case("LinalgVectorNorm", "linalg.vector_norm", normal(3, 4, 5), 2, (0, -1), True)
    case("LinalgVectorNorm", "norm", normal(3, 4))
    case("LinalgVectorNorm", "norm", normal(3, 4), dim=-1, keepdim=True)
    case("LinalgVectorNorm", "norm", normal(3, 4), 1, 0)
    case("LinalgVectorNorm", "linalg.vector_norm", 200 * normal(200, dtype=HALF))
    case("LinalgVectorNorm", "linalg.vector_norm", normal(200, dtype=HALF), dtype=Dtype("float32"))
    case("LinalgVectorNorm", "nn.functional.normalize", normal(3, 8), dim=-1)
    for dim in (0, -1, (0, 1)):
        case("LogSumExp", "logsumexp", 12 * normal(3, 12), dim)
    case("LogSumExp", "logsumexp", normal(3, 4, dtype=HALF), 1, True)
    case("LogSumExp", "logsumexp", np.full((2, 2), -np.inf, np.float32), 1)
    for name, function in [("Var", "var"), ("Std", "std"), ("VarMean", "var_mean"), ("StdMean", "std_mean")]:
        case(name, function, 100 + normal(3, 12))
        case(name, function, normal(3, 12), dim=-1)
        case(name, function, normal(3, 4, 5), dim=(0, 2), keepdim=True)
        case(name, function, normal(3, 12), dim=0, correction=0)
        case(name, function, normal(150, dtype=HALF))
    case("Var", "Tensor.var", normal(3, 12), dim=1, keepdim=True)
    for options in ({}, {"dim": [1, 2], "keepdim": True}, {"dim": -1}, {"dim": (0, 1), "correction": 0}):
        case("Tensor.std", "Tensor.std", normal(3, 4, 5), **options)
    for x in (normal(7), normal(3, 4), integers(0, 9, 6), normal(9, dtype=HALF)):
        case("MedianExt", "median", x)
    for dim in (0, -1):
        for keepdim in (False, True):
            case("MedianDim", "median", normal(4, 5), dim, keepdim)
    case("BincountExt", "bincount", integers(0, 6, 12))
    case("BincountExt", "bincount", integers(0, 6, 12), minlength=9)
    case("BincountExt", "bincount", integers(0, 6, 12), uniform(0, 1, 12))
    case("HistcExt", "histc", normal(50))
    case("HistcExt", "histc", normal(50), 5, -1, 1)


def sorting() -> None:
    tied = integers(0, 3, 12)
    for dim in (0, 1, -1):
        for descending in (False, True):
            case("SortExt", "sort", normal(4, 5), dim=dim, descending=descending)
            case("ArgSort", "argsort", normal(4, 5), dim=dim, descending=descending)
    for descending in (False, True):
        case("SortExt", "sort", tied, dim=0, descending=descending, stable=True)
        case("ArgSort", "argsort", tied, dim=0, descending=descending, stable=True)
    case("SortExt", "sort", normal(5, dtype=HALF))
    case("SortExt", "sort", SCALAR)
    for args in [(2,), (2, 0), (3, -1, False), (4, 1, True)]:
        case("TopkExt", "topk", normal(4, 5), *args)
    case("TopkExt", "topk", np.array([5, 1, 9, 3]), 2)
    case("Unique2", "unique", tied, return_inverse=True, return_counts=True)
    case("Unique2", "unique", normal(2, 3))
    case("Unique2", "unique", integers(0, 3, 3, 4), return_inverse=True)
    rows = integers(0, 2, 6, 2)
    case("UniqueDim", "unique", rows, dim=0)
    case("UniqueDim", "unique", rows, return_inverse=True, return_counts=True, dim=0)


def linear() -> None:
    case("Mm", "mm", normal(3, 12), normal(12, 5))
    case("Mm", "mm", normal(3, 4), normal(4, 1))
    case("Mm", "mm", normal(3, 12, dtype=HALF), normal(12, 5, dtype=HALF))
    case("Mv", "mv", normal(3, 12), normal(12))
    case("Dot", "dot", normal(12), normal(12))
    case("Outer", "outer", normal(3), normal(4))
    case("Outer", "outer", integers(0, 9, 3), integers(0, 9, 2))
    for options in ({}, {"beta": 0.5, "alpha": -2.0}):
        case("Addmm", "addmm", normal(3, 5), normal(3, 12), normal(12, 5), **options)
        case("Addmv", "addmv", normal(3), normal(3, 12), normal(12), **options)
        case("Addbmm", "addbmm", normal(3, 5), normal(2, 3, 12), normal(2, 12, 5), **options)
        case("Baddbmm", "baddbmm", normal(2, 3, 5), normal(2, 3, 12), normal(2, 12, 5), **options)
    case("Addmm", "addmm", normal(5), normal(3, 4), normal(4, 5))
    case("Baddbmm", "baddbmm", normal(1, 5), normal(2, 3, 4), normal(2, 4, 5))
    case(
        "Baddbmm", "baddbmm", np.full((2, 3, 5), np.nan, np.float32), normal(2, 3, 4), normal(2, 4, 5), beta=0
    )
    case(
        "Baddbmm",
        "baddbmm",
        normal(2, 3, 5, dtype=HALF),
        normal(2, 3, 4, dtype=HALF),
        normal(2, 4, 5, dtype=HALF),
    )
    # mindone's attention hands a mask of (batch, heads, queries, keys) beside merged batches and heads.
    case(
        "Baddbmm",
        "baddbmm",
        normal(2, 3, 4, 5),
        normal(6, 4, 8),
        normal(6, 8, 5),
        torch_call=_merged_baddbmm,
        alpha=0.35,
    )
    case("LinalgQr", "linalg.qr", normal(4, 3))
    case("LinalgQr", "linalg.qr", normal(4, 3), "complete")
    case("MatrixInverseExt", "inverse", normal(4, 4) + 4 * np.eye(4, dtype=np.float32))
    case("MatrixInverseExt", "inverse", normal(2, 3, 3) + 4 * np.eye(3, dtype=np.float32))
    for equation, shapes in [
        ("ij,jk->ik", [(3, 12), (12, 5)]),
        ("bhid,bhjd->bhij", [(2, 3, 4, 8), (2, 3, 5, 8)]),
        ("i,j->ij", [(3,), (4,)]),
        ("nhwpqc->nchpwq", [(1, 2, 2, 2, 2, 3)]),
        ("...ij->...ji", [(2, 3, 4)]),
        ("ii->", [(3, 3)]),
        ("bij,bjk,bkl->bil", [(2, 3, 4), (2, 4, 5), (2, 5, 2)]),
    ]:
        case("einsum", "einsum", equation, *[normal(*shape) for shape in shapes])
    case("einsum", "einsum", "ij,jk->ik", normal(3, 12, dtype=HALF), normal(12, 5, dtype=HALF))


def _merged_baddbmm(mask: torch.Tensor, *operands: torch.Tensor, **options: Any) -> torch.Tensor:
    return torch.baddbmm(mask.reshape(-1, *mask.shape[2:]), *operands, **options)


def convolution() -> None:
    prefix = "nn.functional."
    x, w = normal(1, 4, 5, 6), normal(4, 4, 3, 3)
    for options in [
        {},
        {"padding": 1},
        {"stride": 2, "padding": (1, 0)},
        {"dilation": 2},
        {"stride": (2, 1), "padding": 2, "dilation": (1, 2)},
    ]:
        case("Conv2DExt", prefix + "conv2d", x, w, normal(4), **options)
    case("Conv2DExt", prefix + "conv2d", x, w)
    case("Conv2DExt", prefix + "conv2d", x[0], w, normal(4))
    case("Conv2DExt", prefix + "conv2d", x, normal(4, 2, 3, 3), None, 1, 1, 1, 2)
    case("Conv2DExt", prefix + "conv2d", x, normal(4, 1, 3, 3), normal(4), 1, 1, 1, 4)
    case("Conv2DExt", prefix + "conv2d", x, normal(8, 1, 3, 3), normal(8), 1, 1, 1, 4)
    case("Conv2DExt", prefix + "conv2d", x.astype(HALF), w.astype(HALF), normal(4, dtype=HALF), padding=1)
    for size in ((3, 3), (2, 3), (4, 2)):
        case("Conv2DPadding", prefix + "conv2d", x, normal(4, 4, *size), normal(4), padding="same")
    case("Conv2DPadding", prefix + "conv2d", x, w, None, 2, "valid")
    row, taps = normal(1, 4, 9), normal(4, 4, 3)
    for options in [{}, {"padding": 1}, {"stride": 2, "padding": 2, "dilation": 2}]:
        case("Conv1DExt", prefix + "conv1d", row, taps, normal(4), **options)
    case("Conv1DExt", prefix + "conv1d", row[0], taps)
    case("Conv1DExt", prefix + "conv1d", row, normal(4, 2, 3), groups=2)
    case("Conv1DPadding", prefix + "conv1d", row, normal(4, 4, 4), normal(4), padding="same")
    solid, cube = normal(1, 2, 4, 5, 4), normal(3, 2, 3, 3, 2)
    for options in [{}, {"padding": 1}, {"stride": (1, 2, 1), "padding": (0, 1, 1)}]:
        case("Conv3DExt", prefix + "conv3d", solid, cube, normal(3), **options)
    case("Conv3DExt", prefix + "conv3d", solid, normal(4, 1, 2, 2, 2), groups=2)
    case("Conv3DPadding", prefix + "conv3d", solid, cube, padding="same")
    image, spread = normal(1, 4, 3, 4), normal(4, 2, 3, 3)
    for options in [
        {},
        {"stride": 2},
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"stride": (1, 2), "padding": (0, 1), "dilation": 2},
    ]:
        case("ConvTranspose2D", prefix + "conv_transpose2d", image, spread, normal(2), **options)
    case("ConvTranspose2D", prefix + "conv_transpose2d", image, normal(4, 2, 2, 2), stride=2, groups=2)


def windows() -> None:
    prefix = "nn.functional."
    for options in [{}, {"padding": 1}, {"stride": 2}, {"dilation": 2, "stride": (1, 2), "padding": (1, 0)}]:
        case("Im2ColExt", prefix + "unfold", normal(1, 2, 6, 7), (2, 3), **options)
        columns = torch.nn.functional.unfold(torch.zeros(1, 2, 6, 7), (2, 3), **options)
        case("Col2ImExt", prefix + "fold", normal(*columns.shape), (6, 7), (2, 3), **options)
    case("Im2ColExt", prefix + "unfold", normal(3, 4, 4, dtype=HALF), 2)
    for axes, name in [(1, "AvgPool1D"), (2, "AvgPool2D"), (3, "AvgPool3DExt")]:
        function, shape = f"{prefix}avg_pool{axes}d", (1, 2, *[5] * axes)
        case(name, function, normal(*shape), 2)
        case(name, function, normal(*shape), 3, 2, 1)
        case(name, function, normal(*shape), 3, 2, 1, True, False)
        if axes < 3:  # torch has no such kernel on CPU
            case(name, function, normal(*shape, dtype=HALF), 2, 1)
    case("AvgPool2D", prefix + "avg_pool2d", normal(1, 2, 6, 7), (3, 2), (1, 2), (1, 0), True, True, 5)
    case("AvgPool2D", prefix + "avg_pool2d", normal(3, 6, 7), 2)
    # The last window would start in the padding, and is left out.
    case("AvgPool1D", prefix + "avg_pool1d", normal(1, 2, 4), 2, 3, 1, True)
    case("FuncMaxPool2D", prefix + "max_pool2d", normal(1, 1, 4, 4), 2, 3, 1, 1, True)
    for axes, name in [(1, "AdaptiveAvgPool1D"), (2, "AdaptiveAvgPool2DExt"), (3, "AdaptiveAvgPool3DExt")]:
        for size in (1, 3, 5):
            case(name, f"{prefix}adaptive_avg_pool{axes}d", normal(1, 2, *[6, 7, 5][:axes]), size)
    case("AdaptiveAvgPool2DExt", prefix + "adaptive_avg_pool2d", normal(3, 6, 7), (2, 3))
    case("AdaptiveMaxPool1D", prefix + "adaptive_max_pool1d", normal(2, 3, 7), 3)
    for args in [(2,), (3, 2, 1, 1, True), (2, 1, 0, 2)]:
        case("FuncMaxPool2D", prefix + "max_pool2d", normal(1, 2, 6, 7), *args)
        case("FuncMaxPool2D", prefix + "max_pool2d", normal(1, 2, 6, 7), *args, return_indices=True)
    case("FuncMaxPool2D", prefix + "max_pool2d", -normal(3, 6, 6) - 9, 2, 2, 1)


def normalisation() -> None:
    prefix = "nn.functional."
    case("LayerNormExt", prefix + "layer_norm", normal(3, 12), (12,))
    case("LayerNormExt", prefix + "layer_norm", normal(3, 12), (12,), normal(12), normal(12))
    case("LayerNormExt", prefix + "layer_norm", 5 + normal(2, 3, 8), (3, 8), normal(3, 8), normal(3, 8), 1e-6)
    case("LayerNormExt", prefix + "layer_norm", normal(3, 12), (12,), normal(12), None)
    case(
        "LayerNormExt",
        prefix + "layer_norm",
        normal(3, 12, dtype=HALF),
        (12,),
        normal(12, dtype=HALF),
        normal(12, dtype=HALF),
    )
    for shape in [(4, 3), (4, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 4)]:
        case(
            "BatchNormExt",
            prefix + "batch_norm",
            normal(*shape),
            normal(3),
            uniform(0.5, 2, 3),
            normal(3),
            normal(3),
        )
    case("BatchNormExt", prefix + "batch_norm", normal(2, 3, 4, 5), normal(3), uniform(0.5, 2, 3))
    case(
        "BatchNormExt",
        prefix + "batch_norm",
        normal(2, 3, 4, 5),
        normal(3),
        uniform(0.5, 2, 3),
        normal(3),
        normal(3),
        True,
    )
    case("BatchNormExt", prefix + "batch_norm", normal(2, 3, 4, 5), normal(3), uniform(0.5, 2, 3), eps=1e-3)


def interpolation() -> None:
    function = "nn.functional.interpolate"
    for name, mode, shape, sizes in [
        ("UpsampleLinear1D", "linear", (1, 2, 5), [(8,), (3,), (1,)]),
        ("UpsampleBilinear2D", "bilinear", (1, 2, 5, 6), [(8, 9), (3, 4), (1, 1)]),
        ("UpsampleBicubic2D", "bicubic", (1, 2, 5, 6), [(8, 9), (3, 4), (1, 1), (10, 12)]),
    ]:
        for align_corners in (False, True):
            for size in sizes:
                case(name, function, normal(*shape), size, mode=mode, align_corners=align_corners)
            case(name, function, normal(*shape), scale_factor=1.7, mode=mode, align_corners=align_corners)
            case(name, function, normal(*shape), scale_factor=0.6, mode=mode, align_corners=align_corners)
        case(name, function, normal(*shape), scale_factor=1.7, mode=mode, recompute_scale_factor=True)
        case(name, function, normal(*shape, dtype=HALF), scale_factor=2.0, mode=mode)


def losses() -> None:
    prefix = "nn.functional."
    for name, function in [("MSELossExt", "mse_loss"), ("L1LossExt", "l1_loss")]:
        for reduction in ("mean", "sum", "none"):
            case(name, prefix + function, normal(3, 12), normal(3, 12), reduction=reduction)
        case(name, prefix + function, normal(12, dtype=HALF), normal(12, dtype=HALF))
    for reduction in ("mean", "sum", "none", "batchmean"):
        case("KLDiv", prefix + "kl_div", normal(3, 8), uniform(0, 1, 3, 8), reduction=reduction)
    case("KLDiv", prefix + "kl_div", normal(3, 8), np.zeros((3, 8), np.float32), reduction="sum")
    case("KLDiv", prefix + "kl_div", normal(3, 8), normal(3, 8), reduction="sum", log_target=True)


def attention() -> None:
    name, function = "FlashAttentionScore", "ops.flash_attention_score"

    def add(layout: str, shape: tuple[int, ...], keys: tuple[int, ...], heads: int, **options: Any) -> None:
        tensors = [normal(*each, dtype=HALF) for each in (shape, keys, keys)]
        options |= {"scalar_value": 0.5, "input_layout": layout}
        case(name, function, *tensors, heads, torch_call=_attention, **options)

    add("BNSD", (2, 3, 4, 4), (2, 3, 5, 4), 3)
    add("BSND", (2, 4, 3, 4), (2, 5, 3, 4), 3)
    add("BSH", (2, 4, 12), (2, 5, 12), 3)
    add("SBH", (4, 2, 12), (5, 2, 12), 3)
    mask = flags(2, 1, 4, 5)
    mask[..., 0] = False
    add("BNSD", (2, 3, 4, 4), (2, 3, 5, 4), 3, attn_mask=mask)
    add("BNSD", (1, 3, 4, 4), (1, 3, 5, 4), 3, attn_mask=mask[0, 0].astype(np.uint8))
    add("BNSD", (2, 3, 4, 4), (2, 3, 5, 4), 3, real_shift=normal(1, 3, 4, 5, dtype=HALF))
    add("BNSD", (1, 3, 4, 4), (1, 3, 5, 4), 3, sparse_mode=2)
    add("BNSD", (1, 3, 4, 4), (1, 3, 5, 4), 3, sparse_mode=3)
    # Groups of queries share keys and values.
    add("BNSD", (1, 4, 3, 4), (1, 2, 5, 4), 4)
    add("BSH", (1, 3, 16), (1, 5, 8), 4)


def _attention(
    q: Any, k: Any, v: Any, heads: int, *, scalar_value: float, input_layout: str, **options: Any
) -> Any:
    """MindSpore's attention spelled with torch's operators, in float32."""

    width = q.shape[-1] // heads

    def by_head(x: torch.Tensor) -> torch.Tensor:
        if input_layout in ("BSH", "SBH"):
            rows = x.transpose(0, 1) if input_layout == "SBH" else x
            return rows.unflatten(-1, (-1, width)).transpose(1, 2).float()
        return (x.transpose(1, 2) if input_layout == "BSND" else x).float()

    q, k, v = (by_head(each) for each in (q, k, v))
    bias = torch.zeros(q.shape[-2], k.shape[-2])
    if "attn_mask" in options:
        bias = torch.zeros(options["attn_mask"].shape).masked_fill(options["attn_mask"].bool(), float("-inf"))
    if "real_shift" in options:
        bias = scalar_value * options["real_shift"].float()
    if "sparse_mode" in options:
        first = 1 if options["sparse_mode"] == 2 else k.shape[-2] - q.shape[-2] + 1
        bias = torch.full(bias.shape, float("-inf")).triu(first)
    result = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, bias, scale=scalar_value, enable_gqa=k.shape[1] != q.shape[1]
    ).half()
    if input_layout == "BNSD":
        return result
    rows = result.transpose(1, 2) if input_layout == "BSND" else result.transpose(1, 2).flatten(2)
    return rows.transpose(0, 1) if input_layout == "SBH" else rows


def later() -> None:
    """Cases that came later: before the others they would change the numbers of those."""
    prefix = "nn.functional."
    case("LogAddExp2", "logaddexp2", normal(3, 4), normal(3, 4))
    case("LogAddExp2", "logaddexp2", normal(3, 1), normal(4))
    case("LogAddExp2", "logaddexp2", normal(3, dtype=HALF), normal(3, dtype=HALF))
    case("LogAddExp2", "logaddexp2", As(normal(3), "bfloat16"), As(normal(3), "bfloat16"))
    case("LogAddExp2", "logaddexp2", SPECIAL, SPECIAL[::-1].copy())
    for values in (integers(-99, 99, 3, 4), integers(-99, 99, 5, dtype=np.int32), flags(7)):
        case("BitwiseNot", "bitwise_not", values)
        case("BitwiseNot", "Tensor.bitwise_not", values)
    for other in (2, -3, 0.7):
        case("FloorDivScalar", "floor_divide", uniform(-9, 9, 12), other)
    case("FloorDivScalar", "floor_divide", integers(-9, 9, 12), 4)
    for mask in (flags(3, 4), np.zeros((2, 2), bool), integers(0, 2, 5)):
        case("NonZeroExt", "where", mask)
    for dim in (0, 1, -1):
        case(
            "InplaceScatterAdd", "Tensor.scatter_add_", normal(3, 5), dim, integers(0, 3, 3, 4), normal(3, 5)
        )
    case(
        "InplaceScatterAdd", "Tensor.scatter_add_", integers(0, 9, 4), 0, integers(0, 4, 6), integers(0, 9, 6)
    )
    halves = [As(normal(5), "bfloat16"), 0, np.array([3, 0, 1]), As(normal(3), "bfloat16")]
    case("InplaceScatterAdd", "Tensor.scatter_add_", *halves)
    case("Take", "take", normal(3, 4), integers(-12, 12, 2, 5))
    case("Take", "take", integers(0, 99, 6), integers(0, 6, 3))
    case("Take", "take", As(normal(3, 4), "bfloat16"), integers(0, 12, 3))
    for values in (uniform(-3, 3, 30), uniform(-3, 3, 30).astype(HALF), As(uniform(-3, 3, 9), "bfloat16")):
        case("InplaceHardtanh", prefix + "hardtanh_", values, -0.5, 2.0)
        case("InplaceThreshold", prefix + "threshold_", values, 0.25, 0.5)
    case("InplaceHardtanh", prefix + "hardtanh", uniform(-3, 3, 30), inplace=True)
    case("InplaceHardtanh", prefix + "relu6", uniform(-3, 9, 30), inplace=True)
    case("InplaceThreshold", prefix + "threshold", uniform(-3, 3, 30), 0.1, 0.25, True)
    for shape, args in [
        ((1, 2, 6, 8), (2,)),
        ((1, 2, 6, 8), (2, 2)),
        ((3, 7, 7), (3, 2, 1)),
        ((2, 5, 6), ((2, 3), 2)),
    ]:
        pooled, places = torch.nn.functional.max_pool2d(
            torch.tensor(normal(*shape)), *args, return_indices=True
        )
        case("MaxUnpool2DExt", prefix + "max_unpool2d", pooled.numpy(), places.numpy(), *args)
        more = {"output_size": shape[-2:]}
        case("MaxUnpool2DExt", prefix + "max_unpool2d", pooled.numpy(), places.numpy(), *args, **more)
    for options in [{}, {"upper": False}, {"transpose": True}, {"unitriangular": True}]:
        for batch in ((), (2,)):
            solved = normal(*batch, 4, 3), normal(*batch, 4, 4) + 4 * np.eye(4, dtype=np.float32)
            case("TriangularSolve", "triangular_solve", *solved, **options)
    # A mask for all heads, one for all of the batch, and one for both.
    for mask in ((2, 1, 4, 5), (1, 3, 4, 5), (1, 1, 4, 5), (2, 1, 1, 5)):
        case(
            "Baddbmm",
            "baddbmm",
            normal(*mask),
            normal(6, 4, 8),
            normal(6, 8, 5),
            torch_call=_spread_baddbmm,
        )


def _spread_baddbmm(mask: torch.Tensor, *operands: torch.Tensor) -> torch.Tensor:
    return torch.baddbmm(mask.expand(2, 3, 4, 5).reshape(6, 4, 5), *operands)


def scalars() -> None:
    for values in (normal(3, 4), normal(5, dtype=HALF), integers(-9, 9, 6)):
        for other in (2, -0.3):
            case("Muls", "mul", values, other)
    case("Muls", "mul", flags(4), 3)


def main() -> None:
    torch.set_num_threads(1)
    for family in (
        creation,
        elementwise,
        activations,
        inplace,
        shapes,
        indexing,
        padding,
        reductions,
        sorting,
        linear,
        convolution,
        windows,
        normalisation,
        interpolation,
        losses,
        attention,
        scalars,
        later,
    ):
        family()
    metadata = {"torch": torch.__version__, "cases": json.dumps(CASES, separators=(",", ":"))}
    target = Path(__file__).with_name("kernels.safetensors")
    save_file(TENSORS, target, metadata)
    primitives = {each[0] for each in CASES}
    print(f"{len(CASES)} cases of {len(primitives)} primitives, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
