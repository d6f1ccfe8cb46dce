"""Convolutions, based on MindSpore's own CPU Conv2D, Conv3D and Conv2DBackpropInput."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Tensor, ops
from mindspore.ops import operations

from harness.kernels.arithmetic import MOST_VALUES
from harness.kernels.arrays import integers, made, single_array, to_numpy, to_tensor
from harness.kernels.registry import kernel


def _convolved(
    input: Tensor,
    weight: Tensor,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Tensor:
    # The CPU's Conv2D only supports groups of one channel: other inputs are split, and the results joined.
    if groups not in (1, input.shape[1]) or (groups > 1 and len(stride) == 3):
        parts = zip(ops.chunk(input, groups, 1), ops.chunk(weight, groups, 0), strict=True)
        return ops.cat([_convolved(x, w, stride, padding, dilation, 1) for x, w in parts], 1)
    primitive = made(
        operations.Conv2D if len(stride) == 2 else operations.Conv3D,
        weight.shape[0],
        tuple(weight.shape[2:]),
        pad_mode="pad" if any(padding) else "valid",
        pad=_both_ends(padding) if any(padding) else 0,
        stride=stride,
        dilation=dilation,
        group=groups,
    )
    return primitive(input, weight)


def _both_ends(padding: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(width for each in padding for width in (each, each))


def _biased(output: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return output
    values, biases = single_array(output), single_array(bias)
    if values is not None and biases is not None and output.size <= MOST_VALUES:
        return to_tensor(values + biases.reshape((-1, *[1] * (output.ndim - 2))))
    if output.ndim == 4:
        return ops.bias_add(output, bias)
    return output + bias.reshape((1, -1, *[1] * (output.ndim - 2)))


def _same(input: Tensor, weight: Tensor, dilation: tuple[int, ...]) -> tuple[Tensor, tuple[int, ...]]:
    """Return the input, with the odd part of 'same' padded at its ends as in torch, and the even rest."""
    total = [gap * (size - 1) for gap, size in zip(dilation, weight.shape[2:], strict=True)]
    if any(each % 2 for each in total):
        ends = [(0, 0), (0, 0), *((0, each % 2) for each in total)]
        input = to_tensor(np.pad(to_numpy(input), ends), input.dtype)
    return input, tuple(each // 2 for each in total)


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """`ops.Conv2D` (on images of one row for one axis) or `ops.Conv3D`, as the weight has axes."""
    axes = weight.ndim - 2
    steps, gaps = integers(stride, axes), integers(dilation, axes)
    if input.ndim == axes + 1:
        return convolution(input.expand_dims(0), weight, bias, steps, padding, gaps, groups).squeeze(0)
    if axes == 1:
        widths = padding if isinstance(padding, str) else (0, *integers(padding, 1))
        image, row = input.expand_dims(-2), weight.expand_dims(-2)
        return convolution(image, row, bias, (1, *steps), widths, (1, *gaps), groups).squeeze(-2)
    if padding == "same":
        input, padding = _same(input, weight, gaps)
    widths = (0,) * axes if padding == "valid" else integers(padding, axes)
    return _biased(_convolved(input, weight, steps, widths, gaps, groups), bias)


for _axes in (1, 2, 3):
    kernel(
        f"Conv{_axes}DExt",
        f"Conv{_axes}DPadding",
        serves=(f"mint.nn.functional.conv{_axes}d", f"mint.nn.Conv{_axes}d"),
        overload=f"conv{_axes}d",
    )(convolution)


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
        whole, rest = input.expand_dims(0), (stride, padding, output_padding, groups, dilation)
        return conv_transpose2d(whole, weight, bias, *rest).squeeze(0)
    if groups > 1:
        parts = zip(ops.chunk(input, groups, 1), ops.chunk(weight, groups, 0), strict=True)
        rest = (stride, padding, output_padding, 1, dilation)
        return _biased(ops.cat([conv_transpose2d(x, w, None, *rest) for x, w in parts], 1), bias)
    window, channels = tuple(weight.shape[2:]), weight.shape[1]
    steps, widths, extra, gaps = (integers(each, 2) for each in (stride, padding, output_padding, dilation))
    size = tuple(
        (length - 1) * step - 2 * width + gap * (span - 1) + more + 1
        for length, step, width, gap, span, more in zip(
            input.shape[2:], steps, widths, gaps, window, extra, strict=True
        )
    )
    primitive = made(
        operations.Conv2DBackpropInput,
        channels,
        window,
        pad_mode="pad",
        pad=_both_ends(widths),
        stride=steps,
        dilation=gaps,
    )
    return _biased(primitive(input, weight, (input.shape[0], channels, *size)), bias)
