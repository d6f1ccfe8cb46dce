"""What a calibration says of its case in words, and what of it fails the case."""

import dataclasses

import pytest
from samples import make_baseline, make_calibration, make_case, make_measurement

from harness.baselines.calibration import StepEnvelope
from harness.judgement.calibration.findings import chaos_of, findings, needs_strict
from harness.reporting.reasons import text_of
from harness.reporting.recording import finding_text

BASELINE = make_baseline()
GROWING = (StepEnvelope(0, {"mean": 0.0}, 5e-7, 1e-6), StepEnvelope(1, {"mean": 0.0}, 0.2, 0.4))
EXPLICIT = {"max_abs": 1e-6}


def found(case=None, **fields):
    return findings(case or make_case(), BASELINE, make_calibration(**fields))


def texts(*arguments, **fields):
    return [finding_text(finding) for finding in found(*arguments, **fields)]


def test_a_sound_case_has_nothing_to_say():
    assert found() == ()


def test_chaos_fails_the_case_and_says_from_which_step_on_and_how_large():
    (finding,) = found(steps=GROWING, chaotic_from=1)
    assert finding.failing
    assert finding_text(finding).startswith(
        "chaotic from step 1 on (of 0 to 1): one ulp of noise has grown to 0.4 of the"
    )
    assert "only the step before it is gated, and the output is not" in finding_text(finding)
    assert "`strict: true`" in finding_text(finding)


def test_the_numbers_of_steps_are_the_pipelines_own():
    steps = [dataclasses.replace(step, step=step.step + 11) for step in GROWING]
    chaotic = chaos_of(make_calibration(steps=tuple(steps), chaotic_from=1))
    assert "chaotic from step 12 on (of 11 to 12)" in text_of(chaotic)
    assert (chaotic.gated, chaotic.steps) == (1, 2)


def test_chaos_in_the_output_alone_is_told_without_a_step():
    metrics = {"relative_l2": 0.7, "max_abs": 1.0}
    assert (
        "chaotic in its output: one ulp of noise has grown to 0.7 of it"
        in texts(steps=(), chaotic_from=0, metrics=metrics)[0]
    )
    assert "no step is left to gate" in texts(steps=(), chaotic_from=0, metrics=metrics)[0]
    assert "the 2 steps before it are gated" in texts(chaotic_from=2, metrics=metrics)[0]


@pytest.mark.parametrize(
    ("fields", "failing"),
    [
        ({}, True),
        ({"strict": True}, False),
        ({"strict": True, "tolerance": {"same_environment": "calibrated"}}, True),
        ({"tolerance": {"across_releases": EXPLICIT}}, False),
        ({"tolerance": {"across_releases": "exact"}}, False),
        ({"tolerance": {"across_releases": EXPLICIT, "across_devices": "calibrated"}}, True),
        (
            {"tolerance": {"across_releases": EXPLICIT, "same_environment": {"calibrated": {"factor": 3.0}}}},
            True,
        ),
    ],
)
def test_chaos_fails_only_a_case_that_is_held_to_its_calibration(fields, failing):
    finding, *_ = found(make_case(**fields), steps=GROWING, chaotic_from=1)
    assert finding.failing is failing
    assert ("Give it fewer steps" in finding_text(finding)) is failing


def test_modes_are_counted():
    finding, _ = found(modes=(6, 4, 1))
    assert not finding.failing
    assert finding_text(finding).startswith(
        "3 modes: 6 of 11 runs agree with the baseline, the others form clusters of 4, 1."
    )


def test_an_envelope_of_zero_is_explained():
    (finding,) = found(metrics={"max_abs": 0.0, "relative_l2": 0.0})
    assert not finding.failing
    assert "bitwise stable" in finding_text(finding)
    assert "quantised" in finding_text(finding)


def test_a_saturated_output_is_told_with_what_is_gated_instead():
    assert found(saturated=0.5) == ()
    (finding,) = found(saturated=0.75)
    assert not finding.failing
    assert finding_text(finding).startswith("75% of the output's values are at the bounds of its range")
    assert "the latents of every step, which are not clamped, are gated as well" in finding_text(finding)
    assert "no latents that could be gated instead" in texts(saturated=0.75, steps=())[0]


def test_odd_limits_are_told_by_their_tier():
    loose = {"max_abs": 1.0}
    case = make_case(tolerance={"same_environment": loose, "across_releases": loose, "across_devices": loose})
    told = texts(case)
    assert [text.partition(":")[0] for text in told] == [
        "same_environment",
        "across_releases",
        "across_devices",
    ]
    assert all("is loose" in text for text in told)
    assert texts(dataclasses.replace(case, strict=True))[1:] == told[:1]


def test_rounding_may_be_excluded_in_the_same_environment_only():
    tight = {"max_abs": 0.0}
    case = make_case(tolerance={"same_environment": tight, "across_releases": tight})
    (told,) = texts(case)
    assert told.startswith("across_releases: the limit 0 on max_abs is tight")


def test_what_fails_the_case_comes_first():
    metrics = {"max_abs": 0.0, "relative_l2": 0.0}
    case = make_case(tolerance={"across_releases": EXPLICIT, "across_devices": "calibrated"})
    several = found(case, modes=(6, 5), steps=GROWING, chaotic_from=1, saturated=0.9, metrics=metrics)
    assert [finding.failing for finding in several] == [True, False, False, False]


def test_findings_are_of_the_baseline_given():
    other = make_baseline(measurement=make_measurement(seed=8))
    assert findings(make_case(), other, make_calibration()) == ()


@pytest.mark.parametrize(
    ("strict", "fields", "needed", "told"),
    [
        (False, {}, False, []),
        (True, {}, False, ["does not need `strict`: its 11 runs stay in one mode and are not chaotic"]),
        (False, {"modes": (10, 1)}, True, ["needs `strict: true`, or limits of its own", "2 modes"]),
        (
            True,
            {"modes": (10, 1)},
            True,
            ["needs `strict`, which it has: rounding alone turns it", "2 modes"],
        ),
        (
            True,
            {"steps": GROWING, "chaotic_from": 1},
            True,
            ["chaotic from", "needs `strict`, which it has: it"],
        ),
    ],
)
def test_whether_a_case_needs_to_be_strict_follows_from_modes_and_chaos(strict, fields, needed, told):
    assert needs_strict(make_calibration(**fields)) is needed
    said = sorted(texts(make_case(strict=strict), **fields))
    assert len(said) == len(told)
    assert all(text.startswith(start) for text, start in zip(said, sorted(told), strict=True))


def test_a_case_that_nothing_moves_is_not_said_to_need_no_strict():
    stable = make_calibration(metrics={"max_abs": 0.0, "relative_l2": 0.0}, statistics={}, steps=())
    assert stable.stable
    assert needs_strict(stable) is None
