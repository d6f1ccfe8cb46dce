"""A constant may be a few ulp of its own dtype off, in every tier. More is drift, and named."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import FINGERPRINT, first_reason, make_baseline, make_case, make_measurement

from harness.explanation.causes import root_causes
from harness.judgement.constants import ALLOWED_ULPS, constant_change, ulps_apart
from harness.judgement.facts import fact_differences
from harness.judgement.judgement import Verdict
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge
from harness.measurement.bfloat16 import to_bfloat16
from harness.measurement.facts import Facts, LargeTable
from harness.pipelines.schedulers.schedule import cumulative_alphas, linspace
from harness.reporting.causes import cause_line
from harness.reporting.reasons import text_of

BETAS = linspace(1e-4, 0.02, 1000)
TABLES = {
    "scheduler.betas": BETAS,
    "scheduler.alphas_cumprod": cumulative_alphas(BETAS),
    "scheduler.sigmas": np.array([14.6, 3.0, 0.03, 0.0]),
    "scheduler.half": np.linspace(0.1, 1, 7).astype(np.float16),
    "scheduler.brain": to_bfloat16(np.linspace(0.1, 1, 7)),
    "scheduler.timesteps": np.array([999, 500, 1]),
    "unet.timestep": np.array([999, 500, 1]),
    "scheduler.final_alpha_cumprod": np.float32(0.9999),
}
TABLES = {name: np.asarray(table) for name, table in TABLES.items()}
DTYPES = {name: "bfloat16" if "brain" in name else str(table.dtype) for name, table in TABLES.items()}
BITS = {"float64": 52, "float32": 23, "float16": 10, "bfloat16": 7}
CASE = make_case()
ELSEWHERE = {
    Tier.SAME_ENVIRONMENT: FINGERPRINT,
    Tier.ACROSS_RELEASES: {**FINGERPRINT, "mindspore": "2.11.0"},
    Tier.ACROSS_DEVICES: {**FINGERPRINT, "isa": "AVX512"},
}


def measured(tables=TABLES, dtypes=DTYPES, **fields):
    return make_measurement(facts=Facts({}, dtypes=dict(dtypes)), constants=dict(tables), **fields)


BASE = measured()
BASELINE = make_baseline(CASE, BASE)


def moved(name, index, ulps):
    """The tables with one value off by ``ulps``, in float64, so that any size can be had."""
    table = TABLES[name].astype(np.float64)
    size = abs(float(table.flat[index]))
    table.flat[index] += ulps * 2.0 ** (math.floor(math.log2(size)) - BITS[DTYPES[name]])
    return {**TABLES, name: table}


FLOATS = [name for name in TABLES if DTYPES[name] in BITS and name != "scheduler.sigmas"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_more_than_the_allowed_ulps_is_named_in_every_tier_and_less_is_not_drift(data):
    name = data.draw(st.sampled_from(FLOATS))
    index = data.draw(st.integers(0, TABLES[name].size - 1))
    ulps = data.draw(st.floats(0.1, 1e5)) * data.draw(st.sampled_from([1, -1]))
    tables = moved(name, index, ulps)
    off = abs(ulps) > ALLOWED_ULPS * 1.001
    within = abs(ulps) < ALLOWED_ULPS * 0.999
    for tier, fingerprint in ELSEWHERE.items():
        judged = judge(CASE, measured(tables, fingerprint=fingerprint), BASELINE)
        assert judged.tier is tier
        if off:
            assert judged.verdict is Verdict.DRIFT
            told = judged.reasons[0]
            assert (told.name, told.differing) == (name, 1)
            assert told.index == np.unravel_index(index, TABLES[name].shape)
            assert told.ulps == pytest.approx(abs(ulps), rel=1e-2)
        elif within:
            assert judged.verdict is Verdict.IDENTICAL


@pytest.mark.parametrize("name", ["scheduler.timesteps", "unet.timestep"])
def test_whole_timesteps_are_exact(name):
    tables = {**TABLES, name: TABLES[name] + np.array([0, 0, 1])}
    judged = judge(CASE, measured(tables), BASELINE)
    assert judged.verdict is Verdict.DRIFT
    assert judged.reasons[0].name == name
    assert judged.reasons[0].index == (2,)


def test_the_words_name_the_constant_the_index_the_timestep_and_the_size():
    judged = judge(CASE, measured(moved("scheduler.alphas_cumprod", 7, 100)), BASELINE)
    assert "the constant scheduler.alphas_cumprod is not the one recorded: at [7] (timestep 7) it is " in (
        first_reason(judged)
    )
    assert first_reason(judged).endswith(", 100 ulp")
    sigmas = {**TABLES, "scheduler.sigmas": np.array([14.6, 3.1, 0.03, 0.0])}
    assert (
        "scheduler.sigmas is not the one recorded: at [1] (timestep 500) it is 3.1, the baseline's is 3.0"
        in (first_reason(judge(CASE, measured(sigmas), BASELINE)))
    )
    causes = root_causes(measured(sigmas), BASELINE)
    assert cause_line(causes[0]).startswith("schedule: the constant scheduler.sigmas is not")


def test_the_table_that_others_are_computed_from_comes_first():
    betas = linspace(1e-4, 0.0202, 1000)
    tables = {**TABLES, "scheduler.betas": betas, "scheduler.alphas_cumprod": cumulative_alphas(betas)}
    told = judge(CASE, measured(tables), BASELINE).reasons[0]
    assert (told.name, told.others) == ("scheduler.betas", ("scheduler.alphas_cumprod",))
    assert told.differing > 900
    assert "scheduler.betas (and scheduler.alphas_cumprod) is not the one recorded: at [" in text_of(told)


def test_another_dtype_or_a_constant_of_one_side_alone_is_no_drift_and_another_shape_is():
    wide = {name: table.astype(np.float64) for name, table in TABLES.items() if table.dtype.kind == "f"}
    judged = judge(CASE, measured({**TABLES, **wide, "scheduler.new": np.ones(3)}), BASELINE)
    assert judged.verdict is Verdict.IDENTICAL
    few = {name: table for name, table in TABLES.items() if name != "scheduler.half"}
    assert judge(CASE, measured(few), BASELINE).verdict is Verdict.IDENTICAL
    short = {**TABLES, "scheduler.betas": BETAS[:-1]}
    assert "scheduler.betas has another shape" in first_reason(judge(CASE, measured(short), BASELINE))


def test_infinities_and_nan_are_equal_where_both_have_them():
    values = np.array([np.inf, -np.inf, np.nan, 1.0], np.float32)
    assert ulps_apart(values, values, "float32").tolist() == [0, 0, 0, 0]
    assert ulps_apart(values, values[::-1], "float32").tolist() == [math.inf] * 4
    assert ulps_apart(np.array([0.0]), np.array([-0.0]), "float32").tolist() == [0]


@pytest.mark.parametrize(
    ("name", "size", "off", "drift"),
    [
        ("scheduler.lambda_t", 1e-4, 2e-7, False),
        ("scheduler.lambda_t", 1e-4, 2e-6, True),
        ("scheduler.sigma_t", 1e-4, 2e-7, True),
        ("unet/pos_embed.table", 1e-4, 2e-7, False),
        ("unet/pos_embed.table", 1e-4, 2e-6, True),
    ],
)
def test_logarithms_and_tables_of_cells_may_cancel_near_zero(name, size, off, drift):
    table = np.array([1.0, size], np.float32)
    base = measured({name: table}, {name: "float32"})
    other = measured({name: table.astype(np.float64) + np.array([0, off])}, {name: "float32"})
    assert (constant_change(other, base) is not None) is drift


def large(array, checksum="0"):
    from harness.measurement.statistics import moments

    return Facts({}, large={"vae/table": LargeTable("float32", array.shape, checksum, moments(array))})


def test_a_large_table_is_held_to_its_statistics():
    array = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    base = make_measurement(facts=large(array))
    rounded = np.nextafter(array, np.float32(0))
    assert constant_change(make_measurement(facts=large(rounded, "1")), base) is None
    other = array.copy()
    other[5] += 1
    changed = make_measurement(facts=large(other, "2"))
    assert "vae/table has another shape, or other statistics" in text_of(constant_change(changed, base))
    assert text_of(fact_differences(changed, base)[0]) == "constants (vae/table)"


def test_constants_that_change_from_run_to_run_are_named():
    again = measured(moved("scheduler.betas", 3, 1))
    assert text_of(fact_differences(BASE, again)[0]) == "constants (scheduler.betas)"
    assert fact_differences(BASE, replace(BASE, facts=None)) == ()


def test_a_table_computed_in_float64_is_another_rounding_and_the_cause_of_what_moves():
    """float32's 1 - alpha at t = 0 is off by 1.7e-4 from that of float64: it cancels there."""
    other = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000), dtype=np.float64)
    own = TABLES["scheduler.alphas_cumprod"]
    apart = ulps_apart(other, own, "float32")
    assert apart[0] < 0.3
    # The rounding of 1,000 factors adds up to more than is allowed.
    assert ALLOWED_ULPS < apart.max() < 6
    assert (
        judge(CASE, measured({**TABLES, "scheduler.alphas_cumprod": other}), BASELINE).verdict
        is Verdict.DRIFT
    )
    wide = measured({**TABLES, "scheduler.alphas_cumprod": np.where(apart < ALLOWED_ULPS, other, own)})
    judged = judge(CASE, wide, BASELINE)
    assert judged.verdict is Verdict.IDENTICAL
    lines = [cause_line(each) for each in root_causes(wide, BASELINE)]
    assert lines[0].startswith(
        "schedule: 1 - alpha at t = 0 differs by 0.00017 relative and log-SNR at t = 0 "
    )
    assert "although scheduler.alphas_cumprod itself is within 4 ulp" in lines[0]
    assert root_causes(BASE, BASELINE) == ()


def test_a_table_beyond_rounding_is_named_itself():
    tables = moved("scheduler.alphas_cumprod", 0, 100)
    lines = [cause_line(each) for each in root_causes(measured(tables), BASELINE)]
    assert lines[0].startswith("schedule: the constant scheduler.alphas_cumprod is not the one recorded")
    assert not any("1 - alpha" in line for line in lines)


PLACES = {"unet/*.eps": ("down.norm", "up.norm", "")}


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize(
    ("index", "name"), [(0, "unet/down.norm.eps"), (1, "unet/up.norm.eps"), (2, "unet/eps")]
)
def test_a_number_of_a_cell_is_named_by_the_cell_in_every_tier(tier, index, name):
    def with_numbers(numbers, **fields):
        facts = Facts({}, dtypes={"unet/*.eps": "float64"}, places=PLACES)
        return make_measurement(facts=facts, constants={"unet/*.eps": np.array(numbers)}, **fields)

    numbers = [1e-5, 1e-5, 1e-6]
    baseline = make_baseline(CASE, with_numbers(numbers))
    other = [*numbers[:index], 2e-5, *numbers[index + 1 :]]
    change = constant_change(with_numbers(other, fingerprint=ELSEWHERE[tier]), baseline.measurement)
    assert (change.name, change.index, change.measured) == (name, (), 2e-5)
    judged = judge(CASE, with_numbers(other, fingerprint=ELSEWHERE[tier]), baseline, tier=tier)
    assert judged.verdict is Verdict.DRIFT
    told = text_of(judged.reasons[0])
    assert told.startswith(f"the constant {name} is not the one recorded: it is 2e-05, the baseline's is ")
    assert "ulp" not in told
    # Other cells are another library's own.
    assert constant_change(with_numbers([*numbers, 1.0]), baseline.measurement) is None


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["scheduler.timesteps", "unet.timestep"])
def test_timesteps_from_sigmas_are_rounded_and_whole_ones_are_not(name, dtype, tier):
    def judged(recorded, now):
        both = [
            measured({name: np.array(values, dtype)}, {name: dtype}, fingerprint=fingerprint)
            for values, fingerprint in ((recorded, FINGERPRINT), (now, ELSEWHERE[tier]))
        ]
        return judge(CASE, both[1], make_baseline(CASE, both[0]))

    # 16 ulp of float32 at 999 are just below 0.001.
    for off, verdict in ((9e-4, Verdict.IDENTICAL), (1.1e-3, Verdict.DRIFT)):
        found = judged([999.0, 250.25, 0.5], [999.0, 250.25, 0.5 + off])
        assert found.verdict is verdict
    assert (found.reasons[0].name, found.reasons[0].index, found.reasons[0].allowed) == (name, (2,), 16.0)
    assert judged([999.0, 250.0, 1.0], [999.0, 251.0, 1.0]).verdict is Verdict.DRIFT


@pytest.mark.parametrize(
    ("last", "off", "verdict"),
    [
        (1.0, 3e-7, Verdict.IDENTICAL),
        (1.0, 6e-7, Verdict.DRIFT),
        (0.999, 3e-7, Verdict.DRIFT),
    ],
)
def test_betas_that_leave_no_signal_were_computed_as_one_minus_alpha(last, off, verdict):
    tables = [np.array([first, 0.01, last], np.float32) for first in (1e-3, 1e-3 + off)]
    names = {"scheduler.betas": "float32"}
    baseline, now = (measured({"scheduler.betas": each}, names) for each in tables)
    assert judge(CASE, now, make_baseline(CASE, baseline)).verdict is verdict
