"""Why a case came to its verdict, as data: one class for each kind of reason or note.

They carry numbers and names, never sentences: :mod:`harness.reporting.reasons` says them. They cross
processes and go into certificates, which are read on any machine: this module imports nothing that computes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from harness.codec import Tagged
from harness.errors import FailureCause
from harness.measurement.figures import ProcessChange

# What a reason is about: the output, the images of a batch together, or those images run one by one.
Subject = Literal["output", "batch", "singles"]


class Reason(Tagged):
    """Why a case did not pass, or what is worth knowing of it; every kind is a dataclass of its own."""


class OutputDiffers(Reason):
    """Values of the output have other bits, ``only_sign`` where all of them only in the sign of 0."""

    differing: int
    size: int
    only_sign: bool


class OutputHasAnotherForm(Reason):
    """The output has another shape or dtype than the baseline's."""


class LatentsDiffer(Reason):
    """The latents have other bits from ``step`` on, of the steps from 0 to ``last``."""

    step: int
    last: int
    timestep: float


class StepsDiffer(Reason):
    """Another number of steps was traced."""

    measured: int
    baseline: int


class SinglesDiffer(Reason):
    """The single images of the batch have other bits."""


class StatisticsDiffer(Reason):
    """Statistics of the output are not the very same numbers."""

    names: tuple[str, ...]


class ScheduleHasOtherLength(Reason):
    """The schedule has another number of steps."""

    measured: int
    baseline: int


class TimestepDiffers(Reason):
    """The schedule has another timestep, first in ``step``."""

    step: int
    measured: float
    baseline: float


class CheckpointChanged(Reason):
    """The weights that ran are not those recorded; ``source`` is None for those of the pipeline itself.

    ``file`` is the first that differs, with the sha256 on both sides (None: no such file there), ``others``
    how many more do.
    """

    source: str | None
    file: str
    others: int
    measured: str | None
    baseline: str | None


@dataclass(frozen=True)
class DrawnNoise:
    """One draw of noise, as the ledger has it; ``site`` is the place in the code."""

    generator: int
    method: str
    shape: tuple[int, ...]
    dtype: str
    site: str

    def same_call(self, other: DrawnNoise) -> bool:
        """Whether both ask the same of the same generator, wherever in the code."""
        return replace(self, site=other.site) == other


class NoiseChanged(Reason):
    """The noise is another from draw ``index`` on; a side that has no such draw has None.

    ``measured_draws`` and ``baseline_draws`` count those of both sides.
    """

    index: int
    measured: DrawnNoise | None
    baseline: DrawnNoise | None
    measured_draws: int
    baseline_draws: int


class ShapeDiffers(Reason):
    """Two arrays have other shapes; ``reference`` is that of the other one."""

    subject: Subject
    measured: tuple[int, ...]
    reference: tuple[int, ...]


class DtypeDiffers(Reason):
    """Two arrays have other dtypes; ``reference`` is that of the other one."""

    subject: Subject
    measured: str
    reference: str


class Empty(Reason):
    """An array has no value at all."""

    subject: Subject
    shape: tuple[int, ...]


class ValuesNotFinite(Reason):
    """``count`` of ``size`` values are NaN or infinite, the first of them at ``positions``."""

    subject: Subject
    found: Literal["NaN", "Inf"]
    count: int
    size: int
    positions: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class NotFinite:
    """A statistic that is NaN or infinite. ``value`` is its JSON text: NaN is not equal to itself."""

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
    """The latents that were kept have another shape; None where a side kept none."""

    measured: tuple[int, ...] | None
    baseline: tuple[int, ...] | None


class NoSingles(Reason):
    """The run yielded no single images, which the case asks to compare the batch with."""


class LimitsExceeded(Reason):
    """``exceeded`` of ``limited`` figures are outside their limits; ``worst`` is the one that is furthest.

    ``subject`` is what they are of: the output and its latents, or a batch beside its single images.
    """

    subject: Subject
    exceeded: int
    limited: int
    worst: str
    measured: float
    limit: float
    at_least: bool


class Absence(Tagged):
    """Why a figure that has a limit could not be computed."""


class MetricNeedsValues(Absence):
    """The metric needs at least one value."""

    metric: str
    shape: tuple[int, ...]


class MetricNeedsImages(Absence):
    """The metric needs images, with sides of at least ``window`` where that is not None."""

    metric: str
    shape: tuple[int, ...]
    window: int | None


class NoSuchStatistic(Absence):
    """The baseline has no such statistic, but those ``known``."""

    known: tuple[str, ...]


class LatentsCannotBeCompared(Absence):
    """The latents of a step have another shape than the baseline's."""

    measured: tuple[int, ...]
    baseline: tuple[int, ...]


class NotJudged(Reason):
    """The figure ``name`` has a limit and could not be computed."""

    name: str
    absence: Absence


class StrictElsewhere(Reason):
    """The case is strict, and this not its baseline's environment: ``tier`` is how alike the two are."""

    tier: str


class NoLimits(Reason):
    """The case, on ``line`` of ``file``, has no limits for the tier it is compared in."""

    tier: str
    file: str
    line: int


class Uncalibrated(Reason):
    """The output differs, and the case, on ``line`` of ``file``, has no calibration to hold it to.

    ``baseline`` says what is wrong with the one that it would come from, None where that has none.
    """

    tier: str
    file: str
    line: int
    baseline: Reason | None


class Chaotic(Reason):
    """One ulp of noise grew to ``spread`` (relative L2), of which ``most`` can be judged.

    So only ``gated`` of its ``steps`` can. It did so after step ``step`` of those from ``first`` to ``last``;
    without a ``step`` in the output, after all of them.
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
    """A field of a case's definition that was edited; both values as JSON text."""

    name: str
    old: str
    new: str


class Stale(Reason):
    """The case was edited since its baseline was recorded on ``date`` (ISO 8601).

    Without ``edits`` it is the hash of its definition that was computed otherwise.
    """

    date: str
    edits: tuple[FieldEdit, ...]


# What kept a case from a measurement or from a baseline to hold it to.
Failure = Literal["missing", "damaged", "stale", "other"]


class Failed(Reason):
    """A case could not be run, or has nothing to be held to.

    ``told`` is the error as it was given, foreign words that are shown and never read; ``cause`` is that of a
    case that yielded no measurement.
    """

    failure: Failure
    told: str
    cause: FailureCause = FailureCause.OTHER


class FailedAsExpected(Reason):
    """The case came to no measurement for the ``cause`` that it names; ``told`` is the error as given."""

    cause: str
    told: str


class DidNotFail(Reason):
    """The case came to a measurement, though it is expected to fail for ``cause``."""

    cause: str


class FailedOtherwise(Reason):
    """The case is expected to fail for ``expected``, and failed for another ``cause``; ``told`` says how."""

    expected: str
    cause: str
    told: str


class ReferenceFailed(Reason):
    """The run to compare with yielded nothing; ``told`` is its error as it was given."""

    told: str


class OtherDevice(Reason):
    """There is no baseline for ``device``; it was held to the one of ``baseline``."""

    device: str
    baseline: str


class OperatorsDiffer(Reason):
    """Single operators gave other bits on fixed inputs than in the baseline's environment."""

    names: tuple[str, ...]


class ProcessChanged(Reason):
    """The case left its worker's process otherwise than it found it; no case runs there after it."""

    changes: tuple[ProcessChange, ...]


class UnfitLimit(Reason):
    """A limit does not fit the ``envelope``, which is what rounding does.

    It is loose and hides faults where it passes differences of more than ``times`` the envelope, and tight
    without ``times``: rounding alone has gone beyond it. ``similarity`` is whether it is on a metric that is
    1 where nothing differs.
    """

    name: str
    limit: float
    envelope: float
    similarity: bool
    times: float | None


class Unlike(Reason):
    """A run of the case as it is gives something else than its baseline: ``change`` comes first."""

    change: Reason


class MemberUnlike(Reason):
    """With its noise moved by one ulp, signs of ``seed``, the case cannot be compared with itself."""

    seed: int
    reasons: tuple[Reason, ...]


class NoNeighbour(Reason):
    """None of ``members`` runs with the noise moved by one ulp came close to the unperturbed run."""

    members: int


class NothingToScale(Reason):
    """What rounding did is relative to values that are all 0: the latents of ``step``, or the output."""

    step: int | None


class UnlikeItself(Reason):
    """The measurement does not pass by the case's own rules."""

    reasons: tuple[Reason, ...]


class NotRepeatable(Reason):
    """Two runs in two fresh workers differ, first in ``difference``."""

    difference: Difference


class Difference(Tagged):
    """The first thing that differs in the bits of two measurements."""


class OtherEnvironment(Difference):
    """Fields of the fingerprint."""

    names: tuple[str, ...]


class OtherCheckpoint(Difference):
    """The hash of the weights."""


class OtherOperators(Difference):
    """Single operators on fixed inputs."""

    names: tuple[str, ...]


class OtherDraw(Difference):
    """A draw of noise."""

    index: int
    draw: DrawnNoise


class OtherNumber(Difference):
    """How often noise is drawn, or how many steps are traced."""

    of: Literal["draws", "steps"]
    one: int
    other: int


class OtherLatents(Difference):
    """The latents after a step."""

    step: int
    timestep: float


class OtherPart(Difference):
    """An array of the measurement, or statistics of the same arrays."""

    part: Literal["output", "latents", "singles", "statistics"]


class StoredDamaged(Difference):
    """The stored baseline is damaged, so the difference is unknown."""


class OtherProvenance(Difference):
    """Only where it comes from: it was recorded from an edited working tree."""


class FailsWithoutFault(Reason):
    """Without a fault the case does not pass at its tolerance for ``tier``."""

    verdict: str
    tier: str
    reasons: tuple[Reason, ...]


class StrictWithoutPower(Reason):
    """The case is strict, so that it is not compared in the ``tier`` that power is measured in."""

    tier: str


class WithoutCalibration(Reason):
    """The case is not calibrated, so that it has no tolerance for ``tier``."""

    tier: str


class ChaoticWithoutPower(Reason):
    """The case is chaotic, so that its output is held to no limits."""

    chaotic: Chaotic


@dataclass(frozen=True)
class SizedFault:
    """A fault of the catalogue; without a ``size`` one that has none."""

    name: str
    size: float | None


class ConstantOutput(Reason):
    """All ``size`` values of the output are ``value``, and the limits for ``tier`` are on nothing else."""

    size: int
    value: float
    tier: str
    file: str
    line: int


class PassesOutputFaults(Reason):
    """At its tolerance for ``tier`` the case passes each of ``faults`` in its output.

    ``nearest`` comes nearest to being caught, at ``margin`` of the difference that would be.
    """

    faults: tuple[SizedFault, ...]
    nearest: SizedFault
    margin: float
    tier: str
    file: str
    line: int


class CatchesNoFault(Reason):
    """By numbers the case catches none of the faults in what it computes, or in its output; None: some."""

    computed: int | None
    output: int | None


class VacuousByTable(Reason):
    """The power table says that the case is vacuous."""

    reason: Reason


class SeveralModes(Reason):
    """Rounding alone turns one output into another: how many runs came to each, the baseline's first."""

    counts: tuple[int, ...]


class Stable(Reason):
    """No member's output differed at all."""


class Saturated(Reason):
    """``share`` of the output's values are at the bounds of its range; ``steps``: are latents gated, too?"""

    share: float
    steps: bool


class OddLimit(Reason):
    """A limit of the case for ``tier`` does not fit what rounding does."""

    tier: str
    note: Reason
