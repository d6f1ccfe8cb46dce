"""Facts are compared exactly, in every tier: rounding cannot explain another parameter."""

from __future__ import annotations

from harness.judgement import fact_reasons as f
from harness.judgement.bits import differing_keys
from harness.judgement.constants import constant_change, other_constants
from harness.judgement.reasons import Difference, Reason
from harness.measurement.measurement import Measurement


def parameter_change(measured: Measurement, baseline: Measurement) -> f.ParameterChanged | None:
    """Return the first loaded parameter that differs; None if all are the same, or a side has no facts."""
    if not (changed := _changed_parameters(measured, baseline)):
        return None
    assert measured.facts is not None
    assert baseline.facts is not None
    sides = measured.facts.parameters.get(changed[0]), baseline.facts.parameters.get(changed[0])
    return f.ParameterChanged(changed[0], len(changed) - 1, *sides)


def fact_changes(measured: Measurement, baseline: Measurement) -> tuple[Reason, ...]:
    """Return why the facts of ``measured`` are not those of ``baseline``; none for one without facts."""
    changes = (parameter_change(measured, baseline), constant_change(measured, baseline))
    return tuple(change for change in changes if change is not None)


def fact_notes(measured: Measurement, baseline: Measurement) -> tuple[Reason, ...]:
    """Return what about the facts could not be compared."""
    if measured.facts is None:
        return ()
    if baseline.facts is None:
        return (f.NoFacts(),)
    unreadable = measured.facts.unreadable
    return () if measured.facts.parameters and not unreadable else (f.NoParameters(unreadable),)


def fact_differences(one: Measurement, other: Measurement) -> tuple[Difference, ...]:
    """Return how the facts of two runs differ, to the bit."""
    found: list[Difference] = []
    if parameters := _changed_parameters(one, other):
        found.append(f.OtherParameters(parameters))
    if constants := other_constants(one, other):
        found.append(f.OtherConstants(constants))
    return tuple(found)


def _changed_parameters(one: Measurement, other: Measurement) -> tuple[str, ...]:
    if one.facts is None or other.facts is None:
        return ()
    return differing_keys(one.facts.parameters, other.facts.parameters)
