"""The same job on another implementation: a class of mindone, and its original in diffusers."""

from __future__ import annotations

from dataclasses import replace

from harness.cases.job import Job
from harness.cases.names import DIFFUSERS, MINDONE, is_mindone_class
from harness.errors import HarnessError


class NoReference(HarnessError):
    """A job whose pipeline is no class of mindone, and so has no original in diffusers."""


def reference_job(job: Job) -> Job:
    """Return ``job`` on the class of diffusers that has the same name.

    Checkpoint, seeds, steps, arguments, scheduler and dtype stay. What belongs to MindSpore alone is left
    out: graph mode, faults, patterns of parameters, and what the decoder of a baseline did. Raises
    :class:`NoReference` for a pipeline that is no class of mindone.
    """
    if not is_mindone_class(job.pipeline):
        raise NoReference(
            f"{job.name}: {job.pipeline} is no class of mindone, so diffusers has no original of it"
        )
    return replace(
        job,
        pipeline=f"{DIFFUSERS}:{job.pipeline.removeprefix(f'{MINDONE}:')}",
        mode="pynative",
        jit=None,
        fault=None,
        decodings=(),
        computed_parameters=(),
    )


def yardstick_job(job: Job) -> Job:
    """Return the :func:`reference_job` of ``job`` in float64, with noise that is rounded to the job's dtype.

    What it computes is taken for exact: diffusers in the job's own dtype, and mindone, are some distance from
    it. What diffusers itself computes in float32, such as the tables of its schedulers, stays in float32.
    """
    return replace(reference_job(job), dtype="float64", unit=job.dtype)
