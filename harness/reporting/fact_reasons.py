"""Reasons about facts in words."""

from __future__ import annotations

import math

from harness.counting import count
from harness.judgement import fact_reasons as f
from harness.measurement.facts import Facts
from harness.reporting.figures import figure
from harness.reporting.wording import Words

_NAMES = 3
# Two values that are further apart are simply two values, and the ulps between them say nothing.
_MOST_ULPS = 1e6
# What a reader may do, or has to know, about a parameter that is compared exactly.
_BECAUSE: dict[f.ExactBecause, str] = {
    "unnamed": "; if it is computed after loading (fused, merged), name it in `computed_parameters`",
    "unsketched": (
        ": the baseline has no sketch of it, so record the case again with a reason, where it was recorded"
    ),
    "not-finite": ": it has NaN, Inf or another dtype now",
}


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
    because = "" if reason.because is None else _BECAUSE[reason.because]
    return f"the loaded parameter {reason.name}{others} is not the one recorded{because}"


def _parameter_off(reason: f.ParameterOff) -> str:
    others = f" (and {count(reason.others, 'other')})" if reason.others else ""
    size = "" if math.isinf(reason.ulps) else f", {figure(reason.ulps, 2)} ulp"
    relative = "" if math.isinf(reason.relative) else f" (relative L2 {figure(reason.relative, 2)})"
    return (
        f"the computed parameter {reason.name}{others} is not the one recorded: its difference is more than "
        f"another rounding{size}{relative}; {reason.allowed:g} ulp are allowed"
    )


def _parameters_rounded(reason: f.ParametersRounded) -> str:
    others = f" (and {count(reason.others, 'other')})" if reason.others else ""
    return (
        f"the computed parameter {reason.name}{others} has another rounding here: it is off by "
        f"{figure(reason.ulps, 2)} ulp, and {reason.allowed:g} are allowed"
    )


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
    f.ParameterOff: _parameter_off,
    f.ParametersRounded: _parameters_rounded,
    f.NoSketches: lambda reason: (
        f"the baseline has no sketch of computed parameters ({few(reason.names)}), so in another environment "
        "they would have to be equal: record it again with a reason, where it was recorded"
    ),
    f.SketchesChanged: "only the sketches of computed parameters, which the stored baseline lacks",
    f.NoFacts: (
        "the baseline was recorded without facts: record it again with a reason to have parameters and "
        "constants compared"
    ),
    f.NoParameters: _no_parameters,
    f.FactsAdded: "only the facts, which the stored baseline lacks",
    f.OtherParameters: lambda difference: f"the loaded parameters ({few(difference.names)})",
}
