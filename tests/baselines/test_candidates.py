"""What waits to be accepted: every bit returns, and nothing that was edited or moved is taken."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
from samples import make_baseline, make_case, make_measurement

from harness.baselines import candidates as module
from harness.baselines.baseline import Key
from harness.baselines.candidates import (
    Candidate,
    CandidateError,
    CandidateMissing,
    CandidateOfOtherVersion,
    CandidateStore,
    Kept,
)
from harness.baselines.errors import BaselineError
from harness.baselines.origin import Origin
from harness.baselines.store import BaselineStore

KEY = Key("guide", "two-steps", "cpu")
ORIGIN = Origin("lab/pipelines", "https://github.com/lab/pipelines/actions/runs/7", "ab" * 20)


def candidate(**fields) -> Candidate:
    baseline = make_baseline(make_case(), make_measurement(keep=True))
    provenance = dataclasses.replace(baseline.provenance, origin=ORIGIN)
    kept = Kept(provenance, **{"runs": 1, "why": "drift", "replaces": "cd" * 32, **fields})
    return Candidate(dataclasses.replace(baseline, provenance=provenance), kept)


@pytest.fixture
def beside(tmp_path: Path) -> CandidateStore:
    return CandidateStore.beside(BaselineStore(tmp_path / "baselines"))


def test_every_bit_returns_and_no_baseline_is_made_of_it(beside: CandidateStore) -> None:
    given = candidate()
    file = beside.keep(given)
    found = beside.load(KEY)
    assert (found.key, found.kept) == (KEY, given.kept)
    assert found.baseline.measurement.to_wire() == given.baseline.measurement.to_wire()
    assert file == beside.root / "guide" / "two-steps" / "cpu.safetensors"
    assert beside.stored() == (KEY,)
    store = BaselineStore(beside.root.parent)
    assert store.stored() == ()
    assert store.devices("guide", "two-steps") == ()


def test_git_does_not_see_them(beside: CandidateStore) -> None:
    beside.keep(candidate())
    assert (beside.root / ".gitignore").read_text() == "*\n"


def test_git_does_not_see_them_after_a_writer_was_killed_either(beside: CandidateStore) -> None:
    beside.root.mkdir(parents=True)
    (beside.root / f".gitignore.1.{'0' * 16}.tmp").write_text("")
    beside.keep(candidate())
    assert (beside.root / ".gitignore").read_text() == "*\n"


def test_a_folder_with_other_files_is_not_hidden_from_git(beside: CandidateStore) -> None:
    named = CandidateStore(beside.root.parent / "named")
    named.root.mkdir(parents=True)
    (named.root / "notes.txt").write_text("mine")
    named.keep(candidate())
    assert not (named.root / ".gitignore").exists()


def test_a_later_one_takes_the_place_and_only_what_was_seen_is_removed(beside: CandidateStore) -> None:
    beside.keep(candidate())
    beside.keep(candidate(runs=2))
    assert beside.load(KEY).kept.runs == 2
    assert not beside.remove(KEY, "ab" * 32)
    assert beside.remove(KEY, hashlib.sha256(beside.read(KEY)).hexdigest())
    assert not beside.remove(KEY)
    assert beside.stored() == ()
    with pytest.raises(CandidateMissing):
        beside.load(KEY)


@pytest.mark.parametrize("place", [8, 200, 700, -1])
def test_no_changed_byte_is_taken(beside: CandidateStore, place: int) -> None:
    file = beside.keep(candidate())
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    with pytest.raises(CandidateError, match="not a candidate as harness writes them"):
        beside.load(KEY)


def test_neither_a_moved_nor_a_truncated_one_is_taken(beside: CandidateStore) -> None:
    file = beside.keep(candidate())
    other = Key("guide", "other", "cpu")
    beside.path(other).parent.mkdir()
    beside.path(other).write_bytes(file.read_bytes())
    with pytest.raises(CandidateError, match="it holds guide/two-steps/cpu: it was moved or copied"):
        beside.load(other)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CandidateError, match="not a candidate"):
        beside.load(KEY)


def test_one_of_another_version_says_which(beside: CandidateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    beside.keep(candidate())
    monkeypatch.setattr(module, "__version__", "99.0")
    with pytest.raises(CandidateOfOtherVersion, match=r"and this is harness 99\.0") as error:
        beside.load(KEY)
    assert error.value.version == candidate().kept.provenance.harness_version


def test_no_link_leads_out(beside: CandidateStore, tmp_path: Path) -> None:
    file = beside.keep(candidate())
    elsewhere = tmp_path / "elsewhere.safetensors"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    with pytest.raises(BaselineError, match="a symbolic link leads out"):
        beside.load(KEY)
    for name in ("..", ".hidden", "a/b", ""):
        with pytest.raises(BaselineError, match="cannot name a folder"):
            beside.path(Key(name, "two-steps", "cpu"))


def test_the_origin_is_kept_in_a_baseline_and_absent_without_one(tmp_path: Path) -> None:
    store = BaselineStore(tmp_path)
    written = store.write(candidate().baseline)
    assert store.load(*KEY).provenance.origin == ORIGIN
    store.write(make_baseline(make_case(), make_measurement()), renew=True)
    assert store.load(*KEY).provenance.origin is None
    assert '"origin"' not in written.path.read_text()


def test_the_ci_run_is_read_from_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "lab/pipelines",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_RUN_ID": "7",
        "GITHUB_SHA": "ab" * 20,
    }.items():
        monkeypatch.setenv(name, value)
    assert Origin.here() == ORIGIN
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert Origin.here() is None


def test_a_folder_that_is_a_link_is_refused(beside: CandidateStore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    beside.root.parent.mkdir(parents=True)
    beside.root.symlink_to(elsewhere)
    with pytest.raises(CandidateError, match="this is a symbolic link"):
        beside.keep(candidate())
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("value", [2**70, float("nan"), float("inf")])
def test_figures_that_no_measurement_has_are_refused(beside: CandidateStore, value: float) -> None:
    given = candidate()
    given.baseline.measurement.statistics["mean"] = value
    beside.keep(given)
    with pytest.raises(CandidateError, match="not a candidate as harness writes them"):
        beside.load(KEY)
