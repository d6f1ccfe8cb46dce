"""Reasons about what follows the last step, beside those of :mod:`harness.judgement.reasons`."""

from __future__ import annotations

from harness.judgement.reasons import Reason


class HostDiffers(Reason):
    """The output does not follow from ``source``, the last array of the model, as it did in the baseline.

    ``difference`` is the largest one, as a share of the largest value, and ``limit`` is float32's.
    """

    source: str
    difference: float
    limit: float


class HostNotObserved(Reason):
    """The baseline says how the output follows from ``source``, which this run does not show."""

    source: str


class DecoderDiffers(Reason):
    """From the baseline's own input, the ``decoder`` makes another output than the baseline's.

    ``figure``, ``measured`` and ``limit`` are of the figure that is furthest outside.
    """

    decoder: str
    figure: str
    measured: float
    limit: float
