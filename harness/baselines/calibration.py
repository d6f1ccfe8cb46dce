"""The calibration: how far rounding alone moves a case, stored with the baseline it was measured against."""

from __future__ import annotations

from dataclasses import dataclass

# The safety factor of a tolerance that sets none. The measured drift between MindSpore's releases was 0.8 to
# 1.0 times the envelope, and across oneDNN's ISAs 1.2 times (docs/judging.md).
DEFAULT_FACTOR = 2.0


@dataclass(frozen=True)
class StepEnvelope:
    """The spread of the latents after one step, over the members.

    ``statistics`` has the largest deviation of each statistic of the trace. ``median`` and ``largest``
    describe the members' relative L2 distance to the unperturbed run: the growth curve.
    """

    step: int
    statistics: dict[str, float]
    median: float
    largest: float


@dataclass(frozen=True)
class Calibration:
    """The envelope of a case: the largest deviation of its perturbed members, figure by figure.

    ``members`` are the seeds of the members' signs (:mod:`harness.measurement.perturbation`), and ``factor``
    is the safety factor that turns deviations into limits. ``metrics`` and ``statistics`` describe the output
    and are the worst over the members: the smallest for similarities and PSNR, the largest for all others. A
    figure that cannot give a limit is left out (the PSNR of equal outputs is infinite). ``chaotic_from`` is
    the index in ``steps`` of the first step whose spread is too large to tell rounding from anything else. It
    is the number of steps if only the output's spread is that large, and None if nothing is chaotic.
    ``modes`` counts the runs in each cluster of outputs. The first cluster is that of the unperturbed run,
    including that run; members of other clusters are not in the envelope. ``saturated`` is the share of the
    output's values at the bounds of its range, where drift does not show. ``unit`` is the dtype by one unit
    of which the members' noise was moved, if that is not the case's own dtype. ``decoder`` has the largest
    ``max_abs`` and ``relative_l2`` by which the output moves if the decoder's input is moved by one ulp; None
    if the case has no decoder that can run by itself.
    """

    members: tuple[int, ...]
    factor: float
    metrics: dict[str, float]
    statistics: dict[str, float]
    steps: tuple[StepEnvelope, ...]
    chaotic_from: int | None
    modes: tuple[int, ...]
    saturated: float
    harness_version: str
    date: str
    unit: str | None = None
    decoder: dict[str, float] | None = None

    @property
    def chaos(self) -> str | None:
        """Where the case is chaotic: ``from step 3 on``, ``in its output``; None if it is not."""
        if self.chaotic_from is None:
            return None
        first = self.steps[self.chaotic_from : self.chaotic_from + 1]
        return f"from step {first[0].step} on" if first else "in its output"

    @property
    def sound_steps(self) -> tuple[StepEnvelope, ...]:
        """The steps before the case becomes chaotic."""
        return self.steps[: self.chaotic_from]

    @property
    def stable(self) -> bool:
        """Whether no member's output differed: rounding in the noise does not reach the output."""
        return self.metrics.get("max_abs") == 0
