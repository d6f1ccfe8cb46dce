"""What follows the last step is judged by itself: the host in every tier, the decoder by its envelope."""

import dataclasses

import numpy as np
import pytest
from samples import FINGERPRINT, make_baseline, make_calibration, make_case, make_measurement

from harness.baselines.document import BaselineDocument
from harness.explanation.causes import root_causes
from harness.faults.catalogue import fault
from harness.judgement.judgement import Verdict
from harness.judgement.power.detection import detect, with_output_fault
from harness.judgement.power.vacuity import vacuous_output
from harness.judgement.reasons_after_steps import DecoderDiffers, HostDiffers, HostNotObserved
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge, limited_rows
from harness.measurement.figures import HOST_LIMIT, DecoderDeviation, HostProcessing
from harness.measurement.measurement import array_sha256
from harness.reporting.causes import cause_title
from harness.reporting.reasons import text_of

ELSEWHERE = {**FINGERPRINT, "mindspore": "2.7.0"}
GIVEN = np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 4, 4, 4)
RECIPE, OTHER = (
    "channels last, halved plus 0.5, not clamped",
    "channels last, halved plus 0.5, clamped to [0, 1]",
)


def run(difference=0.0, *, other=0.3, source="vae.decode", **fields):
    host = HostProcessing(source, {RECIPE: difference, OTHER: other})
    return make_measurement(**{"host": host, "decoder_input": GIVEN, **fields})


def alone(max_abs, relative_l2=0.0, given=GIVEN):
    return DecoderDeviation(array_sha256(given), max_abs, relative_l2)


def nearly():
    """The output with a single value moved, within every limit."""
    output = make_measurement().output.copy()
    output[0, 0, 0, 0] += np.float32(6e-8)
    return output


CASE = make_case(tolerance={"across_releases": "calibrated"})
ENVELOPE = {"max_abs": 4e-7, "relative_l2": 2e-7}
BASELINE = dataclasses.replace(make_baseline(CASE, run()), calibration=make_calibration(decoder=ENVELOPE))


def judged(measurement, baseline=BASELINE, case=CASE, **options):
    return judge(case, measurement, baseline, **options)


@pytest.mark.parametrize("fingerprint", [FINGERPRINT, ELSEWHERE, {**FINGERPRINT, "isa": "AVX512"}])
def test_other_processing_on_the_host_is_drift_in_every_tier(fingerprint):
    case = make_case(tolerance={"across_devices": "calibrated"})
    baseline = dataclasses.replace(BASELINE, provenance=make_baseline(case).provenance)
    found = judged(run(1e-6, fingerprint=fingerprint), baseline, case)
    assert found.verdict is Verdict.DRIFT
    assert found.reasons[0] == HostDiffers("vae.decode", 1e-6, HOST_LIMIT)
    assert "after the last step" in text_of(found.reasons[0])
    within = judged(run(HOST_LIMIT, fingerprint=fingerprint), baseline, case)
    assert within.verdict in (Verdict.IDENTICAL, Verdict.WITHIN)


def test_the_first_cause_is_the_output_and_the_environment_explains_nothing():
    moved = run(1e-6, fingerprint=ELSEWHERE)
    causes = root_causes(moved, BASELINE)
    assert [cause.kind for cause in causes][:2] == ["output", "environment"]
    assert "float32's rounding" in cause_title(causes[0].evidence)
    late = run(fingerprint=ELSEWHERE, decoder=alone(1e-5))
    assert [cause.kind for cause in root_causes(late, BASELINE)][:2] == ["output", "environment"]
    assert "in the decoder" in cause_title(root_causes(late, BASELINE)[0].evidence)


def test_steps_that_left_their_envelope_come_before_what_follows_them():
    baseline = dataclasses.replace(BASELINE, measurement=run(seed=7))
    moved = dataclasses.replace(run(seed=8, fingerprint=ELSEWHERE), ledger=baseline.measurement.ledger)
    moved = dataclasses.replace(moved, host=HostProcessing("vae.decode", {RECIPE: 1e-3}))
    kinds = [cause.kind for cause in root_causes(moved, baseline)]
    assert kinds.index("numerics") < kinds.index("output")


def test_any_recipe_that_gave_the_baseline_s_output_will_do_and_no_other():
    both = dataclasses.replace(BASELINE, measurement=run(0.0, other=1e-8))
    assert judged(run(0.2, other=0.0), both).verdict is Verdict.IDENTICAL
    # It did not give the output of the baseline, which may hold it all the same if it was never stored.
    assert judged(run(0.2, other=0.0)).verdict is Verdict.DRIFT


def test_what_was_not_observed_is_not_judged_and_said():
    for measured in (run(host=None), run(0.5, source="latents")):
        found = judged(measured)
        assert found.verdict is Verdict.IDENTICAL
        assert HostNotObserved("vae.decode") in found.notes
    old = dataclasses.replace(BASELINE, measurement=run(host=None, decoder_input=None))
    found = judged(run(0.5, decoder=alone(1.0)), old)
    assert (found.verdict, found.notes, found.rows) == (Verdict.IDENTICAL, (), ())


def test_the_decoder_is_judged_by_its_own_envelope():
    moved = nearly()
    for factor, verdict in ((1.9, Verdict.WITHIN), (2.1, Verdict.DRIFT)):
        measured = run(output=moved, fingerprint=ELSEWHERE, decoder=alone(factor * 4e-7))
        found = judged(measured)
        assert found.verdict is verdict
        assert any(row.name == "decoder alone: max_abs" for row in found.rows)
    assert isinstance(found.reasons[0], DecoderDiffers)
    assert (found.reasons[0].decoder, found.reasons[0].figure) == ("vae.decode", "max_abs")
    assert found.reasons[0].limit == pytest.approx(8e-7)


@pytest.mark.parametrize("given", [GIVEN[:, :, ::-1], None])
def test_what_another_baseline_s_input_gives_is_no_evidence(given):
    inputs = None if given is None else array_sha256(given)
    moved = nearly()
    decoder = DecoderDeviation(inputs, 1.0, 1.0)
    found = judged(run(output=moved, fingerprint=ELSEWHERE, decoder=decoder))
    assert found.verdict is Verdict.WITHIN


def test_a_decoder_that_swallows_an_ulp_may_round_as_the_host_does():
    exact = dataclasses.replace(BASELINE, calibration=make_calibration(decoder=dict.fromkeys(ENVELOPE, 0.0)))
    moved = nearly()
    found = judged(run(output=moved, fingerprint=ELSEWHERE, decoder=alone(HOST_LIMIT / 2)), exact)
    assert found.verdict is Verdict.WITHIN


def test_a_chaotic_case_can_still_show_a_fault_in_its_decoder():
    chaotic = make_calibration(decoder=ENVELOPE, chaotic_from=1)
    baseline = dataclasses.replace(BASELINE, calibration=chaotic)
    moved = nearly()
    measured = run(output=moved, fingerprint=ELSEWHERE)
    assert judged(measured, baseline).verdict is Verdict.INCOMPARABLE
    assert judged(dataclasses.replace(measured, decoder=alone(1e-5)), baseline).verdict is Verdict.DRIFT


def test_a_case_that_is_not_compared_uses_no_part_of_a_limit():
    case = make_case(strict=True)
    baseline = dataclasses.replace(make_baseline(case, run()))
    found = judged(run(fingerprint=ELSEWHERE), baseline, case)
    assert (found.verdict, found.margin) == (Verdict.INCOMPARABLE, None)
    assert judged(run(1e-3, fingerprint=ELSEWHERE), baseline, case).verdict is Verdict.DRIFT


def test_a_certificate_can_name_every_row_that_a_passing_run_can_have():
    moved = nearly()
    found = judged(run(output=moved, fingerprint=ELSEWHERE, decoder=alone(1e-7)))
    limited = limited_rows(CASE, BASELINE, Tier.ACROSS_RELEASES, Verdict.WITHIN)
    for row in found.rows:
        if row.limit is not None:
            assert limited[row.name].limit == row.limit


def test_output_faults_far_below_the_tolerance_are_caught_by_what_the_host_does():
    loose = make_case(tolerance={"across_releases": {"max_abs": 2.0}})
    baseline = make_baseline(loose, run())
    faulty = with_output_fault(baseline.measurement, fault("brightness"), 1e-4)
    found = detect(loose, faulty, baseline)
    assert (found.caught, found.by, found.numbers_alone) == (True, "host alone: relative_max", True)
    assert found.margin > 10
    assert not detect(
        loose, with_output_fault(baseline.measurement, fault("brightness"), 1e-8), baseline
    ).caught
    # Its tolerance is as vacuous as before.
    assert vacuous_output(loose, baseline) is not None


def test_a_baseline_stores_only_the_recipes_that_give_its_output():
    document = BaselineDocument.parse(
        BaselineDocument.of(BASELINE, BASELINE.measurement.arrays, "ab" * 32).text()
    )
    assert document.host == HostProcessing("vae.decode", {RECIPE: 0.0})
    assert document.calibration.decoder == ENVELOPE
    assert "decoder_input" in document.arrays.forms
    bare = make_baseline(CASE, make_measurement())
    text = BaselineDocument.of(bare, bare.measurement.arrays, "ab" * 32).text()
    assert '"host"' not in text
    assert '"decoder"' not in text
    assert make_measurement().bits == run().bits
