"""Cases against the store: ok, missing, stale, damaged, orphaned."""

from __future__ import annotations

from pathlib import Path

import pytest
from samples import make_baseline, make_case

from harness.baselines.baseline import Key
from harness.baselines.current import load_current, orphans
from harness.baselines.errors import BaselineDamaged, BaselineMissing
from harness.baselines.staleness import BaselineStale, FieldChange
from harness.baselines.store import BaselineStore
from harness.cases.case import Suite
from harness.reporting.commands import Invocation, error_text


@pytest.fixture
def store(tmp_path: Path) -> BaselineStore:
    store = BaselineStore(tmp_path)
    store.write(make_baseline())
    return store


def test_a_case_with_its_baseline_is_ok(store: BaselineStore) -> None:
    baseline = load_current(store, make_case(), "cpu")
    assert baseline.path == store.root / "guide" / "two-steps" / "cpu.json"


def test_how_a_case_is_judged_does_not_make_it_stale(store: BaselineStore) -> None:
    case = make_case(tolerance={"across_releases": {"max_abs": 1e-3}}, strict=True, tags=("slow",), line=99)
    assert load_current(store, case, "cpu").identity == store.load("guide", "two-steps", "cpu").identity


def test_another_device_has_none(store: BaselineStore) -> None:
    with pytest.raises(BaselineMissing) as caught:
        load_current(store, make_case(), "ascend910b4")
    assert "harness record suites/guide.yaml::two-steps" in error_text(caught.value, Invocation())


def test_an_edited_case_is_stale_and_says_which_fields_changed(store: BaselineStore) -> None:
    with pytest.raises(BaselineStale) as caught:
        load_current(store, make_case(steps=3, seeds=(8,), arguments={"eta": 1.0, "extra": [1]}), "cpu")
    assert caught.value.changes == (
        FieldChange("arguments.eta", "0.0", "1.0"),
        FieldChange("arguments.extra", "(absent)", "[1]"),
        FieldChange("seeds", "[7]", "[8]"),
        FieldChange("steps", "2", "3"),
    )
    message = error_text(caught.value, Invocation())
    assert (
        "arguments.eta: 0.0 -> 1.0; arguments.extra: (absent) -> [1]; seeds: [7] -> [8]; steps: 2 -> 3"
        in message
    )
    assert "--reason" in message


def test_a_number_that_changes_its_type_is_a_change(store: BaselineStore) -> None:
    with pytest.raises(BaselineStale) as caught:
        load_current(store, make_case(arguments={"eta": 0}), "cpu")
    assert caught.value.changes == (FieldChange("arguments.eta", "0.0", "0"),)


def test_a_damaged_baseline_is_damaged(store: BaselineStore) -> None:
    store.path("guide", "two-steps", "cpu").write_text("{}")
    with pytest.raises(BaselineDamaged, match="the key 'format' is missing"):
        load_current(store, make_case(steps=3), "cpu")


def test_baselines_without_a_case_are_orphans(store: BaselineStore) -> None:
    for suite, case_id in (("guide", "gone"), ("other", "two-steps")):
        store.write(make_baseline(make_case(suite=suite, id=case_id)))
    suite = Suite("guide", Path("suites/guide.yaml"), (make_case(),), 1, 1)
    assert orphans([suite], store) == (Key("guide", "gone", "cpu"), Key("other", "two-steps", "cpu"))
