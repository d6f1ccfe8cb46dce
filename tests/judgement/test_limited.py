"""Judging by calibrated limits: on the output and the latents of every step, as far as the case is sound."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from members import image_of, members_of, sampled
from samples import (
    FINGERPRINT,
    first_reason,
    make_baseline,
    make_calibration,
    make_case,
    make_measurement,
)

from harness.baselines.baseline import Baseline
from harness.baselines.calibration import StepEnvelope
from harness.cases.tolerance import Calibrated
from harness.errors import UsageError
from harness.judgement.calibration import envelope
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.rows import Row
from harness.judgement.tiers import DEVICE_FACTOR, Tier, safety_factor
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement, array_sha256
from harness.measurement.statistics import moments
from harness.reporting.reasons import in_words

RELEASE = {**FINGERPRINT, "mindspore": "2.9.0"}
DEVICE = {**FINGERPRINT, "isa": "AVX512"}
BASE = sampled()
RUNS = [sampled(seed) for seed in range(1, 9)]
CASE = make_case(
    tolerance={"same_environment": "calibrated", "across_devices": "calibrated"}, keep="latents", steps=3
)


def calibrated(base: Measurement = BASE, runs: list[Measurement] = RUNS, factor: float = 2.0) -> Baseline:
    made = envelope.make_calibration(members_of(base, runs), base, factor, "guide/two-steps")
    return dataclasses.replace(make_baseline(CASE, base), calibration=made)


BASELINE = calibrated()


def verdict(measured: Measurement, baseline: Baseline = BASELINE, tier: Tier | None = None) -> Judgement:
    return judge(CASE, measured, baseline, tier=tier)


def row(judgement: Judgement, name: str) -> Row:
    (found,) = (row for row in judgement.rows if row.name.startswith(name))
    return found


def moved(times: float, seed: int = 99, **fields: Any) -> Measurement:
    """A run whose noise is moved by so many times what the members' was."""
    return sampled(seed, size=1e-5 * times, **fields)


def with_latents(latents: np.ndarray) -> Measurement:
    """The measurement under another release, with other latents and the same output."""
    trace = tuple(
        dataclasses.replace(record, statistics=moments(array), sha256=array_sha256(array))
        for record, array in zip(BASE.trace, latents, strict=True)
    )
    return dataclasses.replace(BASE, latents=latents, trace=trace, fingerprint=RELEASE)


@pytest.mark.parametrize("fingerprint", [FINGERPRINT, RELEASE, DEVICE], ids=["same", "release", "device"])
def test_rounding_is_within_and_a_little_more_than_its_limit_is_drift(fingerprint: dict[str, str]) -> None:
    factor = 2.0 * (DEVICE_FACTOR if fingerprint == DEVICE else 1.0)
    assert verdict(moved(0, fingerprint=fingerprint)).verdict is Verdict.IDENTICAL
    within = verdict(moved(0.8 * factor, fingerprint=fingerprint))
    assert within.verdict is Verdict.WITHIN
    assert within.reasons == ()
    assert 0.7 < row(within, "relative_l2").used < 0.9
    drift = verdict(moved(1.3 * factor, fingerprint=fingerprint))
    assert drift.verdict is Verdict.DRIFT
    assert "limits exceeded" in first_reason(drift)


def test_the_members_themselves_pass_at_a_factor_of_one() -> None:
    baseline = calibrated(factor=1.0)
    for run in RUNS:
        found = verdict(run, baseline)
        assert (found.verdict, found.reasons) == (Verdict.WITHIN, ())
    assert max(verdict(run, baseline).margin for run in RUNS) == pytest.approx(1)


def test_a_factor_in_the_case_is_used_as_it_is_another_one_is_wider_across_devices() -> None:
    made = make_calibration(factor=3.0)
    for tier, expected in (
        (Tier.SAME_ENVIRONMENT, 3.0),
        (Tier.ACROSS_RELEASES, 3.0),
        (Tier.ACROSS_DEVICES, 7.5),
    ):
        assert safety_factor(tier, Calibrated(), made) == expected
        assert safety_factor(tier, Calibrated(factor=4.0), made) == 4.0


def test_the_factor_of_the_case_reaches_its_limits() -> None:
    case = make_case(tolerance={"across_releases": {"calibrated": {"factor": 5.0}}}, keep="latents", steps=3)
    baseline = dataclasses.replace(make_baseline(case, BASE), calibration=BASELINE.calibration)
    assert judge(case, moved(4, fingerprint=RELEASE), baseline).verdict is Verdict.WITHIN
    assert judge(case, moved(6, fingerprint=RELEASE), baseline).verdict is Verdict.DRIFT


def test_drift_in_the_latents_that_the_output_does_not_show_is_drift() -> None:
    """The last step's clamp hides it."""
    latents = BASE.latents.copy()
    latents[1] *= 1.001
    hidden = with_latents(latents)
    found = verdict(hidden)
    assert found.verdict is Verdict.DRIFT
    assert "latents." in first_reason(found)
    distance = row(found, "latents.relative_l2")
    assert distance.name == "latents.relative_l2 after step 1"
    assert (distance.measured, distance.passed) == (pytest.approx(1e-3), False)
    assert all(
        found.passed
        for found in found.rows
        if not found.name.startswith("latents.") and found.limit is not None
    )
    # Without kept latents the statistics of the step still show it.
    small = dataclasses.replace(hidden, latents=None)
    assert verdict(small).verdict is Verdict.DRIFT
    assert not any(each.name.startswith("latents.relative_l2") for each in verdict(small).rows)
    assert row(verdict(small), "latents.abs_sum").passed is False


def test_the_row_of_the_latents_is_that_of_the_step_that_uses_most_of_its_limit() -> None:
    latents = BASE.latents.copy()
    latents[0] *= 1 + 1e-6
    latents[2] *= 1 + 4e-6
    found = verdict(with_latents(latents))
    distance = row(found, "latents.relative_l2")
    assert (distance.name, distance.measured) == (
        "latents.relative_l2 after step 2",
        pytest.approx(4e-6),
    )
    assert distance.limit == pytest.approx(2e-5, rel=1e-3)
    figures = [each.name.partition(" ")[0] for each in found.rows if each.name.startswith("latents.")]
    assert sorted(figures) == sorted(f"latents.{name}" for name in (*moments(latents), "relative_l2"))


def test_latents_of_another_shape_are_drift() -> None:
    found = verdict(with_latents(BASE.latents[..., :4]))
    assert found.verdict is Verdict.DRIFT
    assert (
        "after step 0 cannot be judged: the latents have shape [1, 3, 8, 4], those of the baseline [1, 3, "
        "8, 8]" in first_reason(found)
    )


def test_the_same_output_with_other_latents_is_within_not_identical() -> None:
    found = verdict(with_latents(BASE.latents * (1 + 1e-7)))
    assert found.verdict is Verdict.WITHIN
    assert "the latents differ from step 0 on (of 0 to 2, timestep 999)" in in_words(found.notes)


def test_an_envelope_of_zero_asks_for_the_same_values() -> None:
    stable = calibrated(runs=[sampled(seed, size=0.0) for seed in (1, 2)])
    assert verdict(dataclasses.replace(BASE, fingerprint=RELEASE), stable).verdict is Verdict.IDENTICAL
    output = BASE.output.copy()
    output[0, 1, 2, 0] = np.nextafter(output[0, 1, 2, 0], np.float32(2))
    found = verdict(dataclasses.replace(BASE, output=output, fingerprint=RELEASE), stable)
    assert found.verdict is Verdict.DRIFT
    assert row(found, "max_abs").limit == 0


def logistic(latents: np.ndarray) -> np.ndarray:
    return 4 * latents * (1 - latents)


class TestChaos:
    """An error doubles at every step: sound at first, nothing to hold on to in the end."""

    SETTING = {"noise": np.random.default_rng(3).random((1, 3, 8, 8)), "step": logistic, "steps": 60}  # noqa: RUF012
    ROUNDING = 1e-12

    @pytest.fixture
    def baseline(self) -> Baseline:
        runs = [sampled(seed, size=self.ROUNDING, **self.SETTING) for seed in range(1, 6)]
        return calibrated(sampled(**self.SETTING), runs)

    def run(self, times: float) -> Measurement:
        return sampled(99, size=self.ROUNDING * times, fingerprint=RELEASE, **self.SETTING)

    def test_a_sound_run_is_incomparable_though_its_early_steps_are_within(self, baseline: Baseline) -> None:
        found = verdict(self.run(1), baseline)
        assert found.verdict is Verdict.INCOMPARABLE
        assert not found.passed
        first = baseline.calibration.chaotic_from
        assert f"chaotic from step {first} on (of 0 to 59)" in first_reason(found)
        assert f"the {first} steps before it are gated" in first_reason(found)
        assert row(found, "relative_l2").passed is None
        assert row(found, "latents.relative_l2").passed is True
        assert all(
            int(each.name.split()[-1]) < first for each in found.rows if each.name.startswith("latents.")
        )

    def test_drift_before_the_chaos_is_drift(self, baseline: Baseline) -> None:
        found = verdict(self.run(10), baseline)
        assert found.verdict is Verdict.DRIFT
        assert "latents." in first_reason(found)
        assert row(found, "relative_l2").passed is None

    def test_the_same_bits_are_identical_even_so(self, baseline: Baseline) -> None:
        same = dataclasses.replace(baseline.measurement, fingerprint=RELEASE)
        assert verdict(same, baseline).verdict is Verdict.IDENTICAL

    def test_a_chaotic_output_behind_sound_steps_is_incomparable(self) -> None:
        def decode(latents: np.ndarray) -> np.ndarray:
            for _ in range(60):
                latents = logistic(latents)
            return image_of(latents)

        setting = {**self.SETTING, "steps": 2, "decode": decode}
        runs = [sampled(seed, size=self.ROUNDING, **setting) for seed in range(1, 6)]
        baseline = calibrated(sampled(**setting), runs)
        found = verdict(sampled(99, size=self.ROUNDING, fingerprint=RELEASE, **setting), baseline)
        assert found.verdict is Verdict.INCOMPARABLE
        assert "chaotic in its output" in first_reason(found)
        assert "the 2 steps before it are gated" in first_reason(found)
        drifted = sampled(99, size=self.ROUNDING * 10, fingerprint=RELEASE, **setting)
        assert verdict(drifted, baseline).verdict is Verdict.DRIFT


def test_a_case_that_is_chaotic_from_the_start_has_no_step_to_gate() -> None:
    steps = tuple(StepEnvelope(index, moments(BASE.latents[0]), 0.5, 0.9) for index in range(3))
    wild = dataclasses.replace(BASELINE, calibration=make_calibration(steps=steps, chaotic_from=0))
    found = verdict(moved(1, fingerprint=RELEASE), wild)
    assert found.verdict is Verdict.INCOMPARABLE
    assert "no step is left to gate" in first_reason(found)
    assert not any(each.name.startswith("latents.") for each in found.rows)


def test_explicit_limits_are_noted_beside_the_envelope() -> None:
    limits = {"relative_l2": 1e-2, "max_abs": 1e-9}
    case = make_case(
        tolerance={"same_environment": limits, "across_releases": limits}, keep="latents", steps=3
    )
    baseline = dataclasses.replace(make_baseline(case, BASE), calibration=BASELINE.calibration)
    notes = in_words(judge(case, moved(1, fingerprint=RELEASE), baseline).notes)
    assert any("on relative_l2 is loose" in note for note in notes)
    assert any("on max_abs is tight" in note for note in notes)
    same = in_words(judge(case, moved(1), baseline).notes)
    assert any("is loose" in note for note in same)
    assert not any("is tight" in note for note in same)
    bare = in_words(judge(case, moved(1, fingerprint=RELEASE), make_baseline(case, BASE)).notes)
    assert not any("envelope" in note for note in bare)


@pytest.mark.parametrize("limits", [{"max_abs": 0.0}, "calibrated"])
def test_whole_numbers_without_an_exact_difference_are_held_to_no_limits(limits: Any) -> None:
    case = make_case(tolerance={"same_environment": limits})
    stored, other = (make_measurement(np.array([2**60 + more])) for more in (0, 1))
    baseline = make_baseline(case, stored)
    if limits == "calibrated":
        baseline = dataclasses.replace(baseline, calibration=make_calibration())
    assert judge(case, stored, baseline).verdict is Verdict.IDENTICAL
    with pytest.raises(UsageError, match=r"whole numbers beyond 2\*\*53"):
        judge(case, other, baseline)
