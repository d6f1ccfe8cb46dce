"""One faulty run: caught or not, by what, and whether the numbers alone would have caught it."""

import dataclasses

import numpy as np
import pytest
from samples import make_baseline, make_calibration, make_case, make_measurement

from harness.faults.catalogue import FaultNotApplicable, fault
from harness.judgement.power.detection import detect, with_output_fault
from harness.measurement.figures import CheckpointIdentity
from harness.measurement.statistics import summarise

SOUND = make_measurement()
CASE = make_case(tolerance={"across_releases": {"max_abs": 1e-4, "mean_abs": 1e-4}})
BASELINE = make_baseline(CASE, SOUND)


def moved(by, measurement=SOUND):
    """One value of the output is moved."""
    output = measurement.output.copy()
    output[0, 0, 0, 0] += np.float32(by)
    return dataclasses.replace(measurement, output=output, statistics=summarise(output))


def found(measurement, case=CASE, baseline=BASELINE):
    return detect(case, measurement, baseline)


def test_a_run_without_a_fault_is_not_caught_although_exact_comparison_is_the_default_here():
    assert SOUND.fingerprint == BASELINE.measurement.fingerprint
    assert found(SOUND) == type(found(SOUND))(caught=False, by=None, margin=0.0, numbers_alone=False)
    within = found(moved(5e-5))
    assert (within.caught, within.by, within.numbers_alone) == (False, None, False)
    assert within.margin == pytest.approx(0.5, rel=1e-2)


def test_a_number_over_its_limit_is_caught_by_the_limit_exceeded_most():
    detection = found(moved(1e-2))
    assert (detection.caught, detection.by, detection.numbers_alone) == (True, "max_abs", True)
    assert detection.margin == pytest.approx(100, rel=1e-3)
    # Over both limits, and over the first by far more.
    assert found(moved(1.0)).by == "max_abs"
    assert found(
        moved(1.0), make_case(tolerance={"across_releases": {"max_abs": 0.5, "mean_abs": 1e-4}})
    ).by == ("mean_abs")


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ({"ledger": SOUND.ledger[:-1]}, "ledger"),
        ({"trace": SOUND.trace[:-1]}, "schedule"),
        ({"checkpoint": CheckpointIdentity("other", {"unet/config.json": "cd" * 32})}, "checkpoint"),
        ({"statistics": {}}, "hard failure"),
    ],
)
def test_exact_facts_catch_what_the_numbers_do_not(change, by):
    detection = found(dataclasses.replace(SOUND, **change))
    assert (detection.caught, detection.by, detection.numbers_alone) == (True, by, False)


def test_the_numbers_may_catch_beside_a_fact():
    detection = found(dataclasses.replace(moved(1e-2), ledger=()))
    assert (detection.caught, detection.by, detection.numbers_alone) == (True, "ledger", True)


def test_nan_is_caught_without_a_margin():
    detection = found(moved(np.nan))
    assert (detection.by, detection.margin, detection.numbers_alone) == ("hard failure", None, False)


def test_a_tolerance_that_is_exact_is_caught_by_the_bits():
    case = make_case(tolerance={"across_releases": "exact"})
    detection = found(dataclasses.replace(SOUND, latents=SOUND.latents), case)
    assert not detection.caught
    assert found(moved(1e-6), case).by == "differing_values"
    trace = (dataclasses.replace(SOUND.trace[0], sha256="0" * 64), *SOUND.trace[1:])
    assert found(dataclasses.replace(SOUND, trace=trace), case).by == "bits"


def test_calibrated_limits_are_on_the_latents_of_each_step_as_well():
    case = make_case()
    baseline = dataclasses.replace(BASELINE, calibration=make_calibration())
    statistics = {**SOUND.trace[1].statistics, "mean": SOUND.trace[1].statistics["mean"] + 1e-3}
    step = dataclasses.replace(SOUND.trace[1], sha256="0" * 64, statistics=statistics)
    detection = found(dataclasses.replace(SOUND, trace=(SOUND.trace[0], step)), case, baseline)
    assert (detection.caught, detection.by) == (True, "latents.mean after step 1")


def test_a_fault_of_the_output_needs_no_run():
    brightness = fault("brightness")
    sound = dataclasses.replace(SOUND, singles=SOUND.output.copy())
    faulty = with_output_fault(sound, brightness, 0.5)
    np.testing.assert_allclose(faulty.output, SOUND.output / 2, rtol=1e-6)
    np.testing.assert_array_equal(faulty.singles, faulty.output)
    assert faulty.statistics == summarise(faulty.output)
    assert faulty.trace == SOUND.trace
    assert with_output_fault(SOUND, brightness, 0.5).singles is None
    grey = make_measurement(SOUND.output[..., :1])
    with pytest.raises(FaultNotApplicable, match="one channel"):
        with_output_fault(grey, fault("channel-swap"), None)
