"""Facts are compared exactly, in every tier: rounding cannot explain another parameter.

Only a parameter that the case calls computed may have another rounding in another environment.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.judgement import fact_reasons as f
from harness.judgement.bits import checkpoint_change, differing_keys
from harness.judgement.computed import ALLOWED_ULPS, comparable, difference, relative_to
from harness.judgement.constants import constant_change, other_constants
from harness.judgement.reasons import Difference, Reason
from harness.judgement.tiers import Tier
from harness.measurement.facts import Facts, Sketch
from harness.measurement.measurement import Measurement


@dataclass(frozen=True)
class _Computed:
    """A computed parameter with another checksum, and by how many ulp and relative to its size it is off."""

    name: str
    ulps: float
    allowed: float
    relative: float

    @property
    def within(self) -> bool:
        return self.ulps <= self.allowed

    @property
    def share(self) -> float:
        return self.ulps / self.allowed


@dataclass(frozen=True)
class _Changes:
    """The parameters with other checksums: those that are compared exactly, and computed ones."""

    exact: list[str] = field(default_factory=list)
    off: list[_Computed] = field(default_factory=list)
    rounded: list[_Computed] = field(default_factory=list)


def fact_changes(measured: Measurement, baseline: Measurement, tier: Tier) -> tuple[Reason, ...]:
    """Return why the facts of ``measured`` are not those of ``baseline``; none for one without facts."""
    found: list[Reason] = []
    changes = _changes(measured, baseline, tier)
    if changes.exact:
        name, *others = changes.exact
        assert measured.facts is not None
        assert baseline.facts is not None
        sides = measured.facts.parameters.get(name), baseline.facts.parameters.get(name)
        hint = None if None in sides else _hint(name, measured, baseline, tier)
        found.append(f.ParameterChanged(name, len(others), *sides, hint))
    if changes.off:
        worst, *rest = changes.off
        found.append(f.ParameterOff(worst.name, len(rest), worst.ulps, worst.allowed, worst.relative))
    if (constant := constant_change(measured, baseline)) is not None:
        found.append(constant)
    return tuple(found)


def rounded_parameters(
    measured: Measurement, baseline: Measurement, tier: Tier
) -> f.ParametersRounded | None:
    """Return the computed parameters that are another rounding of those of ``baseline``; None without any."""
    if not (rounded := _changes(measured, baseline, tier).rounded):
        return None
    worst, *others = rounded
    return f.ParametersRounded(worst.name, len(others), worst.ulps, worst.allowed)


def rounded_cells(measured: Measurement, baseline: Measurement, tier: Tier) -> frozenset[str]:
    """Return the cells of a pipeline in which nothing but the rounding of computed parameters differs."""
    changes = _changes(measured, baseline, tier)
    others = {_cell(name) for name in (*changes.exact, *(each.name for each in changes.off))}
    return frozenset(_cell(each.name) for each in changes.rounded) - others


def _cell(parameter: str) -> str:
    return parameter.partition("/")[0]


def fact_notes(measured: Measurement, baseline: Measurement, tier: Tier) -> tuple[Reason, ...]:
    """Return what about the facts could not be compared, or differs by rounding."""
    if measured.facts is None:
        return ()
    if baseline.facts is None:
        return (f.NoFacts(),)
    notes: list[Reason] = []
    unreadable = measured.facts.unreadable
    if unreadable or not measured.facts.parameters:
        notes.append(f.NoParameters(unreadable))
    if lacking := sorted(measured.facts.sketches.keys() - baseline.facts.sketches.keys()):
        notes.append(f.NoSketches(tuple(lacking)))
    if (rounded := rounded_parameters(measured, baseline, tier)) is not None:
        notes.append(rounded)
    return tuple(notes)


def fact_differences(one: Measurement, other: Measurement) -> tuple[Difference, ...]:
    """Return how the facts of two runs differ, to the bit."""
    found: list[Difference] = []
    if parameters := _changed_parameters(one, other):
        found.append(f.OtherParameters(parameters))
    if constants := other_constants(one, other):
        found.append(f.OtherConstants(constants))
    return tuple(found)


def _changes(measured: Measurement, baseline: Measurement, tier: Tier) -> _Changes:
    """Return the changed parameters, computed ones with the one furthest off first."""
    found = _Changes()
    for name in _changed_parameters(measured, baseline):
        ours, theirs = (_sketch(side.facts, name) for side in (measured, baseline))
        if tier is Tier.SAME_ENVIRONMENT or ours is None or theirs is None or not comparable(ours, theirs):
            found.exact.append(name)
            continue
        size, allowed = difference(ours, theirs), ALLOWED_ULPS[theirs.dtype]
        computed = _Computed(name, relative_to(size, theirs.ulp_l2), allowed, relative_to(size, theirs.l2))
        (found.rounded if computed.within else found.off).append(computed)
    for each in (found.off, found.rounded):
        each.sort(key=lambda computed: -computed.share)
    return found


def _sketch(facts: Facts | None, name: str) -> Sketch | None:
    return None if facts is None else facts.sketches.get(name)


def _hint(name: str, measured: Measurement, baseline: Measurement, tier: Tier) -> f.ExactBecause | None:
    """Return why a parameter of both runs is compared exactly in another environment, if that may change."""
    assert measured.facts is not None
    assert baseline.facts is not None
    if tier is Tier.SAME_ENVIRONMENT or checkpoint_change(measured, baseline) is not None:
        return None
    if name not in measured.facts.sketches:
        return "unnamed"
    if name not in baseline.facts.sketches:
        return "unsketched"
    not_finite = measured.facts.sketches[name] is None and baseline.facts.sketches[name] is not None
    return "not-finite" if not_finite else None


def _changed_parameters(one: Measurement, other: Measurement) -> tuple[str, ...]:
    if one.facts is None or other.facts is None:
        return ()
    return differing_keys(one.facts.parameters, other.facts.parameters)
