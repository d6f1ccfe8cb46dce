"""What determinism costs: with each setting of the profile on and off, for real."""

import json
import os
import shutil
from pathlib import Path

import pytest
from samples import make_case
from user_project import Project

from harness.execution.cann_settings import LEVEL_VARIABLE
from harness.operations.cost import CaseCosts, Cost, ProfileSetting, Unmeasured, _Off, _without
from harness.operations.turning import allowed_here
from harness.operations.workers import Workers
from harness.reporting.commands import Invocation
from harness.reporting.cost import case_lines

TESTS = Path(__file__).parents[1]
SUITE = """
suite: costly
cases:
  - {id: slow, pipeline: "costly_pipelines:slow_on_one_core", seed: 0}
  - {id: absent, pipeline: "costly_pipelines:absent", seed: 0}
"""


@pytest.mark.usefixtures("all_cores")
def test_a_setting_that_costs_time_and_memory_is_measured(tmp_path: Path) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.fail("this test needs two cores")
    project = Project(tmp_path / "project")
    shutil.copy(TESTS / "costly_pipelines.py", project.root)
    project.suite("costly", SUITE)
    done = project.harness("cost", "suites/", "--pairs", "3", "--json", "cost.json")
    assert "Traceback" not in done.stdout + done.stderr
    # The other case cannot run, and says so.
    assert done.returncode == 2, done.stdout + done.stderr
    slow, absent = json.loads((project.root / "cost.json").read_text())["cases"]
    assert "absent" in absent["failure"]
    cores, launches = slow["settings"]["cores"], slow["settings"]["launches"]
    assert len(cores["on"]) == len(cores["off"]) == 3
    assert 1.5 < cores["median"] < 2.5, done.stdout
    assert cores["memory"] > 150_000_000
    assert cores["same_bits"] is False
    assert 0.7 < launches["median"] < 1.4, done.stdout
    assert launches["same_bits"] is True
    assert slow["settings"]["level"]["unmeasured"] == "other-device"
    assert "deterministic level" not in done.stdout
    assert "  one core: " in done.stdout


def test_the_median_and_quartiles_are_of_pairs() -> None:
    cost = Cost(ProfileSetting.CORES, (2.0, 3.0, 40.0, 5.0), (1.0, 1.0, 10.0, 1.0))
    assert cost.ratios == [2, 3, 4, 5]
    assert cost.median == 3.5
    assert cost.quartiles == (2.75, 4.25)
    assert Cost(ProfileSetting.CORES, (2.0, 3.0), (1.0, 1.0)).quartiles is None
    assert Cost(ProfileSetting.CORES, (2.0,), (0.0,)).median is None


def test_each_device_has_its_own_settings() -> None:
    npu = Workers("Ascend")
    off = _without(ProfileSetting.LEVEL, npu)
    assert isinstance(off, _Off)
    assert off.conditions.variables == {LEVEL_VARIABLE: "0"}
    others = [each for each in ProfileSetting if each is not ProfileSetting.LEVEL]
    assert {_without(each, npu) for each in others} == {Unmeasured.OTHER_DEVICE}
    assert _without(ProfileSetting.LEVEL, Workers()) is Unmeasured.OTHER_DEVICE


@pytest.mark.usefixtures("all_cores")
def test_without_the_cap_the_widest_instruction_set_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = allowed_here()
    wider = _without(ProfileSetting.ISA, Workers())
    if allowed.isas[-1] == "AVX2":
        assert wider is Unmeasured.NOTHING_WIDER
    else:
        assert isinstance(wider, _Off)
        assert wider.workers.isa == allowed.isas[-1]
    cores = _without(ProfileSetting.CORES, Workers())
    assert isinstance(cores, _Off)
    assert cores.workers.cores == allowed.cores
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert _without(ProfileSetting.CORES, Workers()) is Unmeasured.ONE_CORE


def test_less_than_a_pair_is_refused(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    project.suite("costly", SUITE)
    done = project.command("cost", "suites/", "--pairs", "0")
    assert (done.returncode, "0 pairs of runs measure nothing: give 1 or more" in done.stderr) == (4, True)


def test_what_cannot_be_measured_says_why() -> None:
    costs = (
        Cost(ProfileSetting.ISA, unmeasured=Unmeasured.NOTHING_WIDER),
        Cost(ProfileSetting.CORES, (2.0, 2.0, 3.0), (1.0, 1.0, 1.0), -5 * 2**20, same_bits=False),
        Cost(ProfileSetting.LEVEL, unmeasured=Unmeasured.OTHER_DEVICE),
    )
    assert list(case_lines(CaseCosts(make_case(), costs), Invocation("baselines"))) == [
        "guide/two-steps",
        "  cap on the instruction set: not measured: the processor has no wider instruction set",
        "  one core: 2 times the time without it (quartiles 2 to 2.5, 3 pairs), 5 MB less, other bits",
    ]
