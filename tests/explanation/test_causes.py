"""Root causes: every class of them by itself, their order, and what is said of each."""

from dataclasses import replace

import numpy as np
import pytest
from samples import FINGERPRINT, make_baseline, make_calibration, make_measurement

from harness.codec import from_json, to_json
from harness.explanation.causes import Cause, root_causes
from harness.explanation.evidence import Changed
from harness.judgement.reasons import LatentsDiffer
from harness.measurement.facts import Facts
from harness.measurement.figures import CheckpointIdentity, CodeIdentity
from harness.reporting.causes import cause_details, cause_line, cause_title


def causes(measured, baseline=None):
    return root_causes(measured, baseline or make_baseline())


def kinds(measured, baseline=None):
    return [cause.kind for cause in causes(measured, baseline)]


def test_the_same_measurement_has_no_causes():
    assert causes(make_measurement()) == ()


def test_the_environment_names_the_fields_and_the_operators():
    measured = make_measurement(
        fingerprint={**FINGERPRINT, "mindspore": "2.8.0"}, canaries={"conv3x3": "9" * 64, "exp": "2" * 64}
    )
    (cause,) = causes(measured)
    assert cause.kind == "environment"
    assert cause_title(cause.evidence) == "the environment differs: mindspore"
    assert cause_details(cause.evidence) == (
        "mindspore: 2.10.0 -> 2.8.0",
        "operators that give different bits here: conv3x3",
    )


def test_an_environment_whose_operators_agree_says_so():
    (cause,) = causes(make_measurement(fingerprint={**FINGERPRINT, "numpy": "1.25.2"}))
    assert cause_details(cause.evidence)[-1] == "all 2 operators tried individually give the same bits"


def test_operators_alone_are_a_cause_too():
    (cause,) = causes(make_measurement(canaries={"conv3x3": "1" * 64, "exp": "9" * 64}))
    assert cause.kind == "environment"
    assert "what looks like the same environment: exp" in cause_title(cause.evidence)


def test_other_weights_are_inputs():
    measured = make_measurement(
        checkpoint=CheckpointIdentity("builtin:ddpm-digits", {"unet/config.json": "cd" * 32})
    )
    (cause,) = causes(measured)
    assert cause.kind == "inputs"
    assert "unet/config.json has sha256 cdcd" in cause_title(cause.evidence)


def test_another_seed_is_randomness_and_comes_before_what_it_led_to():
    randomness, numerics = causes(make_measurement(seed=8))
    assert (randomness.kind, numerics.kind) == ("randomness", "numerics")
    assert "the noise differs from draw 0 on" in cause_title(randomness.evidence)
    assert [detail.partition(":")[0] for detail in cause_details(randomness.evidence)] == [
        "draw 0 here",
        "draw 0 in the baseline",
    ]
    assert (
        "generator 0, standard_normal, 1x3x8x8, <f4, at samples.py:" in cause_details(randomness.evidence)[0]
    )


def test_a_draw_too_few_has_no_pair_to_show():
    (cause,) = causes(replace(make_measurement(), ledger=()))
    assert cause.kind == "randomness"
    assert "0 draws; the baseline has 1" in cause_title(cause.evidence)
    assert cause_details(cause.evidence) == ()


def test_other_timesteps_are_the_schedule():
    (cause,) = causes(make_measurement(timesteps=(500, 1)))
    assert cause.kind == "schedule"
    assert "step 1 has timestep 1; the baseline has 0" in cause_title(cause.evidence)


@pytest.mark.parametrize("timesteps", [(500,), (500, 0, 0), ()])
def test_another_number_of_steps_is_the_schedule_first(timesteps):
    found = kinds(make_measurement(timesteps=timesteps))
    assert found[0] == "schedule"
    assert "output" not in found


def test_an_output_alone_comes_after_the_last_step():
    measured = make_measurement(make_measurement().output * np.float32(0.999))
    (cause,) = causes(measured)
    assert cause.kind == "output"
    assert "after the last step" in cause_title(cause.evidence)


def test_a_pipeline_without_a_trace_gets_no_guess():
    """Without steps nothing says whether the difference came after the last one."""
    baseline = make_baseline(measurement=make_measurement(timesteps=()))
    measured = make_measurement(make_measurement().output * np.float32(0.5), timesteps=())
    assert causes(measured, baseline) == ()


def test_all_causes_in_the_order_of_a_run():
    measured = make_measurement(
        seed=8,
        timesteps=(499, 0),
        fingerprint={**FINGERPRINT, "numpy": "1.25.2"},
        checkpoint=CheckpointIdentity("builtin:ddpm-digits", {}),
    )
    assert kinds(measured) == ["inputs", "randomness", "schedule", "numerics", "environment"]


def test_a_cause_goes_through_plain_data():
    cause = Cause("numerics", Changed(LatentsDiffer(1, 9, 980)))
    assert from_json(Cause, to_json(cause)) == cause
    assert to_json(cause)["evidence"]["reason"]["kind"] == "latents-differ"


@pytest.mark.parametrize(
    ("table", "fields", "kind"),
    [
        ("unet.timestep", {}, "model input"),
        ("scheduler.timesteps", {}, "schedule"),
        # Another schedule gives the model other timesteps.
        ("unet.timestep", {"timesteps": (501, 1)}, "schedule"),
        ("unet.timestep", {"timesteps": (500, 0, 0)}, "schedule"),
        ("unet/time_embed.table", {}, "inputs"),
    ],
)
def test_a_timestep_that_only_the_model_is_given_is_its_input(table, fields, kind):
    def given(first, **more):
        constants = {table: np.array([first, 0])}
        return make_measurement(facts=Facts({}, dtypes={table: "int64"}), constants=constants, **more)

    first, *_ = causes(given(501, **fields), make_baseline(measurement=given(500)))
    assert first.kind == kind
    assert f"the constant {table} is not the one recorded" in cause_title(first.evidence)


def calibrated(**fields):
    return replace(make_baseline(**fields), calibration=make_calibration())


def rounded(by):
    """The measurement with its latents moved by rounding, and its output by ``by`` (relative)."""
    sound = make_measurement()
    last = sound.trace[-1]
    moved = replace(last, sha256="7" * 64, statistics={k: v * (1 + 1e-9) for k, v in last.statistics.items()})
    output = sound.output * np.float32(1 - by)
    return replace(sound, output=output, trace=(*sound.trace[:-1], moved))


@pytest.mark.parametrize("release", ["2.10.0", "2.8.0"])
def test_what_leaves_the_envelope_in_the_output_alone_comes_after_the_last_step(release):
    measured = replace(rounded(1e-4), fingerprint={**FINGERPRINT, "mindspore": release})
    first, *others = causes(measured, calibrated())
    assert first.kind == "output"
    title = cause_title(first.evidence)
    assert title.startswith("no step leaves the envelope of rounding (at most ")
    assert "The difference arises after the last step" in title
    assert not any(
        "order or the precision" in line for each in (first, *others) for line in cause_details(each.evidence)
    )
    assert [each.kind for each in others] == ([] if release == "2.10.0" else ["environment"])
    assert from_json(Cause, to_json(first)) == first


def test_what_rounding_does_in_the_output_as_in_the_latents_is_the_order_of_operations():
    (cause,) = causes(rounded(1e-7), calibrated())
    assert cause.kind == "numerics"
    assert "order or the precision of operations" in cause_details(cause.evidence)[0]


@pytest.mark.parametrize(
    ("field", "excess", "first"),
    [
        ("numpy", 3.5, "environment"),
        ("numpy", 5, "output"),
        # Across devices more is explained by rounding.
        ("isa", 9, "environment"),
        ("isa", 11, "output"),
    ],
)
def test_the_environment_comes_first_as_far_as_rounding_can_explain(field, excess, first):
    sound = make_measurement()
    output = sound.output.copy()
    output[0, 0, 0, 0] += np.float32(excess * 4e-7)  # of max_abs, whose envelope that is
    measured = replace(sound, output=output, fingerprint={**FINGERPRINT, field: "another"})
    found = kinds(measured, calibrated())
    assert found[0] == first
    assert set(found) == {"environment", "output"}


def test_an_edited_library_of_the_same_release_is_code_and_no_environment():
    sound = {**FINGERPRINT, "mindone": "0.5.0 (11111111)"}
    baseline = make_baseline(measurement=make_measurement(fingerprint=sound))
    edited = make_measurement(OTHER, fingerprint={**sound, "mindone": "0.5.0 (22222222)"})
    first, *others = causes(edited, baseline)
    assert cause_line(first) == "code: the code of mindone was edited (0.5.0 (11111111) -> 0.5.0 (22222222))"
    assert [each.kind for each in others] == ["output"]
    newer = make_measurement(OTHER, fingerprint={**sound, "mindone": "0.6.0 (22222222)"})
    assert kinds(newer, baseline) == ["environment", "output"]
    both = make_measurement(fingerprint={**edited.fingerprint, "numpy": "1.25.2"})
    assert [cause_title(each.evidence) for each in causes(both, baseline)][
        1
    ] == "the environment differs: numpy"


CODE = CodeIdentity({"my_pkg/pipe.py": "1" * 64, "my_pkg/old.py": "1" * 64}, {"unet": "2" * 64}, "3" * 40)
OTHER = make_measurement().output * np.float32(0.5)


def recorded(code):
    return make_baseline(measurement=make_measurement(code=code))


def test_an_edited_file_comes_first_even_before_the_environment():
    edited = replace(CODE, files={"my_pkg/pipe.py": "9" * 64, "new.py": "1" * 64}, commit="4" * 40 + "-dirty")
    measured = make_measurement(OTHER, code=edited, fingerprint={**FINGERPRINT, "mindspore": "2.8.0"})
    first, *others = causes(measured, recorded(CODE))
    assert cause_line(first) == "code: my_pkg/pipe.py changed; new.py is new; my_pkg/old.py is gone"
    assert cause_details(first.evidence) == (f"commit {'3' * 12} -> {'4' * 12}-dirty",)
    assert [cause.kind for cause in others] == ["environment", "output"]
    assert from_json(Cause, to_json(first)) == first


def test_many_files_are_counted():
    files = {f"my_pkg/m{index}.py": "1" * 64 for index in range(9)}
    (cause,) = causes(
        make_measurement(code=replace(CODE, files=files)),
        recorded(replace(CODE, files={"a.py": ""})),
    )
    assert cause_title(cause.evidence) == (
        "my_pkg/m0.py, my_pkg/m1.py, my_pkg/m2.py, my_pkg/m3.py, 5 more are new; a.py is gone"
    )


def test_changed_weights_are_inputs():
    measured = make_measurement(OTHER, code=replace(CODE, weights={"unet": "9" * 64}))
    first, *others = causes(measured, recorded(CODE))
    assert cause_line(first) == "inputs: the weights changed: unet"
    assert [cause.kind for cause in others] == ["output"]


def test_the_same_code_at_another_commit_is_no_cause():
    assert (
        causes(
            make_measurement(code=replace(CODE, commit="5" * 40)),
            recorded(CODE),
        )
        == ()
    )


def test_a_baseline_that_does_not_know_its_code_says_so_where_something_moved():
    assert causes(make_measurement(code=CODE)) == ()
    moved = causes(make_measurement(OTHER, code=CODE))
    assert [cause.kind for cause in moved] == ["output", "code"]
    assert "does not say which code computed it" in cause_title(moved[-1].evidence)
    assert kinds(make_measurement(OTHER), recorded(CODE)) == ["output"]
