"""Build an envelope from members: the largest deviation of each figure from the unperturbed run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np

from harness import __version__
from harness.baselines.calibration import Calibration, StepEnvelope
from harness.cases.tolerance import AT_LEAST
from harness.judgement import reasons as r
from harness.judgement.after_steps import decoder_envelope
from harness.judgement.bits import same_bits
from harness.judgement.calibration.spread import chaotic_from, clusters, distance, saturated
from harness.judgement.failures import Refused
from harness.judgement.hard import hard_failures
from harness.judgement.metrics import compare, statistic_deviation
from harness.measurement.measurement import Array, Measurement


class CalibrationError(Refused):
    """No envelope can be built from the members of a case."""


@dataclass(frozen=True)
class Member:
    """How far the output of one perturbed run of a case is from the output of the unperturbed run.

    ``seed`` is the seed of the signs and ``output`` is the run's output. ``metrics`` and ``statistics``
    describe that output; the statistics are deviations (:func:`statistic_deviation`). ``steps`` holds the
    statistics of the latents after each step, and ``distances`` the relative L2 distance of those latents.
    """

    seed: int
    output: Array
    metrics: dict[str, float]
    statistics: dict[str, float]
    steps: tuple[dict[str, float], ...]
    distances: tuple[float, ...]

    @property
    def unmoved(self) -> bool:
        """Whether the perturbation changed nothing that the case shows: no latents and no output."""
        return self.metrics["max_abs"] == 0 and not any(self.distances)

    @classmethod
    def of(cls, seed: int, measured: Measurement, base: Measurement, name: str) -> Member:
        """Return the member ``measured``, perturbed with ``seed`` and compared with ``base``.

        Both measurements keep latents. Raises :class:`CalibrationError`, which refers to the case as
        ``name``, if they cannot be compared.
        """
        unfit = [*hard_failures(measured, base), *_unlike_trace(measured, base)]
        if unfit:
            raise CalibrationError(name, r.MemberUnlike(seed, tuple(unfit)))
        return cls(
            seed=seed,
            output=measured.output,
            metrics=compare(measured.output, base.output, dtype=measured.output_dtype),
            statistics=_deviations(measured.statistics, base.statistics),
            steps=tuple(
                _deviations(ours.statistics, theirs.statistics)
                for ours, theirs in zip(measured.trace, base.trace, strict=True)
            ),
            distances=_distances(measured.latents, base.latents),
        )

    def difference(self, again: Member, base: Measurement) -> r.Difference | None:
        """Return the first difference between this member of ``base`` and the same one, run ``again``."""
        for index, record in enumerate(base.trace):
            figures = [(each.steps[index], each.distances[index]) for each in (self, again)]
            if figures[0] != figures[1]:
                return r.OtherLatents(record.step, record.timestep)
        return None if same_bits(self.output, again.output) else r.OtherPart("output")


def _unlike_trace(measured: Measurement, base: Measurement) -> Iterator[r.Reason]:
    if len(measured.trace) != len(base.trace):
        yield r.StepsDiffer(len(measured.trace), len(base.trace))
        return
    ours, theirs = (None if m.latents is None else m.latents.shape for m in (measured, base))
    if ours != theirs:
        yield r.LatentShapesDiffer(ours, theirs)


def _deviations(measured: dict[str, float], base: dict[str, float]) -> dict[str, float]:
    return {name: statistic_deviation(name, measured[name], base) for name in base}


def _distances(measured: Array | None, base: Array | None) -> tuple[float, ...]:
    if measured is None or base is None:
        return ()
    return tuple(distance(ours, theirs) for ours, theirs in zip(measured, base, strict=True))


def make_calibration(
    members: Sequence[Member], base: Measurement, factor: float, name: str, unit: str | None = None
) -> Calibration:
    """Return the envelope of ``members`` around ``base``, for the case that messages refer to as ``name``.

    ``unit`` is the dtype by one unit of which their noise was moved, if that is not the case's own.

    Members in a different mode from the unperturbed run are counted but excluded from the envelope: two
    clusters are two answers, not one answer with a wide tolerance. Raises :class:`CalibrationError` if no
    member remains.
    """
    modes = _modes(members, base)
    own = [members[index - 1] for index in modes[0] if index > 0]
    if not own:
        raise CalibrationError(name, r.NoNeighbour(len(members)))
    steps = tuple(
        StepEnvelope(
            step=record.step,
            statistics=_largest([member.steps[index] for member in own]),
            median=float(np.median([member.distances[index] for member in own])),
            largest=max(member.distances[index] for member in own),
        )
        for index, record in enumerate(base.trace)
    )
    metrics = _worst([member.metrics for member in own])
    statistics = _largest([member.statistics for member in own])
    _check_finite(name, metrics, statistics, steps)
    return Calibration(
        members=tuple(member.seed for member in members),
        factor=factor,
        metrics=metrics,
        statistics=statistics,
        steps=steps,
        chaotic_from=chaotic_from(steps, metrics["relative_l2"]),
        modes=tuple(len(mode) for mode in modes),
        saturated=saturated(base.output),
        harness_version=__version__,
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        unit=unit,
        decoder=decoder_envelope(base),
    )


def strays(members: Sequence[Member], base: Measurement) -> tuple[Member, ...]:
    """Return one of ``members`` for each mode other than that of ``base``."""
    return tuple(members[mode[0] - 1] for mode in _modes(members, base)[1:])


def _modes(members: Sequence[Member], base: Measurement) -> tuple[tuple[int, ...], ...]:
    """Return the modes as indices: 0 is ``base``, and the ``members`` follow."""
    return clusters([base.output, *(member.output for member in members)])


def _check_finite(
    name: str, metrics: dict[str, float], statistics: dict[str, float], steps: Sequence[StepEnvelope]
) -> None:
    """Raise if a figure is relative to zero, because no limit on it would mean anything."""
    for step, figures in [*((step.step, step.statistics) for step in steps), (None, statistics)]:
        if not all(map(math.isfinite, figures.values())):
            raise CalibrationError(name, r.NothingToScale(step))
    if "relative_l2" not in metrics:
        raise CalibrationError(name, r.NothingToScale(None))


def _largest(each: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: max(figures[name] for figures in each) for name in each[0]}


def _worst(each: Sequence[dict[str, float]]) -> dict[str, float]:
    smallest = {name: min(figures[name] for figures in each) for name in AT_LEAST if name in each[0]}
    return {name: value for name, value in {**_largest(each), **smallest}.items() if math.isfinite(value)}
