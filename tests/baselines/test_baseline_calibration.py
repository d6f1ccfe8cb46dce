"""The calibration in a baseline's file: every bit returns, it is sealed, and it changes nothing else."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from samples import make_baseline, make_calibration, make_measurement

from harness.baselines.baseline import Baseline
from harness.baselines.calibration import Calibration, StepEnvelope
from harness.baselines.errors import BaselineDamaged
from harness.baselines.store import BaselineStore

BASELINE = make_baseline(reason="the recording's own")
EVERYTHING = make_calibration(
    metrics={"max_abs": 0.1 + 0.2, "relative_l2": 5e-324, "psnr": 140.25},
    statistics={"mean": 1e-300, "channel0.std": 0.0},
    steps=(StepEnvelope(0, {"mean": 1 / 3}, 1e-7, 2e-7), StepEnvelope(7, {"mean": 0.0}, 0.0, 0.9)),
    chaotic_from=1,
    modes=(6, 4, 1),
    saturated=1 / 7,
)


@pytest.fixture
def store(tmp_path: Path) -> BaselineStore:
    return BaselineStore(tmp_path / "baselines")


def with_calibration(calibration: Calibration | None, baseline: Baseline = BASELINE) -> Baseline:
    return dataclasses.replace(baseline, calibration=calibration)


def loaded(store: BaselineStore) -> Baseline:
    return store.load("guide", "two-steps", "cpu")


@pytest.mark.parametrize("calibration", [EVERYTHING, make_calibration(), make_calibration(steps=()), None])
def test_every_bit_of_a_calibration_returns(store: BaselineStore, calibration: Calibration | None) -> None:
    store.write(with_calibration(calibration))
    assert loaded(store).calibration == calibration


def test_the_growth_curve_is_a_line_a_step_in_the_file(store: BaselineStore) -> None:
    text = store.write(with_calibration(EVERYTHING)).path.read_text()
    lines = text.split("\n")
    assert sum('"largest": ' in line for line in lines) == 2
    assert '      "max_abs": 0.30000000000000004,' in lines
    assert json.loads(text)["calibration"]["modes"] == [6, 4, 1]


def test_a_calibration_alone_leaves_the_recording_as_it_was(store: BaselineStore) -> None:
    store.write(BASELINE)
    origin = loaded(store).provenance
    path = store.path("guide", "two-steps", "cpu")
    arrays = path.with_suffix(".safetensors").read_bytes()
    other = make_baseline(reason="who calibrated it says nothing of the recording")
    written = store.write(with_calibration(make_calibration(), other))
    assert written.state == "replaced"
    assert loaded(store).provenance == origin
    assert path.with_suffix(".safetensors").read_bytes() == arrays
    # So does taking it away.
    store.write(with_calibration(None, other))
    assert (loaded(store).provenance, loaded(store).calibration) == (origin, None)


def test_another_measurement_with_a_calibration_is_another_recording(store: BaselineStore) -> None:
    store.write(BASELINE)
    other = make_baseline(measurement=make_measurement(BASELINE.measurement.output * 0.5), reason="changed")
    written = store.write(with_calibration(make_calibration(), other))
    assert loaded(store).provenance.reason == "changed"
    assert loaded(store).provenance.replaced == written.replaced is not None


def test_the_same_calibration_writes_nothing(store: BaselineStore) -> None:
    path = store.write(with_calibration(EVERYTHING)).path
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    later = dataclasses.replace(EVERYTHING, date="2030-01-01T00:00:00+00:00", harness_version="9.9")
    assert store.write(with_calibration(later)).state == "unchanged"
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"factor": 2.5},
        {"members": (1, 2)},
        {"metrics": {"max_abs": 4.000000000000001e-7, "relative_l2": 2e-7}},
        {"chaotic_from": 0},
        {"modes": (10, 1)},
        {"saturated": 0.5},
        {"steps": ()},
    ],
)
def test_any_figure_of_a_calibration_counts(store: BaselineStore, changes: dict) -> None:
    store.write(with_calibration(make_calibration()))
    assert store.write(with_calibration(make_calibration(**changes))).state == "replaced"
    assert loaded(store).calibration == make_calibration(**changes)


def test_a_limit_widened_by_hand_is_seen(store: BaselineStore) -> None:
    path = store.write(with_calibration(make_calibration())).path
    text = path.read_text()
    assert '"factor": 2.0' in text
    path.write_text(text.replace('"factor": 2.0', '"factor": 20.0'))
    with pytest.raises(BaselineDamaged, match="edited by hand"):
        loaded(store)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data.pop("calibration"), "'calibration' is missing"),
        (lambda data: data["calibration"].pop("steps"), "'calibration.steps' is missing"),
        (lambda data: data["calibration"].update(factor="two"), "'calibration.factor'"),
        (lambda data: data["calibration"]["steps"][1].update(largest=None), "'calibration.steps.1.largest'"),
        (lambda data: data["calibration"].update(members=3), "'calibration.members'"),
    ],
)
def test_a_calibration_of_another_form_is_told_by_its_place(store: BaselineStore, change, told: str) -> None:
    path = store.write(with_calibration(make_calibration())).path
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(BaselineDamaged, match=told.replace(".", r"\.")):
        loaded(store)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({}, None),
        ({"chaotic_from": 0}, "from step 0 on"),
        ({"chaotic_from": 1}, "from step 1 on"),
        ({"chaotic_from": 2}, "in its output"),
        ({"chaotic_from": 0, "steps": ()}, "in its output"),
    ],
)
def test_where_a_case_is_chaotic(fields: dict, where: str | None) -> None:
    assert make_calibration(**fields).chaos == where


@pytest.mark.parametrize(("largest", "stable"), [(0.0, True), (1e-30, False)])
def test_stable_is_a_case_of_which_no_value_moved(largest: float, stable: bool) -> None:
    assert make_calibration(metrics={"max_abs": largest, "relative_l2": 0.0}).stable is stable
