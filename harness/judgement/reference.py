"""Across implementations: how far a port may be from exact, given how far its original is.

Exact is the original in float64, from the same noise. A port that computes the same in another order is about
as far from it as the original itself, so the limit is a multiple of that distance, plus what rounding alone
makes of the case: its envelope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from harness.baselines.baseline import Baseline
from harness.baselines.calibration import Calibration
from harness.cases.case import Case
from harness.judgement.bits import schedule_change
from harness.judgement.calibration.spread import distance
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.metrics import ratio
from harness.judgement.reasons import Reason
from harness.judgement.reference_reasons import FartherThanReference, UnlikeReference, WithinReference
from harness.measurement.figures import Draw
from harness.measurement.measurement import Measurement

# The multiple of the original's distance that a port may have (docs/alignment.md).
DEFAULT_FACTOR = 20.0
# By how much, in relative L2, numbers of a dtype are off at least. An original that is exact by chance allows
# its port a rounding, too.
_ROUNDING = {"float64": 2.0**-54, "float32": 2.0**-25, "float16": 2.0**-12, "bfloat16": 2.0**-9}


@dataclass(frozen=True)
class Distances:
    """Relative L2 distances of the latents of every step, and of the output."""

    steps: tuple[float, ...]
    output: float


@dataclass(frozen=True)
class Reference:
    """The stored runs of a case on its original: in the case's own dtype, and in float64."""

    original: Baseline
    exact: Baseline


@dataclass(frozen=True)
class Part:
    """What is judged of a step, or, if that is None, of the output."""

    step: int | None
    port: float
    original: float
    envelope: float

    def factor(self, least: float) -> float:
        """Return the factor that this part needs, where the original is at least ``least`` off."""
        if math.isnan(self.port):
            return math.inf
        return ratio(max(self.port - self.envelope, 0.0), max(self.original, least))


def held_to_reference(
    case: Case, judged: Judgement, measured: Measurement, reference: Reference, own: Calibration | None
) -> Judgement:
    """Return ``judged``, the judgement of ``case`` against its own baseline, also held to ``reference``.

    ``own`` is the calibration of that baseline. What differs from the reference is drift, whatever the
    verdict was before; a case that passes keeps its verdict and gets a note.
    """
    original, exact = reference.original, reference.exact
    if (unlike := _unlike(measured, original.measurement)) is not None:
        told: Reason = UnlikeReference(unlike, original.device)
        return replace(judged, verdict=Verdict.DRIFT, reasons=(*judged.reasons, told))
    factor, least = case.reference_factor or DEFAULT_FACTOR, _ROUNDING[case.dtype]
    parts = parts_of(
        distances(measured, exact.measurement),
        distances(original.measurement, exact.measurement),
        envelope_of(own),
        [each.step for each in exact.measurement.trace],
    )
    worst = max(parts, key=lambda part: part.factor(least))
    exceeded = sum(part.factor(least) > factor for part in parts)
    needed = worst.factor(least)
    figures = (worst.step, worst.port, max(worst.original, least), worst.envelope, needed, factor)
    if not needed <= factor:
        told = FartherThanReference(original.device, exceeded, len(parts), *figures)
        return replace(judged, verdict=Verdict.DRIFT, reasons=(*judged.reasons, told))
    return replace(judged, notes=(*judged.notes, WithinReference(original.device, *figures)))


def distances(measured: Measurement, exact: Measurement) -> Distances:
    """Return how far a run with latents is from the ``exact`` one."""
    ours = () if measured.latents is None else measured.latents
    theirs = () if exact.latents is None else exact.latents
    steps = tuple(distance(left, right) for left, right in zip(ours, theirs, strict=False))
    return Distances(steps, distance(measured.output, exact.output))


def envelope_of(calibration: Calibration | None) -> Distances:
    """Return the spread of a case under rounding, 0 if that was not measured."""
    if calibration is None:
        return Distances((), 0.0)
    steps = tuple(each.largest for each in calibration.steps)
    return Distances(steps, calibration.metrics.get("relative_l2", 0.0))


def parts_of(port: Distances, original: Distances, envelope: Distances, steps: list[int]) -> tuple[Part, ...]:
    """Return what is judged of each of ``steps``, and of the output."""
    count = min(len(port.steps), len(original.steps), len(steps))
    spread = (*envelope.steps, *(0.0,) * count)
    figures = zip(steps, port.steps, original.steps, spread, strict=False)
    return (*(Part(*each) for each in figures), Part(None, port.output, original.output, envelope.output))


def needed_factor(port: Distances, original: Distances, envelope: Distances, dtype: str = "float32") -> float:
    """Return the smallest factor whose limits ``port`` keeps."""
    parts = parts_of(port, original, envelope, list(range(len(original.steps))))
    return max(part.factor(_ROUNDING[dtype]) for part in parts)


def _unlike(measured: Measurement, original: Measurement) -> str | None:
    """Return in what two runs do not run the same case, so that no distance between them says anything."""
    if [_drawn(each) for each in measured.ledger] != [_drawn(each) for each in original.ledger]:
        return "draws"
    if schedule_change(measured, original) is not None:
        return "schedule"
    shapes = [None if each.latents is None else each.latents.shape for each in (measured, original)]
    if shapes[0] != shapes[1]:
        return "latents"
    return "output" if measured.output.shape != original.output.shape else None


def _drawn(draw: Draw) -> tuple[int, str, tuple[int, ...], str]:
    # Not from which line: that is another program's.
    return draw.generator, draw.method, draw.shape, draw.sha256
