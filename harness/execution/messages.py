"""What a runner and its worker send each other besides the job; uses only Python's standard library."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from harness.atlas.entry import DTYPES
from harness.cases.job import Conditions, JitSettings, Job
from harness.errors import FailureCause
from harness.execution.implementation import KERNELS, implementation_of
from harness.execution.profile import Profile
from harness.measurement.bfloat16 import BFLOAT16
from harness.measurement.figures import ProcessChange

# The file in a worker's folder that receives its stdout and stderr.
LOG = "worker.log"


@dataclass(frozen=True)
class Context:
    """What the cases of a worker share besides the runner's profile.

    ``alone`` means that it has just one case. ``variables`` are the environment variables that its process
    gets besides the runner's own. ``asynchronous`` means that it does not wait for each operator.
    """

    mode: str
    dtype: str
    implementation: str = ""
    alone: bool = False
    jit: JitSettings | None = None
    variables: tuple[tuple[str, str], ...] = ()
    asynchronous: bool = False

    @classmethod
    def of(cls, job: Job) -> Context:
        """Return the context of a job."""
        implementation, given = implementation_of(job.pipeline), job.conditions or Conditions()
        variables = tuple(sorted(given.variables.items()))
        return cls(job.mode, job.dtype, implementation, job.isolate, job.jit, variables, given.asynchronous)

    @classmethod
    def of_operators(cls, dtype: str, *, asynchronous: bool = False) -> Context:
        """Return the context of single operators, of which those in bfloat16 have their own."""
        own = dtype if dtype == BFLOAT16 else DTYPES[0]
        return cls("pynative", own, KERNELS, asynchronous=asynchronous)


@dataclass(frozen=True)
class Settings:
    """The settings with which a worker is started.

    ``limit`` is the time in seconds that a case may take that has no limit of its own. ``import_paths`` are
    the folders of a user's own pipelines, and ``factories`` are the installed modules whose functions a case
    may name as its pipeline. ``user_code`` says whether it may name a function at all.
    """

    profile: Profile
    context: Context
    limit: float
    import_paths: tuple[str, ...]
    factories: tuple[str, ...]
    user_code: bool = True


@dataclass(frozen=True)
class Description:
    """A worker's environment: fingerprint, canaries, and the device types that MindSpore can use there.

    ``variables`` are the environment variables of its profile.
    """

    fingerprint: dict[str, str]
    canaries: dict[str, str]
    devices: tuple[str, ...]
    variables: dict[str, str]


@dataclass(frozen=True)
class Step:
    """What a worker says between job ``number`` and its answer: ``done`` of its steps are finished."""

    number: int
    done: int


class AnswerKind(str, Enum):
    """The meaning of an answer's data.

    ``DONE``: what was asked for. ``INAPPLICABLE``: why a fault cannot be injected into the case. ``ERROR``: a
    message that the user can act on. ``FAILED``: a traceback.
    """

    DONE = "done"
    INAPPLICABLE = "inapplicable"
    ERROR = "error"
    FAILED = "failed"


@dataclass(frozen=True)
class Answer:
    """A worker's answer; ``cause`` says why there is no measurement, if there is none.

    ``changes`` are the changes that the case left in the worker's process. ``number`` is the number of the
    job that this answers; it is 0 in the first message of the worker.
    """

    kind: AnswerKind
    data: Any
    cause: FailureCause = FailureCause.OTHER
    changes: tuple[ProcessChange, ...] = ()
    number: int = 0

    @property
    def leaves_worker_sound(self) -> bool:
        """Whether the worker that sent this answer may run another case."""
        return self.kind in (AnswerKind.DONE, AnswerKind.INAPPLICABLE) and not self.changes
