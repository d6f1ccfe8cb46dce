"""Convolutions, on MindSpore's own CPU Conv2D, Conv3D and Conv2DBackpropInput."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from mindspore import Tensor, ops
from mindspore.ops import operations

from harness.kernels.arrays import integers, to_numpy, to_tensor
from harness.kernels.registry import kernel


def _convolved(
    input: Tensor,
    weight: Tensor,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Tensor:
    # The CPU's Conv2D has groups of one channel only: others are cut apart, joined again.
    if groups not in (1, input.shape[1]) or (groups > 1 and len(stride) == 3):
        parts = zip(ops.chunk(input, groups, 1), ops.chunk(weight, groups, 0), strict=True)
        return ops.cat([_convolved(x, w, stride, padding, dilation, 1) for x, w in parts], 1)
    channels, window = weight.shape[0], tuple(weight.shape[2:])
    return _primitive(channels, window, stride, padding, dilation, groups)(input, weight)


# Making a primitive costs as much as a small convolution.
@functools.lru_cache(maxsize=256)
def _primitive(
    channels: int,
    window: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Any:
    make = operations.Conv2D if len(window) == 2 else operations.Conv3D
    widths = tuple(width for each in padding for width in (each, each))
    return make(
        channels,
        window,
        pad_mode="pad" if any(padding) else "valid",
        pad=widths if any(padding) else 0,
        stride=stride,
        dilation=dilation,
        group=groups,
    )


def _biased(output: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return output
    if output.ndim == 4:
        return ops.bias_add(output, bias)
    return output + bias.reshape((1, -1, *[1] * (output.ndim - 2)))


def _same(input: Tensor, weight: Tensor, dilation: tuple[int, ...]) -> tuple[Tensor, tuple[int, ...]]:
    """Return the input, padded by the odd one at its ends as torch does, and the even rest of 'same'."""
    total = [gap * (size - 1) for gap, size in zip(dilation, weight.shape[2:], strict=True)]
    if any(each % 2 for each in total):
        ends = [(0, 0), (0, 0), *((0, each % 2) for each in total)]
        input = to_tensor(np.pad(to_numpy(input), ends), input.dtype)
    return input, tuple(each // 2 for each in total)


@kernel(
    "Conv2DExt",
    "Conv2DPadding",
    serves=("mint.nn.functional.conv2d", "mint.nn.Conv2d"),
    overload="conv2d",
)
@kernel(
    "Conv3DExt",
    "Conv3DPadding",
    serves=("mint.nn.functional.conv3d", "mint.nn.Conv3d"),
    overload="conv3d",
)
def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """`ops.Conv2D` or `ops.Conv3D`, as the weight has axes."""
    axes = weight.ndim - 2
    steps, gaps = integers(stride, axes), integers(dilation, axes)
    if input.ndim == axes + 1:
        return convolution(input.expand_dims(0), weight, bias, steps, padding, gaps, groups).squeeze(0)
    if padding == "same":
        input, padding = _same(input, weight, gaps)
    widths = (0,) * axes if padding == "valid" else integers(padding, axes)
    return _biased(_convolved(input, weight, steps, widths, gaps, groups), bias)


@kernel(
    "Conv1DExt",
    "Conv1DPadding",
    serves=("mint.nn.functional.conv1d", "mint.nn.Conv1d"),
    overload="conv1d",
)
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """`ops.Conv2D` on images of one row."""
    widths = padding if isinstance(padding, str) else (0, *integers(padding, 1))
    steps, gaps = (1, *integers(stride, 1)), (1, *integers(dilation, 1))
    image, row = input.expand_dims(-2), weight.expand_dims(-2)
    return convolution(image, row, bias, steps, widths, gaps, groups).squeeze(-2)


@kernel("ConvTranspose2D", serves=("mint.nn.functional.conv_transpose2d", "mint.nn.ConvTranspose2d"))
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """`ops.Conv2DBackpropInput`."""
    if input.ndim == 3:
        whole = input.expand_dims(0)
        return conv_transpose2d(
            whole, weight, bias, stride, padding, output_padding, groups, dilation
        ).squeeze(0)
    if groups > 1:
        parts = zip(ops.chunk(input, groups, 1), ops.chunk(weight, groups, 0), strict=True)
        joined = ops.cat(
            [conv_transpose2d(x, w, None, stride, padding, output_padding, 1, dilation) for x, w in parts], 1
        )
        return _biased(joined, bias)
    steps, widths, extra, gaps = (integers(each, 2) for each in (stride, padding, output_padding, dilation))
    kernel_size = tuple(weight.shape[2:])
    size = tuple(
        (input.shape[2 + axis] - 1) * steps[axis]
        - 2 * widths[axis]
        + gaps[axis] * (kernel_size[axis] - 1)
        + extra[axis]
        + 1
        for axis in (0, 1)
    )
    primitive = _transposed_primitive(weight.shape[1], kernel_size, steps, widths, gaps)
    return _biased(primitive(input, weight, (input.shape[0], weight.shape[1], *size)), bias)


@functools.lru_cache(maxsize=256)
def _transposed_primitive(
    channels: int,
    window: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Any:
    return operations.Conv2DBackpropInput(
        channels,
        window,
        pad_mode="pad",
        pad=(padding[0], padding[0], padding[1], padding[1]),
        stride=stride,
        dilation=dilation,
    )
