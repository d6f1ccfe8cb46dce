"""Parameters that are computed after loading may be rounded otherwise elsewhere, and nothing more."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import FINGERPRINT, make_baseline, make_case, make_measurement

from harness.explanation.causes import root_causes
from harness.judgement.computed import ALLOWED_ULPS, difference
from harness.judgement.judgement import Verdict
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge
from harness.measurement.bfloat16 import next_bfloat16, to_bfloat16
from harness.measurement.facts import PROJECTIONS, Facts
from harness.measurement.figures import CodeIdentity
from harness.measurement.sketching import sketch_of
from harness.pipelines.parameters import checksum
from harness.reporting.causes import cause_line
from harness.reporting.reasons import in_words

NAME = "unet/to_q.weight"
BASE = make_measurement()
CASE = make_case()
ELSEWHERE = {
    Tier.ACROSS_RELEASES: {**FINGERPRINT, "mindspore": "2.11.0"},
    Tier.ACROSS_DEVICES: {**FINGERPRINT, "isa": "AVX512"},
}
DTYPES = tuple(ALLOWED_ULPS)
# Drawing is not slow: the machine may be.
unhurried = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def bfloat16_sketch(values):
    """The sketch of ``values``, of bfloat16 but held in float32."""
    return replace(sketch_of(values), dtype="bfloat16", ulp_l2=sketch_of(values).ulp_l2 * 2.0**16)


def taken(values, dtype):
    return bfloat16_sketch(values) if dtype == "bfloat16" else sketch_of(values)


def facts(values, dtype="float32", *, sketched=True, **others):
    parameters = {NAME: checksum(values), "unet/conv.bias": "00000001", **others}
    return Facts(parameters, sketches={NAME: taken(values, dtype)} if sketched else {})


def weights(dtype, size=300, seed=0):
    """Values of many sizes, of which bfloat16's are held in float32."""
    generator = np.random.default_rng(seed)
    values = generator.standard_normal(size) * 2.0 ** generator.integers(-6, 3, size)
    return to_bfloat16(values) if dtype == "bfloat16" else values.astype(dtype)


def neighbours(values, dtype, up):
    if dtype == "bfloat16":
        return next_bfloat16(values, up)
    infinity = np.array(np.inf, values.dtype)
    return np.nextafter(values, np.where(up, infinity, -infinity))


def judged(ours, theirs, tier=Tier.ACROSS_RELEASES, **fields):
    fingerprint = ELSEWHERE.get(tier, FINGERPRINT)
    measured = replace(BASE, facts=ours, fingerprint=fingerprint, **fields)
    return judge(CASE, measured, make_baseline(CASE, replace(BASE, facts=theirs, **fields)))


def test_the_dtypes_of_the_limits_are_those_of_sketches():
    assert set(DTYPES) == {"float64", "float32", "float16", "bfloat16"}


@pytest.mark.parametrize("tier", ELSEWHERE)
@unhurried
@given(st.sampled_from(DTYPES), st.data())
def test_one_element_that_is_off_by_more_than_the_limit_is_named(tier, dtype, data):
    values = weights(dtype, data.draw(st.integers(1, 300)), data.draw(st.integers(0, 9)))
    sketch = taken(values, dtype)
    index = data.draw(st.integers(0, values.size - 1))
    limit = ALLOWED_ULPS[dtype] * sketch.ulp_l2
    off = limit * data.draw(st.floats(1.0, 1e6)) * data.draw(st.sampled_from([1, -1]))
    changed = values.copy()
    if dtype == "bfloat16":
        changed[index] = to_bfloat16(values[index : index + 1] + np.float32(off))[0]
    else:
        with np.errstate(over="ignore"):
            changed[index] = values[index] + values.dtype.type(off)
    # What was asked for is rounded to the dtype.
    moved = abs(float(changed[index]) - float(values[index]))
    if not limit * 1.0001 < moved < math.inf:
        return
    found = judged(facts(changed, dtype), facts(values, dtype), tier)
    assert (found.verdict, found.tier) == (Verdict.DRIFT, tier)
    (reason,) = found.reasons
    assert (reason.name, reason.others) == (NAME, 0)
    assert reason.ulps == pytest.approx(moved / sketch.ulp_l2, rel=1e-4)
    assert in_words(found.reasons)[0].startswith(f"the computed parameter {NAME} is not the one recorded")


@pytest.mark.parametrize("tier", ELSEWHERE)
@unhurried
@given(st.sampled_from(DTYPES), st.integers(1, 400), st.integers(0, 2**32))
def test_one_ulp_everywhere_is_another_rounding(tier, dtype, size, seed):
    values = weights(dtype, size)
    up = np.random.default_rng(seed).integers(0, 2, size).astype(bool)
    found = judged(facts(neighbours(values, dtype, up), dtype), facts(values, dtype), tier)
    assert (found.verdict, found.reasons) == (Verdict.IDENTICAL, ())
    (note,) = in_words(found.notes)
    assert note.startswith(f"the computed parameter {NAME} has another rounding here: it is off by ")
    assert note.endswith(f" ulp, and {ALLOWED_ULPS[dtype]:g} are allowed")


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_size_of_a_difference_everywhere_is_told_within_its_distribution(dtype):
    """Its square is the true one times chi-squared / 8: the mean is 1, the standard deviation 1/2."""
    ratios = []
    for seed in range(60):
        values = weights(dtype, 400, seed)
        other = neighbours(values, dtype, np.random.default_rng(seed).integers(0, 2, 400).astype(bool))
        true = np.linalg.norm(other.astype(np.float64) - values.astype(np.float64))
        ratios.append((difference(taken(other, dtype), taken(values, dtype)) / true) ** 2)
    assert np.mean(ratios) == pytest.approx(1, abs=0.2)
    assert np.std(ratios) == pytest.approx(math.sqrt(2 / PROJECTIONS), abs=0.15)


@pytest.mark.parametrize("dtype", DTYPES)
def test_in_the_same_environment_the_last_bit_of_one_element_is_drift(dtype):
    values = weights(dtype)
    changed = values.copy()
    changed[7] = neighbours(values, dtype, np.full(values.shape, True))[7]
    found = judged(facts(changed, dtype), facts(values, dtype), Tier.SAME_ENVIRONMENT)
    assert found.verdict is Verdict.DRIFT
    assert in_words(found.reasons) == (f"the loaded parameter {NAME} is not the one recorded",)
    assert found.notes == ()


def test_nan_and_infinity_are_drift():
    values = weights("float32")
    for bad in (np.nan, np.inf):
        changed = values.copy()
        changed[3] = bad
        found = judged(facts(changed), facts(values))
        assert found.verdict is Verdict.DRIFT
        assert in_words(found.reasons) == (
            f"the loaded parameter {NAME} is not the one recorded: it has NaN, Inf or another dtype now",
        )
        # Recorded with them, they are compared exactly.
        assert judged(facts(changed), facts(changed)).verdict is Verdict.IDENTICAL
        moved = changed.copy()
        moved[0] = np.nextafter(moved[0], np.float32(9))
        assert judged(facts(moved), facts(changed)).verdict is Verdict.DRIFT


def test_zeros_may_change_their_sign_and_nothing_else():
    zeros = np.zeros(16, np.float32)
    assert judged(facts(-zeros), facts(zeros)).verdict is Verdict.IDENTICAL
    other = zeros.copy()
    other[0] = 1e-30
    found = judged(facts(other), facts(zeros))
    assert found.verdict is Verdict.DRIFT
    assert in_words(found.reasons)[0].endswith("; 16 ulp are allowed")


@pytest.mark.parametrize("dtype", ["int32", "int8", "bool"])
def test_integers_are_exact(dtype):
    values = np.ones(4, dtype)
    other = values.copy()
    other[1] = 0
    assert judged(facts(other), facts(values)).verdict is Verdict.DRIFT
    assert judged(facts(values), facts(values)).verdict is Verdict.IDENTICAL


@pytest.mark.parametrize(
    "changed", [np.ones((2, 2), np.float32), np.ones(4, np.float16)], ids=["shape", "dtype"]
)
def test_another_form_is_drift(changed):
    found = judged(facts(changed), facts(np.ones(4, np.float32)))
    assert in_words(found.reasons) == (f"the loaded parameter {NAME} is not the one recorded",)


def test_exact_parameters_come_before_computed_ones_and_the_furthest_off_is_named():
    one, other = weights("float32", seed=1), weights("float32", seed=2)
    names = [f"unet/{i}.weight" for i in range(4)]
    moved = [1, 2, 3, 0]

    def each(signs):
        values = [one * np.float32(1 + 1e-4 * moved[i] * signs) for i in range(4)]
        return Facts(
            {names[i]: checksum(value) for i, value in enumerate(values)} | {"vae/a": str(signs)},
            sketches={names[i]: sketch_of(value) for i, value in enumerate(values)},
        )

    texts = in_words(judged(each(1), each(0)).reasons)
    assert texts[0].startswith("the loaded parameter vae/a is not the one recorded")
    assert texts[1].startswith("the computed parameter unet/2.weight (and 2 others) is not the one recorded")
    assert "(relative L2 0.0003)" in texts[1]
    assert difference(sketch_of(one), sketch_of(other)) > 1


def test_a_parameter_that_is_not_named_is_exact_and_the_key_is_mentioned():
    values = weights("float32")
    rounded = neighbours(values, "float32", np.full(values.shape, True))
    for tier in ELSEWHERE:
        found = judged(facts(rounded, sketched=False), facts(values, sketched=False), tier)
        assert in_words(found.reasons) == (
            f"the loaded parameter {NAME} is not the one recorded; if it is computed after loading (fused, "
            "merged), name it in `computed_parameters`",
        )
    # The key helps neither in the same environment nor with other weights.
    here = judged(facts(rounded, sketched=False), facts(values, sketched=False), Tier.SAME_ENVIRONMENT)
    assert "computed_parameters" not in in_words(here.reasons)[0]
    weighed = replace(BASE.checkpoint, files={"unet/config.json": "cd" * 32})
    elsewhere = replace(
        BASE,
        facts=facts(rounded, sketched=False),
        fingerprint=ELSEWHERE[Tier.ACROSS_RELEASES],
        checkpoint=weighed,
    )
    stored = make_baseline(CASE, replace(BASE, facts=facts(values, sketched=False)))
    assert "computed_parameters" not in " ".join(in_words(judge(CASE, elsewhere, stored).reasons))


def test_a_baseline_without_sketches_stays_valid_and_says_what_it_lacks():
    values = weights("float32")
    stored = facts(values, sketched=False)
    found = judged(facts(values), stored)
    assert found.verdict is Verdict.IDENTICAL
    assert in_words(found.notes) == (
        f"the baseline has no sketch of computed parameters ({NAME}), so in another environment they would "
        "have to be equal: record it again with a reason, where it was recorded",
    )
    rounded = neighbours(values, "float32", np.full(values.shape, True))
    assert in_words(judged(facts(rounded), stored).reasons) == (
        f"the loaded parameter {NAME} is not the one recorded: the baseline has no sketch of it, so record "
        "the case again with a reason, where it was recorded",
    )


def caused(ours, theirs, tier, **fields):
    measured = replace(BASE, facts=ours, fingerprint=ELSEWHERE[tier], **fields)
    stored = replace(BASE, facts=theirs, **({"code": CODE} if fields else {}))
    return [cause_line(each) for each in root_causes(measured, make_baseline(CASE, stored))]


CODE = CodeIdentity({"fused.py": "1"}, {"unet": "a"})


def test_another_rounding_is_a_cause_beside_the_environment_and_more_is_one_before_it():
    values = weights("float32")
    rounded = neighbours(values, "float32", np.full(values.shape, True))
    tier = Tier.ACROSS_RELEASES
    lines = caused(facts(rounded), facts(values), tier, code=replace(CODE, weights={"unet": "b"}))
    assert [line.partition(":")[0] for line in lines] == ["environment", "inputs"]
    assert "has another rounding here" in lines[1]
    lines = caused(facts(values * 2), facts(values), tier, code=replace(CODE, weights={"unet": "b"}))
    assert lines[0] == "inputs: the weights changed: unet"
    assert lines[1].startswith(f"inputs: the computed parameter {NAME} is not the one recorded")
    # A cell in which something else differs, too.
    lines = caused(
        facts(rounded, **{"unet/conv.bias": "2"}),
        facts(values),
        tier,
        code=replace(CODE, weights={"unet": "b"}),
    )
    assert lines[0] == "inputs: the weights changed: unet"


def test_the_tier_that_a_comparison_was_given_decides():
    values = weights("float32")
    rounded = neighbours(values, "float32", np.full(values.shape, True))
    measured = replace(BASE, facts=facts(rounded))
    stored = make_baseline(CASE, replace(BASE, facts=facts(values)))
    assert judge(CASE, measured, stored).verdict is Verdict.DRIFT
    assert judge(CASE, measured, stored, tier=Tier.ACROSS_RELEASES).verdict is Verdict.IDENTICAL
    assert root_causes(measured, stored, Tier.ACROSS_RELEASES)[0].evidence.reason.ulps < 16
