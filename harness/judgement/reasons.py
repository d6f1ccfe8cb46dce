"""Why a case got its verdict, as data: one class for each kind of reason or note.

The classes carry numbers and names, never sentences; :mod:`harness.reporting.reasons` words them. They cross
process boundaries and are stored in certificates, which can be read on any machine, so this module imports
nothing that computes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from harness.codec import Tagged
from harness.errors import FailureCause
from harness.measurement.figures import ProcessChange

# What a reason is about: the output, the images of a batch together, or those images run one by one.
Subject = Literal["output", "batch", "singles"]
# A part of a user's own pipeline that hashes may cover.
CodePart = Literal["code", "weights"]


class Reason(Tagged):
    """Why a case did not pass, or what is worth knowing about it. Each kind is its own dataclass."""


class OutputDiffers(Reason):
    """Values of the output have different bits; ``only_sign`` if they all differ only in the sign of 0."""

    differing: int
    size: int
    only_sign: bool


class OutputHasAnotherForm(Reason):
    """The output has a different shape or dtype from the baseline's."""


class LatentsDiffer(Reason):
    """The latents have different bits from ``step`` on; steps run from 0 to ``last``."""

    step: int
    last: int
    timestep: float


class StepsDiffer(Reason):
    """A different number of steps was traced."""

    measured: int
    baseline: int


class SinglesDiffer(Reason):
    """The single images of the batch have different bits."""


class StatisticsDiffer(Reason):
    """Statistics of the output are not exactly the same numbers."""

    names: tuple[str, ...]


class ScheduleHasOtherLength(Reason):
    """The schedule has a different number of steps."""

    measured: int
    baseline: int


class TimestepDiffers(Reason):
    """The schedule has a different timestep, first at ``step``."""

    step: int
    measured: float
    baseline: float


class CheckpointChanged(Reason):
    """The weights used are not the recorded ones; ``source`` is None for the pipeline's own weights.

    ``file`` is the first file that differs, with its sha256 on both sides (None: no such file on that side).
    ``others`` is how many more differ.
    """

    source: str | None
    file: str
    others: int
    measured: str | None
    baseline: str | None


@dataclass(frozen=True)
class DrawnNoise:
    """One noise draw as the ledger records it; ``site`` is the place in the code."""

    generator: int
    method: str
    shape: tuple[int, ...]
    dtype: str
    site: str

    def same_call(self, other: DrawnNoise) -> bool:
        """Whether both are the same call to the same generator, wherever it is in the code."""
        return replace(self, site=other.site) == other


class NoiseChanged(Reason):
    """The noise differs from draw ``index`` on. A side that has no such draw has None.

    ``measured_draws`` and ``baseline_draws`` are the numbers of draws on the two sides.
    """

    index: int
    measured: DrawnNoise | None
    baseline: DrawnNoise | None
    measured_draws: int
    baseline_draws: int


class ShapeDiffers(Reason):
    """Two arrays have different shapes; ``reference`` is the shape of the array compared with."""

    subject: Subject
    measured: tuple[int, ...]
    reference: tuple[int, ...]


class DtypeDiffers(Reason):
    """Two arrays have different dtypes; ``reference`` is the dtype of the array compared with."""

    subject: Subject
    measured: str
    reference: str


class Empty(Reason):
    """An array has no values."""

    subject: Subject
    shape: tuple[int, ...]


class ValuesNotFinite(Reason):
    """``count`` of ``size`` values are NaN or infinite, and the first ones are at ``positions``."""

    subject: Subject
    found: Literal["NaN", "Inf"]
    count: int
    size: int
    positions: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class NotFinite:
    """A statistic that is NaN or infinite. ``value`` is its JSON text, because NaN does not equal itself."""

    name: str
    value: str


class StatisticsMissing(Reason):
    """The baseline has statistics that were not measured."""

    names: tuple[str, ...]


class StatisticsNotFinite(Reason):
    """Statistics of the output are NaN or infinite."""

    figures: tuple[NotFinite, ...]


class LatentsNotFinite(Reason):
    """Statistics of the latents are NaN or infinite, first after ``step``."""

    step: int
    timestep: float
    figures: tuple[NotFinite, ...]


class LatentShapesDiffer(Reason):
    """The latents that were kept have different shapes; None for a side that kept none."""

    measured: tuple[int, ...] | None
    baseline: tuple[int, ...] | None


class NoSingles(Reason):
    """The run produced no single images, but the case asks to compare the batch with them."""


class LimitsExceeded(Reason):
    """``exceeded`` of ``limited`` figures are outside their limits; ``worst`` is the furthest outside.

    ``subject`` says what the figures describe: the output and its latents, or a batch and its single images.
    """

    subject: Subject
    exceeded: int
    limited: int
    worst: str
    measured: float
    limit: float
    at_least: bool


class Absence(Tagged):
    """Why a figure with a limit could not be computed."""


class MetricNeedsValues(Absence):
    """The metric needs at least one value."""

    metric: str
    shape: tuple[int, ...]


class MetricNeedsImages(Absence):
    """The metric needs images, with sides of at least ``window`` if that is not None."""

    metric: str
    shape: tuple[int, ...]
    window: int | None


class NoSuchStatistic(Absence):
    """The baseline has no such statistic; it has those in ``known``."""

    known: tuple[str, ...]


class LatentsCannotBeCompared(Absence):
    """The latents of a step have a different shape from the baseline's."""

    measured: tuple[int, ...]
    baseline: tuple[int, ...]


class NotJudged(Reason):
    """The figure ``name`` has a limit but could not be computed."""

    name: str
    absence: Absence


class StrictElsewhere(Reason):
    """The case is strict and this is not its baseline's environment; ``tier`` is how similar the two are."""

    tier: str


class NoLimits(Reason):
    """The case, on ``line`` of ``file``, has no limits for the tier in which it is compared."""

    tier: str
    file: str
    line: int


class Uncalibrated(Reason):
    """The output differs, and the case, on ``line`` of ``file``, has no calibration to compare it with.

    ``baseline`` says what is wrong with the baseline that the calibration would come from; None if nothing
    is.
    """

    tier: str
    file: str
    line: int
    baseline: Reason | None


class Chaotic(Reason):
    """One ulp of noise grew to ``spread`` (relative L2), but at most ``most`` can be judged.

    Only ``gated`` of the ``steps`` can therefore be judged. The growth happened after step ``step`` of the
    steps ``first`` to ``last``, or, without a ``step``, in the output after all of them.
    """

    gated: int
    steps: int
    spread: float
    most: float
    step: int | None
    first: int | None
    last: int | None


@dataclass(frozen=True)
class FieldEdit:
    """A field of a case's definition that was edited; both values are JSON text."""

    name: str
    old: str
    new: str


class Stale(Reason):
    """The case was edited since its baseline was recorded on ``date`` (ISO 8601).

    Without ``edits``, only the way the hash of its definition is computed has changed.
    """

    date: str
    edits: tuple[FieldEdit, ...]


# What prevented a measurement of a case, or a baseline to compare it with.
Failure = Literal["missing", "damaged", "stale", "other"]


class Failed(Reason):
    """A case could not be run, or has no baseline to compare with.

    ``told`` is the original error text, which is foreign: it is shown and never parsed. ``cause`` is the
    cause of a case without a measurement.
    """

    failure: Failure
    told: str
    cause: FailureCause = FailureCause.OTHER


class FailedAsExpected(Reason):
    """The case has no measurement for the ``cause`` it names; ``told`` is the original error text."""

    cause: str
    told: str


class DidNotFail(Reason):
    """The case has a measurement, although it is expected to fail for ``cause``."""

    cause: str


class FailedOtherwise(Reason):
    """The case is expected to fail for ``expected`` but failed for ``cause``; ``told`` is the error text."""

    expected: str
    cause: str
    told: str


class ReferenceFailed(Reason):
    """The run to compare with produced nothing; ``told`` is its original error text."""

    told: str


class OtherDevice(Reason):
    """There is no baseline for ``device``, so the case was compared with the baseline of ``baseline``."""

    device: str
    baseline: str


class OperatorsDiffer(Reason):
    """Single operators gave different bits on fixed inputs than in the baseline's environment."""

    names: tuple[str, ...]


class NotCovered(Reason):
    """A user's own pipeline computed the case, and no change of ``parts`` of it would be seen as such."""

    parts: tuple[CodePart, ...]


class ProcessChanged(Reason):
    """The case left its worker's process in a changed state, so no other case runs there."""

    changes: tuple[ProcessChange, ...]


class UnfitLimit(Reason):
    """A limit does not fit the ``envelope``, the effect of rounding.

    With ``times``, the limit is loose and hides faults: it passes differences of more than ``times`` the
    envelope. Without ``times``, it is tight: rounding alone has exceeded it. ``similarity`` is whether the
    metric is 1 when nothing differs.
    """

    name: str
    limit: float
    envelope: float
    similarity: bool
    times: float | None


class Unlike(Reason):
    """A run of the unchanged case does not give its baseline; ``change`` is the first difference."""

    change: Reason


class MemberUnlike(Reason):
    """With its noise moved by one ulp (signs from ``seed``), the case cannot be compared with itself."""

    seed: int
    reasons: tuple[Reason, ...]


class NoNeighbour(Reason):
    """None of the ``members`` runs with noise moved by one ulp came close to the unperturbed run."""

    members: int


class NothingToScale(Reason):
    """The effect of rounding is relative to values that are all 0: latents of ``step``, or the output."""

    step: int | None


class UnlikeItself(Reason):
    """The measurement does not pass the case's own rules."""

    reasons: tuple[Reason, ...]


class NotRepeatable(Reason):
    """Two runs in two fresh workers differ; ``difference`` is the first difference."""

    difference: Difference


class DoesNotRepeat(Reason):
    """A second run, in a fresh worker, differs from the run that is judged.

    ``differences`` are the first difference between the two, and the first step whose latents differ.
    ``relative_l2`` is the distance of their outputs (None if these have different forms), and ``second`` is
    the verdict of the second run (None if it was not compared with a baseline). ``after`` are the last cases
    that ran in the first run's worker before it, and ``others`` is how many ran before these.
    """

    differences: tuple[Difference, ...]
    relative_l2: float | None
    second: str | None
    after: tuple[str, ...]
    others: int


class CalibratedByChance(Reason):
    """Two runs of a calibration that should have the same bits differ, so members show more than rounding.

    ``differences`` are as for :class:`DoesNotRepeat`. ``seed`` is that of the member, None for unperturbed.
    """

    differences: tuple[Difference, ...]
    seed: int | None


class Repeats(Reason):
    """A second run, in a fresh worker, gives the bits of the run that is judged."""


class SecondRunFailed(Reason):
    """A second run, in a fresh worker, gave no measurement; ``told`` is the original error text."""

    cause: str
    told: str


class NotRunAgain(Reason):
    """The case was not run again, because the last ``drifts`` cases all drifted, and all repeated."""

    drifts: int


class Difference(Tagged):
    """The first difference in the bits of two measurements."""


class OtherEnvironment(Difference):
    """Fields of the fingerprint differ."""

    names: tuple[str, ...]


class OtherCheckpoint(Difference):
    """The hash of the weights differs."""


class OtherOperators(Difference):
    """Single operators differ on fixed inputs."""

    names: tuple[str, ...]


class OtherDraw(Difference):
    """A noise draw differs."""

    index: int
    draw: DrawnNoise


class OtherNumber(Difference):
    """The number of noise draws or of traced steps differs."""

    of: Literal["draws", "steps"]
    one: int
    other: int


class OtherLatents(Difference):
    """The latents after a step differ."""

    step: int
    timestep: float


class OtherPart(Difference):
    """An array of the measurement differs, or the statistics of equal arrays do."""

    part: Literal["output", "latents", "singles", "statistics"]


class StoredDamaged(Difference):
    """The stored baseline is damaged, so the difference is unknown."""


class OtherProvenance(Difference):
    """Only the origin differs: it was recorded from an edited working tree."""


class FailsWithoutFault(Reason):
    """The case does not pass at its tolerance for ``tier`` even without a fault."""

    verdict: str
    tier: str
    reasons: tuple[Reason, ...]


class StrictWithoutPower(Reason):
    """The case is strict, so it is not compared in the ``tier`` in which power is measured."""

    tier: str


class WithoutCalibration(Reason):
    """The case is not calibrated, so it has no tolerance for ``tier``."""

    tier: str


class ChaoticWithoutPower(Reason):
    """The case is chaotic, so its output has no limits."""

    chaotic: Chaotic


@dataclass(frozen=True)
class SizedFault:
    """A fault of the catalogue; ``size`` is None for a fault without sizes."""

    name: str
    size: float | None


class ConstantOutput(Reason):
    """All ``size`` values of the output are ``value``, and the limits for ``tier`` cover nothing else."""

    size: int
    value: float
    tier: str
    file: str
    line: int


class PassesOutputFaults(Reason):
    """At its tolerance for ``tier``, the case passes each of ``faults`` in its output.

    ``nearest`` comes closest to being caught, at ``margin`` of the difference that would be caught.
    """

    faults: tuple[SizedFault, ...]
    nearest: SizedFault
    margin: float
    tier: str
    file: str
    line: int


class CatchesNoFault(Reason):
    """By its numbers, the case catches none of the faults in what it computes, or none in its output.

    Each field is the number of those faults. It is None if the case catches some of them, or if there are
    none.
    """

    computed: int | None
    output: int | None


class VacuousByTable(Reason):
    """The power table says that the case is vacuous."""

    reason: Reason


class SeveralModes(Reason):
    """Rounding alone turns one output into another. Counts the runs in each mode, the baseline's first."""

    counts: tuple[int, ...]


class NoiseCast(Reason):
    """The pipeline casts its noise to ``unit``, so the members' noise was moved by one unit of that dtype."""

    unit: str


class Swallowed(Reason):
    """One ulp of ``dtype`` in the noise changes nothing, one unit of ``unit`` does: it is lost in a cast."""

    dtype: str
    unit: str


class Stable(Reason):
    """No member's output differed."""


class Saturated(Reason):
    """A ``share`` of the output's values is at the bounds of its range; ``steps``: latents are gated, too."""

    share: float
    steps: bool


class OddLimit(Reason):
    """A limit of the case for ``tier`` does not fit the effect of rounding."""

    tier: str
    note: Reason
