"""Root causes in words: a title for each, and further details."""

from __future__ import annotations

from typing import Any

from harness.baselines.git import Commit
from harness.codec import from_json, parse_json
from harness.explanation import evidence as e
from harness.explanation.causes import Cause
from harness.judgement.reasons import DrawnNoise, NoiseChanged
from harness.reporting.figures import difference_text, figure
from harness.reporting.reasons import REASONS
from harness.reporting.wording import Words, filled

_NAMES = 4
_DERIVED = {"one_minus_alpha": "1 - alpha", "log_snr": "log-SNR"}

_TITLES: Words = {
    **REASONS,
    e.EnvironmentDiffers: lambda evidence: (
        f"the environment differs: {', '.join(difference.name for difference in evidence.differences)}"
    ),
    e.OperatorsDifferHere: (
        "operators give different bits in what looks like the same environment: {names:, }"
    ),
    e.AtlasesDiffer: lambda evidence: _atlases_title(evidence),
    e.AtlasMissing: lambda evidence: (
        f"of {evidence.given} given, no atlas is of the environment of "
        + " and ".join(
            name
            for name, lacks in (("this run", evidence.measured), ("the reference", evidence.baseline))
            if lacks
        )
    ),
    e.CodeChanged: lambda evidence: "; ".join(
        f"{', '.join(_few(names))} {what}"
        for names, what in (
            (evidence.changed, "changed"),
            (evidence.added, "is new" if len(evidence.added) == 1 else "are new"),
            (evidence.removed, "is gone" if len(evidence.removed) == 1 else "are gone"),
        )
        if names
    ),
    e.LibraryEdited: "the code of {name} was edited ({baseline} -> {measured})",
    e.WeightsChanged: lambda evidence: f"the weights changed: {', '.join(_few(evidence.names))}",
    e.CodeUnknown: (
        "the baseline does not say which code computed it, so a change of the code cannot be named"
    ),
    e.Changed: "{reason}",
    e.WrongInput: lambda evidence: (
        f"{'step ' + str(evidence.step) if evidence.of_step else 'after the last step'}: "
        f"{', '.join(map(_argument, _few(evidence.names)))} of {evidence.to}"
    ),
    e.DiffersAfterSteps: (
        "the latents of every step have the baseline's bits, but the output does not: the difference arises "
        "after "
        "the last step (decoding, clamping, conversion to an image)"
    ),
    e.LeavesAfterSteps: (
        "no step leaves the envelope of rounding (at most {most:figure2} times its size), but the output "
        "does: {figure} is {deviation:figure2}, {excess:figure} times what rounding does there. The "
        "difference arises after the last step (decoding, clamping, conversion to an image)"
    ),
    e.ConstantsCancel: lambda evidence: (
        f"{' and '.join(map(_derived, evidence.derived))}, although {evidence.table} itself is within "
        f"{figure(evidence.ulps, 2)} ulp of the one recorded"
    ),
    e.LeavesEnvelope: (
        "the latents leave the envelope at step {at.step} (of 0 to {last}, timestep {at.timestep}): "
        "{at.figure} is off by {at.deviation:figure2}, {at.excess:figure} times what rounding does there"
    ),
    e.WithinEnvelope: (
        "{change}; no step leaves the envelope of rounding (at most {most:figure2} times its size; "
        "{allowed:figure} times is allowed)"
    ),
    e.WithoutEnvelope: "{change}",
}


def cause_line(cause: Cause) -> str:
    """Return a cause in one line: its class and its title."""
    return f"{cause.kind}: {cause_title(cause.evidence)}"


def cause_json(cause: Cause) -> dict[str, Any]:
    """Return a cause as JSON values, in words."""
    details = list(cause_details(cause.evidence))
    return {"kind": cause.kind, "title": cause_title(cause.evidence), "details": details}


def stored_cause(stored: str | None) -> str:
    """Return in words the first cause that a history stores; older histories store the words themselves."""
    if stored is None:
        return ""
    try:
        return cause_line(from_json(Cause, parse_json(stored)))
    except ValueError:
        return stored


def cause_title(evidence: e.Evidence) -> str:
    """Return what differs, in one line."""
    return filled(evidence, _TITLES)


def cause_details(evidence: e.Evidence) -> tuple[str, ...]:
    """Return the details that follow the title."""
    match evidence:
        case e.EnvironmentDiffers():
            return _environment_details(evidence)
        case e.AtlasesDiffer():
            return _atlases_details(evidence)
        case e.AtlasMissing():
            return ("`harness atlas --out FILE` in that environment makes one",)
        case e.CodeChanged(commits=(measured, stored)) if measured or stored:
            told = [None if each is None else Commit.parse(each).short for each in (stored, measured)]
            return (f"commit {told[0] or '(none)'} -> {told[1] or '(none)'}",)
        case e.CodeUnknown():
            return ("record the case again with a reason to store it",)
        case e.OperatorsDifferHere():
            return ("a library was replaced under the same version number, or the device miscalculates",)
        case e.Changed(reason=NoiseChanged() as noise):
            return _noise_details(noise)
        case e.ConstantsCancel():
            return ("the table was computed in another precision or order, where its values cancel with 1",)
        case e.LeavesEnvelope():
            return _growth_details(evidence)
        case e.WithinEnvelope():
            return (
                "the order or the precision of operations changed, or something changed by too little to "
                "tell apart from that",
            )
        case e.WithoutEnvelope(largest=at, calibrated=calibrated):
            detail = f"largest after step {at.step}: {at.figure} is off by {figure(at.deviation, 2)}"
            tell = "" if calibrated else "; `harness calibrate` shows whether that is more than rounding"
            return (detail + tell,)
        case _:
            return ()


def _atlases_title(evidence: e.AtlasesDiffer) -> str:
    if evidence.cell is not None:
        return (
            f"between these environments {evidence.cell} differs, and it is the first cell that moved "
            f"({evidence.operator})"
        )
    names = ", ".join(_few(tuple(each.name for each in evidence.classes)))
    more = f"; the first cell that moved, {evidence.operator}, is none of them" if evidence.operator else ""
    return f"between these environments operators differ: {names}{more}"


def _atlases_details(evidence: e.AtlasesDiffer) -> tuple[str, ...]:
    own = sorted(evidence.classes, key=lambda each: (each.name != evidence.cell, -each.moved))
    lines = []
    for each in own[:_NAMES]:
        far = "" if each.relative_l2 is None else f", by up to {figure(each.relative_l2, 2)} (relative L2)"
        lines.append(f"{each.name}: {each.moved} of {each.moved + each.same} in the atlases differ{far}")
    if len(own) > _NAMES:
        lines.append(f"and {len(own) - _NAMES} more classes")
    return (*lines, f"{evidence.same} results of the atlases are the same")


def _derived(constant: e.DerivedConstant) -> str:
    name, size = _DERIVED[constant.name], figure(constant.size, 2)
    return f"{name} at t = {constant.timestep:g} differs by {size} relative"


def _argument(name: str) -> str:
    return "the number of arguments" if name == "all" else f"`{name}`"


def _few(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(names) <= _NAMES else (*names[:_NAMES], f"{len(names) - _NAMES} more")


def _environment_details(evidence: e.EnvironmentDiffers) -> tuple[str, ...]:
    details = tuple(map(difference_text, evidence.differences))
    if evidence.operators:
        return (*details, f"operators that give different bits here: {', '.join(evidence.operators)}")
    if evidence.tried:
        return (*details, f"all {evidence.tried} operators tried individually give the same bits")
    return details


def _noise_details(noise: NoiseChanged) -> tuple[str, ...]:
    if noise.measured is None or noise.baseline is None:
        return ()
    return (
        f"draw {noise.index} here: {_draw(noise.measured)}",
        f"draw {noise.index} in the baseline: {_draw(noise.baseline)}",
    )


def _draw(draw: DrawnNoise) -> str:
    shape = "x".join(map(str, draw.shape)) or "a single number"
    return f"generator {draw.generator}, {draw.method}, {shape}, {draw.dtype}, at {draw.site}"


def _growth_details(evidence: e.LeavesEnvelope) -> tuple[str, ...]:
    if evidence.before is None:
        how = "it is present from the first step on"
    elif evidence.jump:
        how = f"a jump: the previous step was at {figure(evidence.before, 2)} times the envelope"
    else:
        before = f"{figure(evidence.before, 2)} times the envelope"
        how = f"a slow amplification: the previous step was already at {before}"
    final, excess = evidence.final, evidence.at.excess or 0.0
    if final is None:
        return (how,)
    trend = "grows" if final > 2 * excess else "shrinks" if final < excess / 2 else "stays"
    return how, f"from there it {trend}: {figure(final)} times the envelope after the last step"
