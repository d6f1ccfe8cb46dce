"""The doctor's diagnoses. Objects with prepared answers stand in for a runner and its worker."""

import os
from dataclasses import replace

import pytest

from harness.errors import HarnessError
from harness.execution.messages import Description
from harness.execution.profile import Profile
from harness.operations import doctor
from harness.operations.doctor import (
    Diagnosis,
    Examination,
    diagnose,
    environment_diagnoses,
    machine_diagnoses,
)

CPU = {"device": "CPU", "arch": "x86_64", "cores": "1", "isa": "AVX2", "numpy": "1.26.4"}


class FakeRunner:
    """Describes a worker's environment, or fails to."""

    python = "/usr/bin/python3"
    core_shared = False
    profile = Profile(core=1)

    def __init__(self, fingerprint=None, error=None):
        self.fingerprint = fingerprint
        self.error = error

    def describe(self):
        if self.error is not None:
            raise self.error
        return Description(self.fingerprint, {"matmul": "ab"}, ("CPU", "Ascend"), self.profile.environment())


@pytest.fixture
def sound_machine(monkeypatch):
    monkeypatch.setattr(doctor, "machine_diagnoses", list)


def test_a_sound_worker_is_described(sound_machine):
    assert diagnose(FakeRunner(CPU)) == Examination(
        python="/usr/bin/python3",
        profile=FakeRunner.profile,
        environment=FakeRunner.profile.environment(),
        fingerprint=CPU,
        canaries={"matmul": "ab"},
        devices=("CPU", "Ascend"),
        diagnoses=(),
    )
    assert diagnose(FakeRunner(CPU)).healthy


def test_a_worker_that_does_not_start_is_a_problem(sound_machine):
    found = diagnose(FakeRunner(error=HarnessError("python: No module named 'mindspore'")))
    assert not found.healthy
    assert (found.fingerprint, found.canaries, found.devices) == ({}, {}, ())
    (diagnosis,) = found.diagnoses
    assert (diagnosis.level, diagnosis.text) == ("problem", "python: No module named 'mindspore'")


def test_a_shared_core_is_a_warning(sound_machine):
    runner = FakeRunner(CPU)
    runner.core_shared = True
    found = diagnose(runner)
    (diagnosis,) = found.diagnoses
    assert (diagnosis.level, diagnosis.text[:10]) == ("warning", "every core")
    assert found.healthy


def test_findings_of_machine_and_environment_come_together(monkeypatch):
    monkeypatch.setattr(doctor, "machine_diagnoses", lambda: [Diagnosis("warning", "the machine's", "")])
    found = diagnose(FakeRunner({**CPU, "numpy": "2.1.0"}))
    assert [diagnosis.level for diagnosis in found.diagnoses] == ["warning", "problem"]
    assert not found.healthy


@pytest.mark.parametrize(
    ("changes", "level", "told"),
    [
        ({"numpy": "2.0.0"}, "problem", "numpy 2.0.0: MindSpore up to 2.10.0 breaks under numpy 2"),
        ({"numpy": "10.1.0"}, "problem", "numpy 10.1.0"),
        ({"cores": "8"}, "warning", "the worker sees 8 cores"),
        ({"isa": "SSE41"}, "warning", "this processor supports SSE41 at most, but the profile is for AVX2"),
    ],
)
def test_what_is_wrong_with_an_environment_is_told(changes, level, told):
    (diagnosis,) = environment_diagnoses({**CPU, **changes}, Profile())
    assert diagnosis.level == level
    assert told in diagnosis.text
    assert diagnosis.remedy


def test_a_sound_environment_has_no_findings():
    assert list(environment_diagnoses(CPU, Profile())) == []
    assert list(environment_diagnoses({**CPU, "arch": "aarch64", "isa": "ADVANCED_SIMD"}, Profile())) == []
    npu = {"device": "Ascend", "arch": "aarch64", "cores": "192", "soc": "Ascend910B4", "numpy": "1.26.4"}
    assert list(environment_diagnoses(npu, Profile(device="Ascend"))) == []


def meminfo(tmp_path, available):
    path = tmp_path / "meminfo"
    path.write_text(f"MemTotal:       65000000 kB\n{available}Buffers:  1 kB\nHugePages_Total:  0\n")
    return path


@pytest.mark.parametrize(
    ("available", "told"),
    [
        ("MemAvailable:    1048576 kB\n", ["only 1024 MB of memory are available"]),
        ("MemAvailable:    9000000 kB\n", []),
        ("", []),
    ],
)
def test_little_memory_is_told_where_the_system_says(tmp_path, monkeypatch, available, told):
    monkeypatch.setattr(doctor, "_LOW_DISK", 0)
    assert [diagnosis.text for diagnosis in machine_diagnoses(meminfo(tmp_path, available))] == told


def test_a_system_that_does_not_tell_its_memory_has_no_finding(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_LOW_DISK", 0)
    assert list(machine_diagnoses(tmp_path / "absent")) == []


def test_little_disk_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(doctor, "_LOW_DISK", 2**62)
    (diagnosis,) = machine_diagnoses(tmp_path / "absent")
    assert diagnosis.text.endswith(f"MB are free in {tmp_path}")
    assert "TMPDIR" in diagnosis.remedy


def test_a_system_without_pinning_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_LOW_DISK", 0)
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    (diagnosis,) = machine_diagnoses(tmp_path / "absent")
    assert "cannot pin a process to a core" in diagnosis.text


def test_only_problems_make_an_examination_unhealthy(sound_machine):
    found = diagnose(FakeRunner(CPU))
    assert replace(found, diagnoses=(Diagnosis("warning", "", ""),)).healthy
    assert not replace(found, diagnoses=(Diagnosis("warning", "", ""), Diagnosis("problem", "", ""))).healthy
