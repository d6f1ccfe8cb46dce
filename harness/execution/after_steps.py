"""What a run's measurement says about the time after its last step: host processing and decoder."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.cases.job import Job
from harness.execution.implementation import implementation_of
from harness.measurement.after_steps import host_processing
from harness.measurement.ledger import Ledger
from harness.measurement.measurement import Array
from harness.measurement.trace import StepTrace
from harness.pipelines.decoding import SeenDecoder


def observes_decoder(job: Job) -> bool:
    """Return whether the decoder in ``job``'s pipeline is observed: with mindone, which runs in PyNative.

    What a user's own pipeline compiles cannot be.
    """
    return job.mode == "pynative" and implementation_of(job.pipeline) == "mindone"


def after_steps(
    job: Job, decoder: SeenDecoder, trace: StepTrace, output: Array, ledger: Ledger
) -> dict[str, Any]:
    """Return the fields of the measurement of ``job`` that describe what follows the last step.

    If the job asks for it, the decoder runs by itself now. Each field is None if it could not be observed.
    """
    last = decoder.last
    if last is None and trace.last is not None:
        last = "latents", trace.last, str(trace.last.dtype)
    host = None if last is None else host_processing(*last, output)
    alone = None
    if job.decoding is not None:
        alone = decoder.alone(job.decoding, host, output, lambda: len(ledger.draws))
    given = decoder.input
    kept = given if given is not None and given.size and np.isfinite(given).all() else None
    return {"host": host, "decoder_input": kept, "decoder": alone}
