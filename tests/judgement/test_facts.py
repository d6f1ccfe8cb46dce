"""Facts are compared exactly, in every tier, and what cannot be compared is said."""

from dataclasses import replace

import pytest
from samples import FINGERPRINT, first_reason, make_baseline, make_case, make_measurement

from harness.explanation.causes import root_causes
from harness.judgement.facts import fact_differences, fact_notes
from harness.judgement.judgement import Verdict
from harness.judgement.repetition import NotRepeatableError, check_repeats
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge
from harness.measurement.facts import Facts
from harness.reporting.causes import cause_line
from harness.reporting.commands import Invocation, error_text
from harness.reporting.reasons import in_words

PARAMETERS = {"unet/conv.weight": "01234567", "unet/conv.bias": "89abcdef", "vae/norm.weight": "0000ffff"}
FACTS = Facts(PARAMETERS)
BASE = make_measurement(facts=FACTS)
CASE = make_case()
ELSEWHERE = {
    Tier.SAME_ENVIRONMENT: FINGERPRINT,
    Tier.ACROSS_RELEASES: {**FINGERPRINT, "mindspore": "2.11.0"},
    Tier.ACROSS_DEVICES: {**FINGERPRINT, "isa": "AVX512"},
}


HINT = "; if it is computed after loading (fused, merged), name it in `computed_parameters`"


def other(**parameters):
    return Facts({**PARAMETERS, **parameters})


@pytest.mark.parametrize("tier", ELSEWHERE)
@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        (
            {**PARAMETERS, "vae/norm.weight": "0000fffe"},
            "the loaded parameter vae/norm.weight is not the one recorded",
        ),
        (
            {**PARAMETERS, "unet/conv.bias": "1", "unet/conv.weight": "2"},
            "the loaded parameter unet/conv.bias (and 1 other) is not the one recorded",
        ),
        (
            {**PARAMETERS, "unet/more": "0"},
            "the parameter unet/more is loaded, which the baseline does not have",
        ),
        (
            {"unet/conv.weight": "01234567", "unet/conv.bias": "89abcdef"},
            "the baseline's parameter vae/norm.weight is not loaded",
        ),
    ],
    ids=["changed", "two", "new", "gone"],
)
def test_another_parameter_is_drift_in_every_tier_though_all_bits_are_the_same(tier, parameters, told):
    if tier is not Tier.SAME_ENVIRONMENT and told.endswith("recorded"):
        told += HINT
    measured = replace(BASE, facts=Facts(parameters), fingerprint=ELSEWHERE[tier])
    judged = judge(CASE, measured, make_baseline(CASE, BASE))
    assert (judged.verdict, judged.tier, first_reason(judged)) == (Verdict.DRIFT, tier, told)
    causes = [cause_line(each) for each in root_causes(measured, make_baseline(CASE, BASE))]
    assert f"inputs: {told}" in causes


def test_a_baseline_without_facts_is_judged_as_before_and_the_note_says_so():
    judged = judge(CASE, BASE, make_baseline(CASE, replace(BASE, facts=None)))
    assert judged.verdict is Verdict.IDENTICAL
    assert in_words(judged.notes) == (
        "the baseline was recorded without facts: record it again with a reason to have parameters and "
        "constants compared",
    )


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (Facts({}), "the pipeline holds no cell of MindSpore with parameters, so none is compared"),
        (Facts(PARAMETERS, ("unet/odd",)), "parameters that cannot be read are not compared: unet/odd"),
    ],
    ids=["none", "unreadable"],
)
def test_parameters_that_cannot_be_compared_are_noted(facts, told):
    measured = replace(BASE, facts=facts)
    assert in_words(fact_notes(measured, measured, Tier.SAME_ENVIRONMENT)) == (told,)
    assert judge(CASE, measured, make_baseline(CASE, measured)).verdict is Verdict.IDENTICAL


def test_a_parameter_that_changes_from_run_to_run_is_named():
    again = replace(BASE, facts=other(**{"vae/norm.weight": "1"}))
    with pytest.raises(NotRepeatableError) as caught:
        check_repeats("guide/two-steps", BASE, again)
    text = error_text(caught.value, Invocation())
    assert "two runs in fresh workers differ, first in the loaded parameters (vae/norm.weight)" in text
    assert fact_differences(BASE, BASE) == fact_differences(BASE, replace(BASE, facts=None)) == ()
