"""The measurement: everything one run of a case yields; its form on the wire, and that of arrays in files."""

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
from harness.measurement.figures import LARGEST_ARRAYS, CheckpointIdentity, Draw, ProcessChange, StepRecord

Array = npt.NDArray[Any]

# numpy's kinds of dtype that can be measured: floats, signed and unsigned integers, booleans.
REAL_KINDS = "fiub"
# The fields of a measurement that hold arrays; all others but one are figures and texts.
_ARRAYS = ("output", "latents", "singles")
# That is reported where it happens, and is not stored.
_CHANGES = "changes"


@dataclass(frozen=True)
class Measurement:
    """What one run of a case yields.

    ``output`` is the pipeline's array, for images float32 ``[n, height, width, channels]`` in [0, 1];
    ``latents`` is ``[steps, n, channels, height, width]`` where the case keeps them; ``singles`` has the
    shape of ``output`` and holds the images run one by one where the case asks for batch consistency;
    ``canaries`` maps operators to the hash of their result; ``replaced_kernels`` has the number of calls of
    each primitive for which the harness's own kernel stood in (:mod:`harness.kernels`); ``timings`` are in
    seconds (``spawn`` and ``start`` of the worker are paid once, by its first case; ``load`` and ``run`` are
    the case's own); ``peak_memory`` is the largest resident size of the worker so far, in bytes.
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

    @property
    def arrays(self) -> dict[str, Array]:
        """The arrays that there are, by the names of their fields."""
        named = {name: getattr(self, name) for name in _ARRAYS}
        return {name: array for name, array in named.items() if array is not None}

    def figures(self) -> dict[str, Any]:
        """Return everything but the arrays as JSON values."""
        others = [each.name for each in fields(self) if each.name not in (*_ARRAYS, _CHANGES)]
        return {name: to_json(getattr(self, name)) for name in others}

    @classmethod
    def of(cls, figures: Mapping[str, Any], arrays: Mapping[str, Array]) -> Measurement:
        """Rebuild a measurement from its :meth:`figures` and :attr:`arrays`; ValueError if they are none."""
        return from_json(cls, {**dict.fromkeys(_ARRAYS), _CHANGES: [], **arrays, **figures})

    def to_wire(self) -> dict[str, Any]:
        """Return plain data (dict, list, str, numbers, bytes) that crosses a process boundary."""
        arrays = {name: array_to_wire(array) for name, array in self.arrays.items()}
        return {"figures": self.figures(), "arrays": arrays}

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Measurement:
        """Rebuild a measurement from :meth:`to_wire`'s data; the arrays it holds are read-only."""
        arrays = {name: array_from_wire(array) for name, array in wire["arrays"].items()}
        return cls.of(wire["figures"], arrays)

    @property
    def bits(self) -> str:
        """The hex sha256 of output, single images, latents and timesteps of every step, noise and weights.

        It sorts runs into classes. Statistics are not in it, they follow from these, summed by each
        environment's own numpy; nor is where in the code a draw was made.
        """
        parts = [
            array_sha256(self.output),
            None if self.singles is None else array_sha256(self.singles),
            [[record.step, record.timestep, record.sha256] for record in self.trace],
            [[d.generator, d.method, list(d.shape), d.dtype, d.sha256] for d in self.ledger],
            sorted(self.checkpoint.files.items()),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def array_to_wire(array: Array) -> dict[str, Any]:
    """Return ``array`` as dtype, shape and C-order bytes.

    Raises TypeError for anything but real numbers and booleans: the bytes of Python objects are addresses,
    and the name of a structured or extended dtype (bfloat16) does not tell what its bytes mean.
    """
    if array.dtype.kind not in REAL_KINDS:
        raise TypeError(f"an array of dtype {array.dtype} cannot be measured; make it one of real numbers")
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def array_from_wire(wire: dict[str, Any]) -> Array:
    """Return the read-only array that :func:`array_to_wire` described."""
    flat: Array = np.frombuffer(wire["data"], dtype=np.dtype(wire["dtype"]))
    return flat.reshape(tuple(wire["shape"]))


def array_sha256(array: Array) -> str:
    """Return the hex sha256 over dtype, shape and C-order bytes of ``array``."""
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


class ArraysError(ValueError):
    """Arrays that cannot be stored, or bytes that hold none; the message does not name the file."""


def encode_arrays(arrays: Mapping[str, Array], texts: Mapping[str, str] | None = None) -> bytes:
    """Return ``arrays`` and ``texts`` in the safetensors format.

    Raises :class:`ArraysError` for a dtype that it lacks, and for more than could be read again.
    """
    if sum(array.nbytes for array in arrays.values()) > LARGEST_ARRAYS:
        raise ArraysError(f"the arrays have more than {size_text(LARGEST_ARRAYS)}, which cannot be stored")
    for name, array in arrays.items():
        if array.dtype.kind not in "fiubc" or array.dtype.itemsize > 8:
            raise ArraysError(f"{name} has dtype {array.dtype}, which cannot be stored")
    # safetensors reads the memory as it lies, so it must be dense and in C order.
    dense = {name: np.require(array, requirements="C") for name, array in arrays.items()}
    return safetensors.numpy.save(dense, None if texts is None else dict(texts))


def decode_arrays(data: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the read-only arrays and the texts that are in ``data``; :class:`ArraysError` if none are."""
    try:
        arrays: dict[str, Array] = safetensors.numpy.load(data)
    except (SafetensorError, KeyError, ValueError, OverflowError) as error:
        raise ArraysError(f"it is not a safetensors file: {error}") from None
    for array in arrays.values():
        array.flags.writeable = False
    # https://huggingface.co/docs/safetensors: eight bytes of length, then the header in JSON. The library,
    # which has just read it, does not give its metadata for bytes.
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    texts = header.get("__metadata__", {})
    if not isinstance(texts, dict):
        raise ArraysError("it is not a safetensors file as harness writes them: its metadata is no mapping")
    return arrays, texts
