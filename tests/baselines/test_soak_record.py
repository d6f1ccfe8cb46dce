"""What is proven of a baseline: one sealed file beside it, bound to its measurement."""

import dataclasses
from pathlib import Path

import pytest
from samples import make_baseline, make_case, make_measurement

from harness.baselines.errors import BaselineDamaged
from harness.baselines.soak import SoakRecord, add_soak, read_soak
from harness.baselines.store import BaselineStore, soak_path
from harness.baselines.tally import Tally

CASE = make_case()


@pytest.fixture
def store(tmp_path: Path) -> BaselineStore:
    made = BaselineStore(tmp_path)
    made.write(make_baseline(CASE, make_measurement()))
    return made


def loaded(store: BaselineStore):
    return store.load(CASE.suite, CASE.id, "cpu")


def some(store: BaselineStore, runs: int, seed: str = "0", deviating: int = 0) -> SoakRecord:
    tally = Tally(runs, deviating)
    return SoakRecord(loaded(store).identity, tally, {"load": {"idle": tally}}, {seed: runs})


def test_runs_add_up_by_setting_and_seed(store: BaselineStore) -> None:
    assert read_soak(store, loaded(store)).runs == Tally()
    add_soak(store, loaded(store), some(store, 10))
    add_soak(store, loaded(store), some(store, 5, "7", 1))
    found = add_soak(store, loaded(store), some(store, 2))
    assert found == read_soak(store, loaded(store))
    assert (found.runs, found.streams) == (Tally(17, 1), {"0": 12, "7": 5})
    assert found.tallies == {"load": {"idle": Tally(17, 1)}}
    assert found.date
    assert add_soak(store, loaded(store), some(store, 3), anew=True).runs == Tally(3)


def test_it_is_bound_to_the_measurement_and_goes_with_it(store: BaselineStore) -> None:
    add_soak(store, loaded(store), some(store, 10))
    path = soak_path(store.path(CASE.suite, CASE.id, "cpu"))
    assert store.devices(CASE.suite, CASE.id) == ("cpu",)
    assert [key.device for key in store.stored()] == ["cpu"]
    other = make_measurement()
    other = dataclasses.replace(other, output=other.output * 0.5)
    store.write(dataclasses.replace(make_baseline(CASE, other)))
    assert read_soak(store, loaded(store)).runs == Tally()
    assert path.exists()
    assert store.remove(CASE.suite, CASE.id, "cpu")
    assert not path.exists()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text.replace('"runs": 10', '"runs": 99'), "does not match its seal"),
        (lambda text: text[:50], "."),
        (lambda _: "[]", "does not match its seal"),
        (lambda _: "\udcff", "."),
    ],
)
def test_a_file_that_was_edited_or_cut_off_is_one_error(damage, told: str, store: BaselineStore) -> None:
    add_soak(store, loaded(store), some(store, 10))
    path = soak_path(store.path(CASE.suite, CASE.id, "cpu"))
    text = path.read_text()
    changed = damage(text)
    assert changed != text
    path.write_bytes(changed.encode("utf-8", "surrogateescape"))
    with pytest.raises(
        BaselineDamaged, match=f"(?s)cpu.soak.json.*{told}.*remove it, and soak the case again"
    ):
        read_soak(store, loaded(store))
    # Nothing is added to it, and nothing is lost.
    with pytest.raises(BaselineDamaged):
        add_soak(store, loaded(store), some(store, 1))
    assert path.read_bytes() == changed.encode("utf-8", "surrogateescape")
    assert add_soak(store, loaded(store), some(store, 1), anew=True).runs == Tally(1)
