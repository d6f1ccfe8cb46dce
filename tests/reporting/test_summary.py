"""The summary of a session: counts, environments, the worst margin and the tightest case, orphans."""

import math
from dataclasses import replace

import pytest
from samples import said

from harness.baselines.baseline import Key
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.reasons import NotCovered, StrictElsewhere
from harness.judgement.rows import Row
from harness.judgement.tiers import FieldDifference, Tier
from harness.reporting.collected import left_out_lines, orphan_lines
from harness.reporting.summary import summary_lines, verdict_word
from harness.reporting.terminal import judgement_text


def judgement(verdict, tier=Tier.SAME_ENVIRONMENT, **fields):
    return Judgement("guide", "a", verdict, tier, **fields)


NEAR = Row("relative_l2", 0.0009, 0.001, passed=True)
FAR = Row("max_abs", 0.1, 1.0, passed=True)
SSIM = Row("ssim", 0.96, 0.95, passed=True, at_least=True)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (judgement(Verdict.IDENTICAL), "IDENTICAL"),
        (judgement(Verdict.IDENTICAL, Tier.ACROSS_RELEASES), "IDENTICAL"),
        (
            judgement(Verdict.WITHIN, Tier.ACROSS_RELEASES, rows=(FAR, NEAR)),
            "WITHIN (across releases, relative_l2 at 90% of its limit)",
        ),
        (judgement(Verdict.WITHIN, Tier.ACROSS_DEVICES), "WITHIN (across devices)"),
        (judgement(Verdict.DRIFT, rows=(FAR,)), "DRIFT"),
        (judgement(Verdict.INCOMPARABLE, Tier.ACROSS_DEVICES), "INCOMPARABLE"),
        (judgement(Verdict.ERROR, None), "ERROR"),
    ],
)
def test_the_verdict_as_one_word(found, word):
    assert verdict_word(found) == word


def test_the_summary_counts_and_names_the_worst_and_the_tightest():
    release = (FieldDifference("mindspore", "2.9.0", "2.10.0"), FieldDifference("mindone", None, "0.5.0"))
    found = [
        judgement(Verdict.IDENTICAL),
        judgement(Verdict.ERROR, None, reasons=said("no baseline")),
        judgement(Verdict.IDENTICAL),
        judgement(Verdict.WITHIN, Tier.ACROSS_RELEASES, rows=(FAR,), differences=release),
        Judgement("guide", "b", Verdict.WITHIN, Tier.ACROSS_RELEASES, rows=(NEAR, SSIM), differences=release),
        # Beyond its limit, so no longer near to it.
        judgement(
            Verdict.DRIFT,
            Tier.ACROSS_RELEASES,
            rows=(Row("max_abs", 2.0, 1.0, passed=False),),
            differences=release,
        ),
    ]
    assert [*summary_lines(found), *orphan_lines([Key("guide", "gone", "cpu")])] == [
        "2 identical, 2 within, 1 drift, 1 error",
        "same environment: 2 compared",
        "across releases: 3 compared (mindspore 2.9.0 | 2.10.0, mindone (absent) | 0.5.0)",
        "worst margin: guide/a, max_abs 2 over its limit 1, 2 times its limit",
        "tightest case: guide/b, relative_l2 0.0009 of 0.001, 90% of its limit",
        "orphan: guide/gone/cpu.json belongs to no case; remove it if its case is gone",
    ]


def test_environments_are_told_apart_in_the_summary():
    found = [
        judgement(
            Verdict.WITHIN, Tier.ACROSS_RELEASES, differences=(FieldDifference("mindspore", v, "2.10.0"),)
        )
        for v in ("2.8.0", "2.9.0")
    ]
    assert summary_lines(found)[1:] == [
        "across releases: 1 compared (mindspore 2.8.0 | 2.10.0)",
        "across releases: 1 compared (mindspore 2.9.0 | 2.10.0)",
    ]


def test_what_is_not_covered_is_said_once_for_each_suite():
    notes = (NotCovered(("weights",)),)
    found = [judgement(Verdict.IDENTICAL, notes=notes)] * 2 + [judgement(Verdict.IDENTICAL)]
    (line,) = [line for line in summary_lines(found) if "no hash covers" in line]
    assert line.startswith("guide (2 cases): no hash covers the pipeline's weights, if it has any: ")
    assert "no hash" not in judgement_text(judgement(Verdict.DRIFT, notes=notes))


def test_a_session_without_cases_has_no_summary():
    assert [*summary_lines([]), *left_out_lines(0), *orphan_lines([])] == []


def drifts(*rows):
    return Judgement("guide", f"d{len(rows)}", Verdict.DRIFT, Tier.SAME_ENVIRONMENT, rows=rows)


SAME_BITS = Row("differing_values", 3.0, 0.0, passed=False)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        # Every limit of 0 is exceeded without bounds: how far the output moved decides, and is told.
        (
            [drifts(SAME_BITS, Row("relative_l2", 1e-7)), drifts(SAME_BITS, Row("relative_l2", 0.5), FAR)],
            "guide/d3, relative_l2 0.5, identical bits required",
        ),
        (
            [
                drifts(SAME_BITS, Row("relative_l2", 0.5)),
                drifts(SAME_BITS, Row("relative_l2", math.nan), FAR),
            ],
            "guide/d3, relative_l2 nan, identical bits required",
        ),
        ([drifts(SAME_BITS)], "guide/d1, differing_values 3, identical bits required"),
        ([drifts(Row("worst_tile", None, 0.1, passed=False))], "guide/d1, worst_tile not judged"),
        (
            [drifts(Row("ssim", 0.9, 0.96, passed=False, at_least=True))],
            "guide/d1, ssim 0.9 below its limit 0.96, 1.58 times its limit",
        ),
        (
            [drifts(Row("max_abs", 1.0004, 1.0, passed=False))],
            "guide/d1, max_abs 1.0004 over its limit 1, 1 times its limit",
        ),
    ],
)
def test_the_worst_margin(found, told):
    assert summary_lines(found)[-1] == f"worst margin: {told}"


def test_what_passes_is_not_the_worst_and_what_drifts_not_the_tightest():
    lines = summary_lines([drifts(FAR), judgement(Verdict.WITHIN)])
    assert [line.partition(":")[0] for line in lines] == [
        "1 within, 1 drift",
        "same environment",
        "worst margin",
    ]


def test_a_strict_case_elsewhere_is_named_with_its_reason():
    strict = StrictElsewhere("across_releases")
    made = Judgement("guide", "a", Verdict.INCOMPARABLE, Tier.ACROSS_RELEASES, reasons=(strict,))
    assert summary_lines([made])[-1] == (
        "skipped: guide/a, the case is strict: it is compared only in the environment of its baseline, and "
        "this run is "
        "across releases"
    )
    others = replace(made, reasons=said("it is strict"))
    assert not any(line.startswith("skipped") for line in summary_lines([others]))
