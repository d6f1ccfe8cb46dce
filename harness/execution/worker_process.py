"""A worker's process as the runner sees it: asked, answering, silent or ended."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import execnet

import harness
from harness.atlas.probe import Probe
from harness.cases.job import Job
from harness.codec import from_json, to_json
from harness.errors import FailureCause, HarnessError, shortened
from harness.execution.gateway import WorkerGateway
from harness.execution.messages import LOG, Answer, AnswerKind, Settings, Step
from harness.execution.watch import Watch, WorkerOutOfMemory
from harness.faults.catalogue import FaultNotApplicable

START_TIMEOUT = 120.0
# Interval in seconds at which a busy worker is checked: is it still there, and how much memory does it take?
_ROUND = 0.1
# Called with the number of finished steps (None: not known yet), and the seconds since the job was sent.
Watcher = Callable[[int | None, float], object]
_TimeoutError: type[Exception] = execnet.gateway_base.Channel.TimeoutError

# The code that a worker's interpreter runs. The package is loaded from its folder, because the worker's
# interpreter may have another version of it, or none.
_SERVE = """
import importlib.util, sys
package, lifeline, settings = channel.receive()
spec = importlib.util.spec_from_file_location(
    "harness", package + "/__init__.py", submodule_search_locations=[package])
module = importlib.util.module_from_spec(spec)
sys.modules["harness"] = module
spec.loader.exec_module(module)
from harness.execution.lifeline import hold
hold(*lifeline)
try:
    from harness.execution.worker import serve
except ImportError as error:
    told = f"{error}; install it there, or choose another interpreter"
    channel.send({"kind": "error", "data": told, "cause": "other", "changes": [], "number": 0})
else:
    serve(channel, settings)
"""


class RunError(HarnessError):
    """A case yielded no measurement; the message says why."""


class CaseFailed(RunError):
    """The case raised an error in the worker; ``cause`` is the cause of that error.

    ``refused`` is whether harness, or the pipeline's own checks, refused to run it.
    """

    def __init__(
        self,
        message: str,
        cause: FailureCause = FailureCause.OTHER,
        *,
        about: tuple[str, ...] = (),
        refused: bool = False,
    ) -> None:
        super().__init__(message, about=about)
        self.cause = cause
        self.refused = refused


class NotSent(CaseFailed):
    """The case has not been sent to a worker."""


class _Unasked(ValueError):
    """A worker sent something that is not an answer to its job."""


class WorkerCrashed(RunError):
    """The worker died during a case, or had to be killed because of what it sent."""

    cause = FailureCause.CRASH


class WorkerTimeout(RunError):
    """The case exceeded its time limit and its worker was killed."""

    cause = FailureCause.TIMEOUT


def name_of(job: Job | Probe | None) -> str:
    """Return the name that errors use for what was asked: a case, an operator, or None, the environment."""
    return "the worker's environment" if job is None else job.name


class WorkerProcess:
    """One worker behind its gateway: a process of the interpreter ``python`` that may take ``memory`` bytes.

    ``ran`` are the names of the cases that were sent to it. Raises :class:`RunError` if it does not start.
    """

    def __init__(self, python: str, settings: Settings, memory: int | None) -> None:
        self._gateway = WorkerGateway("harness-worker-", dict(settings.context.variables))
        self._watch = Watch(self._gateway.folder / LOG, memory)
        self._limit = settings.limit
        self._asked = 0
        self._done: int | None = None
        self.pid: int | None = None
        self.ran: list[str] = []
        started = time.monotonic()
        try:
            self._channel = self._gateway.open(python).remote_exec(_SERVE)
            package = str(Path(harness.__file__).parent)
            self._channel.send((package, self._gateway.lifeline, to_json(settings)))
            answer = self._receive(START_TIMEOUT)
        except (OSError, EOFError, ValueError, _TimeoutError, execnet.RemoteError) as error:
            self.kill()
            raise RunError(f"{python}: the worker did not start: {error}") from None
        except BaseException:  # an interrupt, or pytest's own time limit
            self.kill()
            raise
        if answer.kind is AnswerKind.ERROR:
            self.kill()
            raise RunError(f"{python}: {answer.data}")
        self.pid = answer.data
        self.spawn_seconds = time.monotonic() - started

    def ask(self, job: Job | Probe | None, watcher: Watcher | None = None) -> Answer:
        """Return the answer to ``job``; None asks for a description of the environment.

        Meanwhile ``watcher`` is told how far it is, about ten times a second. Raises :class:`NotSent` if the
        job did not reach the worker. Raises :class:`WorkerCrashed`, :class:`WorkerTimeout` or
        :class:`harness.execution.watch.WorkerOutOfMemory` if the worker can no longer be used.
        """
        about = (name_of(job),)
        started = time.monotonic()
        own = None if job is None else job.timeout
        limit = own or self._limit
        self._done = None
        try:
            # A number that no earlier case could answer in advance.
            self._asked = secrets.randbits(63)
            self._channel.send((self._asked, None if job is None else job.to_wire()))
            if job is not None:
                self.ran.append(job.name)
            return self._receive(limit, lambda: watcher and watcher(self._done, time.monotonic() - started))
        except execnet.gateway_base.DumpError as error:
            raise NotSent(f"this cannot be sent to a worker: {error}", about=about) from None
        except _TimeoutError:
            where = "" if own else ", pytest --harness-timeout, harness record --timeout"
            raise WorkerTimeout(
                f"no result after {limit:g} s{self._reached(job)}, so its worker was killed; raise the time "
                f"limit (`timeout` of the case{where}){self._watch.log_text()}",
                about=about,
            ) from None
        except _Unasked:
            raise WorkerCrashed(
                "its worker sent something that is not an answer, and was killed; neither this case nor an "
                f"earlier one may write to the worker's channel{self._watch.log_text()}",
                about=about,
            ) from None
        except (EOFError, OSError, ValueError, execnet.RemoteError):
            raise WorkerCrashed(
                f"its worker died after {time.monotonic() - started:.1f} s "
                f"({self._how_it_ended()}){self._watch.log_text()}",
                about=about,
            ) from None
        except WorkerOutOfMemory as error:
            raise WorkerOutOfMemory(error.message, about=about) from None

    @staticmethod
    def check(answer: Answer, job: Job | Probe | None) -> None:
        """Raise the error that ``answer`` reports, if any."""
        name = name_of(job)
        if answer.kind is AnswerKind.INAPPLICABLE:
            fault = (job.fault.name,) if isinstance(job, Job) and job.fault is not None else ()
            raise FaultNotApplicable(shortened(str(answer.data)), about=(name, *fault))
        if answer.kind is AnswerKind.ERROR:
            # The part that the user can act on comes first, so that an editor can jump there.
            place = (job.place,) if isinstance(job, Job) and job.place else ()
            raise CaseFailed(shortened(str(answer.data)), answer.cause, about=(*place, name), refused=True)
        if answer.kind is AnswerKind.FAILED:
            raise CaseFailed(f"\n{shortened(str(answer.data))}", answer.cause, about=(name,))

    def _reached(self, job: Job | Probe | None) -> str:
        """Return what the worker had finished, if it said so."""
        if not isinstance(job, Job) or self._done is None:
            return ""
        of = "" if job.all_steps is None else f" of {job.all_steps}"
        return f", when it had finished {self._done}{of} steps"

    def _receive(self, seconds: float, tell: Callable[[], object] = lambda: None) -> Answer:
        """Wait for an answer; EOFError if the process ends, even if another process still holds its pipe.

        ``tell`` is called about ten times a second.
        """
        started = looked = time.monotonic()
        while True:
            left = started + seconds - time.monotonic()
            with suppress(_TimeoutError):
                if answer := self._answer(self._channel.receive(timeout=max(0.0, min(left, _ROUND)))):
                    return answer
            # A worker that says much is watched like the others, and has no more time.
            if left > 0 and time.monotonic() - looked < _ROUND:
                continue
            looked = time.monotonic()
            if self._gateway.ended():
                break
            if self.pid is not None:
                self._watch.look(self.pid)
            if left <= 0:
                raise _TimeoutError
            tell()
        # Its children end with it, and so does the pipe, unless they have left its session.
        self._gateway.ending(0)
        try:
            while True:
                if answer := self._answer(self._channel.receive(timeout=_ROUND)):
                    return answer
        except _TimeoutError:
            raise EOFError from None

    def _answer(self, said: Any) -> Answer | None:
        """Return ``said`` as an answer; None if it says which steps are finished, which is kept."""
        try:
            stepped = isinstance(said, dict) and "done" in said
            message: Step | Answer = from_json(Step, said) if stepped else from_json(Answer, said)
        except (TypeError, ValueError):
            raise _Unasked from None
        if message.number != self._asked:
            raise _Unasked
        if isinstance(message, Step):
            self._done = message.done
            return None
        return message

    def close(self) -> None:
        """Let the worker end by itself; kill it if it does not."""
        with suppress(OSError):
            self._channel.close()
        self._gateway.end()
        self._watch.close()

    def kill(self) -> None:
        """Kill the worker at once."""
        self._gateway.end(at_once=True)
        self._watch.close()

    def _how_it_ended(self) -> str:
        code = self._gateway.ending(5)
        if code is None:
            return "it closed its channel but has not ended"
        if code >= 0:
            return f"exit status {code}"
        with suppress(ValueError):  # a real-time signal has no name
            return f"signal {signal.Signals(-code).name}"
        return f"signal {-code}"
