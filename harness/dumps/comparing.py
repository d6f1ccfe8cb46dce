"""Two dumps beside each other: which calls both have, and how each tensor of theirs differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.dumps.dump import Dump, DumpedCall, DumpError, Tensor
from harness.dumps.names import CallName
from harness.dumps.yardstick import exactness
from harness.measurement.bfloat16 import BFLOAT16
from harness.measurement.measurement import Array
from harness.tracing.difference import Difference, difference

Key = tuple[str, int]
# From the finest to the coarsest.
_FLOATS = ("float64", "float32", "float16", BFLOAT16)


@dataclass(frozen=True)
class ComparedTensor:
    """One tensor of a call in both dumps; ``difference`` is None if it has the same bits in both."""

    label: str
    dtype: str
    shape: tuple[int, ...]
    difference: Difference | None


@dataclass(frozen=True)
class Exactness:
    """How far the output of a call is from its result in float64, on its own inputs, in each dump."""

    ours: float
    theirs: float


@dataclass(frozen=True)
class ComparedCall:
    """One call that both dumps have.

    ``operator`` is the class of the cell here, ``reference_operator`` that in the other dump. ``parent`` is
    the innermost call around it that both dumps have. ``exact`` is None where the float64 result is not
    known.
    """

    path: str
    index: int
    operator: str
    reference_operator: str
    parent: Key | None
    inputs: tuple[ComparedTensor, ...]
    outputs: tuple[ComparedTensor, ...]
    parameters: tuple[ComparedTensor, ...]
    exact: Exactness | None

    @property
    def key(self) -> Key:
        """The key that identifies this call in both dumps."""
        return self.path, self.index


@dataclass(frozen=True)
class DumpComparison:
    """Two dumps compared: ``calls`` are those that both have, inner calls before outer ones.

    ``missing`` are the paths of cells that only the reference calls, and ``added`` those that only this side
    calls. ``others`` and ``unreadable`` are those of :class:`harness.dumps.dump.Dump`, of both together.
    """

    calls: tuple[ComparedCall, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    others: int
    unreadable: int


def compare_dumps(ours: Dump, theirs: Dump) -> Iterator[ComparedCall | DumpComparison]:
    """Yield each call that both dumps have, and at last the whole comparison.

    Raises :class:`DumpError` if an array cannot be read, and if the dumps are of different models.
    """
    left, right = aligned(ours, theirs)
    shared = [key for key in left if key in right]
    if 2 * len(shared) < min(len(left), len(right)) or not shared:
        raise DumpError(
            f"{ours.place.folder} and {theirs.place.folder}: these dumps are of different models: "
            f"{len(shared)} of {len(left)} and {len(right)} calls have the same name"
        )
    ways = {call.name: key for key, call in left.items()}
    above = {call.name: call.parent for call in ours.calls}
    outer = {name for call in (*ours.calls, *theirs.calls) if (name := call.parent) is not None}
    compared = []
    for key in shared:
        parent = left[key].parent
        while parent is not None and ways.get(parent) not in right:
            parent = above.get(parent)
        compared.append(
            _compared(
                ours, theirs, key, left[key], right[key], None if parent is None else ways[parent], outer
            )
        )
        yield compared[-1]
    yield DumpComparison(
        tuple(compared),
        tuple(dict.fromkeys(path for path, index in right if (path, index) not in left)),
        tuple(dict.fromkeys(path for path, index in left if (path, index) not in right)),
        ours.others + theirs.others,
        ours.unreadable + theirs.unreadable,
    )


def aligned(ours: Dump, theirs: Dump) -> tuple[dict[Key, DumpedCall], dict[Key, DumpedCall]]:
    """Return the calls by path and number; a name of the whole model that one side alone has is left out.

    msprobe's paths begin below the model, those of harness with the pipeline's name for it.
    """
    ways = [(_by_key(ours, cut), _by_key(theirs, other)) for cut, other in ((0, 0), (1, 0), (0, 1))]
    return max(ways, key=lambda pair: len(pair[0].keys() & pair[1].keys()))


def _by_key(dump: Dump, cut: int) -> dict[Key, DumpedCall]:
    if cut and len({call.name.path.partition(".")[0] for call in dump.calls}) > 1:
        return {}
    found: dict[Key, DumpedCall] = {}
    for call in dump.calls:
        path = ".".join(call.name.path.split(".")[cut:])
        # Two models that no other one holds have one path: their classes tell them apart.
        key = (path, call.name.index)
        found[key if key not in found else (f"{path}.{call.name.operator}", call.name.index)] = call
    return found


def _compared(
    ours: Dump,
    theirs: Dump,
    key: Key,
    left: DumpedCall,
    right: DumpedCall,
    parent: Key | None,
    outer: set[CallName],
) -> ComparedCall:
    exact = None
    if left.name not in outer and right.name not in outer:
        mine, other = exactness(ours, left), exactness(theirs, right)
        if mine is not None and other is not None:
            exact = Exactness(mine, other)
    return ComparedCall(
        *key,
        left.name.operator,
        right.name.operator,
        parent,
        tuple(_tensors(ours, theirs, left.inputs, right.inputs, "input")),
        tuple(_tensors(ours, theirs, left.outputs, right.outputs, "output")),
        tuple(_tensors(ours, theirs, left.parameters, right.parameters, "parameters")),
        exact,
    )


def _tensors(
    ours: Dump, theirs: Dump, left: Sequence[Tensor], right: Sequence[Tensor], label: str
) -> Iterator[ComparedTensor]:
    if label == "parameters":
        # A trace has none, and two frameworks have other names for them.
        named = {each.label: each for each in right}
        pairs = [(each, named[each.label]) for each in left if each.label in named]
    else:
        pairs = _pairs(left, right)
        if len(pairs) < max(len(left), len(right)) and ours.framework == theirs.framework:
            form = f"{len(left)} tensors and numbers here, {len(right)} in the reference"
            yield ComparedTensor(label, "", (), Difference(form=form))
            return
    for mine, other in pairs:
        yield _tensor(ours, theirs, mine, other)


def _pairs(left: Sequence[Tensor], right: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Pair tensors by label, and the rest in their order, as long as their shapes are the same.

    What one framework passes by name, another passes by position.
    """
    named = {each.label: each for each in right}
    pairs = [(each, named.pop(each.label)) for each in left if each.label in named]
    known = {each.label for each, _ in pairs}
    rest = (each for each in left if each.label not in known)
    for each, other in zip(rest, named.values(), strict=False):
        if each.shape != other.shape:
            break
        pairs.append((each, other))
    return pairs


def _tensor(ours: Dump, theirs: Dump, left: Tensor, right: Tensor) -> ComparedTensor:
    a, b, dtype = ours.array(left), theirs.array(right), left.dtype
    if a.shape != b.shape and a.size == b.size == 1:
        a, b = a.reshape(()), b.reshape(())
    if left.dtype != right.dtype and (ours.framework != theirs.framework or None in (left.file, right.file)):
        a, b, dtype = _alike(a, b, left.dtype, right.dtype)
    elif left.dtype != right.dtype:
        form = f"{left.dtype} here, {right.dtype} in the reference"
        return ComparedTensor(left.label, dtype, left.shape, Difference(form=form))
    return ComparedTensor(left.label, dtype, left.shape, difference(a, b, dtype))


def _alike(a: Array, b: Array, left: str, right: str) -> tuple[Array, Array, str]:
    """Return two arrays in the coarser of their dtypes, because no other precision is known of both."""
    floats = [dtype for dtype in (left, right) if dtype in _FLOATS]
    if not floats:
        return a.astype(np.int64), b.astype(np.int64), "int64"
    coarser = max(floats, key=_FLOATS.index)
    stored = "float32" if coarser == BFLOAT16 else coarser
    with np.errstate(over="ignore"):
        return a.astype(stored), b.astype(stored), coarser
