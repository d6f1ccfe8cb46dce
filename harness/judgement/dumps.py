"""The judgement of two dumps: at which cell a difference arises that rounding does not explain.

A dump has what each run computed, so a difference travels on into all later cells. Each tensor is therefore
judged by what it was computed from: the inputs of its call, and the results of the calls made inside it so
far. What a cell passes to another one also counts as its own work.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.dumps.comparing import ComparedCall, ComparedTensor, DumpComparison, Exactness, Key
from harness.judgement.judgement import Verdict
from harness.tracing.difference import Difference, rounding_of

# How much further apart a cell may bring two runs whose inputs differ, beyond what it rounds itself. Between
# MindSpore 2.7.0 and 2.10.0, in 25 steps of the shipped cases, 1.42 at most was needed: a last convolution,
# whose output is small. `benchmarks/msprobe.py` measures it.
AMPLIFICATION = 4.0

# A cell, or what the pipeline passes to its model.
Place = Literal["cell", "model input"]
# The dump whose output is not what the float64 yardstick says.
Side = Literal["here", "reference"]


@dataclass(frozen=True)
class InputLimit:
    """The calibrated limit on the latents before step ``step``: the input ``label`` of the calls ``keys``."""

    step: int
    relative_l2: float
    inputs: tuple[tuple[Key, str], ...]

    def of(self, key: Key, label: str) -> float | None:
        """Return the limit on an input of a call; None if it is not that of the latents."""
        return self.relative_l2 if (key, label) in self.inputs else None


@dataclass(frozen=True)
class DumpFinding:
    """A tensor that differs by more than rounding, and the call whose own operations caused that.

    ``path``, ``index``, ``operator`` and ``reference_operator`` describe the call; they are empty for the
    pipeline. ``tensor`` is an output of the call, or an input that it passes to the call of ``to``.
    ``source`` is the largest relative L2 among what the tensor was computed from, and ``allowed`` follows
    from it. ``calibrated`` is whether it is a limit of the case. ``exact`` is how far both outputs are from
    float64, and ``wrong`` the side that this convicts. ``parameters`` are those of the call that differ.
    """

    place: Place
    path: str
    index: int
    operator: str
    reference_operator: str
    tensor: str
    to: str | None
    dtype: str
    shape: tuple[int, ...]
    difference: Difference
    source: float
    allowed: float
    calibrated: bool = False
    exact: Exactness | None = None
    wrong: Side | None = None
    parameters: tuple[ComparedTensor, ...] = ()


@dataclass(frozen=True)
class DumpJudgement:
    """The verdict on two dumps.

    ``findings`` are in the order of the run; only the first is certainly no consequence of another.
    ``calls`` counts what both dumps have, ``same`` those with the same bits in all tensors, and
    ``recomputed`` those that the float64 yardstick judged. ``weights`` are the paths of cells whose
    parameters differ. ``used`` is the largest share of its limit that a tensor used without being beyond it.
    """

    verdict: Verdict
    findings: tuple[DumpFinding, ...]
    calls: int
    same: int
    recomputed: int
    weights: tuple[str, ...]
    used: float

    @property
    def first(self) -> DumpFinding | None:
        """The first finding."""
        return self.findings[0] if self.findings else None

    @property
    def passed(self) -> bool:
        """Whether rounding explains all that differs."""
        return self.verdict in (Verdict.IDENTICAL, Verdict.WITHIN)


def judge_dumps(
    comparison: DumpComparison, limit: InputLimit | None = None, *, amplification: float = AMPLIFICATION
) -> DumpJudgement:
    """Judge two dumps by the line of rounding, and what the pipeline passes to its model by ``limit``."""
    judging = _Judging(comparison.calls, limit, amplification)
    findings = tuple(judging.findings())
    same = sum(not any(each.difference for each in _all(call)) for call in comparison.calls)
    whole = same == len(comparison.calls) and not (comparison.missing or comparison.added)
    verdict = Verdict.DRIFT if findings else Verdict.IDENTICAL if whole else Verdict.WITHIN
    weights = [call.path for call in comparison.calls if any(each.difference for each in call.parameters)]
    return DumpJudgement(
        verdict,
        findings,
        len(comparison.calls),
        same,
        sum(call.exact is not None for call in comparison.calls),
        tuple(dict.fromkeys(weights)),
        judging.used,
    )


class _Judging:
    def __init__(self, calls: Sequence[ComparedCall], limit: InputLimit | None, amplification: float) -> None:
        self._limit, self._amplification = limit, amplification
        self._inside: dict[Key | None, list[ComparedCall]] = {}
        for call in calls:
            self._inside.setdefault(call.parent, []).append(call)
        self.used = 0.0

    def findings(self) -> Iterator[DumpFinding]:
        """Yield what is beyond its limit, in the order of the run."""
        source = 0.0
        for root in self._inside.get(None, ()):
            yield from self._judged(None, root, root.inputs, source)
            yield from self._within(root)
            source = max(source, _largest(root.outputs))

    def _within(self, call: ComparedCall) -> Iterator[DumpFinding]:
        source = _largest(call.inputs)
        for inner in self._inside.get(call.key, ()):
            yield from self._judged(call, inner, inner.inputs, source)
            yield from self._within(inner)
            source = max(source, _largest(inner.outputs))
        yield from self._judged(call, None, call.outputs, source)

    def _judged(
        self,
        call: ComparedCall | None,
        to: ComparedCall | None,
        tensors: Sequence[ComparedTensor],
        source: float,
    ) -> Iterator[DumpFinding]:
        """Yield the tensor that is furthest beyond its limit, if there is one."""
        worst: DumpFinding | None = None
        most = 0.0
        exact = call.exact if call is not None and to is None else None
        for tensor in tensors:
            if tensor.difference is None:
                continue
            line = rounding_of(tensor.dtype)
            allowed, calibrated = line + self._amplification * source, False
            if call is None and to is not None and self._limit is not None:
                own = self._limit.of(to.key, tensor.label)
                allowed, calibrated = (allowed, False) if own is None else (own, True)
            share = _share(tensor.difference, allowed)
            beyond, wrong = _beyond(tensor.difference, allowed, line, exact)
            if not beyond:
                self.used = max(self.used, min(share, 1.0))
            elif worst is None or share > most:
                most = share
                worst = DumpFinding(
                    "model input" if call is None else "cell",
                    "" if call is None else call.path,
                    0 if call is None else call.index,
                    "" if call is None else call.operator,
                    "" if call is None else call.reference_operator,
                    tensor.label,
                    None if to is None else to.path,
                    tensor.dtype,
                    tensor.shape,
                    tensor.difference,
                    source,
                    allowed,
                    calibrated,
                    exact,
                    wrong,
                    () if call is None else tuple(each for each in call.parameters if each.difference),
                )
        if worst is not None:
            yield worst


def _beyond(
    found: Difference, allowed: float, line: float, exact: Exactness | None
) -> tuple[bool, Side | None]:
    """Whether rounding does not explain a difference, and which side is wrong by the float64 yardstick.

    The yardstick acquits what is right on both sides, and convicts a side that is wrong if the other one is
    right, even if its inputs differ. If neither is right, the class does not say what the cell computes.
    """
    # Infinite if something that it was computed from cannot be compared.
    beyond = allowed != math.inf and (found.form is not None or not found.relative_l2 <= allowed)
    if exact is None or found.form is not None:
        return beyond, None
    right = exact.ours <= line, exact.theirs <= line
    if all(right) or not any(right):
        return beyond and not all(right), None
    error = exact.theirs if right[0] else exact.ours
    return beyond or not error <= AMPLIFICATION * line, "reference" if right[0] else "here"


def _all(call: ComparedCall) -> Iterator[ComparedTensor]:
    yield from (*call.inputs, *call.outputs, *call.parameters)


def _largest(tensors: Sequence[ComparedTensor]) -> float:
    """Return the largest relative L2 of ``tensors``; what has no such figure explains anything."""
    largest = 0.0
    for each in tensors:
        if each.difference is not None:
            found = each.difference.relative_l2
            largest = (
                math.inf if each.difference.form is not None or math.isnan(found) else max(largest, found)
            )
    return largest


def _share(found: Difference, allowed: float) -> float:
    if found.form is not None or math.isnan(found.relative_l2):
        return math.inf
    if allowed == math.inf:
        return 0.0
    return found.relative_l2 / allowed if allowed else (math.inf if found.relative_l2 else 0.0)
