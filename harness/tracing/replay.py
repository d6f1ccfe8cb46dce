"""Replay a deep trace: run one step and give every cell the same input as in the reference.

The pipeline runs as usual, but every input and result of a cell is compared with the reference's. If it
differs, the reference's value replaces it, so that no difference spreads. A cell is therefore judged by its
own operations alone, on the reference's inputs and with the reference's results of the cells inside it. What
a cell passes to another cell also counts as its own work, so a wrong scale between two layers of an attention
is attributed to the attention.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.frameworks.framework import current
from harness.measurement.measurement import Array, array_sha256
from harness.tracing.difference import Difference, difference, rounding_of
from harness.tracing.divergence import Divergence, Place, Replay
from harness.tracing.matching import Pair, across, alike, in_order
from harness.tracing.observed import Observed
from harness.tracing.tensors import dtype_of, leaves, like, replaced, to_array
from harness.tracing.trace import CellCall, DeepTrace, Value
from harness.tracing.watcher import (
    Frame,
    Run,
    StepWatcher,
    arguments,
    label_arguments,
    operator,
    own_parameters,
    own_settings,
)

# The most arguments that are named if their number differs.
_LABELS = 8


def replay_step(pipeline: Any, run: Run, trace: DeepTrace) -> Replay:
    """Run a pipeline up to the step of ``trace`` and return where that step computes something else.

    ``run`` calls the pipeline with the callback that it is given. Raises :class:`harness.errors.HarnessError`
    if the pipeline has no such step.
    """
    replaying = _Replaying(pipeline, trace)
    replaying.watch(run)
    return replaying.result()


class _Replaying(StepWatcher):
    def __init__(self, pipeline: Any, trace: DeepTrace) -> None:
        super().__init__(pipeline, trace.step)
        self._trace = trace
        self._reference = {call.key: call for call in trace.calls}
        self._findings: list[Divergence] = []
        self._seen: dict[tuple[str, int], str] = {}
        self._differing: set[tuple[str, int]] = set()
        self._added: list[str] = []
        self._latents_judged = True
        self._after_last = False
        # Two implementations name their arguments, and what they return, otherwise.
        self._across = not _same_implementation(trace)
        # What each call in progress was given, and the results of the calls inside it; None is the pipeline.
        self._given_to: dict[Frame | None, list[tuple[str, Value]]] = {}
        # The finding to look at first, and what both sides saw of it.
        self._main: Divergence | None = None
        self._observed: bytes | None = None

    def result(self) -> Replay:
        parts = [call.path.split(".") for call in self._trace.calls]
        composite = {".".join(each[:count]) for each in parts for count in range(1, len(each))}
        simple = {key: name for key, name in self._seen.items() if key[0] not in composite}
        counts = Counter(simple.values())
        differing = Counter(name for key, name in simple.items() if key in self._differing)
        missing = [call.path for call in self._trace.calls if call.of_cell and call.key not in self._seen]
        return Replay(
            self.step,
            self._trace.timestep,
            tuple(self._findings),
            len(self._seen),
            {name: (differing[name], total) for name, total in sorted(counts.items())},
            tuple(dict.fromkeys(missing)),
            tuple(dict.fromkeys(self._added)),
            self._latents_judged,
            self._after_last,
            self._observed,
        )

    def entering(self, frame: Frame, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        call = self._reference.get(frame.key)
        if call is None:
            self._added.append(frame.path)
            return args, kwargs
        self._seen[frame.key] = call.operator
        return self._given(frame, call, args, kwargs)

    def stepping(self, frame: Frame, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        # Traces recorded by earlier versions do not have it.
        call = self._reference.get(frame.key)
        return (args, kwargs) if call is None else self._given(frame, call, args, kwargs)

    def _given(
        self, frame: Frame, call: CellCall, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, Any]:
        """Compare the arguments of a call, and return those to call it with."""
        given = arguments(frame, args, kwargs)
        pairs = self._pairs(frame.parent, given, call.labels, call.inputs, frame)
        corrections = self._compare(frame.parent, pairs, frame)
        if call.of_cell:
            self._given_to[frame] = [(label, value) for label, _, value in pairs]
        else:
            # The scheduler's step: what it makes of this are the latents.
            self._given_to[None] = [(label, value) for label, _, value in pairs]
        if corrections:
            args = tuple(replaced(value, corrections, label) for label, value in label_arguments(frame, args))
            kwargs = {name: replaced(value, corrections, name) for name, value in kwargs.items()}
        return args, kwargs

    def leaving(self, frame: Frame, output: Any) -> Any:
        call = self._reference.get(frame.key)
        if call is None:
            return output
        pairs = self._pairs(frame, list(leaves(output, "output")), (), call.outputs, None)
        corrections = self._compare(frame, pairs, None)
        self._given_to.pop(frame, None)
        name = frame.path.rpartition(".")[2]
        results = [(f"{name}{label.removeprefix('output')}", value) for label, _, value in pairs]
        self._given_to.setdefault(frame.parent, []).extend(results)
        return replaced(output, corrections, "output") if corrections else output

    def output(self, array: Any) -> None:
        self._after_last = True
        self._compare(None, [("output", array, self._trace.after)], None)

    def latents_before(self, latents: Any) -> Mapping[str, Any]:
        assert self._trace.before is not None
        return {"latents": like(latents, self._array(self._trace.before))}

    def latents_after(self, timestep: Any, latents: Any) -> None:
        del timestep
        # Before the first step, no callback can pass in the reference's latents.
        if self.step == 0 and any(finding.place == "model input" for finding in self._findings):
            self._latents_judged = False
            return
        self._compare(None, [("latents", latents, self._trace.after)], None)

    def _pairs(
        self,
        frame: Frame | None,
        ours: list[tuple[str, Any]],
        labels: tuple[str, ...],
        theirs: tuple[Value, ...],
        to: Frame | None,
    ) -> list[Pair]:
        """Return what belongs together, and enter what has no partner as caused by the cell of ``frame``."""
        form, missed = None, list[str]()
        if self._across:
            known = [(value, self._array(value)) for value in theirs]
            pairs, lonely, missed = across(ours, labels, known)
            # Of what a cell returns, one side may give more, such as the weights of an attention.
            if (lonely or missed) and (to is not None or not pairs):
                sides = [", ".join(each[:_LABELS]) or "nothing" for each in (lonely, missed)]
                form = f"{sides[0]} here alone, {sides[1]} in the reference alone"
        else:
            pairs = in_order(ours, theirs)
            if len(ours) != len(theirs):
                names = ", ".join(label for label, _ in ours[:_LABELS])
                form = f"{len(ours)} tensors and numbers here ({names}), {len(theirs)} in the reference"
        if form is not None:
            found = self._enter(
                frame,
                "all" if to else "output",
                to,
                "",
                (),
                Difference(form=form),
                leading=False,
                lacking=tuple(missed),
            )
            if found.goes_before(self._main):
                self._main, self._observed = found, None
        return pairs

    def _compare(self, frame: Frame | None, pairs: list[Pair], to: Frame | None) -> dict[str, Any]:
        """Enter differences as caused by the cell of ``frame``, and return the reference's values by label.

        Only values with the shape and dtype of the reference's are replaced. Replacing others would raise an
        error somewhere.
        """
        corrections = {}
        for index, (label, leaf, value) in enumerate(pairs):
            array = to_array(leaf)
            if array_sha256(array) == value.sha256:
                continue
            reference = self._array(value)
            if self._across:
                array, reference = alike(array, reference)
            found = difference(array, reference, dtype_of(leaf))
            if found is None:
                continue
            # A flag decides what a cell returns, and so what its caller can do with that.
            if found.form is None and not isinstance(leaf, bool) and array.shape == to_array(leaf).shape:
                corrections[label] = like(leaf, reference)
            limit = rounding_of(dtype_of(leaf), value.rounding)
            entered = self._enter(
                frame, label, to, dtype_of(leaf), array.shape, found, limit=limit, leading=index == 0
            )
            if entered.goes_before(self._main):
                self._main = entered
                dtypes = dtype_of(leaf), value.dtype
                self._observed = self._seen_by_both(frame, array, reference, dtypes)
        return corrections

    def _seen_by_both(
        self, frame: Frame | None, ours: Array, theirs: Array, dtypes: tuple[str, str]
    ) -> bytes:
        given: list[tuple[str, Array]] = []
        for name, value in self._given_to.get(frame, ()):
            array = self._array(value)
            given.append((name, array))
            # Guidance takes the two halves of one batch apart.
            if array.ndim and theirs.ndim and array.shape == (2 * theirs.shape[0], *theirs.shape[1:]):
                given += [(f"{name}, half {n}", half) for n, half in enumerate(np.split(array, 2), 1)]
        call = None if frame is None else self._reference.get(frame.key)
        settings = (call.settings if call else {}), (own_settings(frame.cell) if frame else {})
        return Observed(tuple(given), theirs, ours, *dtypes, *settings).to_bytes()

    def _enter(
        self,
        frame: Frame | None,
        tensor: str,
        to: Frame | None,
        dtype: str,
        shape: tuple[int, ...],
        found: Difference,
        *,
        limit: float = 0.0,
        leading: bool,
        lacking: tuple[str, ...] = (),
    ) -> Divergence:
        place: Place = "cell" if frame else "output" if self._after_last else "latents"
        if frame is None and to is not None:
            place = "model input" if isinstance(to.cell, current().cell) else "scheduler input"
        call = None if frame is None else self._reference.get(frame.key)
        finding = Divergence(
            place=place,
            path=frame.path if frame else "",
            operator=operator(frame.cell) if frame else "",
            reference_operator=call.operator if call else "",
            tensor=tensor,
            to=None if to is None else to.path,
            after=frame.last_child if frame else None,
            ancestors=tuple((each.path, operator(each.cell)) for each in frame.ancestors) if frame else (),
            dtype=dtype,
            shape=shape,
            difference=found,
            changes=_changes(frame.cell, call) if frame and call else (),
            limit=limit,
            beyond=found.beyond(limit),
            leading=leading,
            lacking=lacking,
        )
        self._findings.append(finding)
        if frame:
            self._differing.add(frame.key)
        return finding

    def _array(self, value: Value) -> Array:
        return self._trace.arrays[value.sha256]


def _same_implementation(trace: DeepTrace) -> bool:
    """Whether the trace is of the framework of this process, whose release is in its fingerprint."""
    return not trace.fingerprint or current().package in trace.fingerprint


def _changes(cell: Any, call: CellCall) -> tuple[str, ...]:
    """Return how the cell's own settings and parameters differ from those in the reference."""
    settings = own_settings(cell)
    changes = [
        f"{name} is {settings[name]}, in the reference {value}"
        for name, value in sorted(call.settings.items())
        if name in settings and settings[name] != value
    ]
    for name, parameter in own_parameters(cell):
        known = call.parameters.get(name)
        if known is not None and array_sha256(to_array(parameter)) != known:
            changes.append(f"its {name} is not the reference's")
    return tuple(changes)
