"""The worker: the process that imports a framework, runs the cases of one context and sends measurements.

It runs under any interpreter that has MindSpore, or torch and diffusers, and numpy, safetensors and
huggingface_hub; the harness package itself is loaded by path. Everything that is sent over the channel is
plain data.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.atlas.probe import KEY as PROBE
from harness.atlas.probe import Probe
from harness.atlas.result import Result
from harness.cases.job import Conditions, Job
from harness.codec import from_json, to_json
from harness.errors import FailureCause, HarnessError, shortened
from harness.execution.aftermath import Aftermath
from harness.execution.conditions import under
from harness.execution.environment import environment_of
from harness.execution.implementation import Implementation
from harness.execution.measuring import Load, Measuring, generators_of
from harness.execution.messages import LOG, Answer, AnswerKind, Description, Settings, Step
from harness.execution.tracebacks import raised_by_operator, told
from harness.faults.catalogue import FaultNotApplicable
from harness.faults.injection import Injection, requested_injection
from harness.frameworks.framework import choose
from harness.measurement.figures import ProcessPart
from harness.measurement.guard import GlobalGenerators
from harness.measurement.ledger import Ledger
from harness.pipelines.arguments import Arguments
from harness.pipelines.factory import UserCode
from harness.pipelines.registry import LoadedPipeline, load
from harness.tracing.trace import DeepTrace

# Suites alternate between a few pipelines; keeping more would hold the memory of models that are no longer
# needed.
_PIPELINES_KEPT = 2
# The runner kills a worker at the time limit. A worker that outlives the limit has no runner any more.
_GRACE = 10.0
_LONGEST_LIMIT = 1e6


def serve(channel: Any, wire: dict[str, Any]) -> None:
    """Answer each job from the execnet ``channel`` until it is closed; None asks for the environment.

    Each job comes with its number, which is repeated in its answer, so that nothing that a case sends counts
    as the answer to another job. ``wire`` holds the :class:`harness.execution.messages.Settings` in wire
    form, and every answer is sent as the wire form of a :class:`harness.execution.messages.Answer`.
    """
    settings = from_json(Settings, wire)
    _log_to(Path(LOG))
    # A user's own modules come last, so that none of their folders hides an installed package.
    paths = settings.import_paths
    sys.path[:] = [entry for entry in sys.path if entry not in ("", *paths)] + list(paths)
    own = os.getpid()
    channel.send(to_json(Answer(AnswerKind.DONE, own)))
    worker: Worker | None = None
    for number, job in channel:
        # Uses a thread in C, which needs none of Python's locks: the code that hangs may be C++ that holds
        # them.
        limit = (job or {}).get("timeout") or settings.limit
        faulthandler.dump_traceback_later(min(limit, _LONGEST_LIMIT) + _GRACE, exit=True)

        def tell(done: int, number: int = number) -> None:
            if os.getpid() == own:
                channel.send(to_json(Step(number, done)))

        try:
            # Made at the first job, so that an environment without MindSpore fails a case and gives the
            # reason.
            worker = worker or Worker(settings)
            answer = Answer(AnswerKind.DONE, worker.answer(job, tell))
        except BaseException as error:  # noqa: BLE001  the channel carries any failure to the other side
            answer = _failure(error)
        faulthandler.cancel_dump_traceback_later()
        if os.getpid() != own:
            # A child that the case forked and did not end: its answer would be taken for the worker's.
            os._exit(0)
        try:
            if worker is not None:
                answer = worker.looked_after(answer)
        except BaseException as error:  # noqa: BLE001  what the case left may raise anything
            if answer.leaves_worker_sound:
                answer = _failure(ProcessUnreadable(error))
        try:
            channel.send(to_json(replace(answer, number=number)))
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  such as a name of a file that is no text
            channel.send(to_json(replace(_failure(error), number=number)))


def _failure(error: BaseException) -> Answer:
    answer = _told(error)
    # Text that is not valid Unicode, such as half of a surrogate pair, cannot be sent.
    return replace(answer, data=shortened(answer.data).encode(errors="backslashreplace").decode())


def _told(error: BaseException) -> Answer:
    if isinstance(error, FaultNotApplicable):
        return Answer(AnswerKind.INAPPLICABLE, error.message)
    cause = _cause_of(error)
    if isinstance(error, HarnessError):
        return Answer(AnswerKind.ERROR, str(error), cause)
    if isinstance(error, ModuleNotFoundError):
        message = f"{sys.executable}: {error}; install it there, or choose another interpreter"
        return Answer(AnswerKind.ERROR, message, cause)
    return Answer(AnswerKind.FAILED, told(error), cause)


def _cause_of(error: BaseException | None) -> FailureCause:
    """Return the first informative cause of ``error`` or of the errors that it was raised from."""
    if error is not None and not isinstance(error, Exception):
        return FailureCause.CRASH  # SystemExit, KeyboardInterrupt: it would have ended the worker
    while error is not None:
        if isinstance(error, HarnessError) and error.cause is not FailureCause.OTHER:
            return error.cause
        if isinstance(error, ModuleNotFoundError):
            return FailureCause.MISSING_PACKAGE
        if isinstance(error, MemoryError):
            return FailureCause.OUT_OF_MEMORY
        if raised_by_operator(error):
            return FailureCause.FAILED_OPERATOR
        error = error.__cause__
    return FailureCause.OTHER


def _log_to(path: Path) -> None:
    # Output of Python and C++, and the traceback of a fatal signal.
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    faulthandler.enable()


class MeasuringReplaced(HarnessError):
    """A case replaced functions that measuring depends on, called ``names``, and left them replaced."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"the case replaced {', '.join(names)}, which its own measurement stands on, so what was "
            "measured cannot be trusted; let the case put it back before it ends"
        )


class ProcessUnreadable(HarnessError):
    """A case left something in its process that prevents comparing the process with its earlier state."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            "what the case left in its worker's process cannot be compared with what was there before, so "
            f"what was measured cannot be trusted; let the case put back what it changes:\n{told(error)}"
        )


class Worker:
    """Runs the cases of one context under one profile, and keeps pipelines between them."""

    def __init__(self, settings: Settings) -> None:
        context = settings.context
        profile = replace(settings.profile, blocking=not context.asynchronous)
        self._user_code = UserCode(settings.import_paths, settings.factories, not settings.user_code)
        self._implementation = Implementation(
            context.implementation, profile.device, context.dtype, context.mode
        )
        self._profile = profile
        self._environment = environment_of(context.implementation, profile, context.dtype)
        self._variables = self._environment.variables()
        self._environment.apply_before_import()
        started = time.perf_counter()
        self._environment.apply_after_import()
        self._framework = choose(self._environment.framework, self._environment.device)
        added = self._implementation.prepare()
        if context.jit is not None:
            added = {**added, "jit": context.jit.name()}
        described = self._environment.fingerprint(mode=context.mode, dtype=context.dtype)
        self._fingerprint = {**described, **added}
        self._canaries = self._environment.canaries()
        self._measuring = Measuring(
            self._implementation,
            self._fingerprint,
            self._canaries,
            time.perf_counter() - started,
            settings.limit,
        )
        self._compiles = context.mode == "graph"
        self._generators = GlobalGenerators()
        self._aftermath = Aftermath(shared_framework=not context.implementation, cpu=profile.device == "CPU")
        self._pipelines: OrderedDict[str, LoadedPipeline] = OrderedDict()

    def answer(self, wire: dict[str, Any] | None, tell: Callable[[int], None]) -> Any:
        """Return the result of the job in ``wire``, in wire form; for None, a :class:`Description`.

        ``tell`` is called with the number of finished steps, first with 0, unless there is a deep step.

        The result is a measurement, or only the bits of a call. For a job with a deep step it is a trace of
        that step, or, if there is a reference, what :func:`harness.tracing.replay.replay_step` finds.
        Afterwards faults are removed.
        """
        if wire is None:
            return self._describe()
        if PROBE in wire:
            return to_json(self._probed(Probe.from_wire(wire)))
        job = Job.from_wire(wire)
        injection = requested_injection(job)
        if job.deep is not None:
            run = self._look_into
        else:
            run = partial(self._measuring.bits if job.bits_only else self._measuring.measure, tell)
        with under(job.conditions or Conditions(), self._profile):
            if not injection.needs_own_pipeline:
                return run(job, injection, self._keep)
            try:
                return run(job, injection, self._load)
            finally:
                self._release_memory()

    def looked_after(self, answer: Answer) -> Answer:
        """Return ``answer`` with what its case changed in this process, which is undone or reported.

        If a case replaced a function of the measurement, its result does not count as measured.
        """
        changes = self._aftermath.changes()
        self._generators.put_back()
        replaced = [name for each in changes if each.part is ProcessPart.MEASURING for name in each.names]
        if replaced and answer.kind is AnswerKind.DONE:
            answer = _failure(MeasuringReplaced(replaced))
        return replace(answer, changes=changes)

    def _probed(self, probe: Probe) -> Result:
        # No case needs it.
        from harness.atlas.measuring import measure

        def disturbed(blocks: Sequence[int]) -> AbstractContextManager[None]:
            return under(Conditions(blocks=tuple(blocks)), self._profile)

        return measure(probe, self._implementation, disturbed)

    def _describe(self) -> Description:
        devices = self._environment.devices()
        return Description(self._fingerprint, self._canaries, devices, self._variables)

    def _look_into(self, job: Job, injection: Injection, load: Load) -> Any:
        """Run one case up to the end of its deep step and watch its cells."""
        from harness.tracing.recording import record_step
        from harness.tracing.replay import replay_step

        arguments = Arguments(job.arguments, Path(job.base), Path(job.root))
        loaded = load(job)
        assert job.deep is not None
        step, reference = job.deep.step, job.deep.reference
        with injection.within(loaded.call):
            generators = generators_of(job, injection, job.seeds, Ledger())

            run = partial(self._measuring.call, loaded, job, arguments.values(), generators)
            if reference is not None:
                return to_json(replay_step(loaded.call, run, DeepTrace.from_bytes(reference)))
            trace = record_step(loaded.call, run, case=job.name, step=step, fingerprint=self._fingerprint)
            return trace.to_bytes()

    def _keep(self, job: Job) -> LoadedPipeline:
        """Return the job's pipeline: kept from an earlier job, or loaded now and kept for later ones."""
        # What is known of the parameters is taken before the first call, which may change them.
        parts = [job.pipeline, job.checkpoint, job.base, job.scheduler, job.computed_parameters]
        key = json.dumps(to_json(parts))
        if key in self._pipelines:
            self._pipelines.move_to_end(key)
            return self._pipelines[key]
        while len(self._pipelines) >= _PIPELINES_KEPT:
            self._pipelines.popitem(last=False)
            self._release_memory()
        self._pipelines[key] = self._load(job)
        return self._pipelines[key]

    def _load(self, job: Job) -> LoadedPipeline:
        with self._implementation.naming_kernels(job.pipeline):
            return load(job, self._user_code)

    def _release_memory(self) -> None:
        """Free pipelines that are no longer used, and what the framework keeps of them."""
        gc.collect()  # cells have references to themselves
        self._framework.release_memory(compiled=self._compiles)
