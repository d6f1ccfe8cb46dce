"""Measuring: runs one job on its loaded pipeline and makes the measurement, in the worker."""

from __future__ import annotations

import itertools
import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.cases.job import Conditions, Job
from harness.codec import to_json
from harness.execution.after_steps import after_steps, observes_decoder
from harness.execution.implementation import Implementation
from harness.execution.second_call import Budget
from harness.faults.injection import Injection
from harness.measurement.figures import CheckpointIdentity, Draw
from harness.measurement.guard import Guard
from harness.measurement.ledger import Ledger, LedgerGenerator, case_generators
from harness.measurement.measurement import Measurement, array_sha256
from harness.measurement.perturbation import check_perturbed, perturbed_generators
from harness.measurement.second_call import CallBits
from harness.measurement.statistics import summarise
from harness.measurement.strided import strided_generators
from harness.measurement.trace import StepHashes, StepTrace
from harness.pipelines.arguments import Arguments
from harness.pipelines.calling import Output, call_pipeline, of_images
from harness.pipelines.decoding import seeing_decoder
from harness.pipelines.halving import halved
from harness.pipelines.registry import LoadedPipeline

Load = Callable[[Job], LoadedPipeline]

# getrusage counts kilobytes on Linux, bytes on macOS.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def generators_of(
    job: Job, injection: Injection, seeds: tuple[int, ...], ledger: Ledger
) -> Sequence[LedgerGenerator]:
    """Return one generator per seed, with the job's perturbation or fault; each draw goes in ``ledger``."""
    if injection.replaces_noise:
        return injection.generators(seeds, ledger)
    if job.perturbation is not None or job.unit is not None:
        return perturbed_generators(seeds, ledger, member=job.perturbation, dtype=job.dtype, unit=job.unit)
    if job.conditions is not None and job.conditions.strided:
        return strided_generators(seeds, ledger)
    return case_generators(seeds, ledger)


@dataclass
class Measuring:
    """Measures the jobs of one worker, which took ``start_seconds`` to start.

    ``limit`` is the time in seconds that a job may take that has no limit of its own.
    """

    implementation: Implementation
    fingerprint: dict[str, str]
    canaries: dict[str, str]
    start_seconds: float
    limit: float
    _guard: Guard = field(default_factory=Guard)
    _budget: Budget = field(init=False)

    def __post_init__(self) -> None:
        self._budget = Budget(self.start_seconds)

    def measure(self, tell: Callable[[int], None], job: Job, injection: Injection, load: Load) -> Any:
        """Run one case and return its measurement in wire form.

        ``tell`` is called with the number of finished steps, first with 0. A fault also applies to the images
        that are run one by one.
        """
        began = started = time.perf_counter()
        arguments = Arguments(job.arguments, Path(job.base), Path(job.root))
        loaded = load(job)
        # Calls count from here on, so it makes no difference whether the pipeline was kept from an earlier
        # case.
        self.implementation.reset()
        load_seconds = time.perf_counter() - started
        tell(0)
        numbers = itertools.count(1)

        def stepped() -> None:
            tell(next(numbers))

        ledger, trace = Ledger(), StepTrace(keep=job.keep_latents, stepped=stepped)
        seeds = job.seeds
        started = time.perf_counter()
        # A fault stands for one that no fact shows: power is measured by the figures alone.
        constants = None if job.fault or not loaded.constants else loaded.constants.of_one_call()
        with injection.within(loaded.call):
            generators = generators_of(job, injection, seeds, ledger)
            with (
                nullcontext() if constants is None else constants.watching(compiled=job.mode == "graph"),
                seeing_decoder(loaded.call, observed=observes_decoder(job)) as decoder,
            ):
                given = self.call(loaded, job, arguments.values(), generators, trace)
            output = injection.output(given.array)
            check_perturbed(generators)
            injection.check_acted(generators)
            run_seconds = time.perf_counter() - started
            kernels = self.implementation.used_kernels()
            singles = None
            if job.singles:
                alone = [generators_of(job, injection, (seed,), Ledger()) for seed in seeds]
                single = StepTrace(stepped=stepped)
                parts = [
                    self.call(loaded, job, of_images(arguments.values(), [index], len(seeds)), one, single)
                    for index, one in enumerate(alone)
                ]
                singles = injection.output(np.concatenate([part.array for part in parts]))
            draws = ledger.draws
            after = after_steps(job, decoder, trace, output, ledger, self.fingerprint)
        files = {**loaded.checkpoint_files, **arguments.hashes}
        measurement = Measurement(
            output=output,
            statistics=summarise(output),
            trace=trace.records,
            ledger=draws,
            fingerprint=self.fingerprint,
            checkpoint=CheckpointIdentity(job.checkpoint, files, loaded.revision),
            replaced_kernels=kernels,
            code=loaded.code,
            canaries=self.canaries,
            peak_memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT,
            timings={"start": self.start_seconds, "load": load_seconds, "run": run_seconds},
            latents=trace.latents,
            singles=singles,
            output_dtype=None if given.dtype == str(given.array.dtype) else given.dtype,
            facts=None if constants is None else constants.facts,
            constants={} if constants is None else constants.values,
            **after,
        )
        # The second call comes when everything measured is plain data, so that nothing of it depends on
        # whether that call was made, not even an output in memory that the pipeline uses again.
        wire = measurement.to_wire()

        def call_bits(draws: tuple[Draw, ...], steps: StepTrace, output: Output) -> CallBits:
            return CallBits(draws, steps.records, array_sha256(output.array, output.dtype))

        first = call_bits(draws, trace, given)

        def again() -> CallBits:
            ledger = Ledger()
            steps = StepTrace(stepped=stepped) if job.second_call == "always" else StepTrace()
            generators = generators_of(job, injection, seeds, ledger)
            made = self.call(loaded, job, arguments.values(), generators, steps)
            return call_bits(ledger.draws, steps, made)

        started = time.perf_counter()
        limit, since = job.timeout or self.limit, started - began
        second = self._budget.second_call(job, first, again, call=run_seconds, since=since, limit=limit)
        if second is not None:
            wire["figures"]["second_call"] = to_json(second)
            wire["figures"]["timings"]["second_call"] = time.perf_counter() - started
        return wire

    def bits(self, tell: Callable[[int], None], job: Job, injection: Injection, load: Load) -> Any:
        """Run one case and return its :class:`CallBits` in wire form, and nothing else of it."""
        arguments = Arguments(job.arguments, Path(job.base), Path(job.root))
        loaded = load(job)
        self.implementation.reset()
        tell(0)
        numbers = itertools.count(1)
        ledger, steps = Ledger(), StepHashes(stepped=lambda: tell(next(numbers)))
        with injection.within(loaded.call):
            generators = generators_of(job, injection, job.seeds, ledger)
            given = self.call(loaded, job, arguments.values(), generators, steps)
        output = injection.output(given.array)
        return to_json(CallBits(ledger.draws, steps.records, array_sha256(output, given.dtype)))

    def call(
        self,
        loaded: LoadedPipeline,
        job: Job,
        arguments: dict[str, Any],
        generators: Sequence[LedgerGenerator],
        after_step: Callable[..., Any],
    ) -> Output:
        """Call the pipeline with the random generators of MindSpore and numpy watched."""
        given = job.conditions or Conditions()
        with (
            self._guard.watching(),
            self.implementation.naming_kernels(job.pipeline),
            halved(job.pipeline, loaded.call, len(generators)) if given.halved else nullcontext(),
        ):
            return call_pipeline(
                loaded.signature,
                loaded.call,
                generators,
                steps=job.steps,
                arguments=arguments,
                after_step=after_step,
                listed=given.listed,
            )
