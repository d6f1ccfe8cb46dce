"""The part of a deep trace that belongs to some images of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.measurement.measurement import Array, array_sha256
from harness.tracing.trace import DeepTrace, Value


def of_images(trace: DeepTrace, indices: Sequence[int], images: int) -> DeepTrace:
    """Return ``trace`` as if a batch of its ``images`` had only those of ``indices``, in this order.

    Arrays whose first axis is a multiple of ``images`` keep the rows of these images: a batch that is doubled
    for guidance has all images without guidance, then all with it. All other arrays stay as they are.
    """
    arrays: dict[str, Array] = {}
    taken: dict[str, str] = {}
    for name, array in trace.arrays.items():
        rows = array[_rows(array.shape[0], indices, images)] if _is_of_images(array, images) else array
        # A copy of some rows is contiguous, as what is computed is.
        kept = np.ascontiguousarray(rows) if array.ndim else array
        taken[name] = array_sha256(kept)
        arrays[taken[name]] = kept

    def part(value: Value) -> Value:
        return replace(value, sha256=taken[value.sha256])

    calls = tuple(
        replace(call, inputs=tuple(map(part, call.inputs)), outputs=tuple(map(part, call.outputs)))
        for call in trace.calls
    )
    before = None if trace.before is None else part(trace.before)
    return replace(trace, calls=calls, before=before, after=part(trace.after), arrays=arrays)


def _is_of_images(array: Array, images: int) -> bool:
    return array.ndim > 0 and array.shape[0] > 0 and array.shape[0] % images == 0


def _rows(count: int, indices: Sequence[int], images: int) -> list[int]:
    return [start + index for start in range(0, count, images) for index in indices]
