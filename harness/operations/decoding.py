"""Asking a run to let the decoder decode what a baseline stored, beside the case's own work."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from harness.baselines.baseline import Baseline, device_fields
from harness.baselines.current import own_devices
from harness.baselines.errors import BaselineError
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.job import Decoding, Job, SecondCalls
from harness.cases.tolerance import Calibrated
from harness.measurement.measurement import encode_arrays


def with_decoder_of(job: Job, baseline: Baseline) -> Job:
    """Return ``job`` with the decoder's input of ``baseline`` to decode, if that will be judged."""
    stored, calibration = baseline.measurement, baseline.calibration
    host = None if stored.host is None else stored.host.giving_output
    if host is None or stored.decoder_input is None or calibration is None or calibration.decoder is None:
        return job
    arrays = encode_arrays({"decoder_input": stored.decoder_input, "output": stored.output})
    return replace(job, decodings=(Decoding(arrays, tuple(host.differences)),))


def job_beside(case: Case, store: BaselineStore, second_call: SecondCalls = "if cheap") -> Job:
    """Return the job of ``case`` for a comparing run, with the decoder's inputs of its baselines, if any.

    With which of several baselines it will be compared is not known before it has run: each is for its own
    device. Nothing is decoded if no limits are calibrated.
    """
    job = case.job(second_call)
    if not any(isinstance(limits, Calibrated) for _, limits in case.tolerance):
        return job
    # A baseline that cannot be read is reported where it is compared.
    with suppress(BaselineError):
        devices = own_devices(case, store)
        if len(devices) == 1:
            return with_decoder_of(job, store.load(case.suite, case.id, devices[0]))
        for device in devices:
            with suppress(BaselineError):
                baseline = store.load(case.suite, case.id, device)
                names = device_fields(baseline.measurement.fingerprint)
                asked = with_decoder_of(replace(job, decodings=()), baseline).decodings
                own = tuple(replace(each, device=names) for each in asked)
                job = replace(job, decodings=(*job.decodings, *own))
    return job
