"""The calibration: how far rounding alone moves a case, stored with the baseline it was measured against."""

from __future__ import annotations

from dataclasses import dataclass

# A tolerance's safety factor where no other is asked for. The drift between MindSpore's releases was measured
# at 0.8 to 1.0 times the envelope, across oneDNN's ISAs at 1.2 times (docs/judging.md).
DEFAULT_FACTOR = 2.0


@dataclass(frozen=True)
class StepEnvelope:
    """The spread of the latents after one step, over the members.

    ``statistics`` has the largest deviation of each statistic of the trace; ``median`` and ``largest`` are of
    the members' relative L2 distance to the unperturbed run: the growth curve.
    """

    step: int
    statistics: dict[str, float]
    median: float
    largest: float


@dataclass(frozen=True)
class Calibration:
    """The envelope of a case: the largest deviation of its perturbed members, figure by figure.

    ``members`` are the seeds of the members' signs (:mod:`harness.measurement.perturbation`); ``factor`` is
    the safety factor that makes limits of deviations. ``metrics`` and ``statistics`` are of the output, the
    worst over the members: the largest, of similarities and PSNR the smallest; a figure that no limit can be
    made of (the PSNR of equal outputs is infinite) is left out. ``chaotic_from`` is the index in ``steps`` of
    the first whose spread is too large to tell rounding from anything else; their number where only the
    output's is, None where nothing is. ``modes`` counts the runs in each cluster of outputs, that of the
    unperturbed run first and itself counted; members of others are not in the envelope.
    ``saturated`` is the part of the output's values at the bounds of its range, where drift does not show.
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

    @property
    def chaos(self) -> str | None:
        """Where the case is chaotic: ``from step 3 on``, ``in its output``; None where it is not."""
        if self.chaotic_from is None:
            return None
        first = self.steps[self.chaotic_from : self.chaotic_from + 1]
        return f"from step {first[0].step} on" if first else "in its output"

    @property
    def sound_steps(self) -> tuple[StepEnvelope, ...]:
        """The steps before the case is chaotic."""
        return self.steps[: self.chaotic_from]

    @property
    def stable(self) -> bool:
        """Whether no member's output differed at all: rounding in the noise does not reach the output."""
        return self.metrics.get("max_abs") == 0
