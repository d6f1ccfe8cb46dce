"""Reasons in words: the one place that says why a case came to its verdict.

Imports little, as `harness verify` may run where little is installed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.counting import count
from harness.errors import in_short
from harness.judgement import reasons as r
from harness.measurement.figures import ProcessChange, ProcessPart
from harness.reporting.call_reasons import CALL_REASONS
from harness.reporting.fact_reasons import FACT_REASONS
from harness.reporting.figures import figure
from harness.reporting.reasons_after_steps import REASONS_AFTER_STEPS
from harness.reporting.reference_reasons import REFERENCE_REASONS
from harness.reporting.strict_reasons import STRICT_REASONS
from harness.reporting.wording import Words, filled, said

_NAMES = 3
# The name of an array, and of the one it is compared with.
_WHAT: dict[r.Subject, str] = {"output": "output", "batch": "the batch", "singles": "the single images"}
_WHOSE: dict[r.Subject, str] = {
    "output": "the baseline's",
    "batch": "that of its single images",
    "singles": "that of the batch",
}


def text_of(data: object) -> str:
    """Return a reason or a note, or a part of one, in words.

    It has no full stop at the end, and a worker's log may follow the first line.
    """
    return filled(data, REASONS)


def in_words(reasons: Iterable[r.Reason]) -> tuple[str, ...]:
    """Return each of ``reasons`` in words, without a remedy."""
    return tuple(map(text_of, reasons))


def joined(reasons: Iterable[r.Reason]) -> str:
    """Return ``reasons`` joined in one line, or in several if one of them has a log."""
    return "; ".join(in_words(reasons))


def _output_differs(reason: r.OutputDiffers) -> str:
    text = (
        "the output is not bitwise equal to the baseline's: "
        f"{reason.differing} of {reason.size} values differ"
    )
    return f"{text}, all of them only in the sign of 0" if reason.only_sign else text


def _statistics_differ(reason: r.StatisticsDiffer) -> str:
    more = f" and {len(reason.names) - _NAMES} more" if len(reason.names) > _NAMES else ""
    return f"statistics differ: {', '.join(reason.names[:_NAMES])}{more}"


def _checkpoint_changed(reason: r.CheckpointChanged) -> str:
    more = f" (and {reason.others} more)" if reason.others else ""
    return (
        f"the checkpoint {reason.source or '(of the pipeline itself)'} is not the one recorded: "
        f"{reason.file}{more} has sha256 {reason.measured or '(none)'}, the baseline's "
        f"{reason.baseline or '(none)'}"
    )


def _noise_changed(reason: r.NoiseChanged) -> str:
    ours, theirs = reason.measured, reason.baseline
    if ours is None or theirs is None:
        which = "first new" if theirs is None else "missing"
        return (
            f"the noise differs: {reason.measured_draws} draws; the baseline has {reason.baseline_draws}; "
            f"{which}: {text_of(ours or theirs)}"
        )
    differs = f"the noise differs from draw {reason.index} on: {text_of(ours)}"
    if ours.same_call(theirs):
        return f"{differs} gave different values (another seed?)"
    return f"{differs}; in the baseline: {text_of(theirs)}"


def _draw(draw: r.DrawnNoise) -> str:
    shape = "x".join(map(str, draw.shape)) or "scalar"
    return f"{draw.method} {shape} {draw.dtype} of generator {draw.generator} at {draw.site}"


def _values_not_finite(reason: r.ValuesNotFinite) -> str:
    more = ", …" if reason.count > len(reason.positions) else ""
    return (
        f"{_WHAT[reason.subject]}: {reason.found} in {reason.count} of {reason.size} values, at "
        f"{', '.join(map(str, reason.positions))}{more}"
    )


def _limits_exceeded(reason: r.LimitsExceeded) -> str:
    batch = "the images of the batch differ from the images made singly from their seeds: "
    return (
        f"{batch if reason.subject == 'batch' else ''}{reason.exceeded} of {reason.limited} "
        f"limit{'s' * (reason.limited != 1)} exceeded, worst: {reason.worst} {figure(reason.measured)} is "
        f"{'below' if reason.at_least else 'above'} its limit {figure(reason.limit)}"
    )


def _needs_images(absence: r.MetricNeedsImages) -> str:
    size = "" if absence.window is None else f" of at least {absence.window} x {absence.window}"
    return (
        f"{absence.metric} needs images [n, height, width, channels]{size}; the output is "
        f"{list(absence.shape)}: remove the limit"
    )


def _uncalibrated(reason: r.Uncalibrated) -> str:
    text = (
        f"the output differs, and drift cannot be told from rounding {said(reason.tier)} without a "
        f"calibration or `tolerance.{reason.tier}` at {_place(reason)}"
    )
    lacking = reason.baseline
    if lacking is None:
        return text
    state = lacking.failure if isinstance(lacking, r.Failed) else "stale"
    return f"{text}: {'' if state == 'missing' else f'its baseline is {state}: '}{text_of(lacking)}"


def _chaotic(reason: r.Chaotic) -> str:
    if reason.step is None:
        where, grown = "in its output", f"{figure(reason.spread, 2)} of it"
    else:
        where = f"from step {reason.step} on (of {reason.first} to {reason.last})"
        grown = f"{figure(reason.spread, 2)} of the latents there"
    few = {0: "no step is left to gate", 1: "only the step before it is gated"}
    gated = few.get(reason.gated, f"the {reason.gated} steps before it are gated")
    return (
        f"chaotic {where}: one ulp of noise has grown to {grown} ({reason.most:g} is the most that can be "
        f"judged). Beyond that no limit can tell a fault from rounding, so across environments {gated}, and "
        "the output is not"
    )


def _stale(reason: r.Stale) -> str:
    what = "; ".join(map(text_of, reason.edits))
    what = what or "its hash, which another version of harness computed differently"
    return f"the case was edited since its baseline was recorded on {reason.date}: {what}"


def _unfit_limit(reason: r.UnfitLimit) -> str:
    limit, envelope = (_size(value, reason.similarity) for value in (reason.limit, reason.envelope))
    if reason.times is None:
        return (
            f"the limit {limit} on {reason.name} is tight: rounding alone has exceeded it (the envelope is "
            f"{envelope}), so sound runs may fail"
        )
    return (
        f"the limit {limit} on {reason.name} is loose: it passes differences of more than {reason.times:g} "
        f"times the envelope {envelope}, so it hides faults that `calibrated` would show"
    )


def _calibrated_by_chance(reason: r.CalibratedByChance) -> str:
    which = (
        "unperturbed"
        if reason.seed is None
        else f"with its noise moved by one ulp (signs of seed {reason.seed})"
    )
    return (
        f"does not repeat: two runs of the case {which} differ first in {_differences(reason.differences)}, "
        "so no tolerance can be measured. Seed every source of randomness, then calibrate again"
    )


_SECOND = {"identical": "has the baseline's bits", "within": "is within its limits", "drift": "drifts, too"}


def _does_not_repeat(reason: r.DoesNotRepeat) -> str:
    size = "" if reason.relative_l2 is None else f" (outputs: relative L2 {figure(reason.relative_l2)})"
    text = (
        "does not repeat: a second run, in a fresh worker, differs first in "
        f"{_differences(reason.differences)}{size}"
    )
    if reason.second is not None:
        text += f"; that run {_SECOND.get(reason.second, f'has the verdict {reason.second}')}"
    if not reason.after:
        return text
    others = f"{count(reason.others, 'case')} and " if reason.others else ""
    before = f"after {others}{', '.join(reason.after)} had run in the same worker"
    if reason.second == "identical":
        return f"{text}. So the case differs {before}"
    return f"{text}. The first run came {before}"


def _differences(differences: Iterable[r.Difference]) -> str:
    return ", and in ".join(map(text_of, differences))


def _size(value: float, similarity: bool) -> str:
    """Return ``value`` as text; a similarity near 1 by its distance from 1."""
    return f"1 - {figure(1 - value, 2)}" if similarity and 0.99 < value < 1 else figure(value)


def _nothing_to_scale(reason: r.NothingToScale) -> str:
    where = "the output" if reason.step is None else f"the latents of step {reason.step}"
    return (
        f"{where} of the unperturbed run contain only zeros, so there is nothing to measure a deviation "
        "against; repair the case, or give it explicit limits on the absolute difference"
    )


def _passes_output_faults(reason: r.PassesOutputFaults) -> str:
    return (
        f"at its tolerance {said(reason.tier)} it passes each of {len(reason.faults)} faults put "
        f"into its output ({', '.join(map(text_of, reason.faults))}). {text_of(reason.nearest)} comes "
        f"closest to being caught, with {figure(reason.margin, 2)} times the difference that would be. "
        f"Tighten `tolerance.{reason.tier}` at {_place(reason)}, or remove it and let `calibrated` measure "
        "one"
    )


def _catches_no_fault(reason: r.CatchesNoFault) -> str:
    groups = {"what the pipeline computes": reason.computed, "its output": reason.output}
    caught = [
        f"none of {count} faults put into {what}" for what, count in groups.items() if count is not None
    ]
    return f"by its figures it catches {' and '.join(caught)}"


def _several_modes(reason: r.SeveralModes) -> str:
    own, *others = reason.counts
    return (
        f"{len(reason.counts)} modes: {own} of {sum(reason.counts)} runs agree with the baseline, the "
        f"others form clusters of {', '.join(map(str, others))}. Rounding alone turns one mode into "
        "another. The envelope covers the baseline's mode; a run in any other is drift"
    )


def _saturated(reason: r.Saturated) -> str:
    gated = (
        "the latents of every step, which are not clamped, are gated as well"
        if reason.steps
        else "the pipeline exposes no latents that could be gated instead"
    )
    return (
        f"{reason.share:.0%} of the output's values are at the bounds of its range, where a clamp hides "
        f"drift; {gated}"
    )


def _place(reason: r.NoLimits | r.Uncalibrated | r.ConstantOutput | r.PassesOutputFaults) -> str:
    """Return a place in a suite, with a relative path if the file is below the current folder."""
    try:
        return f"{Path(reason.file).resolve().relative_to(Path.cwd())}:{reason.line}"
    except (ValueError, OSError):
        return f"{reason.file}:{reason.line}"


_PARTS = {
    ProcessPart.MEASURING: "functions that measuring relies on",
    ProcessPart.FRAMEWORK: "functions of MindSpore",
    ProcessPart.SETTINGS: "settings",
    ProcessPart.ENVIRONMENT: "environment variables",
    ProcessPart.SIGNALS: "signal handlers and timers",
    ProcessPart.THREADS: "threads still running",
    ProcessPart.CHILDREN: "processes still running",
}

_UNCOVERED = {
    "code": "the pipeline's code, which is outside the folder in which harness runs",
    "weights": "the pipeline's weights, if it has any: it holds no cells, and `checkpoint_files` names none",
}

# The words for reasons and notes, and for their parts.
REASONS: Words = {
    **FACT_REASONS,
    **REASONS_AFTER_STEPS,
    **CALL_REASONS,
    **REFERENCE_REASONS,
    **STRICT_REASONS,
    r.OutputDiffers: _output_differs,
    r.OutputHasAnotherForm: "the output's shape or dtype is not the baseline's",
    r.LatentsDiffer: "the latents differ from step {step} on (of 0 to {last}, timestep {timestep})",
    r.StepsDiffer: "{measured} steps were traced; the baseline has {baseline}",
    r.SinglesDiffer: "the single images of the batch are not bitwise equal to the baseline's",
    r.StatisticsDiffer: _statistics_differ,
    r.ScheduleHasOtherLength: "the schedule differs: {measured} steps; the baseline has {baseline}",
    r.TimestepDiffers: (
        "the schedule differs: step {step} has timestep {measured}; the baseline has {baseline}"
    ),
    r.CheckpointChanged: _checkpoint_changed,
    r.DrawnNoise: _draw,
    r.NoiseChanged: _noise_changed,
    r.ShapeDiffers: lambda reason: (
        f"{_WHAT[reason.subject]}: shape {list(reason.measured)}, {_WHOSE[reason.subject]} is "
        f"{list(reason.reference)}"
    ),
    r.DtypeDiffers: lambda reason: (
        f"{_WHAT[reason.subject]}: dtype {reason.measured}, {_WHOSE[reason.subject]} is {reason.reference}"
    ),
    r.Empty: lambda reason: f"{_WHAT[reason.subject]}: empty (shape {list(reason.shape)})",
    r.ValuesNotFinite: _values_not_finite,
    r.NotFinite: "{name} is {value}",
    r.StatisticsMissing: "statistics missing from the measurement: {names:, }",
    r.StatisticsNotFinite: "statistics: {figures:, }",
    r.LatentsNotFinite: "the latents of step {step} (timestep {timestep}): {figures:, }",
    r.LatentShapesDiffer: "latents: shape {measured}, the baseline's is {baseline}",
    r.NoSingles: "the run gave no single images for batch_consistency to compare the batch with",
    r.LimitsExceeded: _limits_exceeded,
    r.NotJudged: "{name} cannot be judged: {absence}",
    r.MetricNeedsValues: ("{metric} needs at least one value; the output {shape} is empty: remove the limit"),
    r.MetricNeedsImages: _needs_images,
    r.NoSuchStatistic: "the baseline has no such statistic; it has {known:, }",
    r.LatentsCannotBeCompared: "the latents have shape {measured}, those of the baseline {baseline}",
    r.StrictElsewhere: (
        "the case is strict: it is compared only in the environment of its baseline, and this run is "
        "{tier:said}"
    ),
    r.NoLimits: lambda reason: (
        f"the case has no limits {said(reason.tier)}: "
        f"add `tolerance: {{{reason.tier}: …}}` to the case at {_place(reason)}"
    ),
    r.Uncalibrated: _uncalibrated,
    r.Chaotic: _chaotic,
    r.FieldEdit: "{name}: {old} -> {new}",
    r.Stale: _stale,
    r.Failed: "{told}",
    r.FailedAsExpected: "failed as expected ({cause}), which does not count as passed: {told}",
    r.DidNotFail: "it was expected to fail ({cause}) but did not: remove `fails`, then record it",
    r.FailedOtherwise: "it was expected to fail with {expected} but failed with {cause}: {told}",
    r.ReferenceFailed: lambda reason: f"there is nothing to compare with: {in_short(reason.told)}",
    r.OtherDevice: "there is no baseline for {device}; it was compared with the one recorded on {baseline}",
    r.OperatorsDiffer: (
        "operators that gave different bits from those in the baseline's environment: {names:, }"
    ),
    r.NotCovered: lambda reason: "no hash covers " + "; ".join(_UNCOVERED[part] for part in reason.parts),
    r.ProcessChanged: (
        "the case changed the process that cases share, so its worker was replaced: {changes:; }; undo the "
        "change in the pipeline, or set `isolate: true` for the case"
    ),
    ProcessChange: lambda change: f"{_PARTS[change.part]} ({', '.join(change.names)})",
    r.UnfitLimit: _unfit_limit,
    r.Unlike: (
        "a run here does not give the baseline's bits ({change}), so perturbed runs here would say nothing "
        "about the baseline"
    ),
    r.MemberUnlike: (
        "with its noise moved by one ulp (signs of seed {seed}) the case cannot be compared with itself: "
        "{reasons:; }"
    ),
    r.NoNeighbour: (
        "none of {members} runs with the noise moved by one ulp came close to the unperturbed run: the case "
        "jumps between several outputs, so no tolerance can be measured; mark it `strict: true`, or find "
        "the cause of the jumps"
    ),
    r.NothingToScale: _nothing_to_scale,
    r.UnlikeItself: "{reasons:; }",
    r.NotRepeatable: (
        "two runs in fresh workers differ, first in {difference}; a baseline would be a matter of chance. "
        "Seed every source of randomness, then record again"
    ),
    r.DoesNotRepeat: _does_not_repeat,
    r.CalibratedByChance: _calibrated_by_chance,
    r.Repeats: "a second run, in a fresh worker, gave the same bits",
    r.SecondRunFailed: lambda reason: (
        f"a second run, in a fresh worker, gave no result ({reason.cause}): {in_short(reason.told)}"
    ),
    r.NotRunAgain: (
        "not run again: {drifts} cases in a row had drifted before, and each gave the same bits twice"
    ),
    r.OtherEnvironment: "the environment ({names:, })",
    r.OtherOperators: "single operators on fixed inputs ({names:, })",
    r.OtherDraw: "draw {index} of the ledger ({draw.method} of generator {draw.generator} at {draw.site})",
    r.OtherLatents: "the latents after step {step} (timestep {timestep})",
    r.OtherNumber: "the number of {of} ({one} and {other})",
    r.OtherCheckpoint: "the checkpoint's hash",
    r.OtherPart: "the {part}",
    r.StoredDamaged: "the stored baseline is damaged",
    r.OtherProvenance: "only its provenance: it was recorded from an edited working tree",
    r.FailsWithoutFault: (
        "does not pass even without a fault ({verdict} at its tolerance {tier:said}), so the effect of a "
        "fault cannot be recognised: {reasons:; }"
    ),
    r.StrictWithoutPower: (
        "is strict: it is not compared {tier:said}, so it has no power there; remove `strict: true`"
    ),
    r.WithoutCalibration: "is not calibrated, so it has no tolerance {tier:said}",
    r.ChaoticWithoutPower: "is {chaotic}",
    r.SizedFault: lambda fault: fault.name if fault.size is None else f"{fault.name} {fault.size:g}",
    r.ConstantOutput: lambda reason: (
        f"all {reason.size} values of its output are {reason.value:g}, so they show nothing that goes wrong "
        f"earlier, and `tolerance.{reason.tier}` at {_place(reason)} limits nothing else. Repair the case, "
        "or remove these limits: `calibrated` limits the latents as well"
    ),
    r.PassesOutputFaults: _passes_output_faults,
    r.CatchesNoFault: _catches_no_fault,
    r.VacuousByTable: "vacuous by the power table: {reason}; tighten its tolerance across releases",
    r.SeveralModes: _several_modes,
    r.NoiseCast: (
        "the pipeline casts its noise to {unit}, in which one ulp of the case's own dtype is lost, so the "
        "noise of the members was moved by one unit of {unit}"
    ),
    r.Swallowed: (
        "moving the noise by one ulp of {dtype} changes nothing, but one unit of {unit} does: a cast inside "
        "the pipeline swallows it, so no tolerance can be measured. Let the pipeline cast its noise to "
        "{unit} as soon as it is drawn, or give the case explicit limits, or `exact`"
    ),
    r.Stable: (
        "bitwise stable: moving the noise by one ulp changed no value of the output, so the envelope is "
        "zero and `calibrated` requires identical values (is the output quantised, or the noise unused?)"
    ),
    r.Saturated: _saturated,
    r.OddLimit: "{tier}: {note}",
}
