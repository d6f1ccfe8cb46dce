"""The runner: drives worker processes over execnet gateways and turns crash and hang into failures."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import execnet

import harness
from harness.cases.job import Job
from harness.codec import from_json, to_json
from harness.errors import FailureCause, HarnessError, UsageError, shortened
from harness.execution.factories import allowed_factories
from harness.execution.gateway import WorkerGateway
from harness.execution.messages import LOG, Answer, AnswerKind, Context, Description, Settings
from harness.execution.profile import Profile, claim_core
from harness.execution.watch import Watch, WorkerOutOfMemory
from harness.faults.catalogue import FaultNotApplicable
from harness.measurement.measurement import Measurement
from harness.tracing.divergence import Replay
from harness.tracing.trace import DeepTrace

_T = TypeVar("_T")
# One per mode and dtype in use; each holds MindSpore and its models in memory.
_WORKERS_KEPT = 4
_START_TIMEOUT = 120.0
# Seconds between two looks at a worker whose answer is waited for: is it still there, and what does it take?
_ROUND = 0.1
_TimeoutError: type[Exception] = execnet.gateway_base.Channel.TimeoutError

# What a worker's interpreter runs, whichever it is. The package is loaded from its folder: what is installed
# there under its name is another version, or nothing.
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
    """A case yielded no measurement; the text says why."""


class InterpreterError(RunError, UsageError):
    """What was named as the workers' interpreter is none."""


class CaseFailed(RunError):
    """The case raised an error in the worker, whose ``cause`` is that of the error."""

    def __init__(self, message: str, cause: FailureCause = FailureCause.OTHER) -> None:
        super().__init__(message)
        self.cause = cause


class _NotSent(CaseFailed):
    """No worker has heard of the case."""


class _Unasked(ValueError):
    """Something came from a worker that is no answer to what it was asked."""


class WorkerCrashed(RunError):
    """The worker died in mid-case, or had to be killed for what it said."""

    cause = FailureCause.CRASH


class WorkerTimeout(RunError):
    """The case outlasted its time limit and its worker was killed."""

    cause = FailureCause.TIMEOUT


class Runner:
    """Runs cases in worker processes, one worker per context, and survives what happens to them.

    A case that fails, that leaves something changed in its worker's process
    (:mod:`harness.execution.aftermath`) or that asks for one of its own is the last of that worker.

    ``python`` is the workers' interpreter (this one by default), ``isa`` the widest instruction set and
    ``pinned`` whether they keep to one core; ``timeout`` are the seconds that one case may take, loading
    included; ``import_paths`` are folders in which a user's own pipelines are found, and whose pyproject.toml
    may allow installed ones (:func:`harness.execution.factories.allowed_factories`). Without ``user_code``
    no pipeline of a user's own runs, and nothing is imported from these folders. ``memory`` are the bytes
    that a worker and what it starts may take, None for any number. ``core_shared`` says
    whether another run of harness on this machine holds the same core, ``profile`` is what the workers apply.
    Use as a context manager, or call :meth:`close`. Not for use from several threads at once.
    """

    def __init__(
        self,
        *,
        python: str | Path | None = None,
        device: str = "CPU",
        device_id: int = 0,
        isa: str = "AVX2",
        pinned: bool = True,
        timeout: float = 600.0,
        import_paths: Sequence[Path] = (),
        user_code: bool = True,
        memory: int | None = None,
    ) -> None:
        self.python = interpreter(python)
        self._timeout = timeout
        folders = import_paths if user_code else ()
        self._import_paths = tuple(str(path.resolve()) for path in folders)
        self._factories = allowed_factories(folders)
        self._user_code = user_code
        self._memory = memory
        self._claim = claim_core()
        self.core_shared = self._claim.shared
        core = self._claim.core if pinned else None
        self.profile = Profile(device=device, device_id=device_id, isa=isa, core=core)
        self._workers: OrderedDict[Context, _WorkerProcess] = OrderedDict()

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, job: Job) -> Measurement:
        """Run one case and return its measurement.

        Raises :class:`CaseFailed`, :class:`WorkerCrashed`, :class:`WorkerTimeout` or
        :class:`harness.execution.watch.WorkerOutOfMemory`; the next case gets a fresh worker then. Raises
        :class:`harness.faults.catalogue.FaultNotApplicable` where the fault cannot be put into the case.
        """
        measurement, answer, spawn = self._ask(job, Measurement.from_wire)
        timings = {"spawn": spawn, **measurement.timings}
        return replace(measurement, timings=timings, changes=answer.changes)

    def trace(self, job: Job, step: int) -> DeepTrace:
        """Return what every cell did in ``step``, from 0, of a case in PyNative; raises as :meth:`run`."""
        return self._ask(job.looking_into(step), DeepTrace.from_bytes)[0]

    def replay(self, job: Job, trace: DeepTrace) -> Replay:
        """Return where a case, in PyNative, computes something else than ``trace``; raises as :meth:`run`."""
        return self._ask(job.looking_into(trace.step, trace.to_bytes()), partial(from_json, Replay))[0]

    def describe(self) -> Description:
        """Return the environment of a worker; raises as :meth:`run` does."""
        return self._ask(None, partial(from_json, Description))[0]

    def restart(self) -> None:
        """End all workers, so that the next case runs in a fresh process."""
        while self._workers:
            self._workers.popitem()[1].close()

    def close(self) -> None:
        """End all workers and give the core back; harmless when repeated."""
        self.restart()
        self._claim.release()

    def _ask(self, job: Job | None, read: Callable[[Any], _T]) -> tuple[_T, Answer, float]:
        """Return what ``read`` makes of an answer, this, and the seconds that its worker took to start."""
        context = Context("pynative", "float32") if job is None else Context.of(job)
        worker = self._worker(context)
        try:
            answer = worker.ask(job)
        except _NotSent:
            raise
        except BaseException:
            # Also where a time limit of pytest's own or a debugger breaks the wait: this worker's answer is
            # still to come, and the next case would be given it as its own.
            self._workers.pop(context, worker).kill()
            raise
        if context.alone or not answer.leaves_worker_sound:
            self._workers.pop(context, worker).close()
        worker.check(answer, job)
        try:
            return read(answer.data), answer, worker.spawn_seconds
        except Exception as error:  # noqa: BLE001  it may be anything that a case put together
            self._workers.pop(context, worker).kill()
            told = shortened(repr(error))
            raise CaseFailed(f"{_name(job)}: its worker sent what it was not asked for: {told}") from None

    def _worker(self, context: Context) -> _WorkerProcess:
        if context in self._workers:
            self._workers.move_to_end(context)
            return self._workers[context]
        while len(self._workers) >= _WORKERS_KEPT:
            self._workers.popitem(last=False)[1].close()
        settings = Settings(
            self.profile, context, self._timeout, self._import_paths, self._factories, self._user_code
        )
        self._workers[context] = _WorkerProcess(self.python, settings, self._memory)
        return self._workers[context]


def interpreter(python: str | Path | None) -> str:
    """Return the path of the interpreter ``python``, None for this one; :class:`InterpreterError` if none."""
    if python is None:
        return sys.executable
    found = shutil.which(str(python))
    if found is None:
        raise InterpreterError(f"{python}: no such interpreter; give the path of a Python that has MindSpore")
    try:
        asked = subprocess.run(
            [found, "-c", "print(6 * 7)"], capture_output=True, check=False, timeout=_START_TIMEOUT
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        asked = b""
    if asked.strip() != b"42":
        raise InterpreterError(f"{python}: this is no Python; give the path of a Python that has MindSpore")
    # Not resolved: a virtual environment's python is a link, and the link's place is what makes it one.
    return os.path.normpath(Path(found).absolute())


def _name(job: Job | None) -> str:
    return "the worker's environment" if job is None else job.name


class _WorkerProcess:
    """One worker behind its gateway."""

    def __init__(self, python: str, settings: Settings, memory: int | None) -> None:
        self._gateway = WorkerGateway("harness-worker-")
        self._watch = Watch(self._gateway.folder / LOG, memory)
        self._limit = settings.limit
        self._asked = 0
        self.pid: int | None = None
        started = time.monotonic()
        try:
            self._channel = self._gateway.open(python).remote_exec(_SERVE)
            package = str(Path(harness.__file__).parent)
            self._channel.send((package, self._gateway.lifeline, to_json(settings)))
            answer = self._receive(_START_TIMEOUT)
        except (OSError, EOFError, ValueError, _TimeoutError, execnet.RemoteError) as error:
            self.kill()
            raise RunError(f"{python}: the worker did not start: {error}") from None
        except BaseException:  # an interrupt, or a time limit of pytest's own
            self.kill()
            raise
        if answer.kind is AnswerKind.ERROR:
            self.kill()
            raise RunError(f"{python}: {answer.data}")
        self.pid = answer.data
        self.spawn_seconds = time.monotonic() - started

    def ask(self, job: Job | None) -> Answer:
        name = _name(job)
        started = time.monotonic()
        try:
            # One that no earlier case could answer in advance.
            self._asked = secrets.randbits(63)
            self._channel.send((self._asked, None if job is None else job.to_wire()))
            return self._receive(self._limit)
        except execnet.gateway_base.DumpError as error:
            raise _NotSent(f"{name}: this cannot be sent to a worker: {error}") from None
        except _TimeoutError:
            raise WorkerTimeout(
                f"{name}: no result after {self._limit:g} s, so its worker was killed; give it longer "
                f"(pytest --harness-timeout, harness record --timeout){self._watch.log_text()}"
            ) from None
        except _Unasked:
            raise WorkerCrashed(
                f"{name}: something else than its answer came from its worker, which was killed; neither "
                f"this case nor one before it may write to the worker's channel{self._watch.log_text()}"
            ) from None
        except (EOFError, OSError, ValueError, execnet.RemoteError):
            raise WorkerCrashed(
                f"{name}: its worker died after {time.monotonic() - started:.1f} s "
                f"({self._how_it_ended()}){self._watch.log_text()}"
            ) from None
        except WorkerOutOfMemory as error:
            raise WorkerOutOfMemory(f"{name}: {error}") from None

    @staticmethod
    def check(answer: Answer, job: Job | None) -> None:
        """Raise what ``answer`` says went wrong, if anything did."""
        name = _name(job)
        if answer.kind is AnswerKind.INAPPLICABLE:
            raise FaultNotApplicable(f"{name}: {shortened(str(answer.data))}")
        if answer.kind is AnswerKind.ERROR:
            # What its user can act on: first where, for an editor to go there.
            place = f"{job.place}: " if job is not None and job.place else ""
            raise CaseFailed(f"{place}{name}: {shortened(str(answer.data))}", answer.cause)
        if answer.kind is AnswerKind.FAILED:
            raise CaseFailed(f"{name}:\n{shortened(str(answer.data))}", answer.cause)

    def _receive(self, seconds: float) -> Answer:
        """Wait for an answer; EOFError where the process ends, whoever else still holds its pipe."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            try:
                return self._answer(self._channel.receive(timeout=max(0.0, min(left, _ROUND))))
            except _TimeoutError:
                if self._gateway.ended():
                    break
                if self.pid is not None:
                    self._watch.look(self.pid)
                if left <= 0:
                    raise
        # Its children end with it, and with them the pipe, unless they have left its session.
        self._gateway.ending(0)
        try:
            return self._answer(self._channel.receive(timeout=_ROUND))
        except _TimeoutError:
            raise EOFError from None

    def _answer(self, said: Any) -> Answer:
        try:
            answer = from_json(Answer, said)
        except (TypeError, ValueError):
            raise _Unasked from None
        if answer.number != self._asked:
            raise _Unasked
        return answer

    def close(self) -> None:
        with suppress(OSError):
            self._channel.close()
        self._gateway.end()
        self._watch.close()

    def kill(self) -> None:
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
