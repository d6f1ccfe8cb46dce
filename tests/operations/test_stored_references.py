"""Stored references: held to beside the own baseline of a case, and never in place of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from samples import FINGERPRINT, make_baseline, make_case, make_measurement

from harness.baselines.baseline import device_key
from harness.baselines.current import own_devices, unusable
from harness.baselines.errors import BaselineMissing
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.judgement.judgement import Verdict
from harness.judgement.reference_reasons import WithinReference
from harness.measurement.measurement import Measurement
from harness.operations.check import first_job, hold, select_baseline
from harness.operations.stored_reference import reference_of
from harness.remedy import Action
from harness.reporting.commands import Invocation, remedy_text

ON_TORCH = {**FINGERPRINT, "implementation": "diffusers"}
CASE = make_case(pipeline="mindone:DDIMPipeline", reference="diffusers")
RUN = make_measurement(keep=True)


@pytest.fixture
def store(tmp_path: Path) -> BaselineStore:
    made = BaselineStore(tmp_path)
    made.write(make_baseline(CASE, replace(RUN, latents=None)))
    return made


def add_references(store: BaselineStore, case: Case = CASE, run: Measurement = RUN) -> None:
    for dtype in ("float32", "float64"):
        fields = {**ON_TORCH, "dtype": dtype}
        store.write(make_baseline(case, replace(run, fingerprint=fields)))


def test_they_are_stored_beside_the_baseline_and_are_none_of_it(store: BaselineStore) -> None:
    add_references(store)
    stored = store.devices(CASE.suite, CASE.id)
    assert stored == ("cpu", "diffusers-cpu", "diffusers-cpu-float64")
    assert own_devices(CASE, store) == ("cpu",)
    assert own_devices(replace(CASE, pipeline="diffusers:DDIMPipeline"), store) == stored


def test_a_reference_takes_no_baselines_place(tmp_path: Path) -> None:
    store = BaselineStore(tmp_path)
    add_references(store)
    assert isinstance(unusable(CASE, store), BaselineMissing)
    with pytest.raises(BaselineMissing):
        select_baseline(store, CASE, FINGERPRINT)


def test_a_case_is_held_to_both(store: BaselineStore) -> None:
    add_references(store)
    found = hold(CASE, RUN, store)
    assert found.judgement.verdict is Verdict.IDENTICAL
    assert any(isinstance(note, WithinReference) for note in found.judgement.notes)
    # They were measured for the reference alone.
    assert first_job(CASE, store).keep_latents
    assert found.measurement is not None
    assert found.measurement.latents is None


def test_a_case_that_names_none_is_held_to_none(store: BaselineStore) -> None:
    add_references(store)
    plain = replace(CASE, reference=None)
    assert not first_job(plain, store).keep_latents
    assert not any(isinstance(n, WithinReference) for n in hold(plain, RUN, store).judgement.notes)


def test_what_was_run_for_another_purpose_is_held_to_the_baseline_alone(store: BaselineStore) -> None:
    found = hold(CASE, replace(RUN, latents=None), store).judgement
    assert found.verdict is Verdict.IDENTICAL


def test_what_drifts_from_the_reference_alone_is_drift(store: BaselineStore) -> None:
    assert RUN.latents is not None
    add_references(store, run=replace(RUN, latents=RUN.latents * 1.1))
    assert hold(CASE, RUN, store).judgement.verdict is Verdict.DRIFT


def test_a_missing_reference_is_an_error_with_what_to_type(store: BaselineStore) -> None:
    found = hold(CASE, RUN, store).judgement
    assert found.verdict is Verdict.ERROR
    assert found.remedy is not None
    assert found.remedy.action is Action.RECORD_REFERENCE
    typed = remedy_text(found.remedy, Invocation(python="/my/mindone/python"))
    assert typed.endswith("--python '<python with torch>' --reference diffusers")


def test_half_a_reference_is_none(store: BaselineStore) -> None:
    fields = {**ON_TORCH, "dtype": "float32"}
    store.write(make_baseline(CASE, replace(RUN, fingerprint=fields)))
    with pytest.raises(BaselineMissing, match="no reference of"):
        reference_of(CASE, store)


def test_a_reference_is_stale_after_an_edit_of_its_case(store: BaselineStore) -> None:
    add_references(store, case=replace(CASE, steps=(CASE.steps or 0) + 1))
    found = hold(CASE, RUN, store).judgement
    assert found.verdict is Verdict.ERROR
    assert found.stale


def test_a_cpus_reference_comes_first(store: BaselineStore) -> None:
    add_references(store)
    on_gpu = {**ON_TORCH, "device": "CUDA", "soc": "NVIDIA H100 80GB HBM3"}
    for dtype in ("float32", "float64"):
        store.write(make_baseline(CASE, replace(RUN, fingerprint={**on_gpu, "dtype": dtype})))
    assert device_key({**on_gpu, "dtype": "float64"}) == "diffusers-h100-float64"
    assert reference_of(CASE, store).original.device == "diffusers-cpu"
