"""`harness record --reference diffusers`, and what a case is then held to."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from torch_interpreter import shipped

from harness.baselines.store import BaselineStore
from harness.judgement.judgement import Verdict
from harness.judgement.reference_reasons import FartherThanReference, WithinReference
from harness.operations.check import first_job, hold
from harness.operations.stored_reference import reference_of

pytestmark = pytest.mark.diffusers
ROOT = Path(__file__).parents[2]
CASE = replace(shipped("stable-diffusion", "ddim"), reference="diffusers")


def record(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", "record", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.fixture(scope="module")
def store(torch_python: str, tmp_path_factory: pytest.TempPathFactory) -> BaselineStore:
    """The shipped baseline of a case, with a reference that was recorded beside it."""
    folder = tmp_path_factory.mktemp("baselines")
    beside = folder / CASE.suite / CASE.id
    shutil.copytree(ROOT / "baselines" / CASE.suite / CASE.id, beside)
    for path in beside.glob("diffusers-*"):
        path.unlink()
    cases = [f"suites/mindone/stable-diffusion.yaml::{CASE.id}", "suites/ddim.yaml::two-steps"]
    done = record(*cases, "--reference", "diffusers", "--python", torch_python, "--baseline-dir", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "without a reference: ddim/two-steps" in done.stdout
    return BaselineStore(folder)


@pytest.mark.slow
@pytest.mark.mindone
def test_a_sound_port_is_within_and_a_fault_in_it_alone_is_not(store: BaselineStore, on_mindspore) -> None:
    assert store.devices("ddim", "two-steps") == ()
    stored = reference_of(CASE, store)
    assert stored.exact.measurement.fingerprint["dtype"] == "float64"
    job = replace(first_job(CASE, store), decodings=())
    sound = hold(CASE, on_mindspore.run(job), store).judgement
    assert sound.verdict in (Verdict.IDENTICAL, Verdict.WITHIN)
    assert any(isinstance(note, WithinReference) for note in sound.notes)
    faulty = hold(CASE, on_mindspore.run(job.with_fault("weight-scaled", None)), store).judgement
    assert any(isinstance(reason, FartherThanReference) for reason in faulty.reasons)


def test_a_calibration_of_a_reference_is_refused() -> None:
    done = record("suites/ddim.yaml", "--reference", "diffusers", "--calibrate")
    assert done.returncode == 4
    assert "--reference records neither calibration nor deep trace" in done.stderr
