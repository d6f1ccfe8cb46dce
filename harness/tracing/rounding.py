"""How far rounding alone moves what a cell does: the yardstick for a port's cells.

A cell is computed twice more, on what it was given and with the results of the cells inside it: in float64,
and with every one of these values moved by one unit in the last place. Only its own operations run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.frameworks.framework import current
from harness.measurement.guard import replaced as patched
from harness.measurement.measurement import Array
from harness.measurement.perturbation import one_ulp
from harness.tracing.tensors import dtype_of, leaves, like, mapped, to_array

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_LABEL = "value"


@dataclass
class Answer:
    """A call of an inner cell: what it was given, and what it returned; ``place`` finds it again."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any
    place: int


@dataclass
class OwnRounding:
    """How far the values of one call move, in relative L2: each inner cell's arguments, and the output.

    None stands for a value that is not known to move, such as an index.
    """

    arguments: list[list[float | None]] = field(default_factory=list)
    output: list[float | None] = field(default_factory=list)


class _OtherCalls(Exception):
    """Computed again, the cell calls other cells inside it."""


def own_rounding(
    cell: Any, args: tuple[Any, ...], kwargs: dict[str, Any], answers: Sequence[Answer], output: Any
) -> OwnRounding | None:
    """Return how far rounding moves what ``cell`` made of its arguments; None if it cannot run again.

    ``answers`` are the calls of the cells inside it, in order, and ``output`` is what it returned.
    """
    found = []
    rng = np.random.Generator(np.random.PCG64(0))
    # Whole numbers, such as timesteps, are moved only where they cannot be indices.
    simple = not answers and not any(True for _ in current().own_parameters(cell))

    def moved(leaf: Any) -> Any:
        dtype = dtype_of(leaf)
        if simple and dtype.startswith("int") and np.ndim(to_array(leaf)):
            return current().tensor_of(one_ulp(to_array(leaf).astype(np.float32), "float32", rng))
        if dtype not in _FLOATS or not isinstance(leaf, current().tensor):
            return leaf
        return like(leaf, one_ulp(to_array(leaf), dtype, rng))

    for change, again in ((current().widened, current().widened_cell(cell)), (moved, cell)):
        try:
            found.append(_computed(again, change, args, kwargs, answers, output))
        except Exception:  # noqa: BLE001  it may need its own dtype, or parameters of inner cells
            continue
    if not found:
        return None
    pairs = zip(*(each.arguments for each in found), strict=True)
    arguments = [[_larger(values) for values in zip(*lists, strict=True)] for lists in pairs]
    results = [_larger(values) for values in zip(*(each.output for each in found), strict=True)]
    return OwnRounding(arguments, results)


def _computed(
    cell: Any,
    change: Callable[[Any], Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    answers: Sequence[Answer],
    output: Any,
) -> OwnRounding:
    left = list(answers)
    made = OwnRounding()

    def answering(_: Any, *given: Any, **named: Any) -> Any:
        if not left:
            raise _OtherCalls
        answer = left.pop(0)
        made.arguments.append(_distances(_flat(given, named), _flat(answer.args, answer.kwargs)))
        return mapped(answer.output, change)

    with patched(current().cell, "__call__", answering):
        again = current().function(cell)(*mapped(args, change), **mapped(kwargs, change))
    if left:
        raise _OtherCalls
    made.output = _distances(again, output)
    return made


def _flat(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Return arguments in the order in which :func:`harness.tracing.watcher.arguments` has them."""
    return [*args, *(kwargs[name] for name in sorted(kwargs))]


def _distances(again: Any, before: Any) -> list[float | None]:
    pairs = zip(leaves(again, _LABEL), leaves(before, _LABEL), strict=True)
    return [_distance(to_array(one), to_array(other)) for (_, one), (_, other) in pairs]


def _distance(again: Array, before: Array) -> float | None:
    if again.shape != before.shape or before.dtype.kind != "f":
        return None
    wide = np.asarray(before, np.float64)
    norm = float(np.linalg.norm(wide))
    if not norm:
        return None
    distance = float(np.linalg.norm(np.asarray(again, np.float64) - wide)) / norm
    return distance if np.isfinite(distance) else None


def _larger(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return max(known, default=None)
