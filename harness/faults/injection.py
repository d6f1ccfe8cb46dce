"""Injection: the fault that a job asks for, put into its run and taken out again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from harness.cases.job import Job
from harness.errors import HarnessError
from harness.faults.catalogue import Fault, fault
from harness.faults.noise import check_acted, faulty_generators
from harness.faults.output import apply_output_fault
from harness.measurement.ledger import Ledger, LedgerGenerator
from harness.measurement.measurement import Array


class Injection:
    """What a job wants wrong in its run: one fault at one size, or nothing.

    The worker asks it at every place where a fault may sit; a fault of another place leaves that one sound.
    ``size`` None is the fault's reference. Methods raise
    :class:`harness.faults.catalogue.FaultNotApplicable` where the case has not got what the fault would
    change.
    """

    def __init__(self, known: Fault | None = None, size: float | None = None) -> None:
        self._name = "" if known is None else known.name
        self._family = None if known is None else known.family
        self._size = None if known is None else known.checked_size(size)

    @property
    def needs_own_pipeline(self) -> bool:
        """Whether the fault takes a pipeline that has not run yet and is dropped afterwards."""
        return self._family == "model"

    def within(self, pipeline: Any) -> AbstractContextManager[None]:
        """Return the context in which a fault of the scheduler or the model is in ``pipeline``.

        At its end the scheduler is sound again; a model is not.
        """
        # Imported here: they import MindSpore, which waits for the profile.
        if self._family == "scheduler":
            from harness.faults.scheduler import faulty_scheduler

            return faulty_scheduler(self._name, self._size, pipeline)
        if self._family == "model":
            from harness.faults.model import put_into_model

            put_into_model(self._name, self._size, pipeline)
        return nullcontext()

    @property
    def replaces_noise(self) -> bool:
        """Whether the fault is one of the noise, which takes generators of its own."""
        return self._family == "noise"

    def generators(self, seeds: tuple[int, ...], ledger: Ledger) -> Sequence[LedgerGenerator]:
        """Return one faulty generator per seed, for a fault that :attr:`replaces_noise`."""
        return faulty_generators(self._name, self._size, seeds, ledger)

    def check_acted(self, generators: Sequence[LedgerGenerator]) -> None:
        """Raise ``FaultNotApplicable`` where nothing was drawn from ``generators`` that the fault changes."""
        check_acted(self._name, generators)

    def output(self, images: Array) -> Array:
        """Return a pipeline's output, with the fault if it is one of the output."""
        return apply_output_fault(self._name, self._size, images) if self._family == "output" else images


def requested_injection(job: Job) -> Injection:
    """Return the fault that ``job`` asks for.

    Raises :class:`HarnessError` for a name or size that no fault has, and for a fault of the noise in a
    member of a calibration, which has a generator of its own.
    """
    if job.fault is None:
        return Injection()
    known = fault(job.fault.name)
    if known.family == "noise" and job.perturbation is not None:
        raise HarnessError(f"fault {known.name}: the noise is perturbed already; leave out one of the two")
    return Injection(known, job.fault.size)
