"""Injection: put the fault that a job asks for into its run, and take it out again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from harness.cases.job import Job
from harness.errors import HarnessError
from harness.faults.catalogue import Fault, FaultNotApplicable, fault
from harness.faults.noise import check_acted, faulty_generators
from harness.faults.output import apply_output_fault
from harness.frameworks.framework import current
from harness.measurement.ledger import Ledger, LedgerGenerator
from harness.measurement.measurement import Array


class Injection:
    """What should go wrong in the run of a job: one fault at one size, or nothing.

    The worker asks it at every place where a fault may sit. A fault belongs to one place and leaves the
    others sound. ``size`` None is the fault's reference. Methods raise
    :class:`harness.faults.catalogue.FaultNotApplicable` if the case lacks what the fault would change.
    """

    def __init__(self, known: Fault | None = None, size: float | None = None) -> None:
        self._name = "" if known is None else known.name
        self._family = None if known is None else known.family
        self._size = None if known is None else known.checked_size(size)

    @property
    def needs_own_pipeline(self) -> bool:
        """Whether the fault needs a pipeline that has not run yet and is discarded afterwards."""
        return self._family == "model"

    def within(self, pipeline: Any) -> AbstractContextManager[None]:
        """Return the context in which ``pipeline`` has the fault, if it is of the scheduler or the model.

        When the context ends, the scheduler is sound again, but a model is not.
        """
        if self._family in ("scheduler", "model") and current().package != "mindspore":
            raise FaultNotApplicable(
                f"faults of a {self._family} are put into MindSpore alone", about=(self._name,)
            )
        # Imported here because they import MindSpore, which must wait for the profile.
        if self._family == "scheduler":
            from harness.faults.scheduler import faulty_scheduler

            return faulty_scheduler(self._name, self._size, pipeline)
        if self._family == "model":
            from harness.faults.model import put_into_model

            put_into_model(self._name, self._size, pipeline)
        return nullcontext()

    @property
    def replaces_noise(self) -> bool:
        """Whether the fault is a noise fault, which needs generators of its own."""
        return self._family == "noise"

    def generators(self, seeds: tuple[int, ...], ledger: Ledger) -> Sequence[LedgerGenerator]:
        """Return one faulty generator per seed, for a fault that :attr:`replaces_noise`."""
        return faulty_generators(self._name, self._size, seeds, ledger)

    def check_acted(self, generators: Sequence[LedgerGenerator]) -> None:
        """Raise ``FaultNotApplicable`` if nothing drawn from ``generators`` was subject to the fault."""
        check_acted(self._name, generators)

    def output(self, images: Array) -> Array:
        """Return a pipeline's output, with the fault in it if it is an output fault."""
        return apply_output_fault(self._name, self._size, images) if self._family == "output" else images


def requested_injection(job: Job) -> Injection:
    """Return the fault that ``job`` asks for.

    Raises :class:`HarnessError` for an unknown name, for a size that the fault cannot have, and for a noise
    fault in a calibration member, which has a generator of its own.
    """
    if job.fault is None:
        return Injection()
    known = fault(job.fault.name)
    if known.family == "noise" and job.perturbation is not None:
        raise HarnessError(f"fault {known.name}: the noise is perturbed already; leave out one of the two")
    return Injection(known, job.fault.size)
