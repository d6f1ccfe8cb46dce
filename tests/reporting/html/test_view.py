"""The view of a case: what is in it for each kind of outcome."""

import dataclasses

import numpy as np
import pytest
from samples import FINGERPRINT, make_case, make_measurement
from views import HOSTILE, data_of, moved, view_of

from harness.baselines.soak import SoakRecord, add_soak
from harness.baselines.store import BaselineStore, soak_path
from harness.baselines.tally import Tally
from harness.errors import HarnessError
from harness.operations.check import check, hold
from harness.reporting.commands import Invocation, commands
from harness.reporting.html.view import case_view


def test_a_drift_has_pictures_figures_steps_and_provenance(tmp_path):
    image, other = moved(1e-3)
    view = data_of(view_of(tmp_path, make_measurement(other), baseline=make_measurement(image)))
    assert view["judgement"]["verdict"] == "drift"
    assert view["judgement"]["reasons"]
    assert view["causes"][0]["kind"] == "output"
    assert view["pictures"]["largest"] == pytest.approx(1e-3, rel=1e-3)
    assert view["histogram"]["equal"] == image.size - 1
    names = [row["name"] for row in view["rows"]]
    assert len(names) == len(set(names))
    assert {"max_abs", "relative_l2", "mean", "q50", "channel2.std"} <= set(names)
    assert view["baseline"]["reason"] == "first recording"
    assert view["baseline"]["commit"] == "c" * 40
    texts = [command["text"] for command in view["commands"]]
    assert texts[0].startswith("pytest suites/guide.yaml::two-steps --baseline-dir ")
    assert [text.split()[:2] for text in texts[1:]] == [
        ["harness", "explain"], ["harness", "calibrate"], ["harness", "record"]
    ]  # fmt: skip


def test_a_case_that_crashed_has_its_log_and_the_baseline_alone(tmp_path):
    crash = HarnessError("guide/two-steps: its worker died (signal SIGSEGV)\nthe end of its log:\n  oh no")
    view = data_of(view_of(tmp_path, crash))
    assert view["judgement"]["verdict"] == "error"
    assert "oh no" in view["judgement"]["reasons"][0]
    item = view["pictures"]["items"][0]
    assert item["baseline"]
    assert item["measured"] is None
    assert view["steps"] is view["histogram"] is view["ledger"] is view["canaries"] is None
    assert not any(row["differs"] for row in view["environment"])


def test_what_soaking_has_proven_is_beside_the_baseline(tmp_path):
    image, _ = moved(1e-3)
    view_of(tmp_path, make_measurement(image), baseline=make_measurement(image))
    store = BaselineStore(tmp_path / "baselines")
    (key,) = store.stored()
    baseline = store.load(*key)

    def soaked():
        result = hold(make_case(), make_measurement(image), store)
        view = case_view(
            make_case(), result, baseline, commands=commands(make_case(), Invocation(str(store.root)))
        )
        return data_of(view)["baseline"]["soaked"]

    assert soaked() is None
    add_soak(store, baseline, SoakRecord(baseline.identity, Tally(59, 0)))
    assert soaked() == "59 runs: at most 4.95 % of all runs deviate (95 % confidence)"
    # It decides nothing, so that a damaged record fails no case.
    soak_path(store.path(*key)).write_text("{}")
    assert soaked() is None


def test_a_case_without_a_baseline_has_a_view(tmp_path):
    store = BaselineStore(tmp_path)
    case = make_case()
    view = data_of(
        case_view(case, check(case, None, store), None, commands=commands(case, Invocation(str(store.root))))
    )
    assert view["baseline"] is None
    assert view["pictures"] is None
    assert "record it" in view["judgement"]["reasons"][0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_figure_is_beyond_json(tmp_path, value):
    image, other = moved(0)
    other[0, 0, 0, 0] = value
    view = view_of(tmp_path, make_measurement(other), baseline=make_measurement(image), calibrated=True)
    assert data_of(view)["histogram"]["not_finite"] == 1


@pytest.mark.parametrize("shape", [(1, 4, 8, 8), (1, 768), (3,), ()])
def test_an_output_that_is_no_image_has_a_histogram_and_no_picture(tmp_path, shape):
    output = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    other = output + np.float32(1e-3)
    view = data_of(view_of(tmp_path, make_measurement(other), baseline=make_measurement(output)))
    assert view["pictures"] is None
    assert view["histogram"]["equal"] == 0


def test_an_output_of_another_shape_has_a_view(tmp_path):
    image, _ = moved(0)
    view = data_of(view_of(tmp_path, make_measurement(image[:, :4]), baseline=make_measurement(image)))
    assert "shape" in " ".join(view["judgement"]["reasons"])
    assert view["histogram"] is None
    assert not view["pictures"]["compared"]


def test_hostile_text_is_carried_as_it_is_in_ascii(tmp_path):
    case = make_case(arguments={"prompt": HOSTILE})
    strange = {**FINGERPRINT, "mindspore": HOSTILE}
    text = view_of(tmp_path, make_measurement(fingerprint=strange), case=case)
    assert text.isascii()
    assert data_of(text)["case"]["definition"]["arguments"]["prompt"] == HOSTILE
    assert {"name": "mindspore", "measured": HOSTILE, "baseline": "2.10.0", "differs": True} in data_of(text)[
        "environment"
    ]


def test_passed_cases_take_less_room(tmp_path):
    image, other = moved(1e-3, (1, 600, 600, 3))
    passing = make_case(tolerance={"same_environment": {"max_abs": 1.0}})
    passed = view_of(tmp_path / "a", make_measurement(other), baseline=make_measurement(image), case=passing)
    failed = view_of(tmp_path / "b", make_measurement(other), baseline=make_measurement(image))
    assert data_of(passed)["judgement"]["verdict"] == "within"
    assert len(passed) < len(failed) / 2


def steps_of(folder, *, keep, calibrated, **fields):
    baseline = make_measurement(keep=keep)
    measured = make_measurement(keep=keep, seed=fields.pop("seed", 8))
    view = view_of(folder, measured, baseline=baseline, calibrated=calibrated, **fields)
    return data_of(view)["steps"]


def test_latents_that_are_kept_are_measured_against_the_envelope(tmp_path):
    steps = steps_of(tmp_path, keep=True, calibrated=True)
    assert steps["figure"] == "relative_l2"
    assert [step["largest"] for step in steps["steps"]] == [1.5e-7, 3e-7]
    assert [step["limit"] for step in steps["steps"]] == [3e-7, 6e-7]
    assert all(step["drift"] > 0.5 for step in steps["steps"])


def test_without_latents_a_step_has_the_largest_share_of_a_limit(tmp_path):
    steps = steps_of(tmp_path, keep=False, calibrated=True)
    assert steps["figure"] == "share"
    assert all(step["limit"] == 1 and step["drift"] > 1 and step["statistic"] for step in steps["steps"])


def test_without_a_calibration_a_step_has_the_largest_deviation(tmp_path):
    steps = steps_of(tmp_path, keep=False, calibrated=False)
    assert steps["figure"] == "deviation"
    assert all(step["limit"] is None and step["drift"] > 0 for step in steps["steps"])


def test_equal_runs_have_no_drift_at_any_step(tmp_path):
    steps = steps_of(tmp_path, keep=True, calibrated=True, seed=7)
    assert [(step["drift"], step["same"]) for step in steps["steps"]] == [(0, True), (0, True)]


def test_a_run_with_another_number_of_steps_has_a_view(tmp_path):
    measured = make_measurement(timesteps=(500,))
    assert data_of(view_of(tmp_path, measured))["steps"]["traced"] == [1, 2]


def test_the_first_draw_that_differs_is_told(tmp_path):
    ledger = data_of(view_of(tmp_path, make_measurement(seed=8)))["ledger"]
    assert ledger["first_change"] == 0
    assert not ledger["draws"][0]["same"]
    other = make_measurement()
    other = dataclasses.replace(other, ledger=(*other.ledger, *other.ledger))
    ledger = data_of(view_of(tmp_path / "b", other))["ledger"]
    assert (ledger["first_change"], ledger["measured"], ledger["baseline"]) == (1, 2, 1)
    assert ledger["draws"][1]["baseline"] is None


def test_changed_operators_and_weights_are_told(tmp_path):
    other = make_measurement()
    files = dict.fromkeys(other.checkpoint.files, "cd" * 32)
    other = dataclasses.replace(
        other,
        canaries={**other.canaries, "exp": "3" * 64},
        checkpoint=dataclasses.replace(other.checkpoint, files=files),
    )
    view = data_of(view_of(tmp_path, other))
    assert view["canaries"] == {"tried": 2, "changed": ["exp"]}
    assert [file["differs"] for file in view["checkpoint"]["files"]] == [True]
