"""A disk that is full leaves what was there, and nothing half-written beside it."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from history_runs import RECORD, RUN
from members import members_of, sampled
from samples import make_baseline, make_case, make_measurement
from tracing.test_deep_trace import make_trace

from harness.baselines import files
from harness.baselines.deep import write_deep
from harness.baselines.errors import BaselineError
from harness.baselines.store import BaselineStore
from harness.errors import HarnessError
from harness.history.database import History
from harness.operations.destination import write_result
from harness.operations.members import KeptMembers
from harness.releases.interpreters import Subject
from harness.releases.kept import KeptMeasurements, Sources

BASE = sampled()
BASELINE = make_baseline(measurement=BASE)
MEMBERS = members_of(BASE, [sampled(1), sampled(2)])


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Refuse to write files beyond ``size`` bytes, as a full disk does in the middle of one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def save_baseline(folder: Path, turn: int) -> None:
    BaselineStore(folder).write(make_baseline(measurement=make_measurement(seed=turn)))


def save_deep(folder: Path, turn: int) -> None:
    store = BaselineStore(folder)
    if not turn:
        store.write(BASELINE)
    write_deep(store, BASELINE, replace(make_trace(), step=turn))


def save_member(folder: Path, turn: int) -> None:
    KeptMembers(folder, BASELINE).save(MEMBERS[turn])


def save_measurement(folder: Path, turn: int) -> None:
    kept = KeptMeasurements(folder, Subject("2.8.0", "/a/python", {}), {"isa": "AVX2"}, Sources([]))
    kept.save(make_case(path=folder / "guide.yaml"), make_measurement(seed=turn))


def save_history(folder: Path, turn: int) -> None:
    cases = tuple(replace(RECORD, case_id=f"{turn}-{i}") for i in range(100))
    History(folder / "h").append(replace(RUN, cases=cases))


def save_result(folder: Path, turn: int) -> None:
    write_result(folder / "result", bytes([turn]) * 10_000)


SAVES = [save_baseline, save_deep, save_member, save_measurement, save_history, save_result]


@pytest.mark.parametrize("save", SAVES, ids=lambda save: save.__name__)
@pytest.mark.parametrize("size", [0, 200, 1000, 3000, 6000])
def test_what_was_there_is_there_and_nothing_beside_it(
    tmp_path: Path, save: Callable[[Path, int], None], size: int
) -> None:
    save(tmp_path, 0)
    before = content(tmp_path)
    try:
        with files_of_at_most(size):
            save(tmp_path, 1)
    except HarnessError:
        assert content(tmp_path) == before
    else:
        # All of it fitted; or it is a member, which only runs again where it cannot be kept.
        after = content(tmp_path)
        assert after.keys() == before.keys() | {name for name in after if name.endswith("2.safetensors")}
        assert all(len(data) <= size for name, data in after.items() if before.get(name) != data)
    save(tmp_path, 1)
    assert not [name for name in content(tmp_path) if name.endswith((".tmp", "-journal"))]


@pytest.mark.parametrize("save", [save_baseline, save_history, save_result], ids=lambda save: save.__name__)
def test_what_could_not_be_begun_is_not_there(tmp_path: Path, save: Callable[[Path, int], None]) -> None:
    with files_of_at_most(500), pytest.raises(HarnessError):
        save(tmp_path, 0)
    assert not any(content(tmp_path).values())


@pytest.mark.parametrize("number", range(1, 6))
def test_a_baseline_is_whole_whichever_sync_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Arrays and JSON are synced, and the folder after each; a power cut may come behind any of them."""
    store, calls, sync = BaselineStore(tmp_path), 0, os.fsync
    save_baseline(tmp_path, 0)
    old = store.load("guide", "two-steps", "cpu")

    def fail(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(BaselineError, match="No space left on device"):
        save_baseline(tmp_path, 1)
    found = store.load("guide", "two-steps", "cpu").measurement.bits
    assert found in (old.measurement.bits, make_measurement(seed=1).bits)
    if found == old.measurement.bits:
        assert len(content(tmp_path)) == 2
    save_baseline(tmp_path, 1)
    assert len(content(tmp_path)) == 2
