"""What a run's measurement says about the time after its last step: host processing and decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.cases.job import Job
from harness.execution.implementation import DIFFUSERS, MINDONE, implementation_of
from harness.measurement.after_steps import host_processing
from harness.measurement.ledger import Ledger
from harness.measurement.measurement import Array
from harness.measurement.trace import StepTrace
from harness.pipelines.decoding import SeenDecoder


def observes_decoder(job: Job) -> bool:
    """Return whether the decoder in ``job``'s pipeline is observed: with mindone in PyNative, and diffusers.

    What a user's own pipeline compiles cannot be.
    """
    return job.mode == "pynative" and implementation_of(job.pipeline) in (MINDONE, DIFFUSERS)


def after_steps(
    job: Job,
    decoder: SeenDecoder,
    trace: StepTrace,
    output: Array,
    ledger: Ledger,
    fingerprint: Mapping[str, str],
) -> dict[str, Any]:
    """Return the fields of the measurement of ``job`` that describe what follows the last step.

    If the job asks for it on the device of ``fingerprint``, the decoder runs by itself now. Each field is
    None if it could not be observed.
    """
    last = decoder.last
    if last is None and trace.last is not None:
        last = "latents", trace.last, trace.last_dtype
    host = None if last is None else host_processing(*last, output)
    alone = None
    asked = (each for each in job.decodings if each.device.items() <= fingerprint.items())
    if (decoding := next(asked, None)) is not None:
        alone = decoder.alone(decoding, host, output, lambda: len(ledger.draws))
    given = decoder.input
    kept = given if given is not None and given.size and np.isfinite(given).all() else None
    return {"host": host, "decoder_input": kept, "decoder": alone}
