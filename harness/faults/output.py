"""Faults of the output: pure functions of a pipeline's array, which need no run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.faults.catalogue import FaultNotApplicable, fault
from harness.measurement.measurement import Array

_PATCH = 4


def apply_output_fault(name: str, size: float | None, images: Array) -> Array:
    """Return a copy of ``images`` with the output fault ``name`` in it, of the same shape and dtype.

    ``images`` is ``[n, ..., height, width, channels]`` with values from 0 to 1, or from 0 to the maximum of
    its dtype for integers. An array with fewer axes has no height, width and channels. ``size`` None is the
    fault's reference. At size 0, the copy has the same bits.

    Raises :class:`FaultNotApplicable` for an array that lacks what the fault would change, and
    :class:`HarnessError` for a name that is no fault's or a size that the fault cannot have.
    """
    known = fault(name)
    if name not in _FUNCTIONS:
        raise ValueError(f"{name} is a fault of the {known.family}, not of the output")
    size = known.checked_size(size)
    if images.size == 0:
        raise FaultNotApplicable("the output is empty", about=(name,))
    return _FUNCTIONS[name](images, 1.0 if size is None else size)


def _on_values(change: Callable[[Array, float], Array]) -> Callable[[Array, float], Array]:
    """Turn a fault of float64 values from 0 to 1 into a fault of images."""

    def changed(images: Array, size: float) -> Array:
        if size == 0:
            return images.copy()
        if images.dtype.kind == "f":
            result: Array = change(images.astype(np.float64), size).astype(images.dtype)
            return result
        if images.dtype.kind == "b":
            raise FaultNotApplicable("the output is boolean: there is nothing between its values")
        limits = np.iinfo(images.dtype)
        values = np.rint(change(images.astype(np.float64) / limits.max, size) * limits.max)
        clipped: Array = np.clip(values, limits.min, limits.max).astype(images.dtype)
        return clipped

    return changed


def _shifted(images: Array, _: float) -> Array:
    axis = -2 if images.ndim >= 4 else -1
    if images.shape[axis] < 2:
        raise FaultNotApplicable(f"an output of shape {images.shape} has one column", about=("pixel-shift",))
    rolled: Array = np.roll(images, 1, axis)
    return rolled


def _patched(images: Array, size: float) -> Array:
    """Move 4x4 pixels of the first image towards grey and past it, a quarter in from the top left."""
    height, width, _ = _image_shape("patch", images)
    if min(height, width) < _PATCH:
        raise FaultNotApplicable(
            f"an output of shape {images.shape} has no {_PATCH}x{_PATCH} pixels", about=("patch",)
        )
    top, left = min(height // 4, height - _PATCH), min(width // 4, width - _PATCH)
    where: tuple[Any, ...] = (0,) * (images.ndim - 3) + (slice(top, top + _PATCH), slice(left, left + _PATCH))
    patched = images.copy()
    towards_grey = _on_values(lambda values, size: values + np.where(values <= 0.5, size, -size))
    patched[where] = towards_grey(images[where], size)
    return patched


def _swapped(images: Array, _: float) -> Array:
    if _image_shape("channel-swap", images)[2] < 2:
        raise FaultNotApplicable("the output has one channel", about=("channel-swap",))
    return images[..., ::-1].copy()


def _quantised(images: Array, _: float) -> Array:
    if images.dtype.kind != "f":
        raise FaultNotApplicable(f"the output is {images.dtype} already", about=("quantised",))
    result: Array = (np.rint(images.astype(np.float64) * 255) / 255).astype(images.dtype)
    return result


def _image_shape(name: str, images: Array) -> tuple[int, int, int]:
    if images.ndim < 4:
        raise FaultNotApplicable(
            f"an output of shape {images.shape} is no [n, ..., height, width, channels]", about=(name,)
        )
    height, width, channels = images.shape[-3:]
    return height, width, channels


_FUNCTIONS: dict[str, Callable[[Array, float], Array]] = {
    "final-clamp": _on_values(lambda values, size: np.clip(values, size, 1 - size)),
    "brightness": _on_values(lambda values, size: values * (1 - size)),
    "contrast": _on_values(lambda values, size: 0.5 + (values - 0.5) * (1 - size)),
    "gamma": _on_values(lambda values, size: np.copysign(np.abs(values) ** (1 + size), values)),
    "pixel-shift": _shifted,
    "patch": _patched,
    "channel-swap": _swapped,
    "quantised": _quantised,
}
