"""Reasons in words: the one place that says why a case came to its verdict.

Imports little: `harness verify` shows them where nothing but a certificate may be.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch
from pathlib import Path
from typing import Protocol

from harness.errors import in_short
from harness.judgement import reasons as r

_NAMES = 3
# What an array is called, and whose is the other one.
_SUBJECTS: dict[r.Subject, tuple[str, str]] = {
    "output": ("output", "the baseline's"),
    "batch": ("the batch", "that of its single images"),
    "singles": ("the single images", "that of the batch"),
}
_EXCEEDED = {
    "output": "",
    "batch": "the images of the batch differ from the single images of their seeds: ",
}


def in_words(reasons: Iterable[r.Reason]) -> tuple[str, ...]:
    """Return each of ``reasons`` in words, without what to do about it."""
    return tuple(map(reason_text, reasons))


def joined(reasons: Iterable[r.Reason]) -> str:
    """Return ``reasons`` in one line, or in the lines of a log that one of them has."""
    return "; ".join(in_words(reasons))


@singledispatch
def reason_text(reason: r.Reason) -> str:
    """Return one reason or note in words: no full stop, and a worker's log after the first line."""
    raise TypeError(f"no words for {type(reason).__name__}")


@reason_text.register
def _(reason: r.OutputDiffers) -> str:
    text = (
        "the output is not bitwise equal to the baseline's: "
        f"{reason.differing} of {reason.size} values differ"
    )
    return f"{text}, all of them only in the sign of 0" if reason.only_sign else text


@reason_text.register
def _(_: r.OutputHasAnotherForm) -> str:
    return "the output has another form than the baseline's"


@reason_text.register
def _(reason: r.LatentsDiffer) -> str:
    return (
        f"the latents differ from step {reason.step} on (of 0 to {reason.last}, timestep {reason.timestep})"
    )


@reason_text.register
def _(reason: r.StepsDiffer) -> str:
    return f"{reason.measured} steps were traced, {reason.baseline} in the baseline"


@reason_text.register
def _(_: r.SinglesDiffer) -> str:
    return "the single images of the batch are not bitwise equal to the baseline's"


@reason_text.register
def _(reason: r.StatisticsDiffer) -> str:
    more = f" and {len(reason.names) - _NAMES} more" if len(reason.names) > _NAMES else ""
    return f"statistics differ: {', '.join(reason.names[:_NAMES])}{more}"


@reason_text.register
def _(reason: r.ScheduleHasOtherLength) -> str:
    return f"the schedule differs: {reason.measured} steps, the baseline has {reason.baseline}"


@reason_text.register
def _(reason: r.TimestepDiffers) -> str:
    return (
        f"the schedule differs: step {reason.step} has timestep {reason.measured}, the baseline "
        f"{reason.baseline}"
    )


@reason_text.register
def _(reason: r.CheckpointChanged) -> str:
    more = f" (and {reason.others} more)" if reason.others else ""
    return (
        f"the checkpoint {reason.source or '(of the pipeline itself)'} is not the one recorded: "
        f"{reason.file}{more} has sha256 {reason.measured or '(none)'}, the baseline's "
        f"{reason.baseline or '(none)'}"
    )


@reason_text.register
def _(reason: r.NoiseChanged) -> str:
    ours, theirs = reason.measured, reason.baseline
    counts = f"the noise differs: {reason.measured_draws} draws, {reason.baseline_draws} in the baseline"
    if ours is None or theirs is None:
        which = "first new" if theirs is None else "missing"
        return f"{counts}; {which}: {_draw(ours or theirs)}"
    told = f"the noise differs from draw {reason.index} on: {_draw(ours)}"
    if ours.same_call(theirs):
        return f"{told} gave other values (another seed?)"
    return f"{told}, in the baseline {_draw(theirs)}"


def _draw(draw: r.DrawnNoise | None) -> str:
    assert draw is not None
    shape = "x".join(map(str, draw.shape)) or "scalar"
    return f"{draw.method} {shape} {draw.dtype} of generator {draw.generator} at {draw.site}"


@reason_text.register
def _(reason: r.ShapeDiffers) -> str:
    what, whose = _SUBJECTS[reason.subject]
    return f"{what}: shape {list(reason.measured)}, {whose} is {list(reason.reference)}"


@reason_text.register
def _(reason: r.DtypeDiffers) -> str:
    what, whose = _SUBJECTS[reason.subject]
    return f"{what}: dtype {reason.measured}, {whose} is {reason.reference}"


@reason_text.register
def _(reason: r.Empty) -> str:
    return f"{_SUBJECTS[reason.subject][0]}: empty (shape {list(reason.shape)})"


@reason_text.register
def _(reason: r.ValuesNotFinite) -> str:
    more = ", …" if reason.count > len(reason.positions) else ""
    return (
        f"{_SUBJECTS[reason.subject][0]}: {reason.found} in {reason.count} of {reason.size} values, at "
        f"{', '.join(map(str, reason.positions))}{more}"
    )


@reason_text.register
def _(reason: r.StatisticsMissing) -> str:
    return f"statistics missing from the measurement: {', '.join(reason.names)}"


@reason_text.register
def _(reason: r.StatisticsNotFinite) -> str:
    return f"statistics: {_figures(reason.figures)}"


@reason_text.register
def _(reason: r.LatentsNotFinite) -> str:
    return f"the latents of step {reason.step} (timestep {reason.timestep}): {_figures(reason.figures)}"


def _figures(figures: Iterable[r.NotFinite]) -> str:
    return ", ".join(f"{figure.name} is {figure.value}" for figure in figures)


@reason_text.register
def _(reason: r.LatentShapesDiffer) -> str:
    ours, theirs = (
        "None" if shape is None else str(list(shape)) for shape in (reason.measured, reason.baseline)
    )
    return f"latents: shape {ours}, the baseline's is {theirs}"


@reason_text.register
def _(_: r.NoSingles) -> str:
    return "the run yielded no single images, which batch_consistency compares the batch with"


@reason_text.register
def _(reason: r.LimitsExceeded) -> str:
    side = "below" if reason.at_least else "above"
    return (
        f"{_EXCEEDED[reason.subject]}{reason.exceeded} of {reason.limited} "
        f"limit{'s' * (reason.limited != 1)} exceeded, worst: {reason.worst} {reason.measured:.3g} is {side} "
        f"its limit {reason.limit:.3g}"
    )


@reason_text.register
def _(reason: r.NotJudged) -> str:
    return f"{reason.name} cannot be judged: {absence_text(reason.absence)}"


@singledispatch
def absence_text(absence: r.Absence) -> str:
    """Return in words why a figure could not be computed."""
    raise TypeError(f"no words for {type(absence).__name__}")


@absence_text.register
def _(absence: r.MetricNeedsValues) -> str:
    return (
        f"{absence.metric} needs at least one value; the output {list(absence.shape)} is empty: "
        "remove the limit"
    )


@absence_text.register
def _(absence: r.MetricNeedsImages) -> str:
    size = "" if absence.window is None else f" of at least {absence.window} x {absence.window}"
    return (
        f"{absence.metric} needs images [n, height, width, channels]{size}; the output is "
        f"{list(absence.shape)}: remove the limit"
    )


@absence_text.register
def _(absence: r.NoSuchStatistic) -> str:
    return f"the baseline has no such statistic; it has {', '.join(absence.known)}"


@absence_text.register
def _(absence: r.LatentsCannotBeCompared) -> str:
    return f"the latents have shape {list(absence.measured)}, the baseline's {list(absence.baseline)}"


@reason_text.register
def _(reason: r.StrictElsewhere) -> str:
    return (
        "the case is strict: only compared in the environment of its baseline, this is "
        f"{tier_words(reason.tier)}"
    )


@reason_text.register
def _(reason: r.NoLimits) -> str:
    return (
        f"the case has no limits {tier_words(reason.tier)}: "
        f"add `tolerance: {{{reason.tier}: …}}` to the case at {_place(reason)}"
    )


@reason_text.register
def _(reason: r.Uncalibrated) -> str:
    return (
        f"the output differs, and without a calibration, or `tolerance.{reason.tier}` at "
        f"{_place(reason)}, nothing tells drift from rounding {tier_words(reason.tier)}"
        f"{_lacking(reason.baseline)}"
    )


def _lacking(reason: r.Reason | None) -> str:
    if reason is None:
        return ""
    if isinstance(reason, r.Failed) and reason.failure == "missing":
        return f": {reason_text(reason)}"
    state = reason.failure if isinstance(reason, r.Failed) else "stale"
    return f": its baseline is {state}: {reason_text(reason)}"


@reason_text.register
def _(reason: r.Chaotic) -> str:
    if reason.step is None:
        where, grown = "in its output", f"{reason.spread:.2g} of it"
    else:
        where = f"from step {reason.step} on (of {reason.first} to {reason.last})"
        grown = f"{reason.spread:.2g} of the latents there"
    few = {0: "no step is left to gate", 1: "only the step before it is gated"}
    gated = few.get(reason.gated, f"the {reason.gated} steps before it are gated")
    return (
        f"chaotic {where}: one ulp of noise has grown to {grown} ({reason.most:g} is the most that can be "
        f"judged). No limit tells a fault from rounding after that, so across environments {gated}, its "
        "output is not"
    )


@reason_text.register
def _(reason: r.Stale) -> str:
    what = "; ".join(map(change_text, reason.edits))
    what = what or "its hash, which another version of harness computed otherwise"
    return f"the case was edited since its baseline was recorded on {reason.date}: {what}"


@reason_text.register
def _(reason: r.Failed) -> str:
    return reason.told


@reason_text.register
def _(reason: r.FailedAsExpected) -> str:
    return f"failed as expected ({reason.cause}), which is not passed: {reason.told}"


@reason_text.register
def _(reason: r.DidNotFail) -> str:
    return f"it is expected to fail ({reason.cause}) and did not: remove `fails`, then record it"


@reason_text.register
def _(reason: r.FailedOtherwise) -> str:
    return f"it is expected to fail for {reason.expected}, and failed for {reason.cause}: {reason.told}"


@reason_text.register
def _(reason: r.ReferenceFailed) -> str:
    return f"nothing to compare with: {in_short(reason.told)}"


@reason_text.register
def _(reason: r.OtherDevice) -> str:
    return f"there is no baseline for {reason.device}: compared with the one recorded on {reason.baseline}"


@reason_text.register
def _(reason: r.OperatorsDiffer) -> str:
    return f"operators that gave other bits than in the baseline's environment: {', '.join(reason.names)}"


@reason_text.register
def _(reason: r.LooseLimit) -> str:
    return (
        f"{_limit(reason)} is loose: it passes differences of more than {reason.times:g} times the envelope "
        f"{_size(reason, reason.envelope)}, and so hides faults that `calibrated` would show"
    )


@reason_text.register
def _(reason: r.TightLimit) -> str:
    return (
        f"{_limit(reason)} is tight: rounding alone has gone beyond it (the envelope is "
        f"{_size(reason, reason.envelope)}), so sound runs may fail"
    )


def _limit(reason: r.LooseLimit | r.TightLimit) -> str:
    return f"the limit {_size(reason, reason.limit)} on {reason.name}"


def _size(reason: r.LooseLimit | r.TightLimit, value: float) -> str:
    """Return ``value`` as text; a similarity by its distance from 1, which is all there is to it."""
    if reason.similarity and 0.99 < value < 1:
        return f"1 - {1 - value:.2g}"
    return f"{value:.3g}"


@reason_text.register
def _(reason: r.Unlike) -> str:
    return (
        f"a run here does not give the baseline's bits ({reason_text(reason.change)}), so members around it "
        "would say nothing of the baseline"
    )


@reason_text.register
def _(reason: r.MemberUnlike) -> str:
    return (
        f"with its noise moved by one ulp (signs of seed {reason.seed}) the case cannot be compared with "
        f"itself: {joined(reason.reasons)}"
    )


@reason_text.register
def _(reason: r.NoNeighbour) -> str:
    return (
        f"not one of {reason.members} runs with the noise moved by one ulp came out near the unperturbed "
        "one: the output is one of several answers, and no tolerance can be measured around it; mark the "
        "case `strict: true`, or find what makes it jump"
    )


@reason_text.register
def _(reason: r.NothingToScale) -> str:
    where = "the output" if reason.step is None else f"the latents of step {reason.step}"
    return (
        f"{where} of the unperturbed run hold nothing but 0, so a deviation from it has no size; repair the "
        "case, or give it explicit limits on the absolute difference"
    )


@reason_text.register
def _(reason: r.UnlikeItself) -> str:
    return joined(reason.reasons)


@reason_text.register
def _(reason: r.NotRepeatable) -> str:
    return (
        f"two runs in two fresh workers differ, first in {change_text(reason.difference)}; a baseline would "
        "hold later runs to chance. Give every source of randomness a seed, then record again"
    )


@singledispatch
def change_text(change: r.FieldEdit | r.Difference) -> str:
    """Return in words what differs between two measurements, or what was edited in a case."""
    raise TypeError(f"no words for {type(change).__name__}")


@change_text.register
def _(change: r.FieldEdit) -> str:
    return f"{change.name}: {change.old} -> {change.new}"


@change_text.register
def _(change: r.OtherEnvironment) -> str:
    return f"the environment ({', '.join(change.names)})"


@change_text.register
def _(_: r.OtherCheckpoint) -> str:
    return "the checkpoint's hash"


@change_text.register
def _(change: r.OtherOperators) -> str:
    return f"single operators on fixed inputs ({', '.join(change.names)})"


@change_text.register
def _(change: r.OtherDraw) -> str:
    draw = change.draw
    return f"draw {change.index} of the ledger ({draw.method} of generator {draw.generator} at {draw.site})"


@change_text.register
def _(change: r.OtherNumberOfDraws) -> str:
    return f"the number of draws ({change.one} and {change.other})"


@change_text.register
def _(change: r.OtherLatents) -> str:
    return f"the latents after step {change.step} (timestep {change.timestep})"


@change_text.register
def _(change: r.OtherNumberOfSteps) -> str:
    return f"the number of steps ({change.one} and {change.other})"


@change_text.register
def _(change: r.OtherArray) -> str:
    return f"the {change.array}"


@change_text.register
def _(_: r.OtherStatistics) -> str:
    return "the statistics"


@change_text.register
def _(_: r.StoredDamaged) -> str:
    return "the one stored is damaged"


@change_text.register
def _(_: r.OtherProvenance) -> str:
    return "only where it comes from: it was recorded from an edited working tree"


@reason_text.register
def _(reason: r.FailsWithoutFault) -> str:
    return (
        f"does not pass without a fault ({reason.verdict} at its tolerance {tier_words(reason.tier)}), so "
        f"nothing that a fault does can be told from it: {joined(reason.reasons)}"
    )


@reason_text.register
def _(reason: r.StrictWithoutPower) -> str:
    return (
        f"is strict: it is not compared {tier_words(reason.tier)}, so it has no power there; remove "
        "`strict: true`"
    )


@reason_text.register
def _(reason: r.WithoutCalibration) -> str:
    return f"is not calibrated, so it has no tolerance {tier_words(reason.tier)}"


@reason_text.register
def _(reason: r.ChaoticWithoutPower) -> str:
    return f"is {reason_text(reason.chaotic)}"


@reason_text.register
def _(reason: r.ConstantOutput) -> str:
    return (
        f"all {reason.size} values of its output are {reason.value:g}, so nothing that goes wrong before "
        f"shows in them, and `tolerance.{reason.tier}` at {_place(reason)} limits nothing else. "
        "Repair the case, or remove these limits: `calibrated` is on the latents as well"
    )


@reason_text.register
def _(reason: r.PassesOutputFaults) -> str:
    return (
        f"at its tolerance {tier_words(reason.tier)} it passes each of {len(reason.faults)} faults put into "
        f"its output ({', '.join(map(_fault, reason.faults))}). {_fault(reason.nearest)} comes nearest, a "
        f"difference {reason.margin:.2g} times the one that would be caught. Tighten "
        f"`tolerance.{reason.tier}` at {_place(reason)}, or remove it: `calibrated` is measured"
    )


def _fault(fault: r.SizedFault) -> str:
    return fault.name if fault.size is None else f"{fault.name} {fault.size:g}"


@reason_text.register
def _(reason: r.CatchesNoFault) -> str:
    groups = {"what the pipeline computes": reason.computed, "its output": reason.output}
    told = [f"none of {count} faults put into {what}" for what, count in groups.items() if count is not None]
    return f"by numbers it catches {' and '.join(told)}"


@reason_text.register
def _(reason: r.VacuousByTable) -> str:
    return f"vacuous by the power table: {reason_text(reason.reason)}; tighten its tolerance across releases"


@reason_text.register
def _(reason: r.SeveralModes) -> str:
    own, *others = reason.counts
    return (
        f"{len(reason.counts)} modes: {own} of {sum(reason.counts)} runs came out with the baseline, the "
        f"others in clusters of {', '.join(map(str, others))}. Rounding alone turns one into the other; the "
        "envelope is that of the baseline's mode, and a run in another one is drift"
    )


@reason_text.register
def _(_: r.Stable) -> str:
    return (
        "bitwise stable: with its noise moved by one ulp the output kept all its values: the envelope is "
        "zero and `calibrated` asks for the same ones (is the output quantised, the noise not used or cast "
        "to fewer bits?)"
    )


@reason_text.register
def _(reason: r.Saturated) -> str:
    gated = (
        "the latents of every step are gated as well, and they are not clamped"
        if reason.steps
        else "and the pipeline shows no latents that could be gated instead"
    )
    return (
        f"{reason.share:.0%} of the output's values are at the bounds of its range, where a clamp hides "
        f"drift; {gated}"
    )


@reason_text.register
def _(reason: r.OddLimit) -> str:
    return f"{reason.tier}: {reason_text(reason.note)}"


def tier_words(tier: str) -> str:
    """Return a tier as it is said in a sentence."""
    return tier.replace("_", " ")


class _Placed(Protocol):
    """A reason that lies in a suite."""

    @property
    def file(self) -> str: ...

    @property
    def line(self) -> int: ...


def _place(reason: _Placed) -> str:
    """Return a place in a suite, its file relative where it lies below the current folder."""
    try:
        return f"{Path(reason.file).resolve().relative_to(Path.cwd())}:{reason.line}"
    except (ValueError, OSError):
        return f"{reason.file}:{reason.line}"
