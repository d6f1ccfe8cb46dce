"""The worker: the process that imports MindSpore, runs the cases of one context and sends measurements.

It runs under any interpreter that has MindSpore, numpy, safetensors and huggingface_hub; the harness
package itself is loaded by path. Everything that crosses the channel is plain data.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import resource
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from harness.cases.job import Job
from harness.codec import to_json
from harness.errors import FailureCause, HarnessError
from harness.execution.implementation import Implementation
from harness.execution.messages import Answer, AnswerKind, Description, Settings
from harness.execution.profile import DEVICES, Profile
from harness.execution.tracebacks import raised_by_operator, told
from harness.faults.catalogue import FaultNotApplicable
from harness.faults.injection import Injection, requested_injection
from harness.measurement.figures import CheckpointIdentity
from harness.measurement.guard import Guard
from harness.measurement.ledger import Ledger, LedgerGenerator, case_generators
from harness.measurement.measurement import Array, Measurement
from harness.measurement.perturbation import check_perturbed, perturbed_generators
from harness.measurement.statistics import summarise
from harness.measurement.trace import StepTrace
from harness.pipelines.arguments import Arguments
from harness.pipelines.calling import of_image

# Suites alternate between a few pipelines; more would hold the memory of models that are done with.
_PIPELINES_KEPT = 2
# The runner kills a worker at the time limit. A worker that outlives it has no runner any more.
_GRACE = 10.0
_LONGEST_LIMIT = 1e6
# getrusage counts kilobytes on Linux, bytes on macOS.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Channel(Protocol):
    """What the worker needs of an execnet channel."""

    def send(self, item: object) -> None:
        """Send plain data to the other side."""

    def __iter__(self) -> Iterator[Any]:
        """Yield what the other side sends until it closes."""


def serve(channel: Channel, wire: dict[str, Any]) -> None:
    """Apply the profile, then answer each job from ``channel`` until it is closed.

    ``wire`` is that of the :class:`harness.execution.messages.Settings`. A job is a case's, or None to be
    told of the environment. What is sent is that of an :class:`harness.execution.messages.Answer`.
    """
    settings = Settings.from_wire(wire)
    _log_to(Path(settings.log))
    _extend_import_path(settings.import_paths)
    channel.send(Answer(AnswerKind.READY, os.getpid()).to_wire())
    worker: Worker | None = None
    unable: Answer | None = None
    for job in channel:
        # By a thread in C, which needs no lock of Python's: what hangs may be C++ code that holds it.
        faulthandler.dump_traceback_later(min(settings.limit, _LONGEST_LIMIT) + _GRACE, exit=True)
        answer = unable
        if answer is None:
            try:
                # Made at the first job: an environment without MindSpore fails a case, with its reason.
                worker = worker or Worker(
                    settings.profile, settings.mode, settings.dtype, settings.implementation
                )
                answer = worker.answer(job)
            except Exception as error:  # noqa: BLE001  the channel carries any failure to the other side
                answer = _failure(error)
                if worker is None:
                    # A second attempt would find MindSpore imported, and fail for that reason instead.
                    unable = answer
        faulthandler.cancel_dump_traceback_later()
        channel.send(answer.to_wire())


def _failure(error: Exception) -> Answer:
    """Return the answer for a case that raised ``error``, which is being handled.

    Errors of harness are to be acted on (:func:`harness.execution.tracebacks.told` tells of the rest).
    """
    if isinstance(error, FaultNotApplicable):
        return Answer(AnswerKind.INAPPLICABLE, str(error))
    cause = _cause_of(error)
    if isinstance(error, HarnessError):
        return Answer(AnswerKind.ERROR, str(error), cause)
    if isinstance(error, ModuleNotFoundError):
        message = f"{sys.executable}: {error}; install it there, or choose another interpreter"
        return Answer(AnswerKind.ERROR, message, cause)
    return Answer(AnswerKind.FAILED, told(error), cause)


def _cause_of(error: BaseException | None) -> FailureCause:
    """Return the cause of ``error``, or the first one among the errors that it was raised from."""
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
    """Send what Python and C++ print to the file ``path``, and a fatal signal's traceback too."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    faulthandler.enable()


def _extend_import_path(paths: tuple[str, ...]) -> None:
    """Let a user's own modules be found, last, so that no folder of theirs hides an installed package."""
    sys.path[:] = [entry for entry in sys.path if entry not in ("", *paths)] + list(paths)


def _generators(
    job: Job, injection: Injection, seeds: tuple[int, ...], ledger: Ledger
) -> Sequence[LedgerGenerator]:
    """Return one generator per seed: the case's own, unless the job asks for others."""
    if injection.replaces_noise:
        return injection.generators(seeds, ledger)
    if job.perturbation is not None:
        return perturbed_generators(seeds, ledger, member=job.perturbation, dtype=job.dtype)
    return case_generators(seeds, ledger)


class Worker:
    """Runs the cases of one context (profile, mode, dtype, implementation), pipelines kept between them."""

    def __init__(self, profile: Profile, mode: str, dtype: str, implementation: str) -> None:
        self._implementation = Implementation(implementation, profile.device)
        self._implementation.check()
        profile.apply_before_import()
        started = time.perf_counter()
        from harness.execution.canaries import run_canaries
        from harness.execution.fingerprint import fingerprint

        profile.apply_after_import()
        self._implementation.prepare()
        self._mode, self._dtype = mode, dtype
        self._fingerprint = {
            **fingerprint(profile, mode=mode, dtype=dtype),
            **self._implementation.fingerprint_fields(),
        }
        self._canaries = run_canaries()
        self._start_seconds = time.perf_counter() - started
        self._guard = Guard()
        self._pipelines: OrderedDict[str, Any] = OrderedDict()

    def answer(self, wire: dict[str, Any] | None) -> Answer:
        """Return the answer to one job, or to None the description of this process."""
        if wire is None:
            return Answer(AnswerKind.DESCRIPTION, self.describe())
        job = Job.from_wire(wire)
        if job.deep is not None:
            return self.look_into(job)
        return Answer(AnswerKind.MEASUREMENT, self.run(job).to_wire())

    def describe(self) -> Description:
        """Return this process's environment."""
        import mindspore as ms

        devices = tuple(kind for kind in DEVICES if ms.hal.is_available(kind))
        return Description(self._fingerprint, self._canaries, devices)

    def run(self, job: Job) -> Measurement:
        """Run one case and return its measurement.

        A fault is in force in the images run one by one as well, and gone afterwards.
        """
        injection = requested_injection(job)
        if not injection.needs_own_pipeline:
            return self._measure(job, injection, self._keep)
        try:
            return self._measure(job, injection, self._load)
        finally:
            gc.collect()  # cells refer to themselves
            self._release_graphs()

    def look_into(self, job: Job) -> Answer:
        """Run one case up to the end of its deep step, watching its cells.

        Answers with a trace, or where there is a reference's with what
        :func:`harness.tracing.replay.replay_step` finds.
        """
        from harness.tracing.recording import record_step
        from harness.tracing.replay import replay_step
        from harness.tracing.trace import DeepTrace

        injection, arguments = requested_injection(job), self._arguments(job)
        loaded = self._load(job) if injection.needs_own_pipeline else self._keep(job)
        assert job.deep is not None
        step, reference = job.deep.step, job.deep.reference
        with injection.within(loaded.call):
            generators = _generators(job, injection, job.seeds, Ledger())

            def run(after_step: Callable[..., Any]) -> None:
                self._call(loaded, job, arguments.values(), generators, after_step)

            if reference is not None:
                trace = DeepTrace.from_bytes(reference)
                return Answer(AnswerKind.REPLAY, replay_step(loaded.call, run, trace).to_wire())
            trace = record_step(loaded.call, run, case=job.name, step=step, fingerprint=self._fingerprint)
            return Answer(AnswerKind.TRACE, trace.to_bytes())

    def _measure(self, job: Job, injection: Injection, load: Callable[[Job], Any]) -> Measurement:
        started = time.perf_counter()
        arguments = self._arguments(job)
        loaded = load(job)
        # From here on: whether the pipeline was kept from an earlier case is no matter of this one.
        self._implementation.reset()
        load_seconds = time.perf_counter() - started
        ledger, trace = Ledger(), StepTrace(keep=job.keep_latents)
        seeds = job.seeds
        started = time.perf_counter()
        with injection.within(loaded.call):
            generators = _generators(job, injection, seeds, ledger)
            output = injection.output(self._call(loaded, job, arguments.values(), generators, trace))
            check_perturbed(generators, job.name)
            injection.check_acted(generators)
            run_seconds = time.perf_counter() - started
            kernels = self._implementation.used_kernels()
            singles = None
            if job.singles:
                alone = [_generators(job, injection, (seed,), Ledger()) for seed in seeds]
                parts = [
                    self._call(loaded, job, of_image(arguments.values(), index, len(seeds)), one, StepTrace())
                    for index, one in enumerate(alone)
                ]
                singles = injection.output(np.concatenate(parts))
        return Measurement(
            output=output,
            statistics=summarise(output),
            trace=trace.records,
            ledger=ledger.draws,
            fingerprint=self._fingerprint,
            checkpoint=CheckpointIdentity(
                job.checkpoint, {**loaded.checkpoint_files, **arguments.hashes}, loaded.revision
            ),
            replaced_kernels=kernels,
            canaries=self._canaries,
            peak_memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT,
            timings={"start": self._start_seconds, "load": load_seconds, "run": run_seconds},
            latents=trace.latents,
            singles=singles,
        )

    def _keep(self, job: Job) -> Any:
        """Return the job's pipeline, kept from an earlier job or loaded and kept for later ones."""
        key = json.dumps(to_json([job.pipeline, job.checkpoint, job.base, job.scheduler]))
        if key in self._pipelines:
            self._pipelines.move_to_end(key)
            self._pipelines[key].check(self._requested(job))
            return self._pipelines[key]
        while len(self._pipelines) >= _PIPELINES_KEPT:
            self._pipelines.popitem(last=False)
            self._release_graphs()
        self._pipelines[key] = self._load(job)
        return self._pipelines[key]

    def _load(self, job: Job) -> Any:
        from harness.pipelines.registry import load

        with self._implementation.naming_kernels(job.pipeline):
            return load(
                job.pipeline,
                job.checkpoint,
                base=Path(job.base),
                dtype=self._dtype,
                mode=self._mode,
                call=self._requested(job),
                scheduler=job.scheduler,
            )

    def _requested(self, job: Job) -> Any:
        from harness.pipelines.registry import Call

        return Call(job.arguments, job.steps, len(job.seeds))

    def _arguments(self, job: Job) -> Arguments:
        return Arguments(job.arguments, Path(job.base))

    def _release_graphs(self) -> None:
        """Free the compiled graphs of pipelines that are gone: MindSpore keeps them, tens of MB each.

        It frees those of the pipelines kept as well; they compile again when they are called.
        """
        if self._mode == "graph":
            import mindspore as ms

            gc.collect()  # cells refer to themselves
            ms.ms_memory_recycle()

    def _call(
        self,
        loaded: Any,
        job: Job,
        arguments: dict[str, Any],
        generators: Sequence[LedgerGenerator],
        after_step: Callable[..., Any],
    ) -> Array:
        with self._guard.watching(), self._implementation.naming_kernels(job.pipeline):
            output: Array = loaded.run(
                generators, steps=job.steps, arguments=arguments, after_step=after_step
            )
        return output
