"""The evidence for root causes, as data: one class for each kind, without sentences."""

from __future__ import annotations

from dataclasses import dataclass

from harness.codec import Tagged
from harness.judgement.reasons import Reason
from harness.judgement.tiers import FieldDifference


class Evidence(Tagged):
    """A difference between a measurement and its baseline; each kind is its own dataclass."""


class EnvironmentDiffers(Evidence):
    """Fields of the fingerprint differ; ``operators`` are those of the ``tried`` that give different bits."""

    differences: tuple[FieldDifference, ...]
    operators: tuple[str, ...]
    tried: int


class OperatorsDifferHere(Evidence):
    """Operators give different bits in what looks like the same environment."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class MovedClass:
    """A class of operators of which ``moved`` entries of the atlases have other bits, and ``same`` have not.

    ``relative_l2`` is how far the one moved that moved furthest, in its sample; None if that is not known.
    """

    name: str
    moved: int
    same: int
    relative_l2: float | None


class AtlasesDiffer(Evidence):
    """The atlases of the two environments have other bits for ``classes``, and the same for ``same`` entries.

    ``operator`` is that of the first cell that moved, empty if no cell did, and ``cell`` its class if it is
    one of the ``classes``.
    """

    classes: tuple[MovedClass, ...]
    operator: str
    cell: str | None
    same: int


class AtlasMissing(Evidence):
    """None of the ``given`` atlases is of the environment of the ``measured`` run, or of the ``baseline``."""

    measured: bool
    baseline: bool
    given: int


class CodeChanged(Evidence):
    """Files of the user's own code are not those of the recording; ``commits`` are those of both sides.

    The first of ``commits`` is that of the measurement; each is None outside git, and in its text form.
    """

    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    commits: tuple[str | None, ...]


class LibraryEdited(Evidence):
    """The code of an installed library was edited: its ``release`` has another hash on both sides."""

    name: str
    release: str
    measured: str
    baseline: str


class WeightsChanged(Evidence):
    """Weights that the user's own code brings are not those of the recording: files, or cells by name."""

    names: tuple[str, ...]


class CodeUnknown(Evidence):
    """The baseline does not say which code computed it, so a change of the code cannot be named."""


class Changed(Evidence):
    """A reason that the judgement also gives: different weights, noise, schedule, or another run."""

    reason: Reason


class WrongInput(Evidence):
    """In step ``step``, ``names`` of what the pipeline passes to ``to``, a model or scheduler, differ.

    ``of_step`` is False if ``to`` is called after the last step.
    """

    names: tuple[str, ...]
    to: str
    step: int
    of_step: bool


@dataclass(frozen=True)
class StepDifference:
    """The difference of the latents after one step: the figure, the amount, and the amount in envelopes.

    ``figure`` is the statistic (or ``relative_l2`` if latents are kept) that moved most, and ``deviation`` is
    by how much. ``excess`` is ``deviation`` divided by the largest deviation that rounding alone caused
    there. It is None if the case was not calibrated or is chaotic at that step.
    """

    step: int
    timestep: float
    figure: str
    deviation: float
    excess: float | None


@dataclass(frozen=True)
class DerivedConstant:
    """A constant computed from a table, off by ``size`` at ``timestep``, relative to its own size."""

    name: str
    timestep: float
    size: float


class ConstantsCancel(Evidence):
    """``table`` is the recorded one but for rounding of ``ulps``; ``derived`` differ, since they cancel."""

    table: str
    ulps: float
    derived: tuple[DerivedConstant, ...]


class LeavesEnvelope(Evidence):
    """The latents leave the envelope of rounding at step ``at``; steps run from 0 to ``last``.

    ``before`` is the excess of the previous step, None for the first step. ``jump`` is whether the difference
    came all at once rather than by slow amplification. ``final`` is the excess after the last step. It is
    None if that is step ``at`` itself or has no envelope.
    """

    at: StepDifference
    last: int
    before: float | None
    jump: bool
    final: float | None


class WithinEnvelope(Evidence):
    """``change`` is in the latents, but no step leaves the envelope: ``most`` times it, of ``allowed``."""

    change: Reason
    most: float
    allowed: float


class WithoutEnvelope(Evidence):
    """``change`` is in the latents, but no envelope shows the effect of rounding.

    ``largest`` is the largest difference of the latents. ``calibrated`` is whether the case was calibrated:
    if so, it is chaotic from its first compared step on.
    """

    change: Reason
    largest: StepDifference
    calibrated: bool


class DiffersAfterSteps(Evidence):
    """The latents of every step have the baseline's bits, but the output does not."""


class LeavesAfterSteps(Evidence):
    """No step leaves the envelope of rounding, but the output does: it arises after the last step.

    ``figure`` is the metric of the output that moved furthest: by ``deviation``, which is ``excess`` times
    what rounding does there. The latents reach at most ``most`` times it.
    """

    figure: str
    deviation: float
    excess: float
    most: float
