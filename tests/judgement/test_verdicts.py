"""Verdicts: each rule that leads to one, with what is said about it."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import FINGERPRINT, first_reason, make_baseline, make_case, make_measurement

from harness.baselines.errors import BaselineDamaged, BaselineMissing
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.tolerance import Limits
from harness.codec import from_json, to_json
from harness.errors import HarnessError
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.reasons import OtherDevice, OutputDiffers, ProcessChanged
from harness.judgement.rows import Row
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge
from harness.measurement.figures import CheckpointIdentity, Draw, ProcessChange, ProcessPart
from harness.measurement.measurement import Measurement
from harness.measurement.statistics import summarise
from harness.operations.check import hold, select_baseline
from harness.reporting.commands import Invocation, reason_texts
from harness.reporting.reasons import in_words

RELEASE = {**FINGERPRINT, "mindspore": "2.9.0"}
DEVICE = {**FINGERPRINT, "cores": "2"}
NPU = {**FINGERPRINT, "device": "Ascend", "soc": "Ascend910B4"}
LOOSE = {"relative_l2": 1e-3, "statistics": 1e-3}
BASE = make_measurement()


def nudged(by: float = 1e-6, **fields: Any) -> Measurement:
    """The measurement with its output scaled a little, everything else as it was."""
    return make_measurement(BASE.output * np.float32(1 + by), **fields)


def verdict(
    measurement: Measurement, case: Case | None = None, baseline: Measurement | None = None
) -> Judgement:
    case = case or make_case()
    return judge(case, measurement, make_baseline(case, baseline or BASE))


def row(judgement: Judgement, name: str) -> Row:
    (found,) = (row for row in judgement.rows if row.name == name)
    return found


def told_of(found: Judgement, invocation: Invocation = Invocation()) -> str:  # noqa: B008
    """Return the first reason as a reader sees it."""
    return reason_texts(found, invocation)[0]


class TestSameEnvironment:
    def test_the_same_bits_are_identical(self) -> None:
        found = verdict(make_measurement(timings={"run": 99.0}))
        assert (found.verdict, found.tier) == (Verdict.IDENTICAL, Tier.SAME_ENVIRONMENT)
        assert found.passed
        assert (found.rows, found.reasons, found.notes, found.differences) == ((), (), (), ())
        assert found.margin == 0

    def test_one_bit_of_the_output_is_drift(self) -> None:
        output = BASE.output.copy()
        output[0, 3, 4, 1] = np.nextafter(output[0, 3, 4, 1], np.float32(2))
        found = verdict(make_measurement(output, statistics=BASE.statistics))
        assert found.verdict is Verdict.DRIFT
        assert not found.passed
        assert found.reasons == (OutputDiffers(1, 192, only_sign=False),)
        assert first_reason(found) == (
            "the output is not bitwise equal to the baseline's: 1 of 192 values differ"
        )
        assert row(found, "differing_values") == Row("differing_values", 1.0, 0.0, passed=False)
        assert row(found, "max_ulp").measured == 1
        assert row(found, "ssim").passed is None
        assert found.margin == math.inf

    def test_the_sign_of_zero_is_a_bit(self) -> None:
        zeros = np.zeros((1, 8, 8, 3), np.float32)
        found = verdict(make_measurement(-zeros), baseline=make_measurement(zeros))
        assert found.verdict is Verdict.DRIFT
        assert "192 of 192 values differ, all of them only in the sign of 0" in first_reason(found)
        assert row(found, "max_abs").measured == 0

    def test_latents_that_differ_are_named_by_their_first_step(self) -> None:
        trace = (BASE.trace[0], dataclasses.replace(BASE.trace[1], sha256="0" * 64))
        found = verdict(make_measurement(trace=trace))
        assert found.verdict is Verdict.DRIFT
        assert in_words(found.reasons) == ("the latents differ from step 1 on (of 0 to 1, timestep 0)",)

    def test_a_statistic_that_differs_shows_both_values(self) -> None:
        found = verdict(make_measurement(statistics={**BASE.statistics, "mean": 0.25}))
        assert found.verdict is Verdict.DRIFT
        assert in_words(found.reasons) == ("statistics differ: mean",)
        mean = row(found, "mean")
        assert (mean.value, mean.baseline, mean.passed) == (0.25, BASE.statistics["mean"], False)

    def test_single_images_count(self) -> None:
        baseline = make_measurement(singles=BASE.output)
        found = verdict(make_measurement(singles=nudged().output), baseline=baseline)
        assert found.verdict is Verdict.DRIFT
        assert "single images" in first_reason(found)

    def test_limits_in_place_of_exact(self) -> None:
        case = make_case(tolerance={"same_environment": LOOSE})
        assert verdict(nudged(), case).verdict is Verdict.WITHIN
        assert verdict(nudged(0.1), case).verdict is Verdict.DRIFT
        assert verdict(BASE, case).verdict is Verdict.IDENTICAL


class TestWhatRoundingCannotExplain:
    """Drift in every tier, whatever the metrics say."""

    LENIENT = {"max_abs": 100.0}  # noqa: RUF012
    CASE = make_case(
        tolerance={"same_environment": LENIENT, "across_releases": LENIENT, "across_devices": LENIENT}
    )

    @pytest.fixture(params=[FINGERPRINT, RELEASE, DEVICE, NPU], ids=["same", "release", "device", "npu"])
    def fingerprint(self, request: pytest.FixtureRequest) -> dict[str, str]:
        return request.param

    def reasons(self, measurement: Measurement, case: Case | None = None) -> tuple[str, ...]:
        for held in (case or self.CASE, make_case(strict=True), make_case()):
            found = verdict(measurement, held)
            assert found.verdict is Verdict.DRIFT
        return in_words(verdict(measurement, case or self.CASE).reasons)

    def test_other_weights(self, fingerprint: dict[str, str]) -> None:
        checkpoint = CheckpointIdentity("builtin:ddpm-digits", {"unet/config.json": "ef" * 32})
        reasons = self.reasons(make_measurement(fingerprint=fingerprint, checkpoint=checkpoint))
        assert reasons[0].startswith(
            "the checkpoint builtin:ddpm-digits is not the one recorded: unet/config.json has sha256 ef"
        )
        assert "ab" * 32 in reasons[0]

    def test_other_noise(self, fingerprint: dict[str, str]) -> None:
        ledger = make_measurement(seed=8).ledger
        (reason,) = self.reasons(make_measurement(fingerprint=fingerprint, ledger=ledger))
        assert (
            "the noise differs from draw 0 on: standard_normal 1x3x8x8 <f4 of generator 0 at samples.py:"
            in reason
        )
        assert "gave different values" in reason

    def test_noise_drawn_in_another_way(self, fingerprint: dict[str, str]) -> None:
        first = BASE.ledger[0]
        extra = Draw(0, "random", (), "<f8", "0" * 64, "x.py:1")
        (reason,) = self.reasons(make_measurement(fingerprint=fingerprint, ledger=(first, extra)))
        assert "2 draws; the baseline has 1; first new: random scalar <f8 of generator 0 at x.py:1" in reason
        (reason,) = self.reasons(make_measurement(fingerprint=fingerprint, ledger=()))
        assert "0 draws; the baseline has 1; missing: standard_normal" in reason
        other = dataclasses.replace(first, dtype="<f8")
        (reason,) = self.reasons(make_measurement(fingerprint=fingerprint, ledger=(other,)))
        assert "from draw 0 on: standard_normal 1x3x8x8 <f8" in reason

    def test_another_schedule(self, fingerprint: dict[str, str]) -> None:
        trace = (dataclasses.replace(BASE.trace[0], timestep=501), BASE.trace[1])
        (reason,) = self.reasons(make_measurement(fingerprint=fingerprint, trace=trace))
        assert reason == "the schedule differs: step 0 has timestep 501; the baseline has 500"

    def test_nan(self, fingerprint: dict[str, str]) -> None:
        output = BASE.output.copy()
        output[0, 0, 0, 0] = np.nan
        reasons = self.reasons(make_measurement(output, fingerprint=fingerprint))
        assert reasons[0] == "output: NaN in 1 of 192 values, at (0, 0, 0, 0)"

    def test_another_shape(self, fingerprint: dict[str, str]) -> None:
        measurement = make_measurement(BASE.output[:, :7], fingerprint=fingerprint)
        assert self.reasons(measurement)[0] == "output: shape [1, 7, 8, 3], the baseline's is [1, 8, 8, 3]"
        assert verdict(measurement, self.CASE).rows == ()

    def test_weights_come_first_and_the_figures_are_shown_all_the_same(self) -> None:
        checkpoint = CheckpointIdentity("x", {"unet/config.json": "ef" * 32})
        found = verdict(nudged(0.01, checkpoint=checkpoint, fingerprint=RELEASE), self.CASE)
        assert "checkpoint" in first_reason(found)
        assert row(found, "relative_l2").measured == pytest.approx(0.01, rel=1e-3)

    def test_moved_code_is_no_drift(self) -> None:
        ledger = tuple(dataclasses.replace(draw, site="moved.py:1") for draw in BASE.ledger)
        assert verdict(make_measurement(ledger=ledger)).verdict is Verdict.IDENTICAL


class TestOtherTiers:
    CASE = make_case(tolerance={"across_releases": LOOSE, "across_devices": {"max_abs": 0.5}})

    def test_the_same_bits_are_identical_there_too(self) -> None:
        for case in (self.CASE, make_case()):
            found = verdict(make_measurement(fingerprint=RELEASE), case)
            assert (found.verdict, found.tier) == (Verdict.IDENTICAL, Tier.ACROSS_RELEASES)
            assert [difference.name for difference in found.differences] == ["mindspore"]

    def test_within_shows_what_moved(self) -> None:
        trace = make_measurement(seed=8).trace
        found = verdict(nudged(5e-4, fingerprint=RELEASE, trace=trace), self.CASE)
        assert (found.verdict, found.tier) == (Verdict.WITHIN, Tier.ACROSS_RELEASES)
        assert found.passed
        assert found.reasons == ()
        assert in_words(found.notes) == ("the latents differ from step 0 on (of 0 to 1, timestep 500)",)
        l2 = row(found, "relative_l2")
        assert (l2.limit, l2.passed) == (1e-3, True)
        assert l2.measured == pytest.approx(5e-4, rel=1e-3)
        assert row(found, "max_abs").passed is None
        assert row(found, "channel2.std").passed is True
        assert found.margin == found.worst.used == pytest.approx(max(r.used or 0 for r in found.rows))

    def test_drift_names_the_worst_and_shows_all_figures(self) -> None:
        found = verdict(nudged(5e-3, fingerprint=RELEASE), self.CASE)
        assert found.verdict is Verdict.DRIFT
        assert "limits exceeded, worst: " in first_reason(found)
        assert row(found, "ssim").passed is None
        assert found.margin is not None
        assert found.margin > 4

    def test_at_the_limit_is_within(self) -> None:
        output = BASE.output.copy()
        output[0, 0, 0, 0] = 0.75
        base = BASE.output.copy()
        base[0, 0, 0, 0] = 0.5
        case = make_case(tolerance={"across_releases": {"max_abs": 0.25}})
        found = verdict(make_measurement(output, fingerprint=RELEASE), case, make_measurement(base))
        assert (found.verdict, found.margin) == (Verdict.WITHIN, 1.0)
        case = make_case(tolerance={"across_releases": {"max_abs": np.nextafter(0.25, 0)}})
        found = verdict(make_measurement(output, fingerprint=RELEASE), case, make_measurement(base))
        assert found.verdict is Verdict.DRIFT

    def test_similarities_must_be_at_least_their_limit(self) -> None:
        for limits, expected in (
            ({"psnr": 40.0, "ssim": 0.99, "ssim_worst": 0.9}, Verdict.WITHIN),
            ({"psnr": 90.0}, Verdict.DRIFT),
            ({"ssim": 1.0}, Verdict.DRIFT),
            ({"ssim_worst": 1.0}, Verdict.DRIFT),
        ):
            case = make_case(tolerance={"across_releases": limits})
            found = verdict(nudged(1e-3, fingerprint=RELEASE), case)
            assert found.verdict is expected, limits
        assert "is below its limit" in first_reason(found)

    def test_a_limit_on_a_metric_that_does_not_apply_fails(self) -> None:
        small = BASE.output[:, :6, :6].copy()
        case = make_case(tolerance={"across_releases": {"ssim": 0.5, "max_abs": 1.0}})
        found = verdict(
            make_measurement(small * np.float32(0.999), fingerprint=RELEASE), case, make_measurement(small)
        )
        assert found.verdict is Verdict.DRIFT
        assert (
            "ssim cannot be judged: ssim needs images [n, height, width, channels] of at least 7 x 7"
            in first_reason(found)
        )

    def test_statistics_can_be_limited_one_by_one(self) -> None:
        case = make_case(tolerance={"across_releases": {"statistics": {"mean": 1e-9}}})
        found = verdict(nudged(1e-3, fingerprint=RELEASE), case)
        assert found.verdict is Verdict.DRIFT
        assert [r.name for r in found.rows if r.passed is not None] == ["mean"]
        case = make_case(tolerance={"across_releases": {"statistics": {"median": 1.0}}})
        found = verdict(nudged(1e-3, fingerprint=RELEASE), case)
        assert found.verdict is Verdict.DRIFT
        assert "median cannot be judged: the baseline has no such statistic; it has abs_sum" in first_reason(
            found
        )

    @pytest.mark.parametrize(
        ("fingerprint", "told"),
        [
            (RELEASE, "run harness calibrate suites/guide.yaml::two-steps --baseline-dir baselines"),
            (DEVICE, "add `tolerance: {across_devices: …}` to the case at suites/guide.yaml:4"),
        ],
    )
    def test_no_limits_for_the_tier_is_incomparable_and_says_what_to_do(
        self, fingerprint: dict[str, str], told: str
    ) -> None:
        found = verdict(nudged(fingerprint=fingerprint))
        assert found.verdict is Verdict.INCOMPARABLE
        assert not found.passed
        assert told in told_of(found)
        assert row(found, "relative_l2").passed is None

    @pytest.mark.parametrize(
        ("fingerprint", "device", "told"),
        [
            (BASE.fingerprint, "cpu", "baselines --device Ascend --python other"),
            (RELEASE, "cpu", "baselines --device Ascend where the baseline was recorded"),
            (DEVICE, "cpu", "baselines where the baseline was recorded"),
            (DEVICE, "ascend910b", "baselines --device Ascend where the baseline was recorded"),
        ],
    )
    def test_calibrating_is_for_where_the_baseline_s_bits_come_out(
        self, fingerprint: dict[str, str], device: str, told: str
    ) -> None:
        tiers = ("same_environment", "across_releases", "across_devices")
        case = make_case(tolerance=dict.fromkeys(tiers, "calibrated"))
        stored = dataclasses.replace(make_baseline(case, BASE), device=device)
        found = judge(case, nudged(fingerprint=fingerprint), stored)
        assert found.verdict is Verdict.INCOMPARABLE
        there = Invocation("baselines", "Ascend", python="other")
        command = f"run harness calibrate suites/guide.yaml::two-steps --baseline-dir {told}"
        assert told_of(found, there).endswith(command)

    def test_a_strict_case_is_incomparable_outside_its_environment(self) -> None:
        case = make_case(strict=True, tolerance={"across_releases": LOOSE})
        for measurement in (nudged(fingerprint=RELEASE), make_measurement(fingerprint=RELEASE)):
            found = verdict(measurement, case)
            assert found.verdict is Verdict.INCOMPARABLE
            assert "strict" in first_reason(found)
        assert verdict(BASE, case).verdict is Verdict.IDENTICAL

    def test_exact_can_be_asked_for_across_releases(self) -> None:
        case = make_case(tolerance={"across_releases": "exact"})
        assert verdict(nudged(fingerprint=RELEASE), case).verdict is Verdict.DRIFT
        assert verdict(make_measurement(fingerprint=RELEASE), case).verdict is Verdict.IDENTICAL

    def test_operators_that_changed_are_named(self) -> None:
        canaries = {**BASE.canaries, "conv3x3": "9" * 64, "new": "0" * 64}
        found = verdict(nudged(fingerprint=RELEASE, canaries=canaries), self.CASE)
        assert found.changed_operators == ("conv3x3",)
        told = "operators that gave different bits from those in the baseline's environment: conv3x3"
        assert told in in_words(found.notes)

    def test_a_half_bright_image_does_not_pass_by_its_direction(self) -> None:
        case = make_case(tolerance={"across_releases": {"cosine_distance": 1e-6, "brightness_shift": 0.01}})
        found = verdict(nudged(-0.5, fingerprint=RELEASE), case)
        assert row(found, "cosine_distance").passed
        assert found.verdict is Verdict.DRIFT


class TestStale:
    def test_a_baseline_of_another_definition_is_an_error_with_what_to_type(self) -> None:
        found = judge(make_case(steps=3), BASE, make_baseline())
        assert (found.verdict, found.tier, found.rows) == (Verdict.ERROR, None, ())
        assert found.stale
        assert "the case was edited since its baseline was recorded" in first_reason(found)
        assert "steps: 2 -> 3" in first_reason(found)
        assert "harness record suites/guide.yaml::two-steps" in told_of(found)


class TestBatchConsistency:
    CASE = make_case(batch_consistency=Limits(max_abs=1e-3, statistics=1e-3), seeds=(1, 2))

    def measured(self, singles: np.ndarray | None, **fields: Any) -> Measurement:
        output = np.concatenate([BASE.output, BASE.output[:, ::-1]])
        return make_measurement(output, singles=singles, **fields)

    @property
    def output(self) -> np.ndarray:
        return self.measured(None).output

    def test_a_batch_that_equals_its_single_images(self) -> None:
        measurement = self.measured(self.output * np.float32(1 + 1e-6))
        found = verdict(measurement, self.CASE, measurement)
        assert found.verdict is Verdict.IDENTICAL
        assert row(found, "batch vs single: max_abs").passed
        assert 0 < (found.margin or 0) < 1e-2

    @pytest.mark.parametrize("fingerprint", [FINGERPRINT, RELEASE, DEVICE])
    def test_a_batch_that_does_not_is_drift_in_every_tier_though_it_equals_its_baseline(
        self, fingerprint: dict[str, str]
    ) -> None:
        singles = self.output
        singles[1, 0, 0, 0] += 0.5
        baseline = self.measured(singles)
        found = verdict(dataclasses.replace(baseline, fingerprint=fingerprint), self.CASE, baseline)
        assert found.verdict is Verdict.DRIFT
        assert "the images of the batch differ from the images made singly from their seeds" in first_reason(
            found
        )
        assert row(found, "batch vs single: max_abs").passed is False

    def test_swapped_images_are_seen(self) -> None:
        measurement = self.measured(self.output[::-1])
        assert verdict(measurement, self.CASE, measurement).verdict is Verdict.DRIFT

    def test_single_images_with_nan_or_of_another_shape_are_drift(self) -> None:
        singles = self.output
        singles[0, 0, 0, 0] = np.nan
        for broken, words in (
            (singles, "the single images: NaN in 1"),
            (self.output[:1], "shape [2, 8, 8, 3]"),
        ):
            measurement = self.measured(broken)
            found = verdict(measurement, self.CASE, measurement)
            assert found.verdict is Verdict.DRIFT
            assert words in first_reason(found)

    def test_a_run_without_single_images_is_an_error(self) -> None:
        found = verdict(self.measured(None), self.CASE)
        assert found.verdict is Verdict.ERROR
        assert "no single images" in first_reason(found)


class TestAgainstAStore:
    @pytest.fixture
    def store(self, tmp_path: Path) -> BaselineStore:
        return BaselineStore(tmp_path)

    def test_a_missing_baseline_fails_and_is_never_a_skip(self, store: BaselineStore) -> None:
        found = hold(make_case(), BASE, store).judgement
        assert (found.verdict, found.passed) == (Verdict.ERROR, False)
        assert "there is no baseline of guide/two-steps for cpu; record it: harness record" in told_of(found)

    def test_a_damaged_baseline_fails_and_names_the_file(self, store: BaselineStore) -> None:
        path = store.write(make_baseline()).path
        path.write_text("{")
        found = hold(make_case(), BASE, store).judgement
        assert found.verdict is Verdict.ERROR
        assert first_reason(found).startswith(str(path))

    def test_the_judgement_names_its_baseline(self, store: BaselineStore) -> None:
        path = store.write(make_baseline()).path
        found = hold(make_case(), BASE, store).judgement
        assert found.verdict is Verdict.IDENTICAL
        assert (found.baseline_path, found.baseline_device) == (str(path), "cpu")

    def test_another_devices_baseline_is_not_used_unasked(self, store: BaselineStore) -> None:
        store.write(make_baseline())
        for case in (make_case(), make_case(strict=True, tolerance={"across_devices": LOOSE})):
            found = hold(case, make_measurement(fingerprint=NPU), store).judgement
            assert found.verdict is Verdict.ERROR
            assert "no baseline of guide/two-steps for ascend910b4" in first_reason(found)
            assert "There is one for cpu, but it is not used, because the case" in first_reason(found)

    def test_another_devices_baseline_that_is_used_is_named(self, store: BaselineStore) -> None:
        path = store.write(make_baseline()).path
        case = make_case(tolerance={"across_devices": LOOSE})
        found = hold(case, nudged(fingerprint=NPU), store).judgement
        assert (found.verdict, found.tier) == (Verdict.WITHIN, Tier.ACROSS_DEVICES)
        assert (found.baseline_path, found.baseline_device) == (str(path), "cpu")
        assert found.notes[0] == OtherDevice("ascend910b4", "cpu")
        assert in_words(found.notes)[0] == (
            "there is no baseline for ascend910b4; it was compared with the one recorded on cpu"
        )

    def test_its_own_comes_first_then_one_of_its_kind(self, store: BaselineStore) -> None:
        case = make_case(tolerance={"across_devices": LOOSE})
        store.write(make_baseline(case))
        other = {**NPU, "soc": "Ascend910B1"}
        store.write(make_baseline(case, make_measurement(fingerprint=other)))
        assert select_baseline(store, case, NPU).device == "ascend910b1"
        store.write(make_baseline(case, make_measurement(fingerprint=NPU)))
        assert select_baseline(store, case, NPU).device == "ascend910b4"

    def test_a_processor_of_another_architecture_is_a_device_of_its_own(self, store: BaselineStore) -> None:
        case = make_case(tolerance={"across_devices": LOOSE})
        arm = {**FINGERPRINT, "arch": "aarch64", "isa": "ADVANCED_SIMD"}
        store.write(make_baseline(case, make_measurement(fingerprint=NPU)))
        store.write(make_baseline(case))
        found = hold(case, nudged(fingerprint=arm), store).judgement
        assert (found.tier, found.baseline_device) == (Tier.ACROSS_DEVICES, "cpu")
        assert found.notes[0] == OtherDevice("cpu-aarch64", "cpu")
        store.write(make_baseline(case, make_measurement(fingerprint=arm)))
        found = hold(case, make_measurement(fingerprint=arm), store).judgement
        assert (found.verdict, found.baseline_device) == (Verdict.IDENTICAL, "cpu-aarch64")
        assert select_baseline(store, case, FINGERPRINT).device == "cpu"

    def test_its_own_damaged_one_is_not_passed_over(self, store: BaselineStore) -> None:
        case = make_case(tolerance={"across_devices": LOOSE})
        store.write(make_baseline(case, make_measurement(fingerprint={**NPU, "soc": "Ascend910B1"})))
        store.write(make_baseline(case, make_measurement(fingerprint=NPU))).path.write_text("")
        with pytest.raises(BaselineDamaged):
            select_baseline(store, case, NPU)

    def test_nothing_stored_at_all(self, store: BaselineStore) -> None:
        with pytest.raises(BaselineMissing):
            select_baseline(store, make_case(tolerance={"across_devices": LOOSE}), NPU)


class TestAsData:
    def test_what_could_not_be_run_is_an_error_of_its_case(self) -> None:
        found = Judgement.error(make_case(), HarnessError("the worker died"))
        assert (found.name, found.verdict, found.tier) == ("guide/two-steps", Verdict.ERROR, None)
        assert told_of(found) == "the worker died"

    @pytest.mark.parametrize(
        "found",
        [
            verdict(BASE),
            verdict(make_measurement(np.zeros_like(BASE.output))),
            verdict(nudged(5e-3, fingerprint=RELEASE), TestOtherTiers.CASE),
            verdict(BASE, baseline=make_measurement(np.zeros_like(BASE.output))),
            Judgement.error(make_case(), HarnessError("the worker died")),
        ],
        ids=["identical", "drift", "rows", "infinite", "error"],
    )
    def test_a_judgement_survives_strict_json(self, found: Judgement) -> None:
        text = json.dumps(to_json(found), allow_nan=False)
        assert from_json(Judgement, json.loads(text)) == found

    def test_a_judgement_holds_no_arrays_nor_enumerations(self) -> None:
        found = verdict(nudged(5e-3, fingerprint=RELEASE), TestOtherTiers.CASE)

        def kinds(value: Any) -> set[type]:
            if isinstance(value, dict):
                return set().union(*map(kinds, value.values())) if value else set()
            if isinstance(value, list):
                return set().union(*map(kinds, value)) if value else set()
            return {type(value)}

        assert kinds(to_json(found)) <= {str, float, int, bool, type(None)}


@pytest.mark.parametrize(
    ("row", "used"),
    [
        (Row("max_abs", 0.5, 1.0, True), 0.5),
        (Row("max_abs", 2.0, 1.0, False), 2.0),
        (Row("max_abs", 0.0, 0.0, True), 0.0),
        (Row("max_abs", 1e-9, 0.0, False), math.inf),
        (Row("max_abs", 1.0), None),
        (Row("ssim", 0.9975, 0.99, True, at_least=True), 0.5),
        (Row("cosine_distance", 1e-6, 4e-6, True), 0.5),
        (Row("ssim", 1.0, 1.0, True, at_least=True), 0.0),
        (Row("psnr", 60.0, 40.0, True, at_least=True), 0.1),
        (Row("psnr", math.inf, 40.0, True, at_least=True), 0.0),
        (Row("psnr", -20.0, 40.0, False, at_least=True), 1000.0),
        (Row("psnr", -20.0, 1e9, False, at_least=True), 1e300),
        (Row("ssim", None, 0.9, False, at_least=True), math.inf),
        (Row("max_abs", math.nan, 0.9, False), math.inf),
    ],
)
def test_how_much_of_a_limit_is_used_up(row: Row, used: float | None) -> None:
    assert row.used == (used if used is None else pytest.approx(used))


def test_samples_statistics_are_those_of_their_output() -> None:
    assert BASE.statistics == summarise(BASE.output)


def test_what_a_case_changed_in_its_process_is_a_note_and_no_verdict() -> None:
    change = ProcessChange(ProcessPart.ENVIRONMENT, ("HOME", "PATH"))
    case, baseline = make_case(), make_baseline()
    sound = judge(case, BASE, baseline)
    found = judge(case, dataclasses.replace(BASE, changes=(change,)), baseline)
    assert dataclasses.replace(found, notes=sound.notes) == sound
    assert found.notes == (*sound.notes, ProcessChanged((change,)))
    assert from_json(Judgement, to_json(found)) == found
    assert "environment variables (HOME, PATH)" in in_words(found.notes)[-1]
