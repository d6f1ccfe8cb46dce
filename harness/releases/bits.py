"""One hash for all bits that a run of a case yields, so that runs can be sorted into classes."""

from __future__ import annotations

import hashlib
import json

from harness.measurement.measurement import Measurement, array_sha256


def bits_of(measurement: Measurement) -> str:
    """Return the hex sha256 of output, single images, latents and timesteps of every step, noise and weights.

    Statistics are not in it, they follow from these, summed by each environment's own numpy; nor is where in
    the code a draw was made.
    """
    parts = [
        array_sha256(measurement.output),
        None if measurement.singles is None else array_sha256(measurement.singles),
        [[record.step, record.timestep, record.sha256] for record in measurement.trace],
        [[d.generator, d.method, list(d.shape), d.dtype, d.sha256] for d in measurement.ledger],
        sorted(measurement.checkpoint.files.items()),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
