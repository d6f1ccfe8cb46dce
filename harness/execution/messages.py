"""What a runner and its worker say to each other, beside the job; Python's standard library alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from harness.codec import from_json, to_json
from harness.errors import FailureCause
from harness.execution.profile import Profile


@dataclass(frozen=True)
class Settings:
    """What a worker is started with.

    ``implementation`` is what its pipelines stand on (:mod:`harness.execution.implementation`), ``limit`` the
    seconds that one case may take, ``log`` the file that takes stdout and stderr, ``import_paths`` are the
    folders of a user's own pipelines.
    """

    profile: Profile
    mode: str
    dtype: str
    implementation: str
    limit: float
    log: str
    import_paths: tuple[str, ...]

    def to_wire(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        wire: dict[str, Any] = to_json(self)
        return wire

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Settings:
        """Rebuild the settings; raises ValueError where something is missing, unknown or of another type."""
        return from_json(cls, wire)


@dataclass(frozen=True)
class Description:
    """A worker's environment: fingerprint, canaries, and the kinds of device that MindSpore can use there."""

    fingerprint: dict[str, str]
    canaries: dict[str, str]
    devices: tuple[str, ...]


class AnswerKind(str, Enum):
    """What an answer's data is.

    ``READY``: the worker's process id. ``MEASUREMENT``, ``REPLAY``, ``DESCRIPTION``: the wire form of these,
    ``TRACE``: the bytes of a deep trace. ``INAPPLICABLE``: why a fault cannot be put into the case.
    ``ERROR``: a message that the user can act on. ``FAILED``: a traceback.
    """

    READY = "ready"
    MEASUREMENT = "measurement"
    TRACE = "trace"
    REPLAY = "replay"
    DESCRIPTION = "description"
    INAPPLICABLE = "inapplicable"
    ERROR = "error"
    FAILED = "failed"


@dataclass(frozen=True)
class Answer:
    """What a worker answers; ``cause`` is why there is no measurement, where there is none."""

    kind: AnswerKind
    data: Any
    cause: FailureCause = FailureCause.OTHER

    def to_wire(self) -> dict[str, Any]:
        """Return the answer as plain data; dataclasses in it become dicts."""
        wire: dict[str, Any] = to_json(self)
        return wire

    @classmethod
    def from_wire(cls, wire: Any) -> Answer:
        """Rebuild the answer; raises ValueError where it is none."""
        return from_json(cls, wire)
