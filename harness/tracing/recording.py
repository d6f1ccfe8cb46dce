"""Record a deep trace: the inputs and outputs of every cell in one denoising step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.measurement.measurement import Array, array_sha256
from harness.tracing.tensors import dtype_of, leaves, to_array
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
        self._parameters: dict[str, dict[str, str]] = {}

    def entering(self, frame: Frame, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        # Immediately, because a cell may work in place.
        self._inputs[frame] = self._values(arguments(frame, args, kwargs))
        return args, kwargs

    def stepping(self, frame: Frame, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        given = self._values(arguments(frame, args, kwargs))
        settings = own_settings(frame.cell)
        self.calls.append(
            CellCall(frame.path, frame.index, operator(frame.cell), settings, {}, given, outputs=())
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
        )
        self.calls.append(call)
        return output

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
