# ruff: noqa: ARG001  MindSpore decides what a kernel is handed
"""Windows over images: unfolding, folding and pooling, on numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from mindspore import Tensor
from numpy.lib.stride_tricks import sliding_window_view

from harness.kernels.arrays import Array, float64, integers, shape_of, to_numpy, to_tensor
from harness.kernels.registry import kernel

# For each window along one axis: its first element inside the image, the one after its last there, and its
# size with padding.
Bounds = list[tuple[int, int, int]]


def _windows(image: Array, window: Sequence[int], dilation: Sequence[int], stride: Sequence[int]) -> Array:
    """Return a view of the windows over the last two axes of ``image``: ``[..., rows, columns, *window]``."""
    for length, gap in zip(window, dilation, strict=True):
        image = sliding_window_view(image, gap * (length - 1) + 1, -2)
    strides: Any = (..., *(slice(None, None, each) for each in (*stride, *dilation)))
    windows: Array = image[strides]
    return windows


def _padded(image: Array, widths: tuple[int, ...]) -> Array:
    return np.pad(image, [(0, 0)] * (image.ndim - 2) + [(each, each) for each in widths])


@kernel("Im2ColExt", serves=("mint.nn.functional.unfold", "mint.nn.Unfold"), on=to_numpy)
def unfold(image: Array, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Array:
    """Slices of the zero-padded image, one for each place in the window."""
    window, gaps, widths, steps = (integers(each, 2) for each in (kernel_size, dilation, padding, stride))
    windows = np.moveaxis(_windows(_padded(image, widths), window, gaps, steps), (-2, -1), (-4, -3))
    *batch, channels, _, _, rows, columns = windows.shape
    return windows.reshape(*batch, channels * math.prod(window), rows * columns)


@kernel("Col2ImExt", serves=("mint.nn.functional.fold", "mint.nn.Fold"), on=to_numpy)
def fold(
    columns: Array, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Array:
    """Sums of the windows in float32 or wider, place by place."""
    size, window, gaps, widths, steps = (
        integers(each, 2) for each in (output_size, kernel_size, dilation, padding, stride)
    )
    # Every pixel of the padded image has a number, by which the windows find theirs.
    rows, row = (length + 2 * width for length, width in zip(size, widths, strict=True))
    pixels = np.arange(rows * row).reshape(rows, row)
    places = _windows(pixels, window, gaps, steps).reshape(-1, math.prod(window)).T
    *batch, channels, _ = columns.shape
    columns = columns.reshape(*batch, channels // len(places), *places.shape)
    image = np.zeros((*columns.shape[:-2], pixels.size), np.promote_types(columns.dtype, np.float32))
    for place, of_place in enumerate(places):
        image[..., of_place] += columns[..., place, :]
    inner = pixels[widths[0] : widths[0] + size[0], widths[1] : widths[1] + size[1]]
    return image[..., inner]


def _pooled_length(length: int, window: int, step: int, width: int, ceil_mode: bool) -> int:
    room = length + 2 * width - window
    count = -(-room // step) + 1 if ceil_mode else room // step + 1
    # As in torch, the last window must start inside the image or its left padding.
    return count - 1 if ceil_mode and (count - 1) * step >= length + width else count


def _bounds(length: int, window: int, step: int, width: int, ceil_mode: bool) -> Bounds:
    bounds = []
    for index in range(_pooled_length(length, window, step, width, ceil_mode)):
        start = index * step - width
        end = min(start + window, length + width)
        bounds.append((max(start, 0), min(end, length), end - start))
    return bounds


def _average(image: Array, bounds: list[Bounds], include_padding: bool, divisor: Any) -> Any:
    """Average over windows given for each of the last axes."""
    counts: Any = np.ones((), np.float64)
    for axis, of_axis in enumerate(bounds, image.ndim - len(bounds)):
        image = np.stack([image.take(range(first, last), axis).sum(axis) for first, last, _ in of_axis], axis)
        sizes = [size if include_padding else last - first for first, last, size in of_axis]
        counts = np.multiply.outer(counts, np.asarray(sizes, np.float64))
    return image / (divisor or counts)


def _average_pool(
    axes: int,
    image: Array,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Any:
    """Sums in float64, axis by axis."""
    window, widths = integers(kernel_size, axes), integers(padding, axes)
    steps = window if stride in (None, ()) else integers(stride, axes)
    places = zip(image.shape[-axes:], window, steps, widths, strict=True)
    return _average(
        image, [_bounds(*each, ceil_mode) for each in places], count_include_pad, divisor_override
    )


def _adaptive_bounds(shape: tuple[int, ...], output_size: Any, axes: int) -> list[Bounds]:
    wanted = output_size if isinstance(output_size, tuple | list) else (output_size,) * axes
    bounds = []
    for have, want in zip(shape[-axes:], wanted, strict=True):
        count = have if want is None or want < 0 else want
        ends = [(index * have // count, -(-(index + 1) * have // count)) for index in range(count)]
        bounds.append([(start, end, end - start) for start, end in ends])
    return bounds


def _adaptive_average_pool(axes: int, image: Array, output_size: Any) -> Any:
    """Sums in float64, axis by axis."""
    return _average(image, _adaptive_bounds(image.shape, output_size, axes), True, None)


for _axes, _pool, _adaptive, _serves in (
    (1, "AvgPool1D", "AdaptiveAvgPool1D", ("mint.nn.functional.avg_pool1d",)),
    (2, "AvgPool2D", "AdaptiveAvgPool2DExt", ("mint.nn.functional.avg_pool2d", "mint.nn.AvgPool2d")),
    (3, "AvgPool3DExt", "AdaptiveAvgPool3DExt", ("mint.nn.functional.avg_pool3d",)),
):
    kernel(_pool, serves=_serves, on=float64)(partial(_average_pool, _axes))
    _adaptive_serves = (f"mint.nn.functional.adaptive_avg_pool{_axes}d", f"mint.nn.AdaptiveAvgPool{_axes}d")
    kernel(_adaptive, serves=_adaptive_serves, on=float64)(partial(_adaptive_average_pool, _axes))


@kernel("AdaptiveMaxPool1D", serves=("mint.nn.functional.adaptive_max_pool1d",))
def adaptive_max_pool1d(input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    """`numpy.argmax` of each window: the first of equals."""
    row = to_numpy(input)
    (bounds,) = _adaptive_bounds(row.shape, output_size, 1)
    places = np.stack([first + row[..., first:last].argmax(-1) for first, last, _ in bounds], -1)
    return to_tensor(np.take_along_axis(row, places, -1), input.dtype), to_tensor(places)


@kernel("FuncMaxPool2D", serves=("mint.nn.functional.max_pool2d", "mint.nn.MaxPool2d"))
def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """Largest of each window padded with -inf, and its place in the image: the first of equals."""
    window, widths, gaps = integers(kernel_size, 2), integers(padding, 2), integers(dilation, 2)
    steps = window if stride in (None, ()) else integers(stride, 2)
    image = to_numpy(input)
    lowest = -np.inf if image.dtype.kind == "f" else np.iinfo(image.dtype).min
    room = [(0, 0)] * (image.ndim - 2)
    for length, size, gap, step, width in zip(image.shape[-2:], window, gaps, steps, widths, strict=True):
        span = gap * (size - 1) + 1
        end = (_pooled_length(length, span, step, width, ceil_mode) - 1) * step + span
        room.append((width, max(end - width - length, 0)))
    pixels = np.arange(math.prod(image.shape[-2:])).reshape(image.shape[-2:])
    numbers = np.pad(pixels, room[-2:], constant_values=-1)
    padded = np.pad(image, room, constant_values=lowest)
    windows = (_windows(each, window, gaps, steps) for each in (padded, numbers))
    values, numbers = (each.reshape(*each.shape[:-2], -1) for each in windows)
    found = ((values == values.max(-1, keepdims=True)) & (numbers >= 0)).argmax(-1)
    # As in torch, the last of several NaN counts.
    missing = np.isnan(values)
    last_missing = missing.shape[-1] - 1 - missing[..., ::-1].argmax(-1)
    found = np.where(missing.any(-1), last_missing, found)[..., None]
    best = np.take_along_axis(values, found, -1)[..., 0]
    places = np.take_along_axis(np.broadcast_to(numbers, values.shape), found, -1)[..., 0]
    return to_tensor(best, input.dtype), to_tensor(places)


@kernel(
    "MaxUnpool2DExt",
    serves=("mint.nn.functional.max_unpool2d", "mint.nn.MaxUnpool2d"),
    on=to_numpy,
)
def max_unpool2d(
    values: Array,
    indices: Array,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Array:
    """Each value in its place of an image of zeros; of several for one place, the last stays."""
    window, widths = integers(kernel_size, 2), integers(padding, 2)
    steps = window if stride in (None, ()) else integers(stride, 2)
    shape = [
        (length - 1) * step + size - 2 * width
        for length, step, size, width in zip(values.shape[-2:], steps, window, widths, strict=True)
    ]
    if output_size not in (None, ()):
        shape = list(shape_of(output_size)[-2:])
    image = np.zeros((*values.shape[:-2], math.prod(shape)), values.dtype)
    flat = (*values.shape[:-2], -1)
    np.put_along_axis(image, indices.reshape(flat), values.reshape(flat), -1)
    return image.reshape(*values.shape[:-2], *shape)
