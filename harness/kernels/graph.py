# ruff: noqa: ARG001, RUF005  MindSpore decides what a function is given, and compiles no unpacking
"""What a graph compiled on CPU has in place of the operators that MindSpore's CPU has no kernel for.

The kernels of this package are Python functions on numpy, which cannot be compiled. The functions here are
built of ``mindspore.ops`` alone, so MindSpore compiles them as part of the graph. They are in place only
while :func:`compilable` is entered: what runs in PyNative keeps its kernels, and with them its bits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops
from mindspore.ops import functional_overload
from mindspore.ops.auto_generate import gen_ops_prim, pyboost_inner_prim

from harness.kernels.graph_methods import parser_class, parsing
from harness.kernels.install import originals
from harness.kernels.registry import KERNELS

# Increased whenever a replacement gives other bits than before.
VERSION = 1

# The packages whose modules hold operators that the code of a model calls.
_PACKAGES = ("mindspore", "mindone")

# An object, the name of one of its attributes, and a value for it.
Place = tuple[Any, str, Any]


def _conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    if isinstance(padding, str):
        return ops.conv2d(input, weight, bias, stride, padding, 0, dilation, groups)
    return ops.conv2d(input, weight, bias, stride, "pad", padding, dilation, groups)


def _conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    if isinstance(padding, str):
        return ops.conv3d(input, weight, bias, stride, padding, 0, dilation, groups)
    return ops.conv3d(input, weight, bias, stride, "pad", padding, dilation, groups)


def _gelu(input: Tensor, approximate: str = "none") -> Tensor:
    return ops.gelu(input, approximate)


def _layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    axes = tuple(range(-len(normalized_shape), 0))
    x = input.astype(ms.float32)
    mean = ops.mean(x, axes, True)
    centred = x - mean
    spread = ops.rsqrt(ops.mean(centred * centred, axes, True) + eps)
    normed = centred * spread
    if weight is not None:
        normed = normed * weight.astype(ms.float32)
    if bias is not None:
        normed = normed + bias.astype(ms.float32)
    return normed.astype(input.dtype), mean, spread


def _repeat_interleave(
    input: Tensor, repeats: Any, dim: int | None = None, output_size: Any = None
) -> Tensor:
    if dim is None:  # by itself, because the compiler takes no function that calls itself in another way
        input, dim = input.reshape(-1), 0
    axis = dim % input.ndim
    shape = input.shape
    times = (1,) * (axis + 1) + (repeats,) + (1,) * (input.ndim - axis - 1)
    repeated = ops.tile(input.expand_dims(axis + 1), times)
    return repeated.reshape(shape[:axis] + (shape[axis] * repeats,) + shape[axis + 1 :])


def _embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: Any = None,
    max_norm: Any = None,
    norm_type: Any = 2.0,
    scale_grad_by_freq: bool = False,
) -> Tensor:
    return ops.gather(weight, input, 0)


def _constant_pad(input: Tensor, padding: Any, value: Any = 0.0) -> Tensor:
    return ops.pad(input, padding, "constant", value)


def _chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    length = input.shape[dim]
    size = (length + chunks - 1) // chunks
    begins = [0] * input.ndim
    parts = []
    for begin in range(0, length, size):
        begins[dim] = begin
        sizes = list(input.shape)
        sizes[dim] = min(size, length - begin)
        parts.append(ops.slice(input, tuple(begins), tuple(sizes)))
    return tuple(parts)


def _baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, beta: Any = 1, alpha: Any = 1) -> Tensor:
    if input.ndim == 4:  # mindone's mask, of batch and heads apart
        input = input.reshape((-1,) + input.shape[2:])
    return input * beta + ops.bmm(batch1, batch2) * alpha


def _stack(tensors: Any, dim: int = 0) -> Tensor:
    return ops.stack(tensors, dim)


def _outer(input: Tensor, vec2: Tensor) -> Tensor:
    return input.expand_dims(1) * vec2


def _vector_norm(
    x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    axes = tuple(range(x.ndim)) if dim is None else dim
    size = ops.abs(x.astype(ms.float32))
    if ord == 2:
        norm = ops.sqrt(ops.sum(size * size, axes, keepdim))
    elif 0 < ord < 100:
        norm = ops.pow(ops.sum(ops.pow(size, ord), axes, keepdim), 1 / ord)
    else:  # The largest, the smallest, or how many: no model takes them.
        raise ValueError("no replacement for a norm of this order")
    return norm.astype(x.dtype if dtype is None else dtype)


def _clone(input: Tensor) -> Tensor:
    return input * 1


# The primitive, and what is compiled in its place.
REPLACEMENTS: dict[str, Callable[..., Any]] = {
    "Conv2DExt": _conv2d,
    "Conv2DPadding": _conv2d,
    "Conv3DExt": _conv3d,
    "Conv3DPadding": _conv3d,
    "GeluExt": _gelu,
    "LayerNormExt": _layer_norm,
    "RepeatInterleaveInt": _repeat_interleave,
    "Embedding": _embedding,
    "ConstantPadND": _constant_pad,
    "Clone": _clone,
    "ChunkView": _chunk,
    "Baddbmm": _baddbmm,
    "LinalgVectorNorm": _vector_norm,
    "Outer": _outer,
    "StackExt": _stack,
}

# The method of tensors, and what is compiled in its place.
METHODS: dict[str, Callable[..., Any]] = {
    "chunk": _chunk,
    "repeat_interleave": _repeat_interleave,
}


def places_of(model: nn.Cell) -> list[Place]:
    """Return where the code of ``model`` finds each primitive of :data:`REPLACEMENTS`, and what goes there.

    That is in modules and in the model's cells. Functions that :func:`harness.kernels.install.install` has
    put in the place of MindSpore's, which compiles neither them nor what they call, get MindSpore's own back.
    """
    classes = {
        kind: function
        for name, function in REPLACEMENTS.items()
        for module, class_name in ((gen_ops_prim, name), (pyboost_inner_prim, f"_Pyboost{name}Prim"))
        if (kind := getattr(module, class_name, None)) is not None
    }
    modules = [each for name, each in list(sys.modules.items()) if name.partition(".")[0] in _PACKAGES]
    cells = [cell for _, cell in model.cells_and_names()]
    found: list[Place] = [
        (owner, name, classes[type(value)])
        for owner in (*modules, *cells)
        for name, value in list(getattr(owner, "__dict__", {}).items())
        if type(value) in classes
    ]
    own = {id(owner): owner for owner in modules}
    found += [place for place in originals() if id(place[0]) in own]
    # After the originals, which they take the place of.
    found += [
        (functional_overload, f"_{kernel.overload}_instance", REPLACEMENTS[kernel.primitive])
        for kernel in KERNELS.values()
        if kernel.overload is not None and kernel.primitive in REPLACEMENTS
        # Which functions are overloaded differs between releases.
        if hasattr(functional_overload, f"_{kernel.overload}_instance")
    ]
    # Trees that were parsed before, or will be after, keep their methods.
    found += [(parser_class(), "parse", parsing(METHODS)), (parser_class(), "ast_cache", {})]
    return found


@contextmanager
def compilable(places: list[Place]) -> Iterator[None]:
    """Have the values of ``places`` in their places while the body runs, which compiles a graph."""
    before: list[Place] = []
    try:
        for owner, name, value in places:
            before.append((owner, name, vars(owner)[name]))
            _put(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            _put(owner, name, value)


def _put(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, type):
        setattr(owner, name, value)
    else:  # A cell would enter a primitive in its list of primitives.
        object.__setattr__(owner, name, value)
