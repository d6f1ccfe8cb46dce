"""`harness doctor` in the terminal: what it found, and last what is wrong."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

import harness
from harness.execution.profile import Profile
from harness.operations.doctor import Diagnosis, Examination
from harness.reporting.machine import show_examination

SOUND = Examination(
    python="/opt/[venv]/bin/python",
    profile=Profile(core=3),
    environment={"ONEDNN_MAX_CPU_ISA": "AVX2"},
    fingerprint={"device": "CPU", "cpu_model": "a processor :on: [red]"},
    canaries={"matmul": "ab" * 32},
    devices=("CPU", "Ascend"),
    diagnoses=(),
)


def shown(examination):
    file = io.StringIO()
    show_examination(Console(file=file, width=60), examination)
    return file.getvalue().splitlines()


def test_a_sound_machine():
    assert shown(SOUND) == [
        "profile",
        f"  harness             {harness.__version__}",
        "  workers             /opt/[venv]/bin/python",
        f"  profile             {SOUND.profile.name()}",
        "  core                3",
        "  devices             CPU, Ascend",
        "  ONEDNN_MAX_CPU_ISA  AVX2",
        "fingerprint",
        "  device     CPU",
        "  cpu_model  a processor :on: [red]",
        "canaries",
        "  matmul  abababababababab",
        "nothing is wrong with this machine",
    ]


def test_without_a_worker_there_is_neither_fingerprint_nor_canaries():
    told = Diagnosis("problem", "python: No module named 'mindspore'\nits log: [/]", "pip install mindspore")
    lines = shown(
        replace(SOUND, fingerprint={}, canaries={}, devices=(), profile=Profile(), diagnoses=(told,))
    )
    assert "  core                not pinned" in lines
    assert "  devices             (no worker to ask)" in lines
    assert lines[-3:] == [
        "problem: python: No module named 'mindspore'",
        "its log: [/]",
        "    pip install mindspore",
    ]
    assert not {"fingerprint", "canaries", "nothing is wrong with this machine"} & set(lines)


@pytest.mark.parametrize(("level", "code"), [("problem", "\x1b[31m"), ("warning", "\x1b[33m")])
def test_problems_are_red_and_warnings_yellow(level, code):
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system="standard", width=60)
    show_examination(console, replace(SOUND, diagnoses=(Diagnosis(level, "it is so", "do that"),)))
    assert f"{code}{level}\x1b[0m: it is so\n    do that\n" in file.getvalue()
