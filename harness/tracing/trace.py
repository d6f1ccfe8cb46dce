"""The deep trace: the inputs and outputs of every cell in one denoising step, and their form as bytes.

The bytes are a safetensors file. Every array is stored once, under its sha256, however many cells receive it.
The JSON that links them is in the file's metadata, together with its own sha256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from harness.codec import from_json, parse_json
from harness.errors import HarnessError
from harness.measurement.measurement import Array, ArraysError, array_sha256, decode_arrays, encode_arrays

_FORMAT = "harness deep trace 2"
# The format of earlier versions, whose values have no rounding and whose calls have no labels.
_EARLIER = "harness deep trace 1"


class TraceDamaged(HarnessError):
    """The bytes are not a deep trace, or not the recorded one. The message does not name the file."""


@dataclass(frozen=True)
class Value:
    """One tensor (or number) that a call took or returned.

    ``sha256`` names its array, and ``dtype`` is the name of its dtype, the same in both frameworks. The array
    of a bfloat16 tensor, which numpy lacks, is float32, which holds it exactly. ``rounding`` is how far
    rounding alone moves it, as relative L2, if that was measured (:mod:`harness.tracing.rounding`).
    """

    sha256: str
    dtype: str
    rounding: float | None = None


@dataclass(frozen=True)
class CellCall:
    """One call of one cell.

    ``path`` is the root's name and the cell's path below it, and ``index`` counts the calls of that path.
    ``operator`` is the cell's class, with the size of its kernel. ``settings`` are the cell's own public
    numbers, texts and booleans; ``parameters`` maps the names of its own parameters to their sha256.
    ``inputs`` and ``outputs`` are flat: tensors and numbers in argument order. ``labels`` are the names of
    the inputs; earlier versions recorded none.
    """

    path: str
    index: int
    operator: str
    settings: dict[str, Any]
    parameters: dict[str, str]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    labels: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        """The key that identifies this call among all calls of the step."""
        return self.path, self.index

    @property
    def of_cell(self) -> bool:
        """Whether a cell was called. The step of a scheduler is no cell, and its outputs are not recorded."""
        return bool(self.outputs)


@dataclass(frozen=True)
class DeepTrace:
    """The calls of all cells, and of the scheduler, in one denoising step.

    ``calls`` are in order of completion: children before parents. ``before`` are the latents before the step
    (None for step 0, whose latents the pipeline draws), and ``after`` those after it. ``arrays`` maps sha256
    to array. ``fingerprint`` describes the environment. ``baseline`` identifies the baseline for which the
    trace was recorded; it is None for the trace of a run.
    """

    case: str
    step: int
    timestep: int | float
    calls: tuple[CellCall, ...]
    before: Value | None
    after: Value
    arrays: Mapping[str, Array]
    fingerprint: dict[str, str]
    baseline: str | None = None

    @property
    def nbytes(self) -> int:
        """The size of the arrays in bytes."""
        return sum(array.nbytes for array in self.arrays.values())

    def to_bytes(self) -> bytes:
        """Return the trace as a safetensors file."""
        described = asdict(replace(self, arrays={}))
        del described["arrays"]
        text = json.dumps(described, sort_keys=True)
        metadata = {"format": _FORMAT, "trace": text, "sha256": _sha256(text)}
        return encode_arrays(self.arrays, metadata)

    @classmethod
    def from_bytes(cls, data: bytes) -> DeepTrace:
        """Rebuild a trace from the data of :meth:`to_bytes`, and check every byte.

        Raises :class:`TraceDamaged` if ``data`` is anything else.
        """
        try:
            arrays, texts = decode_arrays(data)
        except ArraysError as error:
            raise TraceDamaged(f"it is truncated, or not a deep trace: {error}") from None
        try:
            described = parse_json(_description(texts))
            if texts["format"] == _EARLIER:
                _complete(described)
            trace = from_json(cls, {**described, "arrays": arrays})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise TraceDamaged(f"its description lacks something or has something else: {error}") from None
        named = {value.sha256 for call in trace.calls for value in (*call.inputs, *call.outputs)}
        named |= {value.sha256 for value in (trace.before, trace.after) if value is not None}
        for name in named | arrays.keys():
            if name not in arrays or array_sha256(arrays[name]) != name:
                raise TraceDamaged(f"the array {name[:16]}… is missing or is not what was recorded")
        return trace


def _description(texts: Mapping[str, str]) -> str:
    """Return the JSON among the texts of a trace's file."""
    try:
        found, text, sha256 = texts["format"], texts["trace"], texts["sha256"]
    except KeyError:
        raise TraceDamaged("it is not a deep trace: its metadata is missing") from None
    if found not in (_FORMAT, _EARLIER):
        raise TraceDamaged(f"its format is {found!r}, this version of harness reads {_FORMAT!r}")
    if _sha256(text) != sha256:
        raise TraceDamaged("its description is not what was recorded")
    return text


def _complete(described: Any) -> None:
    """Add what traces of earlier versions lack."""
    values = [described["after"], *([described["before"]] if described["before"] is not None else [])]
    for call in described["calls"]:
        call["labels"] = []
        values += [*call["inputs"], *call["outputs"]]
    for value in values:
        value["rounding"] = None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
