"""Whether an invariance holds: by bits, then by the limits of the case."""

from dataclasses import replace

import numpy as np
import pytest
from samples import make_baseline, make_calibration, make_case

from harness.cases.relations import Relation
from harness.cases.tolerance import Limits
from harness.judgement.calibration.limits import StepLimits
from harness.judgement.invariance.holding import Images, Yardstick, hold, yardstick
from harness.judgement.reasons import (
    DtypeDiffers,
    NotJudged,
    ShapeDiffers,
    StepsDiffer,
    ValuesNotFinite,
)
from harness.promises import Holding

OUTPUT = np.linspace(0, 1, 48, dtype=np.float32).reshape(1, 4, 4, 3)
STEPS = (OUTPUT + 1, OUTPUT + 2, OUTPUT + 3)
IMAGES = Images(OUTPUT, None, STEPS)
STEP_LIMITS = tuple(StepLimits(index, {}, 1e-5) for index in range(3))
LIMITS = Yardstick(Limits(max_abs=1e-3), STEP_LIMITS)


def moved(by: float, *, step: int | None = None, step_by: float = 0.0) -> Images:
    steps = [each + np.float32(step_by) if index == step else each for index, each in enumerate(STEPS)]
    return Images(OUTPUT + np.float32(by), None, tuple(steps))


def test_the_same_bits_are_identical_without_any_limits() -> None:
    assert hold(moved(0), IMAGES, None).holding is Holding.IDENTICAL


def test_the_latents_of_a_step_count_where_the_output_is_the_same() -> None:
    found = hold(moved(0, step=1, step_by=1e-6), IMAGES, LIMITS)
    assert (found.holding, found.differs_from, found.beyond_from) == (Holding.WITHIN, 1, None)
    found = hold(moved(0, step=1, step_by=1e-3), IMAGES, LIMITS)
    assert (found.holding, found.differs_from, found.beyond_from) == (Holding.VIOLATED, 1, 1)
    assert found.worst is not None
    assert found.worst.name == "latents.relative_l2 after step 1"


@pytest.mark.parametrize(("by", "holding"), [(5e-4, Holding.WITHIN), (2e-3, Holding.VIOLATED)])
def test_limits_decide_on_other_bits(by: float, holding: Holding) -> None:
    found = hold(moved(by), IMAGES, LIMITS)
    assert (found.holding, found.differs_from) == (holding, None)
    assert found.used == pytest.approx(by / 1e-3, rel=1e-3)
    assert bool(found.reasons) == (holding is Holding.VIOLATED)


def test_without_limits_nothing_is_judged_and_exact_takes_no_other_bits() -> None:
    assert hold(moved(1e-7), IMAGES, None).holding is Holding.UNJUDGED
    assert hold(moved(1e-7), IMAGES, Yardstick("exact")).holding is Holding.VIOLATED


def test_another_shape_and_nan_are_violations_whatever_the_limits() -> None:
    found = hold(Images(OUTPUT[:, :2], None, None), IMAGES, Yardstick(Limits(max_abs=9.0)))
    assert found.holding is Holding.VIOLATED
    assert isinstance(found.reasons[0], ShapeDiffers)
    found = hold(moved(float("nan")), IMAGES, Yardstick(Limits(max_abs=9.0)))
    assert (found.holding, type(found.reasons[0])) == (Holding.VIOLATED, ValuesNotFinite)


def test_another_number_of_steps_is_no_rounding() -> None:
    found = hold(replace(IMAGES, steps=STEPS[:2]), IMAGES, LIMITS)
    assert (found.holding, found.differs_from) == (Holding.VIOLATED, 2)
    assert found.reasons == (StepsDiffer(2, 3),)
    found = hold(replace(IMAGES, steps=(STEPS[0], STEPS[1][:, :2], STEPS[2])), IMAGES, LIMITS)
    assert (found.holding, type(found.reasons[0])) == (Holding.VIOLATED, NotJudged)


def test_another_dtype_with_the_same_values_is_a_violation() -> None:
    found = hold(replace(IMAGES, dtype="bfloat16"), IMAGES, LIMITS)
    assert (found.holding, type(found.reasons[0])) == (Holding.VIOLATED, DtypeDiffers)


def test_two_outputs_of_nan_hold_nothing() -> None:
    broken = replace(IMAGES, output=np.full_like(OUTPUT, np.nan))
    assert hold(broken, broken, LIMITS).holding is Holding.VIOLATED


def test_limits_on_statistics_alone_do_not_judge_some_of_the_images() -> None:
    by = Yardstick(Limits(statistics=0.0), statistics=False)
    assert hold(moved(1.0), IMAGES, by).holding is Holding.UNJUDGED


def test_other_limits_have_another_key() -> None:
    same = Yardstick(Limits(max_abs=1e-3), STEP_LIMITS, statistics=False)
    assert LIMITS.key == same.key
    others = [
        Yardstick(Limits(max_abs=2e-3), STEP_LIMITS),
        Yardstick(Limits(max_abs=1e-3), STEP_LIMITS[:2]),
        Yardstick("exact"),
    ]
    assert len({LIMITS.key, *(each.key for each in others)}) == 4


def test_statistics_decide_only_where_all_images_are_compared() -> None:
    strict = Limits(max_abs=1.0, statistics=1e-9)
    assert hold(moved(1e-4), IMAGES, Yardstick(strict)).holding is Holding.VIOLATED
    assert hold(moved(1e-4), IMAGES, Yardstick(strict, statistics=False)).holding is Holding.WITHIN


def test_the_limits_are_those_across_releases_or_across_devices_where_the_device_changes() -> None:
    case = make_case(tolerance={"across_releases": {"max_abs": 1e-3}, "across_devices": {"max_abs": 1e-2}})
    for relation in Relation:
        by = yardstick(case, None, relation, whole=True)
        assert by is not None
        assert isinstance(by.limits, Limits)
        device = relation in (Relation.MODE, Relation.VISIBLE_CORES)
        assert by.limits.max_abs == (1e-2 if device else 1e-3)


def test_calibrated_limits_need_a_calibration() -> None:
    case, baseline = make_case(tolerance={"across_devices": "calibrated"}), make_baseline()
    assert yardstick(case, None, Relation.BATCH_SIZE, whole=True) is None
    assert yardstick(case, baseline, Relation.BATCH_SIZE, whole=True) is None
    baseline = replace(baseline, calibration=make_calibration())
    near = yardstick(case, baseline, Relation.BATCH_SIZE, whole=True)
    far = yardstick(case, baseline, Relation.MODE, whole=True)
    assert near is not None
    assert far is not None
    assert isinstance(near.limits, Limits)
    assert isinstance(far.limits, Limits)
    assert near.limits.max_abs is not None
    assert far.limits.max_abs == pytest.approx(2.5 * near.limits.max_abs)


@pytest.mark.parametrize(
    ("promise", "kept"),
    [
        ("identical", {Holding.IDENTICAL}),
        ("within", {Holding.IDENTICAL, Holding.WITHIN}),
        ("any", set(Holding)),
    ],
)
def test_what_keeps_a_promise(promise, kept) -> None:
    assert {each for each in Holding if each.keeps(promise)} == kept
