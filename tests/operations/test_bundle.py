"""`harness doctor --bundle` where things fail: the archive is written, and names nobody.

That of a machine that is fit is in tests/acceptance/test_installation.py.
"""

import json
import os
import platform
import zipfile
from pathlib import Path

import pytest
from user_project import Project

from harness.execution.profile import Profile
from harness.operations import bundle
from harness.operations.bundle import FirstRun, first_run, write_bundle
from harness.operations.doctor import Examination
from harness.operations.proposal import Proposal
from harness.operations.redaction import Redaction
from harness.operations.workers import Workers
from harness.reporting.bundle import bundle_texts

TOKEN = "s3cret-s3cret"
# In place of MindSpore: it does not start, and tells all that it knows.
TALKATIVE = """\
import os, platform
told = [os.environ[name] for name in ("HOME", "USER", "HOSTNAME", "SITE_TOKEN")]
raise RuntimeError(f"no driver for {told} at {platform.node()}, see /home/mallory/log")
"""
NPU_SMI = '#!/bin/sh\necho "| NPU 910B4 of $USER@$HOSTNAME | $SITE_TOKEN |"\n'


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project")
    home = tmp_path / "disk" / "trudy-home"
    for name, text in {
        "site/mindspore/__init__.py": TALKATIVE,
        "bin/npu-smi": NPU_SMI,
        "cann/ascend_toolkit_install.info": f"version=8.5.0\npath={home}/Ascend\n",
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    (home / "bin" / "npu-smi").chmod(0o755)
    made.environment |= {
        "HOME": str(home),
        "USER": "trudy",
        "HOSTNAME": "npu-07.example.com",
        "SITE_TOKEN": TOKEN,
        "FORCE_COLOR": "1",
        "PATH": f"{home}/bin:{os.environ['PATH']}",
        "PYTHONPATH": f"{home}/site:{os.environ.get('PYTHONPATH', '')}",
        "ASCEND_HOME_PATH": f"{home}/cann",
    }
    return made


def read(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_what_fails_is_in_the_archive_and_names_nobody(project):
    done = project.harness("doctor", "--bundle", "found.zip")
    assert done.returncode == 1, done.stdout + done.stderr
    # The terminal is the user's own.
    assert TOKEN in done.stdout
    assert "found.zip" in done.stdout.splitlines()[-1]
    found = read(project.root / "found.zip")
    assert set(found) == {"README.txt", "doctor.txt", "report.json"}
    everything = b"\n".join([*found.values(), *map(str.encode, found)]).decode()
    for name in ("trudy", "npu-07", "example.com", TOKEN, "mallory", str(Path.home()), "\x1b"):
        assert name not in everything
    if platform.node() != "localhost":
        assert f"at {platform.node()}" not in everything
    report = json.loads(found["report.json"])
    (problem,) = [each for each in report["diagnoses"] if each["level"] == "problem"]
    assert "no driver for ['<home>', '<user>', '<host>', '<SITE_TOKEN>'] at" in problem["text"]
    assert "see <home>/log" in problem["text"]
    assert problem["text"].splitlines()[-1] in found["doctor.txt"].decode()
    assert b"no case ran, because no worker starts" in found["doctor.txt"]
    assert (report["cases"], report["fingerprint"]) == ([], {})
    assert report["npu_smi"] == "| NPU 910B4 of <user>@<host> | <SITE_TOKEN> |\n"
    path, text = "<home>/cann/ascend_toolkit_install.info", "version=8.5.0\npath=<home>/Ascend\n"
    assert {"path": path, "text": text} in report["version_files"]
    assert report["variables"]["ASCEND_HOME_PATH"] == "<home>/cann"
    assert set(report["variables"]) <= set(bundle.KNOWN_VARIABLES)


def test_an_npu_that_is_not_there_is_told_and_the_archive_is_written(project):
    del project.environment["PYTHONPATH"]
    done = project.harness("doctor", "--device", "Ascend", "--bundle", "found.zip")
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads(read(project.root / "found.zip")["report.json"])
    (problem,) = [each for each in report["diagnoses"] if each["level"] == "problem"]
    assert "MindSpore cannot use NPU 0" in problem["text"]
    assert problem["text"].splitlines()[0] in done.stdout
    assert report["environment"]["HCCL_DETERMINISTIC"] == "true"


def test_an_npu_that_is_not_visible_is_told_and_the_archive_is_written(project):
    project.environment["ASCEND_RT_VISIBLE_DEVICES"] = "4,5"
    done = project.harness("doctor", "--device", "Ascend", "--device-id", "2", "--bundle", "found.zip")
    assert (done.returncode, done.stderr) == (1, "")
    report = json.loads(read(project.root / "found.zip")["report.json"])
    (problem,) = [each for each in report["diagnoses"] if each["level"] == "problem"]
    assert "ASCEND_RT_VISIBLE_DEVICES=4,5 leaves" in problem["text"]


@pytest.mark.parametrize(("name", "told"), [("nowhere/found.zip", "No such file"), ("suites", "is a folder")])
def test_a_place_that_cannot_be_written_to_is_told_before_anything_runs(project, name, told):
    done = project.harness("doctor", "--bundle", name)
    assert (done.returncode, done.stdout) == (4, "")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_measured_file_that_names_somebody_is_left_out_and_told(tmp_path, monkeypatch):
    monkeypatch.setenv("USER", "trudy")
    sound = b'{"b":  "sound"}'
    measured = {"a/cpu.json": sound, "b/cpu.json": b'{"b": "by trudy"}', "b/cpu.safetensors": b"\0"}
    examination = Examination("python", Profile(), {}, {}, {}, (), ())
    redaction = Redaction.of_this_process()
    made = FirstRun(examination, Proposal(()), measured, "3.11", {}, {}, "", {}, redaction)
    write_bundle(tmp_path / "found.zip", bundle_texts(made), made)
    found = read(tmp_path / "found.zip")
    assert found["baselines/a/cpu.json"] == sound
    assert "baselines/b/cpu.json" not in found
    assert found["baselines/b/cpu.safetensors"] == b"\0"
    assert json.loads(found["report.json"])["left_out"] == ["b/cpu.json"]
    assert b"b/cpu.json is not in the archive: it has text that must be removed" in found["doctor.txt"]


def test_a_case_that_does_not_repeat_is_told_with_what_differs(project, monkeypatch):
    text = "suite: doctor\ncases:\n  - {id: clock, pipeline: 'pipelines:unrepeatable', seed: 0, steps: 1}\n"
    monkeypatch.setattr(bundle, "_SUITE", project.suite("doctor", text))
    libc = " ".join(platform.libc_ver())
    monkeypatch.setenv("SITE_LIBC", libc)
    monkeypatch.setenv("SITE_TOKEN", TOKEN)
    found = first_run(Workers(import_paths=(project.root,)))
    assert libc == found.examination.fingerprint["libc"]
    assert found.redaction.text(f"{libc} {TOKEN}") == f"{libc} <SITE_TOKEN>"
    assert found.examination.healthy
    assert not found.passed
    texts = bundle_texts(found)
    (case,) = texts["report.json"]["cases"]
    assert case["case"] == "doctor/clock"
    assert "output" in case["error"]
    assert case["error"] in texts["doctor.txt"]
    assert found.measured == {}
