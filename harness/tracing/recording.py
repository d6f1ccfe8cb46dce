"""Record a deep trace: the inputs and outputs of every cell in one denoising step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.frameworks.framework import current
from harness.measurement.measurement import Array, array_sha256
from harness.tracing.rounding import Answer, own_rounding
from harness.tracing.tensors import dtype_of, leaves, like, mapped, to_array
from harness.tracing.trace import CellCall, DeepTrace, Value
from harness.tracing.watcher import (
    Frame,
    Run,
    StepWatcher,
    arguments,
    operator,
    own_parameters,
    own_settings,
)


def record_step(
    pipeline: Any, run: Run, *, case: str, step: int, fingerprint: Mapping[str, str]
) -> DeepTrace:
    """Run a pipeline up to the end of ``step`` (from 0) and return what its cells did in that step.

    ``run`` calls the pipeline with the callback that it is given. Raises :class:`harness.errors.HarnessError`
    if the pipeline has no such step.
    """
    recorder = _Recorder(pipeline, step)
    recorder.watch(run)
    assert recorder.after is not None
    timestep, after = recorder.after
    return DeepTrace(
        case,
        step,
        float(timestep) if float(timestep) != int(timestep) else int(timestep),
        tuple(recorder.calls),
        recorder.before,
        after,
        recorder.arrays,
        dict(fingerprint),
    )


class _Recorder(StepWatcher):
    def __init__(self, pipeline: Any, step: int) -> None:
        super().__init__(pipeline, step)
        self.arrays: dict[str, Array] = {}
        self.calls: list[CellCall] = []
        self.before: Value | None = None
        self.after: tuple[Any, Value] | None = None
        self._inputs: dict[Frame, tuple[Value, ...]] = {}
        self._labels: dict[Frame, tuple[str, ...]] = {}
        # What each call in progress was given, and the calls inside it, if rounding is measured.
        self._measures = current().measures_rounding
        self._given: dict[Frame, tuple[tuple[Any, ...], dict[str, Any]]] = {}
        self._answers: dict[Frame | None, list[Answer]] = {}
        self._parameters: dict[str, dict[str, str]] = {}

    def entering(self, frame: Frame, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        # Immediately, because a cell may work in place.
        given = arguments(frame, args, kwargs)
        self._inputs[frame] = self._values(given)
        self._labels[frame] = tuple(label for label, _ in given)
        if self._measures:
            self._given[frame] = mapped(args, _copied), mapped(kwargs, _copied)
        return args, kwargs

    def stepping(self, frame: Frame, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        given = arguments(frame, args, kwargs)
        settings, labels = own_settings(frame.cell), tuple(label for label, _ in given)
        self.calls.append(
            CellCall(
                frame.path, frame.index, operator(frame.cell), settings, {}, self._values(given), (), labels
            )
        )
        return args, kwargs

    def leaving(self, frame: Frame, output: Any) -> Any:
        if frame.path not in self._parameters:
            hashes = {name: array_sha256(to_array(value)) for name, value in own_parameters(frame.cell)}
            self._parameters[frame.path] = hashes
        call = CellCall(
            frame.path,
            frame.index,
            operator(frame.cell),
            own_settings(frame.cell),
            self._parameters[frame.path],
            self._inputs.pop(frame),
            self._values(leaves(output, "output")),
            self._labels.pop(frame),
        )
        self.calls.append(self._with_rounding(frame, call, output) if self._measures else call)
        return output

    def _with_rounding(self, frame: Frame, call: CellCall, output: Any) -> CellCall:
        """Return ``call`` with how far rounding moves its output; the calls inside it get that of theirs."""
        args, kwargs = self._given.pop(frame)
        answers = self._answers.pop(frame, [])
        if frame.parent is not None:
            inner = Answer(args, kwargs, mapped(output, _copied), place=len(self.calls))
            self._answers.setdefault(frame.parent, []).append(inner)
        found = own_rounding(frame.cell, args, kwargs, answers, output)
        if found is None:
            return call
        for answer, moved in zip(answers, found.arguments, strict=True):
            inside = self.calls[answer.place]
            self.calls[answer.place] = replace(inside, inputs=_moving(inside.inputs, moved))
        return replace(call, outputs=_moving(call.outputs, found.output))

    def output(self, array: Any) -> None:
        self.after = self.timestep, self._value(array)

    def latents_before(self, latents: Any) -> Mapping[str, Any]:
        self.before = self._value(latents)
        return {}

    def latents_after(self, timestep: Any, latents: Any) -> None:
        self.after = timestep, self._value(latents)

    def _values(self, found: Iterable[tuple[str, Any]]) -> tuple[Value, ...]:
        return tuple(self._value(leaf) for _, leaf in found)

    def _value(self, leaf: Any) -> Value:
        array = to_array(leaf)
        sha256 = array_sha256(array)
        self.arrays.setdefault(sha256, array)
        return Value(sha256, dtype_of(leaf))


def _copied(leaf: Any) -> Any:
    """Return a leaf that no cell works on in place."""
    return like(leaf, to_array(leaf)) if isinstance(leaf, current().tensor) else leaf


def _moving(values: tuple[Value, ...], moved: Sequence[float | None]) -> tuple[Value, ...]:
    pairs = zip(values, moved, strict=True)
    return tuple(replace(value, rounding=distance) for value, distance in pairs)
