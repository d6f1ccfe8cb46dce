"""The runner: drives worker processes, one per context, and replaces those that can no longer be used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from harness.atlas.probe import Probe
from harness.atlas.result import Result
from harness.cases.job import Job
from harness.codec import from_json
from harness.configuration import read_configuration
from harness.errors import UsageError, shortened
from harness.execution.messages import Answer, Context, Description, Settings
from harness.execution.profile import Profile, claim_core
from harness.execution.under_way import Times, UnderWay
from harness.execution.worker_process import (
    START_TIMEOUT,
    CaseFailed,
    NotSent,
    RunError,
    Watcher,
    WorkerProcess,
    name_of,
)
from harness.measurement.measurement import Measurement
from harness.measurement.second_call import CallBits
from harness.tracing.divergence import Replay
from harness.tracing.trace import DeepTrace

_T = TypeVar("_T")
# One per mode and dtype in use; each holds MindSpore and its models in memory.
_WORKERS_KEPT = 4


_GIVE = "give the path of a Python that has MindSpore or, for cases of diffusers, torch"


class InterpreterError(RunError, UsageError):
    """The path given for the workers' interpreter is not a usable Python."""


class Runner:
    """Runs cases in worker processes, one worker per context, and survives whatever happens to them.

    A worker is replaced after a case that fails, that leaves changes in the worker's process
    (:mod:`harness.execution.aftermath`), or that asks for a worker of its own.

    ``python`` is the workers' interpreter (this one by default), ``isa`` is the widest instruction set
    (None: the profile's), and ``pinned`` says whether workers keep to one core. Those that do not see the
    first ``cores`` of this process's (None: all of them). ``timeout`` is the time that one case may take, in
    seconds, including loading. ``import_paths`` are the folders in which a user's own pipelines are found;
    their pyproject.toml may allow installed ones (:func:`allowed_factories`).
    Without ``user_code``, no user's own pipeline runs, and nothing is imported from these folders. ``memory``
    is the number of bytes that a worker and its child processes may take (None: no limit). ``commit_of``
    gives the git commit of a pipeline's own files. ``watcher`` is told about ten times a second how far the
    running case is, and ``times`` has how long cases took. ``core_shared`` says whether another run of
    harness on this machine holds the same core, and ``profile`` is what the workers apply. Use as a context
    manager, or call :meth:`close`. Not for use from several threads at once.
    """

    def __init__(
        self,
        *,
        python: str | Path | None = None,
        device: str = "CPU",
        device_id: int = 0,
        isa: str | None = None,
        pinned: bool = True,
        cores: int | None = None,
        timeout: float = 600.0,
        import_paths: Sequence[Path] = (),
        user_code: bool = True,
        memory: int | None = None,
        commit_of: Callable[[Sequence[Path]], str | None] = lambda _: None,
        watcher: Callable[[UnderWay], None] | None = None,
    ) -> None:
        self.python = interpreter(python)
        self.timeout = timeout
        folders = import_paths if user_code else ()
        self._import_paths = tuple(str(path.resolve()) for path in folders)
        self._factories = allowed_factories(folders)
        self._user_code = user_code
        self._memory = memory
        self._commit_of = commit_of
        self._watcher = watcher
        self.times = Times(device)
        self._claim = claim_core()
        self.core_shared = self._claim.shared
        core = self._claim.core if pinned else None
        seen = () if pinned or cores is None else tuple(sorted(os.sched_getaffinity(0))[:cores])
        self.profile = Profile(device=device, device_id=device_id, isa=isa, core=core, cores=seen)
        self._workers: OrderedDict[Context, WorkerProcess] = OrderedDict()

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, job: Job) -> Measurement:
        """Run one case and return its measurement.

        Raises :class:`CaseFailed`, :class:`WorkerCrashed`, :class:`WorkerTimeout` or
        :class:`harness.execution.watch.WorkerOutOfMemory`; the next case then gets a new worker. Raises
        :class:`harness.faults.catalogue.FaultNotApplicable` if the fault cannot be injected into the case.
        """
        started = time.monotonic()
        measurement, answer, worker = self._ask(job, Measurement.from_wire)
        seconds = time.monotonic() - started - measurement.timings.get("second_call", 0.0)
        self.times.took(job, seconds - worker.spawn_seconds * (len(worker.ran) == 1))
        timings = {"spawn": worker.spawn_seconds, **measurement.timings}
        after = tuple(dict.fromkeys(worker.ran[:-1]))
        code = measurement.code
        if code is not None:
            code = replace(code, commit=self._commit_of(list(self._places(code.files))))
        return replace(measurement, timings=timings, changes=answer.changes, after=after, code=code)

    def bits(self, job: Job) -> tuple[CallBits, str | None]:
        """Return the bits of a job that asks for no more (:meth:`Job.for_bits`); raises as :meth:`run` does.

        Beside them is the name of the case that ran before in the same process, None for the first.
        """
        bits, _, worker = self._ask(job, partial(from_json, CallBits))
        return bits, worker.ran[-2] if len(worker.ran) > 1 else None

    def _places(self, names: Iterable[str]) -> Iterator[Path]:
        """Yield the file of each module of the user's own code."""
        for name in names:
            places = (Path(folder, name) for folder in self._import_paths)
            yield from islice(filter(Path.is_file, places), 1)

    def trace(self, job: Job, step: int) -> DeepTrace:
        """Return what every cell did in ``step`` (from 0) of a case, in PyNative; raises as :meth:`run`."""
        return self._ask(job.looking_into(step), DeepTrace.from_bytes)[0]

    def replay(self, job: Job, trace: DeepTrace) -> Replay:
        """Return where a case, in PyNative, differs from ``trace``; raises as :meth:`run` does."""
        return self._ask(job.looking_into(trace.step, trace.to_bytes()), partial(from_json, Replay))[0]

    def probe(self, probe: Probe, *, asynchronous: bool = False) -> Result:
        """Return what a single operator computes; raises as :meth:`run` does."""
        context = Context.of_operators(probe.entry.dtype, asynchronous=asynchronous)
        return self._ask(probe, partial(from_json, Result), context)[0]

    def describe(self, context: Context | None = None) -> Description:
        """Return the environment of a worker, of any or of this ``context``; raises as :meth:`run` does."""
        return self._ask(None, partial(from_json, Description), context)[0]

    def restart(self) -> None:
        """End all workers, so that the next case runs in a new process."""
        while self._workers:
            self._workers.popitem()[1].close()

    def close(self) -> None:
        """End all workers and give the core back; may be called repeatedly."""
        self.restart()
        self.times.save()
        self._claim.release()

    def _ask(
        self, job: Job | Probe | None, read: Callable[[Any], _T], context: Context | None = None
    ) -> tuple[_T, Answer, WorkerProcess]:
        """Return what ``read`` makes of an answer, the answer, and the worker that gave it."""
        if context is None:
            context = Context.of(job) if isinstance(job, Job) else Context("pynative", "float32")
        worker = self._worker(context)
        try:
            answer = worker.ask(job, self._watched(job))
        except NotSent:
            raise
        except BaseException:
            # Also if pytest's own time limit or a debugger interrupts the wait: the answer of this worker is
            # still to come, and the next case would receive it as its own.
            self._workers.pop(context, worker).kill()
            raise
        if context.alone or not answer.leaves_worker_sound:
            self._workers.pop(context, worker).close()
        worker.check(answer, job)
        try:
            return read(answer.data), answer, worker
        except Exception as error:  # noqa: BLE001  it may be anything that a case put together
            self._workers.pop(context, worker).kill()
            told = shortened(repr(error))
            message = f"its worker sent what it was not asked for: {told}"
            raise CaseFailed(message, about=(name_of(job),)) from None

    def _watched(self, job: Job | Probe | None) -> Watcher | None:
        watcher = self._watcher
        if not isinstance(job, Job) or watcher is None:
            return None
        # The time of a second call is not known in advance; its steps are.
        known = job.deep is None and job.second_call != "always"
        expected = self.times.expected(job) if known else None
        return lambda done, seconds: watcher(UnderWay(job.name, job.all_steps, done, seconds, expected))

    def _worker(self, context: Context) -> WorkerProcess:
        if context in self._workers:
            self._workers.move_to_end(context)
            return self._workers[context]
        while len(self._workers) >= _WORKERS_KEPT:
            self._workers.popitem(last=False)[1].close()
        settings = Settings(
            self.profile, context, self.timeout, self._import_paths, self._factories, self._user_code
        )
        self._workers[context] = WorkerProcess(self.python, settings, self._memory)
        return self._workers[context]


def allowed_factories(folders: Iterable[Path]) -> tuple[str, ...]:
    """Return the installed modules that the folders' pyproject.toml allow to make a case's pipeline."""
    places = dict.fromkeys(folder.resolve() for folder in folders)
    return tuple(module for each in places for module in read_configuration(each).values.get("factories", ()))


def interpreter(python: str | Path | None) -> str:
    """Return the path of the interpreter ``python`` (None: this one), or raise :class:`InterpreterError`."""
    if python is None:
        return sys.executable
    found = shutil.which(str(python))
    if found is None:
        raise InterpreterError(f"{python}: no such interpreter; {_GIVE}")
    try:
        asked = subprocess.run(
            [found, "-c", "print(6 * 7)"], capture_output=True, check=False, timeout=START_TIMEOUT
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        asked = b""
    if asked.strip() != b"42":
        raise InterpreterError(f"{python}: not a Python interpreter; {_GIVE}")
    # Not resolved: the python of a virtual environment is a link, and it is an environment only at the link's
    # location.
    return os.path.normpath(Path(found).absolute())
