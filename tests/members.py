"""Members of a calibration without a pipeline: a little sampler whose rounding a test controls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from samples import make_measurement

from harness.judgement.calibration.envelope import Member
from harness.measurement.measurement import Array, Measurement
from harness.measurement.trace import StepTrace

Step = Callable[[Array], Array]


def image_of(latents: Array) -> Array:
    """The output of latents ``[n, channels, height, width]``: images in [0, 1]."""
    return np.clip(latents.transpose(0, 2, 3, 1) / 2 + 0.5, 0, 1).astype(np.float32)


def sampled(
    seed: int | None = None,
    *,
    size: float = 1e-5,
    steps: int = 3,
    step: Step = lambda latents: latents * 0.9,
    decode: Callable[[Array], Array] = image_of,
    noise: Array | None = None,
    **fields: Any,
) -> Measurement:
    """A run of ``steps`` times ``step``; with a ``seed`` its noise is moved by ``size``, signs at random.

    In float64, so that nothing is rounded but what the test wants to be.
    """
    latents = np.random.default_rng(7).standard_normal((1, 3, 8, 8)) if noise is None else noise
    if seed is not None:
        latents = latents * (1 + size * np.random.default_rng(seed).choice([-1.0, 1.0], latents.shape))
    trace = StepTrace(keep=True)
    for index in range(steps):
        latents = step(latents)
        trace(None, index, 999 - index, {"latents": latents})
    return make_measurement(decode(latents), trace=trace.records, latents=trace.latents, **fields)


def members_of(base: Measurement, runs: list[Measurement]) -> list[Member]:
    """The members that ``runs`` are, their seeds counted from 1."""
    return [Member.of(seed, run, base, "guide/two-steps") for seed, run in enumerate(runs, start=1)]
