"""References: what numpy computes in float64, for operators that are written in a few lines."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from harness.atlas.drawing import plain
from harness.atlas.entry import Drawn, Entry

# What numpy's functions return has no type of its own.
Array = Any
Reference = Callable[..., Array]


class TooLarge(Exception):
    """In float64 the entry takes longer than it is worth, whoever computes it."""


def reference_of(entry: Entry, inputs: list[Array], parameters: dict[str, Array]) -> Array | None:
    """Return what ``entry`` computes from float64 ``inputs``; None if there is no reference for it.

    Raises :class:`TooLarge`.
    """
    name = entry.operator.rpartition(".")[2]
    functions = _FUNCTIONS.get(entry.operator, _FUNCTIONS.get(name))
    found = _CELLS.get(entry.operator) if entry.made_with else functions
    if found is None or any(each.group is not None for each in entry.drawn):
        return None
    values = iter(inputs)
    arguments = [next(values) if isinstance(each, Drawn) else plain(each) for each in entry.arguments]
    options = {key: plain(value) for key, value in {**entry.made_with, **entry.options}.items()}
    with np.errstate(all="ignore"):
        try:
            return np.asarray(found(*arguments, **({"p": parameters} if entry.made_with else {}), **options))
        except (TypeError, ValueError, IndexError, KeyError):
            # An entry with an option that the reference does not know has none.
            return None


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _softplus(x: Array) -> Array:
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


_SELU = (1.0507009873554804934193349852946, 1.6732632423543772848170429916717)
# Above this many multiplications, a reference in float64 takes longer than it is worth.
_MOST_WORK = 1e9
# And above so many values, one that calls a function of Python for each.
_MOST_CALLS = 100_000


def _gelu(x: Array, approximate: str = "none") -> Array:
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    if x.size > _MOST_CALLS:
        raise TypeError
    # As erfc, which does not cancel where x is far below zero.
    return 0.5 * x * _each(math.erfc)(-x / math.sqrt(2))


def _softmax(x: Array, dim: int = -1, axis: int | None = None) -> Array:
    where = dim if axis is None else axis
    shifted = np.exp(x - x.max(where, keepdims=True))
    return shifted / shifted.sum(where, keepdims=True)


def _log_softmax(x: Array, dim: int = -1, axis: int | None = None) -> Array:
    where = dim if axis is None else axis
    shifted = x - x.max(where, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(where, keepdims=True))


def _convolution(x: Array, w: Array, b: Array | None, stride: Any, padding: Any, groups: int) -> Array:
    axes = w.ndim - 2
    strides = (stride,) * axes if isinstance(stride, int) else stride
    pads = (padding,) * axes if isinstance(padding, int) else padding
    x = np.pad(x, [(0, 0), (0, 0), *((each, each) for each in pads)])
    windows: Any = np.lib.stride_tricks.sliding_window_view(
        x,
        w.shape[2:],
        axis=tuple(range(2, x.ndim)),  # type: ignore[call-overload]
    )
    steps = tuple(slice(None, None, each) for each in strides)
    windows = windows[(slice(None), slice(None)) + steps]  # noqa: RUF005  not in Python 3.10's subscripts
    if math.prod(windows.shape[2 : 2 + axes]) * math.prod(w.shape) > _MOST_WORK:
        raise TooLarge
    parts = []
    inner, outer = w.shape[1], w.shape[0] // groups
    for group in range(groups):
        own = windows[:, group * inner : (group + 1) * inner]
        kernel = w[group * outer : (group + 1) * outer]
        over = [1, *range(2 + axes, 2 + 2 * axes)]
        parts.append(np.moveaxis(np.tensordot(own, kernel, (over, list(range(1, w.ndim)))), -1, 1))
    made = np.concatenate(parts, 1)
    return made if b is None else made + b.reshape(1, -1, *(1,) * axes)


def _conv(
    x: Array, w: Array, bias: Array | None = None, *, stride: Any = 1, padding: Any = 0, groups: int = 1,
    pad_mode: str = "pad",
) -> Array:  # fmt: skip
    del pad_mode
    return _convolution(x, w, bias, stride, padding, groups)


def _conv_cell(
    x: Array, *, p: dict[str, Array], in_channels: int, out_channels: int, kernel_size: int, padding: int = 0,
    has_bias: bool = True, pad_mode: str = "pad",
) -> Array:  # fmt: skip
    del in_channels, out_channels, kernel_size, has_bias, pad_mode
    return _convolution(x, p["weight"], p.get("bias"), 1, padding, 1)


def _matmul(x: Array, y: Array) -> Array:
    if x.size * y.shape[-1] > _MOST_WORK:
        raise TooLarge
    return np.matmul(x, y)


def _linear(x: Array, w: Array, b: Array | None = None) -> Array:
    made = _matmul(x, w.T)
    return made if b is None else made + b


def _dense_cell(x: Array, *, p: dict[str, Array], **_: Any) -> Array:
    return _linear(x, p["weight"], p.get("bias"))


def _normalised(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    centred = x - x.mean(axes, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + eps)


def _group_norm(x: Array, groups: int, scale: Array, shift: Array, eps: float = 1e-5) -> Array:
    parts = x.reshape(x.shape[0], groups, -1)
    shape = (1, -1, *(1,) * (x.ndim - 2))
    return _normalised(parts, (2,), eps).reshape(x.shape) * scale.reshape(shape) + shift.reshape(shape)


def _group_norm_cell(x: Array, *, p: dict[str, Array], num_groups: int, num_channels: int) -> Array:
    del num_channels
    return _group_norm(x, num_groups, *_scale_and_shift(p))


def _scale_and_shift(p: dict[str, Array]) -> tuple[Array, Array]:
    ours = ("gamma", "beta") if "gamma" in p else ("weight", "bias")
    return p[ours[0]], p[ours[1]]


def _layer_norm(x: Array, shape: tuple[int, ...], scale: Array, shift: Array, eps: float = 1e-5) -> Array:
    return _normalised(x, tuple(range(-len(shape), 0)), eps) * scale + shift


def _layer_norm_cell(eps: float) -> Reference:
    def compute(x: Array, *, p: dict[str, Array], normalized_shape: tuple[int, ...]) -> Array:
        scale, shift = _scale_and_shift(p)
        return _layer_norm(x, normalized_shape, scale, shift, eps)

    return compute


def _attention(x: Array, y: Array, z: Array, heads: int, *, input_layout: str, scalar_value: float) -> Array:
    del heads, input_layout
    return np.matmul(_softmax(np.matmul(x, np.swapaxes(y, -1, -2)) * scalar_value), z)


def _over(function: Callable[..., Array]) -> Reference:
    def reduce(x: Array, dim: Any = None, axis: Any = None) -> Array:
        return function(x, axis=dim if axis is None else axis)

    return reduce


def _logsumexp(x: Array, axis: Any = None) -> Array:
    most = x.max(axis, keepdims=True)
    return np.log(np.exp(x - most).sum(axis)) + np.squeeze(most, axis)


def _each(function: Callable[[float], float]) -> Reference:
    every = np.vectorize(function, otypes=[np.float64])

    def compute(x: Array) -> Array:
        if x.size > _MOST_CALLS:
            raise TypeError
        return every(x)

    return compute


_FUNCTIONS: dict[str, Reference] = {
    **{name: getattr(np, name) for name in (
        "abs", "ceil", "cos", "cosh", "exp", "exp2", "expm1", "floor", "fmod", "log", "log10", "log1p",
        "log2", "logaddexp", "maximum", "minimum", "reciprocal", "sign", "sin", "sinc", "sinh", "sqrt",
        "square", "tan", "tanh", "trunc")},
    **{f"a{name}": getattr(np, f"arc{name}") for name in ("cos", "cosh", "sin", "sinh", "tan", "tanh")},
    "atan2": np.arctan2, "neg": np.negative, "add": np.add, "sub": np.subtract, "mul": np.multiply,
    "div": np.divide, "pow": np.power, "round": np.round, "fix": np.trunc, "frac": lambda x: x - np.trunc(x),
    "rsqrt": lambda x: 1 / np.sqrt(x), "xlogy": lambda x, y: x * np.log(y),
    "erf": _each(math.erf), "erfc": _each(math.erfc), "lgamma": _each(math.lgamma),
    "lerp": lambda x, y, w: x + w * (y - x), "addcmul": lambda x, y, z: x + y * z,
    "addcdiv": lambda x, y, z: x + y / z, "where": np.where, "clamp": np.clip, "nan_to_num": lambda x: x,
    "sigmoid": _sigmoid, "silu": lambda x: x * _sigmoid(x), "gelu": _gelu, "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6), "softplus": _softplus, "logsigmoid": lambda x: -_softplus(-x),
    "mish": lambda x: x * np.tanh(_softplus(x)), "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: _SELU[0] * np.where(x > 0, x, _SELU[1] * np.expm1(x)),
    "hardtanh": lambda x: np.clip(x, -1, 1), "softsign": lambda x: x / (1 + np.abs(x)),
    "tanhshrink": lambda x: x - np.tanh(x), "deg2rad": np.deg2rad,
    "hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6, "hardsigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "leaky_relu": lambda x: np.where(x > 0, x, x * np.float64(0.01)),
    # The slope that ops has unless it is given one.
    "ops.leaky_relu": lambda x: np.where(x > 0, x, x * 0.2),
    "prelu": lambda x, w: np.where(x > 0, x, x * w.reshape(1, -1, *(1,) * (x.ndim - 2))),
    "softmax": _softmax, "log_softmax": _log_softmax,
    "conv1d": _conv, "conv2d": _conv, "conv3d": _conv,
    "matmul": _matmul, "mm": _matmul, "bmm": _matmul, "mv": np.matmul, "dot": np.dot, "outer": np.outer,
    "linear": _linear, "dense": _linear, "addmm": lambda z, x, y: z + x @ y,
    "baddbmm": lambda z, x, y: z + np.matmul(x, y),
    "group_norm": _group_norm, "layer_norm": _layer_norm, "flash_attention_score": _attention,
    "sum": _over(np.sum), "mean": _over(np.mean), "prod": _over(np.prod), "amax": _over(np.max),
    "amin": _over(np.min), "max": _over(np.max), "min": _over(np.min), "nansum": _over(np.nansum),
    "cumsum": _over(np.cumsum), "cumprod": _over(np.cumprod), "logsumexp": _over(_logsumexp),
    "mse_loss": lambda x, y: np.mean((x - y) ** 2), "l1_loss": lambda x, y: np.mean(np.abs(x - y)),
}  # fmt: skip
_CELLS: dict[str, Reference] = {
    "nn.Conv1d": _conv_cell, "nn.Conv2d": _conv_cell, "nn.Conv3d": _conv_cell, "mint.nn.Conv2d": _conv_cell,
    "mint.nn.Conv3d": _conv_cell, "nn.Dense": _dense_cell, "mint.nn.Linear": _dense_cell,
    "nn.LayerNorm": _layer_norm_cell(1e-7), "mint.nn.LayerNorm": _layer_norm_cell(1e-5),
    "nn.GroupNorm": _group_norm_cell, "mint.nn.GroupNorm": _group_norm_cell,
}  # fmt: skip
