# ruff: noqa: ARG001  MindSpore decides what a kernel is handed
"""Random draws, determined by the seed and offset that MindSpore passes to the primitive.

MindSpore's functions take both from a ``mindspore.Generator`` (the default one if none is given) and advance
its offset. The guard of a run works at that point, so a draw that the case's seed does not determine is still
caught. The numbers are numpy's (PCG64), not those of any Ascend kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor

from harness.kernels.arrays import Array, number, shape_of, to_numpy, to_tensor, wide, write
from harness.kernels.registry import kernel

_MASK = 2**64 - 1
# The integers that a float dtype represents exactly: torch's `random_` draws from these if there is no bound.
_EXACT = {ms.float16: 2**11, ms.bfloat16: 2**8, ms.float32: 2**24, ms.float64: 2**53}


def _generator(seed: Any, offset: Any) -> np.random.Generator:
    entropy = [int(number(seed)) & _MASK, int(number(offset)) & _MASK]
    return np.random.Generator(np.random.PCG64(entropy))


def _normal(shape: tuple[int, ...], seed: Any, offset: Any) -> Array:
    """`standard_normal` of PCG64(seed, offset) in float32."""
    return _generator(seed, offset).standard_normal(shape, dtype=np.float32)


def _uniform(shape: tuple[int, ...], seed: Any, offset: Any) -> Array:
    """`random` of PCG64(seed, offset) in float32."""
    return _generator(seed, offset).random(shape, dtype=np.float32)


def _filled(
    draw: Callable[..., Array], shape: Any, seed: Any, offset: Any, dtype: Any = None, device: Any = None
) -> Tensor:
    return to_tensor(draw(shape_of(shape), seed, offset), dtype or ms.float32)


def _filled_like(
    draw: Callable[..., Array], like: Tensor, seed: Any, offset: Any, dtype: Any = None, device: Any = None
) -> Tensor:
    return to_tensor(draw(like.shape, seed, offset), dtype or like.dtype)


for _primitive, _name, _fill, _draw in (
    ("Randn", "randn", _filled, _normal),
    ("RandnLike", "randn_like", _filled_like, _normal),
    ("RandExt", "rand", _filled, _uniform),
    ("RandLikeExt", "rand_like", _filled_like, _uniform),
):
    kernel(_primitive, serves=(f"mint.{_name}",), computed=_draw.__doc__)(partial(_fill, _draw))


@kernel("RandInt", serves=("mint.randint",))
def randint(
    low: Any, high: Any, shape: Any, seed: Any, offset: Any, dtype: Any = None, device: Any = None
) -> Tensor:
    """`integers` of PCG64(seed, offset) in int64."""
    drawn = _generator(seed, offset).integers(number(low), number(high), shape_of(shape))
    return to_tensor(drawn, dtype or ms.int64)


@kernel("RandIntLike", serves=("mint.randint_like",))
def randint_like(
    input: Tensor, low: Any, high: Any, seed: Any, offset: Any, dtype: Any = None, device: Any = None
) -> Tensor:
    """`integers` of PCG64(seed, offset) in int64."""
    return randint(low, high, input.shape, seed, offset, dtype or input.dtype)


@kernel("RandpermExt", serves=("mint.randperm",))
def randperm(n: Any, seed: Any, offset: Any, dtype: Any = None) -> Tensor:
    """`permutation` of PCG64(seed, offset)."""
    return to_tensor(_generator(seed, offset).permutation(int(number(n))), dtype or ms.int64)


def _normal_of(shape: tuple[int, ...], mean: Any, std: Any, seed: Any, offset: Any) -> Array:
    """`standard_normal` of PCG64(seed, offset) in float32, scaled and shifted."""
    centre, spread = (to_numpy(each).astype(np.float32) for each in (mean, std))
    return _normal(shape, seed, offset) * spread + centre


@kernel("NormalFloatFloat", serves=("mint.normal",))
def normal_of_numbers(mean: Any, std: Any, size: Any, seed: Any, offset: Any) -> Tensor:
    """`standard_normal` of PCG64(seed, offset) in float32, scaled and shifted."""
    return to_tensor(_normal_of(shape_of(size), mean, std, seed, offset))


@kernel("NormalTensorTensor", "NormalTensorFloat", "NormalFloatTensor", serves=("mint.normal",))
def normal_of_tensors(mean: Any, std: Any, seed: Any, offset: Any) -> Tensor:
    """`standard_normal` of PCG64(seed, offset) in float32, scaled and shifted."""
    tensors = [each for each in (mean, std) if isinstance(each, Tensor)]
    shape = np.broadcast_shapes(*(each.shape for each in tensors))
    return to_tensor(_normal_of(shape, mean, std, seed, offset), tensors[0].dtype)


@kernel("InplaceNormal", serves=("Tensor.normal_",))
def normal_(input: Tensor, mean: Any, std: Any, seed: Any, offset: Any) -> Tensor:
    """`standard_normal` of PCG64(seed, offset) in float32, scaled and shifted."""
    return write(input, _normal_of(input.shape, mean, std, seed, offset))


def _uniform_between(shape: tuple[int, ...], low: Any, high: Any, seed: Any, offset: Any) -> Array:
    low, high = np.float32(number(low)), np.float32(number(high))
    numbers: Array = _uniform(shape, seed, offset) * (high - low) + low
    return numbers


@kernel("InplaceUniform", serves=("Tensor.uniform_",))
def uniform_(input: Tensor, low: Any, high: Any, seed: Any, offset: Any) -> Tensor:
    """`random` of PCG64(seed, offset) in float32, scaled and shifted."""
    return write(input, _uniform_between(input.shape, low, high, seed, offset))


@kernel("UniformExt", serves=("Tensor.uniform",))
def uniform(tensor: Tensor, low: Any, high: Any, seed: Any, offset: Any) -> Tensor:
    """`random` of PCG64(seed, offset) in float32, scaled and shifted."""
    return to_tensor(_uniform_between(tensor.shape, low, high, seed, offset), tensor.dtype)


@kernel("InplaceRandom", serves=("Tensor.random_",))
def random_(input: Tensor, low: Any = 0, high: Any = None, seed: Any = 0, offset: Any = 0) -> Tensor:
    """`integers` of PCG64(seed, offset) in int64."""
    if high is None:
        kind = to_numpy(input).dtype
        high = _EXACT.get(input.dtype, 2) if kind.kind in "fb" else np.iinfo(kind).max
    drawn = _generator(seed, offset).integers(int(number(low)), int(number(high)), input.shape)
    return write(input, drawn)


@kernel("InplaceExponential", serves=("Tensor.exponential_",))
def exponential_(input: Tensor, lambd: Any, seed: Any, offset: Any) -> Tensor:
    """`standard_exponential` of PCG64(seed, offset) in float32, divided by lambd."""
    drawn = _generator(seed, offset).standard_exponential(input.shape, dtype=np.float32)
    return write(input, drawn / np.float32(number(lambd)))


@kernel("BernoulliExt", serves=("mint.bernoulli",))
def bernoulli(input: Tensor, seed: Any, offset: Any) -> Tensor:
    """`random` of PCG64(seed, offset) in float32, below the probability."""
    return to_tensor(_uniform(input.shape, seed, offset) < wide(input), input.dtype)


@kernel("MultinomialExt", serves=("mint.multinomial",))
def multinomial(input: Tensor, num_samples: Any, replacement: Any, seed: Any, offset: Any) -> Tensor:
    """`choice` of PCG64(seed, offset), row by row, weighted in float64."""
    weights = wide(input).reshape(-1, input.shape[-1])
    generator, count = _generator(seed, offset), int(number(num_samples))
    rows = [generator.choice(row.size, count, bool(replacement), row / row.sum()) for row in weights]
    return to_tensor(np.stack(rows).reshape((*input.shape[:-1], count)))


@kernel("FuncDropoutExt", serves=("mint.nn.functional.dropout", "mint.nn.Dropout"))
def functional_dropout(
    input: Tensor, p: Any, training: bool, inplace: bool, seed: Any, offset: Any
) -> Tensor:
    """`random` of PCG64(seed, offset) in float32; what is kept is divided by 1 - p."""
    return _dropout(input, input.shape, number(p) if training else 0, inplace, seed, offset)


@kernel("Dropout2dExt", serves=("mint.nn.functional.dropout2d",))
def dropout2d(input: Tensor, p: Any, training: bool, inplace: bool, seed: Any, offset: Any) -> Tensor:
    """As FuncDropoutExt, whole channels at a time."""
    channels = (*input.shape[:2], *[1] * (input.ndim - 2))
    return _dropout(input, channels, number(p) if training else 0, inplace, seed, offset)


def _dropout(
    input: Tensor, shape: tuple[int, ...], p: float, inplace: bool, seed: Any, offset: Any
) -> Tensor:
    if not p:
        return input
    kept = _uniform(shape, seed, offset) >= p
    scale = np.float32(0 if p == 1 else 1 / (1 - p))
    dropped = to_tensor(to_numpy(input).astype(np.float32) * kept * scale, input.dtype)
    return write(input, dropped) if inplace else dropped
