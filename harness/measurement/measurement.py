"""The measurement: everything one run of a case yields, and its form on the wire."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# numpy's kinds of dtype that can be measured: floats, signed and unsigned integers, booleans.
REAL_KINDS = "fiub"


@dataclass(frozen=True)
class StepRecord:
    """The latents after one denoising step, in figures.

    ``step`` counts from 0; ``timestep`` is the scheduler's, an int where it is whole; ``sha256`` is the
    latents' :func:`array_sha256` in their own dtype; ``statistics`` is what
    :func:`harness.measurement.statistics.moments` gives.
    """

    step: int
    timestep: int | float
    sha256: str
    statistics: dict[str, float]


@dataclass(frozen=True)
class Draw:
    """One entry of the ledger: one call of a method of one case generator.

    ``generator`` is the index of the generator in the batch, ``sha256`` is over the bytes it gave, and
    ``site`` is ``file:line`` of the caller, the file without its folder so that it reads alike everywhere.
    """

    generator: int
    method: str
    shape: tuple[int, ...]
    dtype: str
    sha256: str
    site: str


@dataclass(frozen=True)
class CheckpointIdentity:
    """Which weights ran: the case's own words, the sha256 of each file used, the Hub revision if any.

    ``files`` maps paths in the checkpoint's folder to hashes; it is empty where no checkpoint was used.
    """

    source: str | None
    files: dict[str, str]
    revision: str | None = None


@dataclass(frozen=True)
class Measurement:
    """What one run of a case yields.

    ``output`` is the pipeline's array, for images float32 ``[n, height, width, channels]`` in [0, 1];
    ``latents`` is ``[steps, n, channels, height, width]`` where the case keeps them; ``singles`` has the
    shape of ``output`` and holds the images run one by one where the case asks for batch consistency;
    ``canaries`` maps operators to the hash of their result; ``replaced_kernels`` has the number of calls of
    each primitive for which the harness's own kernel stood in (:mod:`harness.kernels`); ``timings``
    are in seconds (``spawn`` and ``start`` of the worker are paid once, by its first case; ``load`` and
    ``run`` are the case's own);
    ``peak_memory`` is the largest resident size of the worker so far, in bytes.
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

    def to_wire(self) -> dict[str, Any]:
        """Return plain data (dict, list, str, numbers, bytes) that crosses a process boundary."""
        return {
            "output": array_to_wire(self.output),
            "statistics": dict(self.statistics),
            "trace": [[s.step, s.timestep, s.sha256, dict(s.statistics)] for s in self.trace],
            "ledger": [
                [d.generator, d.method, list(d.shape), d.dtype, d.sha256, d.site] for d in self.ledger
            ],
            "fingerprint": dict(self.fingerprint),
            "checkpoint": [self.checkpoint.source, dict(self.checkpoint.files), self.checkpoint.revision],
            "canaries": dict(self.canaries),
            "timings": dict(self.timings),
            "peak_memory": self.peak_memory,
            "latents": None if self.latents is None else array_to_wire(self.latents),
            "singles": None if self.singles is None else array_to_wire(self.singles),
            "replaced_kernels": dict(self.replaced_kernels),
        }

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Measurement:
        """Rebuild a measurement from :meth:`to_wire`'s data; the arrays it holds are read-only."""
        return cls(
            output=array_from_wire(wire["output"]),
            statistics=dict(wire["statistics"]),
            trace=tuple(StepRecord(step, t, sha, dict(stats)) for step, t, sha, stats in wire["trace"]),
            ledger=tuple(
                Draw(g, m, tuple(shape), dt, sha, site) for g, m, shape, dt, sha, site in wire["ledger"]
            ),
            fingerprint=dict(wire["fingerprint"]),
            checkpoint=CheckpointIdentity(*wire["checkpoint"]),
            canaries=dict(wire["canaries"]),
            timings=dict(wire["timings"]),
            peak_memory=wire["peak_memory"],
            latents=None if wire["latents"] is None else array_from_wire(wire["latents"]),
            singles=None if wire["singles"] is None else array_from_wire(wire["singles"]),
            replaced_kernels=dict(wire["replaced_kernels"]),
        )


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
