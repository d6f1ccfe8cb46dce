"""What a runner and its worker say to each other, beside the job; Python's standard library alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from harness.cases.job import Job
from harness.errors import FailureCause
from harness.execution.implementation import implementation_of
from harness.execution.profile import Profile
from harness.measurement.figures import ProcessChange

# The file in a worker's folder that takes its stdout and stderr.
LOG = "worker.log"


@dataclass(frozen=True)
class Context:
    """What the cases of one worker share beside the runner's profile; ``alone`` is whether it has but one."""

    mode: str
    dtype: str
    implementation: str = ""
    alone: bool = False

    @classmethod
    def of(cls, job: Job) -> Context:
        """Return the context of a job."""
        return cls(job.mode, job.dtype, implementation_of(job.pipeline), job.isolate)


@dataclass(frozen=True)
class Settings:
    """What a worker is started with.

    ``limit`` are the seconds that one case may take, ``import_paths`` the folders of a user's own pipelines,
    ``factories`` the installed modules whose functions a case may name as its pipeline; ``user_code`` is
    whether it may name any function at all.
    """

    profile: Profile
    context: Context
    limit: float
    import_paths: tuple[str, ...]
    factories: tuple[str, ...]
    user_code: bool = True


@dataclass(frozen=True)
class Description:
    """A worker's environment: fingerprint, canaries, and the kinds of device that MindSpore can use there."""

    fingerprint: dict[str, str]
    canaries: dict[str, str]
    devices: tuple[str, ...]


class AnswerKind(str, Enum):
    """What an answer's data is.

    ``DONE``: what was asked for. ``INAPPLICABLE``: why a fault cannot be put into the case. ``ERROR``: a
    message that the user can act on. ``FAILED``: a traceback.
    """

    DONE = "done"
    INAPPLICABLE = "inapplicable"
    ERROR = "error"
    FAILED = "failed"


@dataclass(frozen=True)
class Answer:
    """What a worker answers; ``cause`` is why there is no measurement, where there is none.

    ``changes`` are what the case changed in the worker's process and left so. ``number`` is that of the job
    which this answers, and 0 in the worker's first word.
    """

    kind: AnswerKind
    data: Any
    cause: FailureCause = FailureCause.OTHER
    changes: tuple[ProcessChange, ...] = ()
    number: int = 0

    @property
    def leaves_worker_sound(self) -> bool:
        """Whether another case may run in the worker that this comes from."""
        return self.kind in (AnswerKind.DONE, AnswerKind.INAPPLICABLE) and not self.changes
