"""The measurement: everything that one run of a case produces, its wire format, and arrays in files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from safetensors import SafetensorError

from harness.codec import from_json, to_json
from harness.foreign_files import size_text
from harness.measurement.facts import Facts
from harness.measurement.figures import (
    LARGEST_ARRAYS,
    CheckpointIdentity,
    CodeIdentity,
    DecoderDeviation,
    Draw,
    HostProcessing,
    ProcessChange,
    StepRecord,
)
from harness.measurement.second_call import CallBits, SecondCall

Array = npt.NDArray[Any]

# The numpy dtype kinds that can be measured: floats, signed and unsigned integers, booleans.
REAL_KINDS = "fiub"
# Fields that what earlier versions kept lacks.
_LATER = ("code", "output_dtype", "facts", "host", "decoder", "second_call")
_LATER_FACTS: dict[str, Any] = {"places": {}, "sketches": {}}
# The fields of a measurement that hold arrays. All others are figures and texts, with two exceptions.
_ARRAYS = ("output", "latents", "singles", "decoder_input")
# How an array of `constants` is named among the arrays.
_CONSTANT = "constants/"
# The exceptions, which are reported where they occur and are not stored.
_UNSTORED = ("changes", "after")


@dataclass(frozen=True)
class Measurement:
    """Everything that one run of a case produces.

    ``output`` is the pipeline's array, for images float32 ``[n, height, width, channels]`` in [0, 1].
    ``latents`` is ``[steps, n, channels, height, width]`` if the case keeps them. ``singles`` has the shape
    of ``output`` and holds the images run one by one if the case asks for batch consistency. ``canaries``
    maps operators to the hash of their result. ``replaced_kernels`` has, for each primitive, the number of
    calls in which the harness's own kernel was used instead (:mod:`harness.kernels`). ``timings`` are in
    seconds: the first case of a worker also pays for ``spawn`` and ``start``; ``load`` and ``run`` are the
    case's own. ``peak_memory`` is the largest resident size of the worker so far, in bytes. ``after`` are the
    cases that ran in the same worker before. ``code`` is None for a pipeline that no factory of the
    user's makes, and in what earlier versions stored. ``output_dtype`` is ``bfloat16`` if the pipeline gave
    the output in that dtype, which numpy lacks and which ``output`` holds in float32. ``facts`` is None in
    what earlier versions stored; ``constants`` are the values that its ``dtypes`` name, in float32 where a
    dtype is one that numpy lacks. ``host`` and ``decoder_input`` describe what follows the last step, and
    ``decoder`` is what the job's ``decoding`` gave; each is None if it could not be observed.
    ``second_call`` is what came of a second call in the same process; None if there was to be none.
    """

    output: Array
    statistics: dict[str, float]
    trace: tuple[StepRecord, ...]
    ledger: tuple[Draw, ...]
    fingerprint: dict[str, str]
    checkpoint: CheckpointIdentity
    canaries: dict[str, str] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    peak_memory: int = 0
    latents: Array | None = None
    singles: Array | None = None
    replaced_kernels: dict[str, int] = field(default_factory=dict)
    changes: tuple[ProcessChange, ...] = ()
    after: tuple[str, ...] = ()
    code: CodeIdentity | None = None
    output_dtype: str | None = None
    facts: Facts | None = None
    constants: dict[str, Array] = field(default_factory=dict)
    host: HostProcessing | None = None
    decoder_input: Array | None = None
    decoder: DecoderDeviation | None = None
    second_call: SecondCall | None = None

    @property
    def dtype(self) -> str:
        """The name of the dtype in which the pipeline gave the output."""
        return self.output_dtype or str(self.output.dtype)

    @property
    def arrays(self) -> dict[str, Array]:
        """The arrays that are present, by field name."""
        named = {name: getattr(self, name) for name in _ARRAYS}
        computed = {name: array for name, array in named.items() if array is not None}
        return computed | {f"{_CONSTANT}{name}": array for name, array in self.constants.items()}

    def figures(self) -> dict[str, Any]:
        """Return everything but the arrays as JSON values."""
        left_out = (*_ARRAYS, "constants", *_UNSTORED)
        others = [each.name for each in fields(self) if each.name not in left_out]
        return {name: to_json(getattr(self, name)) for name in others}

    @classmethod
    def of(cls, figures: Mapping[str, Any], arrays: Mapping[str, Array]) -> Measurement:
        """Rebuild a measurement from its :meth:`figures` and :attr:`arrays`; ValueError if invalid."""
        absent: dict[str, Any] = dict.fromkeys((*_ARRAYS, *_LATER))
        absent |= {name: [] for name in _UNSTORED}
        computed = {name: array for name, array in arrays.items() if not name.startswith(_CONSTANT)}
        given = {**absent, **computed, "constants": constants_in(arrays), **figures}
        if isinstance(facts := given["facts"], dict):
            given["facts"] = {**_LATER_FACTS, **facts}
        return from_json(cls, given)

    def to_wire(self) -> dict[str, Any]:
        """Return plain data (dict, list, str, numbers, bytes) that can cross a process boundary."""
        arrays = {name: array_to_wire(array) for name, array in self.arrays.items()}
        return {"figures": self.figures(), "arrays": arrays}

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Measurement:
        """Rebuild a measurement from the data of :meth:`to_wire`. Its arrays are read-only."""
        arrays = {name: array_from_wire(array) for name, array in wire["arrays"].items()}
        return cls.of(wire["figures"], arrays)

    @property
    def call_bits(self) -> CallBits:
        """The bits of the call that was measured, to be compared with those of another call."""
        return CallBits(self.ledger, self.trace, array_sha256(self.output, self.dtype))

    @property
    def bits(self) -> str:
        """The hex sha256 of output, single images, latents and timesteps of every step, noise and weights.

        It sorts runs into classes. Statistics are excluded: they follow from the arrays, and each
        environment's own numpy sums them. The place in the code where a draw was made is excluded, too.
        """
        parts = [
            array_sha256(self.output),
            None if self.singles is None else array_sha256(self.singles),
            [[record.step, record.timestep, record.sha256] for record in self.trace],
            [[d.generator, d.method, list(d.shape), d.dtype, d.sha256] for d in self.ledger],
            sorted(self.checkpoint.files.items()),
            *([] if self.output_dtype is None else [self.output_dtype]),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def constants_in(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the constants among the :attr:`Measurement.arrays`, by their own names."""
    found = {name: array for name, array in arrays.items() if name.startswith(_CONSTANT)}
    return {name.removeprefix(_CONSTANT): array for name, array in found.items()}


def array_to_wire(array: Array) -> dict[str, Any]:
    """Return ``array`` as dtype, shape and C-order bytes.

    Raises TypeError for anything but real numbers and booleans. The bytes of Python objects are addresses,
    and the name of a structured or extended dtype (bfloat16) does not say what its bytes mean.
    """
    if array.dtype.kind not in REAL_KINDS:
        raise TypeError(f"an array of dtype {array.dtype} cannot be measured; make it one of real numbers")
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def array_from_wire(wire: dict[str, Any]) -> Array:
    """Return the read-only array described by :func:`array_to_wire`."""
    flat: Array = np.frombuffer(wire["data"], dtype=np.dtype(wire["dtype"]))
    return flat.reshape(tuple(wire["shape"]))


def array_sha256(array: Array, dtype: str = "") -> str:
    """Return the hex sha256 over the dtype, shape and C-order bytes of ``array``.

    ``dtype`` is the name of the dtype that ``array`` stands for, if it is not its own.
    """
    other = dtype if dtype != str(array.dtype) else ""
    digest = hashlib.sha256(f"{other or array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


class ArraysError(ValueError):
    """Arrays cannot be stored, or bytes do not hold arrays. The message does not name the file."""


def encode_arrays(arrays: Mapping[str, Array], texts: Mapping[str, str] | None = None) -> bytes:
    """Return ``arrays`` and ``texts`` in the safetensors format.

    Raises :class:`ArraysError` for a dtype that the format lacks, and for more data than could be read back.
    """
    if sum(array.nbytes for array in arrays.values()) > LARGEST_ARRAYS:
        raise ArraysError(f"the arrays have more than {size_text(LARGEST_ARRAYS)}, which cannot be stored")
    for name, array in arrays.items():
        if array.dtype.kind not in "fiubc" or array.dtype.itemsize > 8:
            raise ArraysError(f"{name} has dtype {array.dtype}, which cannot be stored")
    # safetensors reads the memory directly, so arrays must be contiguous and in C order.
    dense = {name: np.require(array, requirements="C") for name, array in arrays.items()}
    return safetensors.numpy.save(dense, None if texts is None else dict(texts))


def decode_arrays(data: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the read-only arrays and the texts in ``data``; :class:`ArraysError` if it does not hold any."""
    try:
        arrays: dict[str, Array] = safetensors.numpy.load(data)
    except (SafetensorError, KeyError, ValueError, OverflowError) as error:
        raise ArraysError(f"it is not a safetensors file: {error}") from None
    for array in arrays.values():
        array.flags.writeable = False
    # https://huggingface.co/docs/safetensors: eight bytes of length, then the header in JSON. The library has
    # just read the header, but does not return the metadata of bytes.
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    texts = header.get("__metadata__", {})
    if not isinstance(texts, dict):
        raise ArraysError("it is not a safetensors file as harness writes them: its metadata is no mapping")
    return arrays, texts
