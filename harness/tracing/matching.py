"""Which tensors of a call belong together, if two implementations pass them otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.measurement.measurement import Array
from harness.tracing.tensors import to_array
from harness.tracing.trace import Value

_INTEGERS = "iu"
# A tensor of this side with its label, and the reference's.
Pair = tuple[str, Any, Value]


def in_order(ours: Sequence[tuple[str, Any]], theirs: Sequence[Value]) -> list[Pair]:
    """Return the tensors in the order of the arguments, as far as there are any on both sides."""
    return [(label, leaf, value) for (label, leaf), value in zip(ours, theirs, strict=False)]


def across(
    ours: Sequence[tuple[str, Any]], labels: Sequence[str], theirs: Sequence[tuple[Value, Array]]
) -> tuple[list[Pair], list[str], list[str]]:
    """Return the pairs of two implementations, and the tensors of either side that have no partner.

    Those with the same label belong together. The others, whose parameters the two name differently, do in
    their order, if they have the same shape. Flags and numbers without a partner are settings, and do not
    count.
    """
    named = {label: (value, array) for label, (value, array) in zip(labels, theirs, strict=False)}
    pairs: list[Pair] = []
    rest: list[tuple[str, Any]] = []
    for label, leaf in ours:
        found = named.get(label)
        if found is None:
            rest.append((label, leaf))
            continue
        del named[label]
        if not isinstance(leaf, bool) and found[1].dtype != bool:
            pairs.append((label, leaf, found[0]))
    unnamed = [(value, array) for value, array in theirs[len(labels) :]]
    others = [("", each) for each in unnamed] + list(named.items())
    lonely = []
    for label, leaf in rest:
        shape = to_array(leaf).shape
        at = next((i for i, (_, (_, array)) in enumerate(others) if shape and array.shape == shape), None)
        if at is not None:
            pairs.append((label, leaf, others.pop(at)[1][0]))
        elif shape:
            lonely.append(label)
    return pairs, lonely, [label or "unnamed" for label, (_, array) in others if array.shape]


def alike(ours: Array, theirs: Array) -> tuple[Array, Array]:
    """Return two tensors as one form, where two implementations may differ without consequence.

    Integers become int64, and shapes that can be broadcast, as those of masks can, are.
    """
    if ours.dtype.kind in _INTEGERS and theirs.dtype.kind in _INTEGERS:
        ours, theirs = ours.astype(np.int64), theirs.astype(np.int64)
    if ours.shape != theirs.shape and ours.ndim == theirs.ndim:
        pairs = list(zip(ours.shape, theirs.shape, strict=True))
        if all(left == right or 1 in (left, right) for left, right in pairs):
            ours, theirs = (np.array(each) for each in np.broadcast_arrays(ours, theirs))
    return ours, theirs
