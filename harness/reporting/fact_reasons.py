"""Reasons about facts in words."""

from __future__ import annotations

from harness.counting import count
from harness.judgement import fact_reasons as f
from harness.measurement.facts import Facts
from harness.reporting.figures import figure
from harness.reporting.wording import Words

_NAMES = 3
# Two values that are further apart are simply two values, and the ulps between them say nothing.
_MOST_ULPS = 1e6


def few(names: tuple[str, ...]) -> str:
    """Return the first of ``names``, and how many more there are."""
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return f"{', '.join(names[:_NAMES])}{more}"


def facts_text(facts: Facts) -> str:
    """Return how many parameters and constants a measurement knows."""
    constants = count(len(facts.dtypes) + len(facts.large), "constant")
    return f"{count(len(facts.parameters), 'parameter')} and {constants}"


def _parameter_changed(reason: f.ParameterChanged) -> str:
    others = f" (and {count(reason.others, 'other')})" if reason.others else ""
    if reason.measured is None:
        return f"the baseline's parameter {reason.name}{others} is not loaded"
    if reason.baseline is None:
        return f"the parameter {reason.name}{others} is loaded, which the baseline does not have"
    return f"the loaded parameter {reason.name}{others} is not the one recorded"


def _no_parameters(reason: f.NoParameters) -> str:
    if reason.unreadable:
        return f"parameters that cannot be read are not compared: {few(reason.unreadable)}"
    return "the pipeline holds no cell of MindSpore with parameters, so none is compared"


def _constant_changed(reason: f.ConstantChanged) -> str:
    others = f" (and {few(reason.others)})" if reason.others else ""
    constant = f"the constant {reason.name}{others}"
    if reason.index is None:
        return f"{constant} has another shape, or other statistics, than the one recorded"
    place = f"[{', '.join(map(str, reason.index))}]" if reason.index else ""
    if reason.timestep is not None:
        place += f" (timestep {reason.timestep:g})"
    size = "" if reason.ulps > _MOST_ULPS else f", {figure(reason.ulps, 2)} ulp"
    values = "" if reason.differing == 1 else f"; {reason.differing} values differ"
    return (
        f"{constant} is not the one recorded: {f'at {place} ' if place else ''}it is {reason.measured}, "
        f"the baseline's is {reason.baseline}{size}{values}"
    )


FACT_REASONS: Words = {
    f.ConstantChanged: _constant_changed,
    f.OtherConstants: lambda difference: f"constants ({few(difference.names)})",
    f.ParameterChanged: _parameter_changed,
    f.NoFacts: (
        "the baseline was recorded without facts: record it again with a reason to have parameters and "
        "constants compared"
    ),
    f.NoParameters: _no_parameters,
    f.FactsAdded: "only the facts, which the stored baseline lacks",
    f.OtherParameters: lambda difference: f"the loaded parameters ({few(difference.names)})",
}
