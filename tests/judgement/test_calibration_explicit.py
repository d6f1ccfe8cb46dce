"""Explicit limits beside the envelope: loose ones and tight ones are noted, each with its numbers."""

import numpy as np
import pytest
from members import members_of, sampled
from samples import make_baseline, make_calibration

from harness.cases.tolerance import Limits
from harness.judgement.calibration import envelope
from harness.judgement.calibration.findings import LOOSE, limit_notes
from harness.judgement.calibration.limits import calibrated_limits
from harness.reporting.reasons import in_words

BASE = sampled(size=1e-3)
BASELINE = make_baseline(measurement=BASE)
MADE = envelope.make_calibration(
    members_of(BASE, [sampled(seed, size=1e-3) for seed in (1, 2, 3)]), BASE, 2.0, "guide/two-steps"
)
ENVELOPE = calibrated_limits(BASELINE, MADE, 1.0).output
LOOSEST = calibrated_limits(BASELINE, MADE, LOOSE).output
AT_MOST = ["max_abs", "mean_abs", "p999_abs", "relative_l2", "cosine_distance", "worst_tile"]
AT_MOST += ["brightness_shift", "contrast_shift"]


def notes(calibration=MADE, *, same_environment=False, **limits):
    found = limit_notes(Limits(**limits), BASELINE, calibration, same_environment=same_environment)
    return in_words(found)


@pytest.mark.parametrize("name", AT_MOST)
def test_a_limit_on_a_distance_fits_from_the_envelope_to_a_hundred_times_its_size(name):
    lowest, highest = getattr(ENVELOPE, name), getattr(LOOSEST, name)
    assert highest == pytest.approx(lowest * (LOOSE**2 if name == "cosine_distance" else LOOSE))
    for fitting in (lowest, np.sqrt(lowest * highest), highest):
        assert notes(**{name: fitting}) == ()
    (loose,) = notes(**{name: highest * 1.01})
    assert f"the limit {highest * 1.01:.3g} on {name} is loose" in loose
    assert f"100 times the envelope {lowest:.3g}" in loose
    (tight,) = notes(**{name: lowest * 0.99})
    assert f"the limit {lowest * 0.99:.3g} on {name} is tight" in tight
    assert f"the envelope is {lowest:.3g}" in tight


@pytest.mark.parametrize("name", ["psnr", "ssim", "ssim_worst"])
def test_a_limit_on_a_similarity_is_loose_below_and_tight_above(name):
    highest, lowest = getattr(ENVELOPE, name), getattr(LOOSEST, name)
    assert 0 < lowest < highest
    for fitting in (lowest, (lowest + highest) / 2, highest):
        assert notes(**{name: fitting}) == ()
    (loose,) = notes(**{name: lowest * 0.9})
    assert "is loose" in loose
    (tight,) = notes(**{name: highest * 1.01 if name == "psnr" else 1.0})
    assert "is tight" in tight


def test_decibels_are_told_as_they_are_and_similarities_by_their_distance_from_1():
    (told,) = notes(psnr=20.0)
    assert "the limit 20 on psnr is loose" in told
    assert f"100 times the envelope {ENVELOPE.psnr:.3g}," in told
    (told,) = notes(ssim=0.1)
    assert "the limit 0.1 on ssim is loose" in told
    assert f"envelope 1 - {1 - ENVELOPE.ssim:.2g}" in told
    (told,) = notes(ssim=1.0)
    assert f"the envelope is 1 - {1 - ENVELOPE.ssim:.2g}" in told


def test_one_limit_for_all_statistics_is_held_to_the_one_that_rounding_moves_most():
    widest = max(ENVELOPE.statistics.values())
    assert min(ENVELOPE.statistics.values()) < widest
    assert notes(statistics=widest) == notes(statistics=widest * 99) == ()
    (tight,) = notes(statistics=widest * 0.9)
    assert "on statistics is tight" in tight
    assert f"{widest:.3g}" in tight
    (loose,) = notes(statistics=widest * 101)
    assert "on statistics is loose" in loose


def test_limits_on_named_statistics_are_held_to_their_own_envelopes():
    mean, quantile = ENVELOPE.statistics["mean"], ENVELOPE.statistics["q50"]
    assert mean != quantile
    assert notes(statistics={"mean": mean, "q50": quantile * 99}) == ()
    found = notes(statistics={"mean": mean * 0.9, "q50": quantile * 101, "channel0.std": 1e-30})
    assert ["statistics.mean is tight" in found[0], "statistics.q50 is loose" in found[1]] == [True, True]
    assert "statistics.channel0.std is tight" in found[2]


def test_a_limit_on_a_statistic_that_is_not_there_is_none_of_its_business():
    assert notes(statistics={"no_such": 1.0}) == ()


def test_what_has_no_limit_has_no_note():
    assert notes(max_abs=ENVELOPE.max_abs) == ()


def test_every_odd_limit_has_its_note():
    assert len(notes(max_abs=9.0, psnr=1.0, relative_l2=1e-30, statistics=9.0)) == 4
    assert len(notes(max_abs=9.0, psnr=1.0, relative_l2=1e-30, statistics={"mean": 9.0})) == 4


def test_no_limit_is_too_tight_where_nothing_rounds_otherwise():
    tight = {"max_abs": 0.0, "psnr": 1000.0, "statistics": 0.0}
    assert len(notes(**tight)) == 3
    assert len(limit_notes(Limits(**tight), BASELINE, MADE)) == 3
    assert notes(**tight, same_environment=True) == ()
    assert len(notes(max_abs=9.0, same_environment=True)) == 1


def test_any_limit_is_loose_where_the_envelope_is_zero():
    still = envelope.make_calibration(members_of(BASE, [sampled(1, size=0.0)]), BASE, 2.0, "guide/two-steps")
    (told,) = notes(still, max_abs=1e-9)
    assert "100 times the envelope 0" in told
    assert notes(still, max_abs=0.0) == ()
    # Equal outputs have no PSNR to hold a limit to.
    assert notes(still, psnr=60.0) == ()


def test_a_chaotic_case_has_no_envelope_to_hold_limits_to():
    assert limit_notes(Limits(max_abs=9.0), BASELINE, make_calibration(chaotic_from=1)) == ()
