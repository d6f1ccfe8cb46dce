"""The per-step trace: the latents after each denoising step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.measurement.bfloat16 import dtype_of, to_numpy
from harness.measurement.figures import StepRecord
from harness.measurement.measurement import Array, array_sha256
from harness.measurement.statistics import moments


class StepTrace:
    """A ``callback_on_step_end`` (a diffusers convention) that records the latents and changes nothing.

    ``last`` is the array of the last step's latents, in their own dtype, or in float32 for bfloat16, and
    ``last_dtype`` is the name of that dtype. With ``keep``, it also keeps the latents of all steps. It calls
    ``stepped`` after each step.
    """

    def __init__(self, *, keep: bool = False, stepped: Callable[[], None] = lambda: None) -> None:
        self._keep, self._stepped = keep, stepped
        self._records: list[StepRecord] = []
        self._latents: list[Array] = []
        self.last: Array | None = None
        self.last_dtype = ""

    def __call__(self, pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """Record ``tensors["latents"]`` (MindSpore's or numpy's). Fractional timesteps are kept."""
        del pipeline
        latents = tensors["latents"]
        array = to_numpy(latents)
        self.last_dtype = dtype_of(latents, array)
        sha256 = array_sha256(array, self.last_dtype)
        self._records.append(StepRecord(int(step), _number(timestep), sha256, moments(array)))
        # The pipeline may go on in the same memory.
        self.last = array.copy()
        if self._keep:
            self._latents.append(self.last)
        self._stepped()
        return {}

    @property
    def records(self) -> tuple[StepRecord, ...]:
        """The steps recorded so far, first to last."""
        return tuple(self._records)

    @property
    def latents(self) -> Array | None:
        """The latents ``[steps, n, channels, height, width]``, or None if they are not kept.

        If their shape changes between the stages of a pipeline, the result is ``[steps, values]``: each
        step's latents are flattened into a row and padded with zeros, which add nothing to a distance. Raises
        :class:`HarnessError` if their dtype changes.
        """
        if not self._latents:
            return None
        first = self._latents[0]
        for record, latents in zip(self._records, self._latents, strict=True):
            if latents.dtype != first.dtype:
                raise HarnessError(
                    f"the latents of step {record.step} (timestep {record.timestep}) are {latents.dtype}, "
                    f"those of the first step {first.dtype}: they cannot be kept together, as "
                    "`keep: latents` and calibrating ask for; call callback_on_step_end for the steps "
                    "of one dtype only"
                )
        if any(latents.shape != first.shape for latents in self._latents):
            rows = np.zeros((len(self._latents), max(each.size for each in self._latents)), first.dtype)
            for row, latents in zip(rows, self._latents, strict=True):
                row[: latents.size] = latents.ravel()
            return rows
        return np.stack(self._latents)


class StepHashes:
    """A ``callback_on_step_end`` that records the hash of each step's latents, then calls ``stepped``."""

    def __init__(self, *, stepped: Callable[[], None] = lambda: None) -> None:
        self._stepped = stepped
        self._records: list[StepRecord] = []

    def __call__(self, pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """Record the hash of ``tensors["latents"]``."""
        del pipeline
        latents = tensors["latents"]
        array = to_numpy(latents)
        sha256 = array_sha256(array, dtype_of(latents, array))
        self._records.append(StepRecord(int(step), _number(timestep), sha256, {}))
        self._stepped()
        return {}

    @property
    def records(self) -> tuple[StepRecord, ...]:
        """The steps recorded so far, first to last, without statistics."""
        return tuple(self._records)


def _number(timestep: Any) -> int | float:
    value = timestep.item() if hasattr(timestep, "item") else timestep
    whole = int(value)
    return whole if whole == value else float(value)
