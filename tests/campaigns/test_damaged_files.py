"""No file that is kept between two runs is half trusted: damaged anywhere, it is refused or says the same."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign import tries
from cases.test_suite_fuzz import SOUND
from gate_facts import certificate
from history_runs import RECORD, RUN
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from judgement.test_power_record import power
from members import members_of, sampled
from PIL import Image
from samples import make_baseline, make_case, make_measurement
from tracing.test_deep_trace import content, make_trace

from harness.baselines.deep import load_deep, write_deep
from harness.baselines.store import BaselineStore
from harness.cases.load import load_suite
from harness.codec import to_json
from harness.errors import HarnessError
from harness.faults.catalogue import fault
from harness.gate.certificate import Certificate
from harness.gate.policy_file import read_policy
from harness.gate.power_table import read_powers
from harness.history.database import History
from harness.judgement.power.case_power import CasePower, PowerReport
from harness.measurement.measurement import Measurement, array_sha256
from harness.operations.members import KeptMembers
from harness.pipelines.arguments import Arguments
from harness.pipelines.folder import read_json
from harness.releases.interpreters import Subject
from harness.releases.kept import KeptMeasurements, Sources, read_measurement

POLICY = Path(__file__).parents[2] / "docs" / "policy.yaml"
BASE = sampled()
BASELINE = make_baseline(measurement=BASE)
(MEMBER,) = members_of(BASE, [sampled(1)])


@dataclass(frozen=True)
class Kept:
    """A kind of file: what writes one into a folder and returns its path, and what reads it there.

    Where the file is damaged, reading raises HarnessError or returns None; else it returns what was written,
    in a form that can be compared.
    """

    write: Callable[[Path], Path]
    read: Callable[[Path, Path], Any]


def measured(found: Measurement | None) -> Any:
    if found is None:
        return None
    return to_json(found.figures()), {name: array_sha256(array) for name, array in found.arrays.items()}


def loaded(folder: Path) -> Any:
    found = BaselineStore(folder).load("guide", "two-steps", "cpu")
    return measured(found.measurement), found.provenance, found.calibration


def members(folder: Path) -> KeptMembers:
    return KeptMembers(folder, BASELINE)


def member(folder: Path) -> Any:
    found = members(folder).load(1)
    return None if found is None else (replace(found, output=None), array_sha256(found.output))


def kept_member(folder: Path) -> Path:
    members(folder).save(MEMBER)
    return next(folder.rglob("*.safetensors"))


def kept_measurement(folder: Path) -> Path:
    subject = Subject("2.8.0", "/a/python", {"mindspore": "2.8.0"})
    case = make_case(path=folder / "guide.yaml")
    kept = KeptMeasurements(folder, subject, {"isa": "AVX2"}, Sources([]))
    return kept.save(case, make_measurement(keep=True))


def deep(folder: Path) -> Path:
    store = BaselineStore(folder)
    store.write(BASELINE)
    return write_deep(store, BASELINE, make_trace())


def history(folder: Path) -> Path:
    path = folder / "h"
    records = tuple(replace(RECORD, case_id=f"case-{i}", measured=i / 7) for i in range(3))
    for i in range(4):
        History(path).append(replace(RUN, subject=None if i % 2 else "2.8.0", cases=records[: i + 1]))
    return path


def runs(path: Path) -> Any:
    return to_json(History(path).runs())


def npy(folder: Path) -> Path:
    np.save(folder / "a.npy", np.arange(12, dtype=np.float32).reshape(3, 4))
    return folder / "a.npy"


def png(folder: Path) -> Path:
    pixels = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    Image.fromarray(pixels).save(folder / "a.png")
    return folder / "a.png"


def configuration(folder: Path) -> Path:
    (folder / "config.json").write_text('{"_class_name": "UNet2DModel", "sample_size": [8, 8]}')
    return folder / "config.json"


def signed(folder: Path) -> Path:
    (folder / "certificate.json").write_bytes(certificate().to_bytes())
    return folder / "certificate.json"


def suite(folder: Path) -> Path:
    (folder / "s.yaml").write_bytes(SOUND)
    return folder / "s.yaml"


def policy(folder: Path) -> Path:
    return Path(shutil.copy(POLICY, folder))


def powers(folder: Path) -> Path:
    found = CasePower("guide", "one", faults=(power("eta"),))
    text = PowerReport.of([found], [fault("eta")], quick=False).text()
    (folder / "power.json").write_text(text)
    return folder / "power.json"


SEALED = {
    "baseline's JSON": Kept(
        lambda folder: BaselineStore(folder).write(BASELINE).path, lambda folder, _: loaded(folder)
    ),
    "baseline's arrays": Kept(
        lambda folder: BaselineStore(folder).write(BASELINE).path.with_suffix(".safetensors"),
        lambda folder, _: loaded(folder),
    ),
    "member": Kept(kept_member, lambda folder, _: member(folder)),
    "measurement": Kept(kept_measurement, lambda _, path: measured(read_measurement(path))),
    "deep trace": Kept(
        deep, lambda folder, _: content(load_deep(BaselineStore(folder), make_case(), BASELINE))
    ),
    "history": Kept(history, lambda _, path: runs(path)),
    "certificate": Kept(signed, lambda _, path: Certificate.from_bytes(path.read_bytes())),
}
# Files of users', which no seal can be demanded of: whatever is in them ends in a value or in one error.
UNSEALED = {
    "array": Kept(npy, lambda folder, _: bool(Arguments({"a": {"file": "a.npy"}}, folder, folder))),
    "picture": Kept(png, lambda folder, _: bool(Arguments({"a": {"file": "a.png"}}, folder, folder))),
    "configuration": Kept(configuration, lambda _, path: bool(read_json(path))),
    "suite": Kept(suite, lambda _, path: bool(load_suite(path))),
    "policy": Kept(policy, lambda _, path: bool(read_policy(path, None))),
    "power table": Kept(powers, lambda _, path: bool(read_powers(path))),
}

# What becomes of a file: a bit turned, a byte set, its end lost, a piece lost, doubled or zeroed.
DAMAGE = st.tuples(
    st.sampled_from(["bit", "byte", "cut", "lost", "doubled", "zeroed"]),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 255),
)


def damaged(data: bytes, how: tuple[str, float, int]) -> bytes:
    kind, where, value = how
    place = math.floor(where * len(data))
    rest = data[place + value + 1 :]
    return {
        "bit": data[:place] + bytes([data[place] ^ 1 << value % 8]) + data[place + 1 :],
        "byte": data[:place] + bytes([value]) + data[place + 1 :],
        "cut": data[:place],
        "lost": data[:place] + rest,
        "doubled": data[: place + value + 1] + data[place:],
        "zeroed": data[:place] + bytes(min(value + 1, len(data) - place)) + rest,
    }[kind]


class Campaign:
    """One file of a kind, damaged again and again."""

    def __init__(self, kind: Kept, folder: Path) -> None:
        self._kind, self._folder = kind, folder
        self._path = kind.write(folder)
        self._data, self._whole = self._path.read_bytes(), kind.read(folder, self._path)
        assert self._whole is not None

    def check(self, damages: list[tuple[str, float, int]], *, sealed: bool) -> str:
        """Damage the file and read it; return what came of it."""
        broken = self._data
        for each in damages:
            broken = damaged(broken, each) if broken else broken
        self._path.write_bytes(broken)
        Path(f"{self._path}-journal").unlink(missing_ok=True)
        try:
            found = self._kind.read(self._folder, self._path)
        except HarnessError:
            return "refused"
        if found is None or not sealed:
            return "refused" if found is None else "read"
        assert found == self._whole
        return "the same"


@pytest.fixture(scope="module", params=[*SEALED, *UNSEALED])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Campaign, bool]:
    name: str = request.param
    if name == "array":
        request.getfixturevalue("mindspore")
    return Campaign((SEALED | UNSEALED)[name], tmp_path_factory.mktemp("kept")), name in SEALED


@tries(100, 10_000)
def test_a_damaged_file_is_refused_or_says_the_same(
    file: tuple[Campaign, bool], counts: Counter[str], count: int
) -> None:
    campaign, sealed = file

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(DAMAGE, min_size=1, max_size=3))
    @example([("cut", 0.0, 0)])
    def check(damages: list[tuple[str, float, int]]) -> None:
        counts[campaign.check(damages, sealed=sealed)] += 1

    check()
