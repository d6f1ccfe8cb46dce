"""The baseline: a stored measurement with its provenance."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from harness import __version__
from harness.baselines.calibration import Calibration
from harness.baselines.errors import BaselineError
from harness.baselines.git import Commit
from harness.baselines.origin import Origin
from harness.foreign_files import hash_foreign

if TYPE_CHECKING:
    from harness.cases.case import Case
    from harness.measurement.measurement import Measurement


# The implementation whose baselines may stand beside those of a case.
REFERENCE = "diffusers"
_EXACT = "float64"


@dataclass(frozen=True)
class Provenance:
    """Where a baseline comes from.

    ``date`` is ISO 8601 in UTC. ``git_commit`` is None outside git. ``case_definition`` and ``case_hash``
    describe the case at the time of recording. ``replaced`` is the sha256 of the JSON file of the baseline
    that this one replaced; the store fills it in. ``origin`` is the CI run in which it was measured, if it
    was accepted from one.
    """

    harness_version: str
    git_commit: Commit | None
    date: str
    reason: str
    case_definition: dict[str, Any]
    case_hash: str
    replaced: str | None = None
    origin: Origin | None = None

    @classmethod
    def of(cls, case: Case, *, reason: str, git_commit: Commit | None) -> Provenance:
        """Return the provenance of a recording of ``case`` made now, by this version of harness."""
        return cls(
            harness_version=__version__,
            git_commit=git_commit,
            date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            reason=reason,
            case_definition=case.definition(),
            case_hash=case.hash(),
        )


@dataclass(frozen=True)
class Baseline:
    """A stored measurement of one case on one device, with its provenance.

    A measurement read from a store has no timings, because they are not stored. ``calibration`` is None if
    the case was not calibrated. ``path`` is the JSON file it was read from, or None if it does not come from
    a store.
    """

    suite: str
    case_id: str
    device: str
    measurement: Measurement
    provenance: Provenance
    calibration: Calibration | None = None
    path: Path | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The case as ``suite/id``."""
        return f"{self.suite}/{self.case_id}"

    @property
    def identity(self) -> str:
        """A hex sha256 of the measurement, case and device. Calibrating does not change it."""
        measured = self.measurement
        parts = [self.provenance.case_hash, measured.bits, sorted(measured.fingerprint.items())]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Header:
    """A stored baseline without its measurement, which is enough to tell how it relates to its case."""

    provenance: Provenance
    calibration: Calibration | None


class Key(NamedTuple):
    """Where a baseline is stored: suite, case id and device key."""

    suite: str
    case_id: str
    device: str


@dataclass(frozen=True)
class Written:
    """The result of a write: the JSON file, and the sha256 of the JSON it replaced, if any."""

    path: Path
    state: Literal["created", "replaced", "unchanged"]
    replaced: str | None = None


def device_key(fingerprint: dict[str, str]) -> str:
    """Return the name under which baselines of a device are stored.

    That is ``cpu`` for x86-64, ``cpu-`` and the architecture for another processor (``cpu-aarch64``), and the
    SoC in lower case for an NPU. A reference's begins with its implementation: ``diffusers-cpu``, or
    ``diffusers-h100`` for a GPU; and that of one in float64 ends in ``-float64``.

    Raises :class:`BaselineError` if the fingerprint does not name its device.
    """
    device = fingerprint.get("device", "").lower()
    if device == "cpu":
        arch = fingerprint.get("arch", "").lower()
        name = device if arch in ("", "x86_64", "amd64") else f"{device}-{arch}"
    elif device == "cuda":
        # The model without the maker, the memory and the socket: "NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4".
        words = re.split(r"[^a-z0-9]+", fingerprint.get("soc", "").lower())
        name = next((word for word in words if any(map(str.isdigit, word))), "")
    else:
        name = fingerprint.get("soc", "").lower()
    if implementation := implementation_in(fingerprint):
        name = f"{implementation}-{name}" if name else ""
        name = yardstick_key(name) if name and fingerprint.get("dtype") == _EXACT else name
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        fields = f"device {fingerprint.get('device')!r}, soc {fingerprint.get('soc')!r}"
        raise BaselineError(
            f"the fingerprint names no device to store a baseline for ({fields}); run harness doctor"
        )
    return name


def device_fields(fingerprint: dict[str, str]) -> dict[str, str]:
    """Return the fields of ``fingerprint`` that :func:`device_key` depends on."""
    names = ["device", "arch" if fingerprint.get("device") == "CPU" else "soc"]
    names += ["implementation", "dtype"] if implementation_in(fingerprint) else []
    return {name: fingerprint[name] for name in names if name in fingerprint}


def implementation_in(fingerprint: Mapping[str, str]) -> str:
    """Return the implementation on another framework that made a fingerprint (``diffusers``); '' if none."""
    return fingerprint.get("implementation", "")


def is_reference(device: str) -> bool:
    """Return whether the device key ``device`` is that of a reference, made by another implementation."""
    return device.startswith(f"{REFERENCE}-")


def yardstick_key(device: str) -> str:
    """Return the device key of a reference in float64, from that of one in another dtype."""
    return f"{device}-{_EXACT}"


def is_cpu(device: str) -> bool:
    """Return whether the device key ``device`` is that of a processor and not of an NPU."""
    return device.removeprefix(f"{REFERENCE}-").partition("-")[0] == "cpu"


def baseline_sha256(baseline: Baseline) -> str | None:
    """Return the sha256 of the JSON file from which ``baseline`` was read; None without a store."""
    return None if baseline.path is None else hash_foreign(baseline.path)
