"""A case that passes whatever its output is says so when it is recorded, without a run."""

import dataclasses

import numpy as np
import pytest
from samples import make_baseline, make_calibration, make_case, make_measurement

from harness.baselines.store import BaselineStore
from harness.judgement.power.vacuity import vacuous_output
from harness.judgement.reasons import PassesOutputFaults
from harness.operations.calibrate import vacuous_cases
from harness.reporting.reasons import text_of

LIMITS = {"relative_l2": 1e-6, "max_abs": 1e-5}


def told(limits, measurement=None, **fields):
    case = make_case(tolerance={"across_releases": limits}, **fields)
    baseline = make_baseline(case, measurement or make_measurement())
    why = vacuous_output(case, baseline)
    return None if why is None else text_of(why)


def test_limits_that_measure_something_are_not_vacuous():
    assert told(LIMITS) is None
    assert told("exact") is None


def test_one_limit_that_catches_one_fault_is_enough():
    """Swapped channels move some values by 0.5, the next largest fault by less."""
    assert told({"max_abs": 0.9}) is not None
    assert told({"max_abs": 0.3}) is None


def test_limits_that_hide_everything_are_vacuous_and_the_numbers_say_so():
    message = told({"max_abs": 10.0, "psnr": 1.0})
    assert message.startswith("at its tolerance across releases it passes each of 8 faults")
    assert "faults put into its output (final-clamp 0.001, brightness 0.001, " in message
    assert (
        "pixel-shift comes closest to being caught, with 0.18 times the difference that would be" in message
    )
    assert "`tolerance.across_releases` at suites/guide.yaml:4" in message


def test_an_output_of_one_value_shows_nothing_of_the_pipeline_however_tight_its_limits():
    grey = make_measurement(np.full((1, 8, 8, 3), 0.5, np.float32))
    message = told(LIMITS, grey)
    assert "all 192 values of its output are 0.5" in message
    assert "`calibrated` limits the latents as well" in message


def test_an_output_of_one_value_with_its_latents_compared_is_not_vacuous():
    grey = make_measurement(np.full((1, 8, 8, 3), 0.5, np.float32))
    assert told("exact", grey) is None
    case = make_case()
    baseline = dataclasses.replace(make_baseline(case, grey), calibration=make_calibration())
    assert vacuous_output(case, baseline) is None


@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_an_output_of_other_dtypes(dtype):
    output = (make_measurement().output * 255).astype(np.uint8).astype(dtype)
    assert told({"max_abs": 300.0}, make_measurement(output)) is not None
    constant = np.zeros((1, 8, 8, 3), dtype)
    assert "values of its output are 0," in told({"max_abs": 300.0}, make_measurement(constant))


def test_an_output_that_no_fault_can_be_put_into_says_nothing():
    assert told({"max_abs": 300.0}, make_measurement(np.array([[True], [False]]))) is None


def test_what_is_not_judged_across_releases_is_not_vacuous_there():
    case = make_case()
    baseline = make_baseline(case)
    assert vacuous_output(case, baseline) is None
    chaotic = dataclasses.replace(baseline, calibration=make_calibration(chaotic_from=0))
    assert vacuous_output(case, chaotic) is None
    assert told({"max_abs": 10.0}, strict=True) is None
    assert told({"max_abs": 10.0}) is not None


def test_a_calibrated_tolerance_that_hides_everything_is_vacuous():
    """An envelope as wide as the image: what a factor of millions makes of a sound one."""
    wide = make_calibration(
        metrics={"max_abs": 1.0, "relative_l2": 0.04}, statistics={"mean": 0.04}, factor=100.0
    )
    case = make_case()
    baseline = dataclasses.replace(make_baseline(case), calibration=wide)
    assert isinstance(vacuous_output(case, baseline), PassesOutputFaults)
    sound = dataclasses.replace(baseline, calibration=make_calibration())
    assert vacuous_output(case, sound) is None


def test_what_was_recorded_before_an_edit_says_nothing_of_the_case(tmp_path):
    store = BaselineStore(tmp_path / "baselines")
    blind = {"tolerance": {"across_releases": {"max_abs": 10.0}}}
    case = make_case(**blind)
    store.write(make_baseline(case))
    assert [each.case for each in vacuous_cases([case], store)] == [case]
    assert vacuous_cases([make_case(steps=9, **blind)], store) == ()
