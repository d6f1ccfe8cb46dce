# ruff: noqa: ARG001  MindSpore decides what a kernel is handed
"""Windows over images: unfolding, folding and pooling, on numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor
from numpy.typing import NDArray

from harness.kernels.arrays import integers, number, to_numpy, to_tensor
from harness.kernels.registry import kernel


def _blocks(
    size: tuple[int, ...],
    window: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[int, ...],
    stride: tuple[int, ...],
) -> tuple[int, ...]:
    spans = [gap * (length - 1) + 1 for gap, length in zip(dilation, window, strict=True)]
    return tuple(
        (length + 2 * width - span) // step + 1
        for length, width, span, step in zip(size, padding, spans, stride, strict=True)
    )


def _offsets(
    window: tuple[int, ...], dilation: tuple[int, ...], blocks: tuple[int, ...], stride: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    for place in np.ndindex(*window):
        starts = [each * gap for each, gap in zip(place, dilation, strict=True)]
        yield (
            place,
            tuple(
                slice(start, start + step * (count - 1) + 1, step)
                for start, step, count in zip(starts, stride, blocks, strict=True)
            ),
        )


def _at(places: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the index of ``places`` on the axes after batch and channels."""
    return (slice(None), slice(None), *places)


@kernel("Im2ColExt", serves=("mint.nn.functional.unfold", "mint.nn.Unfold"))
def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Slices of the zero-padded image, one for each place in the window."""
    if input.ndim == 3:
        return unfold(input.expand_dims(0), kernel_size, dilation, padding, stride).squeeze(0)
    window, gaps, widths, steps = (integers(each, 2) for each in (kernel_size, dilation, padding, stride))
    image = to_numpy(input)
    blocks = _blocks(image.shape[2:], window, gaps, widths, steps)
    padded = np.pad(image, [(0, 0), (0, 0), *((each, each) for each in widths)])
    columns = np.empty((*image.shape[:2], *window, *blocks), image.dtype)
    for place, slices in _offsets(window, gaps, blocks, steps):
        columns[_at(place)] = padded[_at(slices)]
    batch, channels = image.shape[:2]
    return to_tensor(columns.reshape(batch, channels * math.prod(window), math.prod(blocks)), input.dtype)


@kernel("Col2ImExt", serves=("mint.nn.functional.fold", "mint.nn.Fold"))
def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Sums of the windows in float32 or wider, place by place."""
    if input.ndim == 2:
        return fold(input.expand_dims(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    size, window, gaps, widths, steps = (
        integers(each, 2) for each in (output_size, kernel_size, dilation, padding, stride)
    )
    columns = to_numpy(input)
    columns = columns.astype(np.promote_types(columns.dtype, np.float32))
    blocks = _blocks(size, window, gaps, widths, steps)
    batch, channels = columns.shape[0], columns.shape[1] // math.prod(window)
    columns = columns.reshape(batch, channels, *window, *blocks)
    image = np.zeros((batch, channels, size[0] + 2 * widths[0], size[1] + 2 * widths[1]), columns.dtype)
    for place, slices in _offsets(window, gaps, blocks, steps):
        image[_at(slices)] += columns[_at(place)]
    inner = tuple(slice(width, width + length) for width, length in zip(widths, size, strict=True))
    return to_tensor(image[_at(inner)], input.dtype)


def _pooled_length(length: int, window: int, step: int, width: int, ceil_mode: bool) -> int:
    room = length + 2 * width - window
    count = -(-room // step) + 1 if ceil_mode else room // step + 1
    # As in torch, a last window must start inside the image or its left padding.
    return count - 1 if ceil_mode and (count - 1) * step >= length + width else count


def _bounds(length: int, window: int, step: int, width: int, count: int) -> list[tuple[int, int, int]]:
    """Return for each window its first and last element inside the image, and its size with padding."""
    bounds = []
    for index in range(count):
        start = index * step - width
        end = min(start + window, length + width)
        bounds.append((max(start, 0), min(end, length), end - start))
    return bounds


def _average(
    input: Tensor, bounds: list[list[tuple[int, int, int]]], include_padding: bool, divisor: Any
) -> Tensor:
    """Average over windows given for each of the last axes; sums in float64."""
    image = to_numpy(input).astype(np.float64)
    lead = image.ndim - len(bounds)
    sums: NDArray[Any] = image
    counts: NDArray[Any] = np.ones((), np.float64)
    for place, axis_bounds in enumerate(bounds):
        axis = lead + place
        sums = np.stack(
            [sums.take(range(first, last), axis).sum(axis) for first, last, _ in axis_bounds], axis
        )
        sizes = [size if include_padding else last - first for first, last, size in axis_bounds]
        counts = np.multiply.outer(counts, np.asarray(sizes, np.float64))
    return to_tensor(sums / (counts if not divisor else number(divisor)), input.dtype)


def _average_pool(axes: int) -> Callable[..., Tensor]:
    def pool(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: Any = None,
    ) -> Tensor:
        """Sums in float64, axis by axis."""
        window, widths = integers(kernel_size, axes), integers(padding, axes)
        steps = window if stride is None or stride == () else integers(stride, axes)
        bounds = [
            _bounds(length, span, step, width, _pooled_length(length, span, step, width, ceil_mode))
            for length, span, step, width in zip(input.shape[-axes:], window, steps, widths, strict=True)
        ]
        return _average(input, bounds, count_include_pad, divisor_override)

    return pool


for _primitive, _axes, _serves in (
    ("AvgPool1D", 1, ("mint.nn.functional.avg_pool1d",)),
    ("AvgPool2D", 2, ("mint.nn.functional.avg_pool2d", "mint.nn.AvgPool2d")),
    ("AvgPool3DExt", 3, ("mint.nn.functional.avg_pool3d",)),
):
    kernel(_primitive, serves=_serves)(_average_pool(_axes))


def _adaptive_bounds(length: int, count: int) -> list[tuple[int, int, int]]:
    starts = [index * length // count for index in range(count)]
    ends = [-(-(index + 1) * length // count) for index in range(count)]
    return [(start, end, end - start) for start, end in zip(starts, ends, strict=True)]


def _adaptive_sizes(input: Tensor, output_size: Any, axes: int) -> list[tuple[int, int]]:
    wanted = (
        (output_size,) * axes if isinstance(output_size, int) or output_size is None else tuple(output_size)
    )
    return [
        (have, have if want is None or want < 0 else want)
        for have, want in zip(input.shape[-axes:], wanted, strict=True)
    ]


def _adaptive_average_pool(axes: int) -> Callable[[Tensor, Any], Tensor]:
    def pool(input: Tensor, output_size: Any) -> Tensor:
        """Sums in float64, axis by axis."""
        bounds = [_adaptive_bounds(*sizes) for sizes in _adaptive_sizes(input, output_size, axes)]
        return _average(input, bounds, True, None)

    return pool


for _primitive, _axes in (("AdaptiveAvgPool1D", 1), ("AdaptiveAvgPool2DExt", 2), ("AdaptiveAvgPool3DExt", 3)):
    kernel(
        _primitive,
        serves=(f"mint.nn.functional.adaptive_avg_pool{_axes}d", f"mint.nn.AdaptiveAvgPool{_axes}d"),
    )(_adaptive_average_pool(_axes))


@kernel("AdaptiveMaxPool1D", serves=("mint.nn.functional.adaptive_max_pool1d",))
def adaptive_max_pool1d(input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    """`numpy.argmax` of each window: the first of equals."""
    row = to_numpy(input)
    ((length, count),) = _adaptive_sizes(input, output_size, 1)
    bounds = _adaptive_bounds(length, count)
    places = np.stack([first + row[..., first:last].argmax(-1) for first, last, _ in bounds], -1)
    return to_tensor(np.take_along_axis(row, places, -1), input.dtype), to_tensor(places.astype(np.int64))


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
    if input.ndim == 3:
        whole = max_pool2d(input.expand_dims(0), kernel_size, stride, padding, dilation, ceil_mode)
        return whole[0].squeeze(0), whole[1].squeeze(0)
    window, widths, gaps = integers(kernel_size, 2), integers(padding, 2), integers(dilation, 2)
    steps = window if stride is None or stride == () else integers(stride, 2)
    image = to_numpy(input)
    lowest = -np.inf if image.dtype.kind == "f" else np.iinfo(image.dtype).min
    spans = [gap * (length - 1) + 1 for gap, length in zip(gaps, window, strict=True)]
    blocks = tuple(
        _pooled_length(length, span, step, width, ceil_mode)
        for length, span, step, width in zip(image.shape[2:], spans, steps, widths, strict=True)
    )
    ends = [(block - 1) * step + span for block, step, span in zip(blocks, steps, spans, strict=True)]
    room = [
        (width, max(end - width - length, 0))
        for width, end, length in zip(widths, ends, image.shape[2:], strict=True)
    ]
    padded = np.pad(image, [(0, 0), (0, 0), *room], constant_values=lowest)
    numbers = np.pad(
        np.arange(image.shape[2] * image.shape[3]).reshape(image.shape[2:]), room, constant_values=-1
    )
    best = np.full((*image.shape[:2], *blocks), lowest, image.dtype)
    found = np.full(best.shape, -1, np.int64)
    for _, slices in _offsets(window, gaps, blocks, steps):
        candidate = padded[_at(slices)]
        index = np.broadcast_to(numbers[slices], best.shape)
        better = (
            (candidate > best)
            | ((found < 0) & (index >= 0))
            | (np.isnan(candidate) if image.dtype.kind == "f" else False)
        )
        best, found = np.where(better, candidate, best), np.where(better, index, found)
    return to_tensor(best, input.dtype), to_tensor(found, ms.int64)
