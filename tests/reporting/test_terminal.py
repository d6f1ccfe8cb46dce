"""What the user reads of a judgement: every verdict, long reasons, aligned tables, NaN and Inf."""

import dataclasses
import math

import numpy as np
import pytest
from samples import FINGERPRINT, cause, make_baseline, make_calibration, make_case, make_measurement, said

from harness.baselines.staleness import BaselineStale
from harness.codec import from_json, to_json
from harness.explanation.causes import Cause
from harness.explanation.evidence import Changed, EnvironmentDiffers, LeavesEnvelope, StepDifference
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.reasons import DrawnNoise, MetricNeedsImages, NoiseChanged
from harness.judgement.rows import Row
from harness.judgement.tiers import FieldDifference, Tier
from harness.judgement.verdicts import judge
from harness.reporting.commands import Invocation, commands, error_text
from harness.reporting.terminal import cause_lines, judgement_text

COMMANDS = commands(make_case(id="a"), Invocation())


DRAW = DrawnNoise(0, "standard_normal", (1, 3), "<f8", "x.py:1")
NO_TILES = MetricNeedsImages("worst_tile", (2,), None)


def judgement(verdict, tier=Tier.SAME_ENVIRONMENT, **fields):
    return Judgement("guide", "a", verdict, tier, **fields)


def test_drift_is_told_in_full():
    text = judgement_text(
        judgement(
            Verdict.DRIFT,
            Tier.ACROSS_RELEASES,
            rows=(
                Row("max_abs", 0.25),
                Row("relative_l2", 0.002, 0.001, passed=False),
                Row("ssim", 0.9, 0.95, passed=False, at_least=True),
                Row("psnr", 41.0, 40.0, passed=True, at_least=True),
                Row(
                    "worst_tile", None, 0.1, passed=False, absence=MetricNeedsImages("worst_tile", (2,), None)
                ),
                Row("mean", 0.03, 0.01, passed=False, value=0.51, baseline=0.48),
                Row("max_ulp", 7.0),
            ),
            differences=(
                FieldDifference("mindspore", "2.9.0", "2.10.0"),
                FieldDifference("numpy", "1.26.4", "1.25.2"),
            ),
            reasons=said("4 of 5 limits exceeded", "the schedule differs"),
            notes=said("operators that gave other bits: conv2d_3x3"),
            baseline_path="baselines/guide/a/cpu.json",
        ),
        commands=COMMANDS,
    )
    assert text == "\n".join(
        [
            "guide/a: drift (across releases, compared with baselines/guide/a/cpu.json)",
            "  - 4 of 5 limits exceeded",
            "  - the schedule differs",
            "",
            "  metric       measured  limit    value  baseline",
            "  worst_tile             ≤ 0.1                     not judged",
            "  mean         0.03      ≤ 0.01   0.51   0.48      over",
            "  relative_l2  0.002     ≤ 0.001                   over",
            "  ssim         0.9       ≥ 0.95                    below",
            "  max_abs      0.25",
            "  psnr         41        ≥ 40",
            "",
            "environment (measured | baseline):",
            "  mindspore  2.9.0 | 2.10.0",
            "  numpy      1.26.4 | 1.25.2",
            "note: operators that gave other bits: conv2d_3x3",
            "",
            "what to type:",
            "  explain    harness explain suites/guide.yaml::a --baseline-dir baselines",
            "  run again  pytest suites/guide.yaml::a --baseline-dir baselines",
        ]
    )


def test_incomparable_names_fields_that_a_side_does_not_have_and_offers_no_recording():
    text = judgement_text(
        judgement(
            Verdict.INCOMPARABLE,
            Tier.ACROSS_DEVICES,
            rows=(Row("relative_l2", 0.5),),
            differences=(
                FieldDifference("soc", "Ascend910B4", None),
                FieldDifference("isa", None, "AVX2"),
            ),
            reasons=said("the case has no limits across devices"),
        )
    )
    assert text == "\n".join(
        [
            "guide/a: incomparable (across devices, compared)",
            "  - the case has no limits across devices",
            "",
            "  metric       measured",
            "  relative_l2  0.5",
            "",
            "environment (measured | baseline):",
            "  soc  Ascend910B4 | (absent)",
            "  isa  (absent) | AVX2",
        ]
    )


def test_an_error_is_told_by_its_reason_alone():
    reason = "the case was edited. Undo the edit, or record the case again: harness record …"
    text = judgement_text(judgement(Verdict.ERROR, None, reasons=said(reason)), commands=COMMANDS)
    assert text.splitlines() == [
        "guide/a: error",
        f"  - {reason}",
        "",
        "what to type:",
        "  run again  pytest suites/guide.yaml::a --baseline-dir baselines",
    ]


def test_a_pass_is_told_without_reasons():
    text = judgement_text(judgement(Verdict.IDENTICAL), commands=COMMANDS)
    assert text == "guide/a: identical (same environment, compared)"


@pytest.mark.parametrize("factor", [1.0, 1.0001, 1.5])
def test_judgements_of_real_measurements_can_be_told(factor):
    base = make_measurement()
    measured = make_measurement(
        base.output * np.float32(factor), fingerprint={**FINGERPRINT, "mindspore": "2.9.0"}
    )
    case = make_case(tolerance={"across_releases": {"relative_l2": 1e-3, "statistics": 1e-3}})
    found = judge(case, measured, make_baseline(case, base))
    assert judgement_text(found).startswith(f"guide/two-steps: {found.verdict.value} (across releases, ")
    # What xdist carries to the controlling process reads the same there.
    assert judgement_text(from_json(Judgement, to_json(found))) == judgement_text(found)


def test_a_reason_of_many_lines_stays_one_bullet():
    text = judgement_text(
        judgement(Verdict.ERROR, None, reasons=said("its worker died:\n  line 1\n\nline 3", ""))
    )
    assert text.splitlines()[1:] == ["  - its worker died:", "  |   line 1", "  |", "  | line 3", "  - "]


def test_no_line_of_a_log_is_a_command_of_the_runner():
    text = judgement_text(judgement(Verdict.ERROR, None, reasons=said("died:\n::add-mask::x\n  ::error::y")))
    assert not [line for line in text.splitlines() if line.strip().startswith("::")]


def test_columns_are_aligned_whatever_they_hold():
    rows = tuple(
        Row(name, measured, 1.0, passed=False, value=value, baseline=0.1)
        for name, measured, value in [
            ("a", math.inf, math.nan),
            ("channel0.mean", math.nan, 1e-300),
            ("b", 123456.0, -math.inf),
        ]
    )
    header, *lines = judgement_text(judgement(Verdict.DRIFT, rows=rows)).splitlines()[2:]
    assert {line.split()[0] for line in lines} == {"a", "b", "channel0.mean"}
    for title in ("measured", "limit", "value", "baseline"):
        column = header.index(title)
        assert all(line[column - 1] == " " and line[column] != " " for line in lines), title
    assert {line.index("over") for line in lines} == {len(header) + 2}
    told = {line.split()[0]: line.split()[1:] for line in lines}
    assert told["a"] == ["inf", "≤", "1", "nan", "0.1", "over"]
    assert told["channel0.mean"][0] == "nan"
    assert told["b"][-3] == "-inf"


def test_a_figure_just_over_its_limit_does_not_read_as_the_limit():
    (row,) = (Row("relative_l2", 0.0010004, 0.001, passed=False),)
    assert "  relative_l2  0.0010004  ≤ 0.001  over" in judgement_text(judgement(Verdict.DRIFT, rows=(row,)))


def test_values_of_statistics_are_told_to_the_last_digit():
    value = math.nextafter(0.5, 1)
    rows = (Row("mean", 1e-16, 0.0, passed=False, value=value, baseline=0.5),)
    assert f"{value!r}  0.5" in judgement_text(judgement(Verdict.DRIFT, rows=rows))


def test_of_many_rows_the_worst_are_told_and_the_others_counted():
    over = [Row(f"s{i:02}", float(i), 1.0, passed=False) for i in range(2, 17)]
    # Fails least of all, so it is among those counted, although such a metric is shown where it has no limit.
    over.append(Row("max_abs", 1.5, 1.0, passed=False))
    text = judgement_text(judgement(Verdict.DRIFT, rows=(Row("mean_abs", 0.5), *over)))
    names = [line.split()[0] for line in text.splitlines()[3:]]
    assert names == [f"s{i:02}" for i in range(16, 8, -1)] + ["…", "mean_abs"]
    assert "… and 8 more outside their limits" in text


def moved_environment(fields):
    differences = tuple(FieldDifference(f"field {i}", "a", "b") for i in range(fields))
    return Cause("environment", EnvironmentDiffers(differences, (), 0))


def crowded(**fields):
    """A drift of which everything there can be is there, and much of it."""
    rows = tuple(Row(f"s{i:02}", float(i), 1.0, passed=False, value=1.0, baseline=0.5) for i in range(2, 90))
    known = tuple(Row(name, 0.5) for name in ("max_abs", "mean_abs", "relative_l2"))
    passed = tuple(Row(f"p{i:02}", 0.01 * i, 1.0, passed=True) for i in range(50))
    causes = (
        moved_environment(30),
        cause("inputs", "other weights"),
        Cause("randomness", Changed(NoiseChanged(0, DRAW, DRAW, 1, 1))),
        cause("schedule", "another schedule"),
        Cause("numerics", LeavesEnvelope(StepDifference(1, 900, "mean", 0.5, 9.0), 9, 0.1, True, 40.0)),
    )
    differences = tuple(FieldDifference(f"field {i}", "a", "b") for i in range(30))
    found = judgement(
        Verdict.DRIFT,
        reasons=said(*(f"reason {i}" for i in range(9))),
        notes=said(*(f"note {i}" for i in range(9))),
        differences=differences,
        **{"rows": passed + rows + known, **fields},
    )
    return judgement_text(found, causes, COMMANDS)


def test_a_drift_takes_about_25_lines_whatever_there_is_to_tell():
    text = crowded()
    assert len(text.splitlines()) <= 27
    for told in ("s89", "… and 85 more outside", "… and 6 more reasons", "… and 8 more notes"):
        assert told in text
    # Every cause has its title; the details of the first come first, and the rest is counted.
    assert [line[2:4] for line in text.splitlines() if line[2:3].isdigit()] == ["1.", "2.", "3.", "4.", "5."]
    assert "… 34 more; harness explain shows them" in text
    # The first cause has the fields that differ.
    assert "environment (measured | baseline)" not in text
    assert text.splitlines()[-1].startswith("  if meant   harness record suites/guide.yaml::a ")


def test_where_less_is_to_be_told_there_is_more_room_for_figures():
    text = crowded(rows=tuple(Row(f"p{i:02}", 0.01 * i, 1.0, passed=True) for i in range(50)))
    shown = [line.split()[0] for line in text.splitlines() if line.startswith("  p")]
    # The nearest to their limits.
    assert shown == [f"p{i}" for i in range(49, 49 - len(shown), -1)]
    assert len(shown) == 3
    alone = judgement_text(
        judgement(Verdict.DRIFT, rows=tuple(Row(f"p{i:02}", 0.01 * i, 1.0, True) for i in range(50)))
    )
    assert len(alone.splitlines()) == 25


def test_explain_tells_every_cause_in_full():
    causes = [moved_environment(30)]
    assert len(cause_lines(causes)) == 33
    assert len(cause_lines(causes, most=6)) == 8


def test_what_to_type_is_told_for_where_it_ran():
    there = commands(make_case(id="a"), Invocation("my baselines", "Ascend", python="other/bin/python"))
    lines = judgement_text(judgement(Verdict.DRIFT), commands=there).splitlines()[-3:]
    options = "--baseline-dir 'my baselines' --device Ascend --python other/bin/python"
    assert lines == [
        f"  explain    harness explain suites/guide.yaml::a {options}",
        "  run again  pytest suites/guide.yaml::a --baseline-dir 'my baselines' --device Ascend "
        "--harness-python=other/bin/python",
        f"  if meant   harness record suites/guide.yaml::a {options} --calibrate --reason '<why it changes>'",
    ]


@pytest.mark.parametrize(
    ("tolerance", "stored", "calibrated"),
    [
        ({}, None, True),
        ({}, make_calibration(), True),
        ({"across_releases": {"max_abs": 1e-6}}, None, False),
        ({"across_releases": {"max_abs": 1e-6}}, make_calibration(), True),
    ],
)
def test_what_is_or_has_to_be_calibrated_is_so_again_when_recorded_anew(tolerance, stored, calibrated):
    case = make_case(tolerance=tolerance)
    baseline = dataclasses.replace(make_baseline(case), calibration=stored)
    typed = commands(case, Invocation(), baseline=baseline).record
    assert (" --calibrate " in typed) is calibrated
    edited = make_case(tolerance=tolerance, steps=9)
    message = error_text(BaselineStale(edited, baseline), Invocation())
    assert (" --calibrate " in message) is calibrated


def test_calibrating_is_not_for_another_interpreter():
    case = make_case(id="a")
    stored = make_baseline(case)
    tiers = {Tier.SAME_ENVIRONMENT: " --python other", Tier.ACROSS_RELEASES: ""}
    for tier, options in tiers.items():
        there = commands(case, Invocation(python="other"), baseline=stored, tier=tier)
        assert there.calibrate == f"harness calibrate suites/guide.yaml::a --baseline-dir baselines{options}"


def test_markup_of_rich_is_left_as_it_is():
    reason = "x.py:3: the key [red] is unknown :warning:"
    assert reason in judgement_text(judgement(Verdict.ERROR, None, reasons=said(reason)))


@pytest.mark.parametrize(
    ("tier", "told"),
    [(Tier.SAME_ENVIRONMENT, True), (Tier.ACROSS_RELEASES, False), (Tier.ACROSS_DEVICES, False)],
)
def test_recording_is_offered_where_it_would_help(tier, told):
    """What another environment gives cannot be changed by recording in this one."""
    text = judgement_text(judgement(Verdict.DRIFT, tier), commands=COMMANDS)
    assert text.endswith(f"  if meant   {COMMANDS.record}") is told
    assert ("harness record" in text) is told


def test_nothing_that_is_shown_commands_the_terminal():
    hostile = "\x1b[2J\x1b]0;title\x07 \r\x9b31m \u202e \ud800\ta"
    causes = [Cause("environment", EnvironmentDiffers((FieldDifference(hostile, None, None),), (), 0))]
    rows = (Row(hostile, 2.0, 1.0, passed=False),)
    text = judgement_text(
        judgement(Verdict.DRIFT, rows=rows, reasons=said(f"a\n{hostile}"), notes=said(hostile)), causes
    )
    assert text.replace("\n", "").replace("\t", "").isprintable()
    assert text.count(r"\x1b[2J\x1b]0;title") == 5
